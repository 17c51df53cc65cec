"""Sentences taken apart, so that each says one thing of one kind of region.

A model that assesses effusion and not adenopathy can then say what it assessed and nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grounded.train.writer.corpus_film import has_verb

_I = re.IGNORECASE

# Between two things that are said: each part stands by itself.
_BREAK = re.compile(
    r"\s*;\s*|,? (?:but|however|although|while|otherwise|in addition|and there (?:is|are)),? (?=\w)"
    r"|,? (?:and )?(?=(?:without|with no)\b)|, (?:and )?(?=no\b)| and (?=no\b)|, (?=heart size\b)"
    r"|, (?:and )?(?:the )?(?=lungs (?:are|appear)\b)",
    _I,
)
_WITHOUT = re.compile(r"^(?:without|with no)(?: any)? ", _I)

_ABSENT = re.compile(
    r"^(?P<there>there (?:is|are) )?(?P<no>no|without|negative for|(?:the )?lungs? (?:is|are) "
    r"(?:grossly )?(?:free|clear) of)"
    r"(?: (?:any|visible|obvious|significant|gross|evidence of|evidence for|"
    r"(?:typical )?findings? of|signs? of|other))*"
    r" (?P<list>[^.]+?)"
    r"(?:,? (?:is |are )?(?P<seen>seen|identified|noted|present|appreciated|evident|visualized|"
    r"demonstrated|detected))?\.$",
    _I,
)
_COMMA = re.compile(r",? (?:and/or|or|and|nor) (?:no )?|, (?:no )?|/(?=pneumo|effu)", _I)

_SUBJECTS = re.compile(
    r"^(?P<all>(?:the )?(?:heart|cardiac|cardio|pulmonary|mediastin)[^.]*?(?:,| and) [^.]*?) "
    r"(?P<verb>(?:is|are|appears?)(?: grossly)? )?"
    r"(?P<said>within normal limits|normal|unremarkable|not enlarged)"
    r"(?: (?:in|for|of) (?:size|contours?|shape|configuration|appearance)"
    r"(?: and (?:contours?|shape|configuration|appearance))?)?\.$",
    _I,
)
_FRONTED = re.compile(r"^normal (?P<all>(?:heart|cardiac)[^.]*?(?:,| and) (?P<rest>[^.]*))\.$", _I)
_PARTS = re.compile(r", and |, | and (?:the )?", _I)
_SHORT = {  # what a part of a list of subjects is called when it stands alone
    "heart": "heart", "heart size": "heart size", "size of the heart": "heart size",
    "cardiac size": "cardiac size", "cardiac": "cardiac contours",
    "cardiac contour": "cardiac contour", "cardiac contours": "cardiac contours",
    "cardiac silhouette": "cardiac silhouette", "mediastinum": "mediastinum",
    "mediastinal": "mediastinal contours", "mediastinal contour": "mediastinal contour",
    "mediastinal contours": "mediastinal contours",
    "mediastinal silhouette": "mediastinal silhouette",
    "mediastinal structures": "mediastinal structures",
    "cardiomediastinal silhouette": "cardiomediastinal silhouette",
    "cardiomediastinal contours": "cardiomediastinal contours",
    "pulmonary vascularity": "pulmonary vascularity",
    "pulmonary vasculature": "pulmonary vasculature",
    "vascularity": "pulmonary vascularity", "pulmonary vascular": "pulmonary vascularity",
}  # fmt: skip

_JOINED = re.compile(r",? (?:with|and)(?: an?| some)? (?=(?:[\w-]+ ){1,6}(?:effusions?|atelectasis|"
                     r"opacity|opacities|pneumothorax|edema|congestion|cardiomegaly|consolidation|"
                     r"airspace disease|thickening|nodules?)\b)", _I)  # fmt: skip


def single_statements(sentence: str) -> Iterator[str]:
    """The sentence in parts: denials one by one, subjects of one predicate one by one."""
    for part in _BREAK.split(sentence.rstrip(".")):
        part = _WITHOUT.sub("No ", part.strip(" ,")) + "."
        if len(part) < 5:
            continue
        absent, subjects = _ABSENT.match(part), _SUBJECTS.match(part)
        fronted = _FRONTED.match(part)
        if absent:
            yield from _denials(absent)
        elif subjects:
            yield from _each_subject(subjects["all"], subjects["said"].lower(), subjects["verb"])
        elif fronted:
            yield from _each_subject(fronted["all"], "normal", "is ")
        else:
            yield from _joined(part)


def _denials(match: re.Match[str]) -> Iterator[str]:
    """ "No A, B or C is seen." as three denials in the words of the sentence."""
    there = "There is no" if match["there"] else "No"
    be = "" if match["there"] else "is "
    seen = f" {be}{match['seen']}" if match["seen"] else ""
    for item in _COMMA.split(match["list"]):
        item = re.sub(r"^(?:an? |any |evidence of |no |visible )+", "", item.strip(" ,"), flags=_I)
        if item:
            yield f"{there} {singular(item)}{seen}."


def singular(noun: str) -> str:
    """The name of a finding for one place: "effusions" are an effusion there."""
    for pattern, replacement in _SINGULAR:
        noun = pattern.sub(replacement, noun)
    return noun


_SINGULAR = tuple(
    (re.compile(pattern, _I), replacement)
    for pattern, replacement in (
        (r"\beffusions\b", "effusion"),
        (r"pneumothora(?:ces|xes)\b", "pneumothorax"),
        (r"\bconsolidations\b", "consolidation"),
        (r"\binfiltrates\b", "infiltrate"),
        (r"\b(opacit|densit)ies\b", r"\1y"),
        (r"\bnodules\b", "nodule"),
        (r"\bmasses\b", "mass"),
        (r"\bareas of\b", "area of"),
    )
)


def _each_subject(subjects: str, said: str, verb: str | None) -> Iterator[str]:
    """ "A and B are normal." as "A is normal." and "B is normal."."""
    for subject in _PARTS.split(subjects):
        name = _SHORT.get(re.sub(r"^(?:the|normal) ", "", subject.strip(" ,"), flags=_I).lower())
        if name is None:
            continue
        be = "are" if name.endswith(("contours", "structures")) else "is"
        if verb is None and said == "normal":
            yield f"Normal {name}."
        else:
            yield f"The {name} {be} {said}."


def _joined(part: str) -> Iterator[str]:
    """ "A with B." and "There is A and B." as two, where neither part needs the other's verb."""
    opening = re.match(r"there (?:is|are) ", part, _I)
    rest = part[opening.end() :] if opening else part
    if has_verb(rest):
        yield part
        return
    first, *others = _JOINED.split(rest.rstrip("."))
    yield f"{opening[0] if opening else ''}{first}."
    for other in others:
        yield f"{other}."
