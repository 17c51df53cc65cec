"""From the places that a sentence names to the regions of the atlas: the names become blanks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grounded.language.agreement import polish
from grounded.language.templates import REGION, SIDE

_I = re.IGNORECASE

ZONES = ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone")
LUNG = ("lung", *ZONES)

_SIDED = r"(?:(?:right|left|bilateral|both)(?:[- ]sided)? )"
_OF_ZONE = r"(?: (?:zones?|fields?|regions?|areas?))?"
_ADJECTIVE = r"(?:medial |lateral |peripheral |extreme |central |very )?"
_PLACES = {  # how reports call the zones
    "lower lung zone": r"lower lobes?|lower lungs?|lung bases?|bases?|basilar|basal|basis|"
    r"lower hemithorax",
    "mid lung zone": r"middle lobes?|mid ?-?lungs?|middle lungs?|lingula|lingular|"
    r"mid hemithorax",
    "upper lung zone": r"upper lobes?|upper lungs?|upper hemithorax",
    "apical zone": r"lung apex|lung apices|apex|apices|apical",
    "hilar structures": r"perihilar|hilum|hila|hilar",
    "lung": r"lungs?|hemithorax|hemithoraces|pulmonary parenchyma",
}
_NOUN = (
    r"(?:opacity|opacities|opacification|atelectasis|consolidations?|infiltrates?|nodules?|mass|"
    r"masses|pneumonia|scarring|scars?|edema|markings|density|densities|lesions?|collapse|"
    r"thickening|haziness|pneumothorax|effusions?|capping|congestion|fullness|"
    r"(?:air ?-?space|interstitial|parenchymal) (?:disease|process|changes?)|infection)"
)
_NAMED = (
    rf"(?:[\w/-]+,? ){{0,4}}?{_NOUN}(?: {_NOUN})?"
    rf"(?:(?:,| and| or| and/or| versus| vs\.?| with)(?: [\w-]+){{0,3}}? {_NOUN})*"
)
_PREPOSITION = (
    r"(?:in|within|at|of|involving|overlying|over|throughout|near|about|projecting over|"
    r"seen in|noted in|to|from|along)"
)

_FIRST = tuple(
    (re.compile(pattern, _I), replacement)
    for pattern, replacement in (
        (r"\bbibasilar|\bbibasal|\bbi-basilar", "bilateral basilar"),
        (r"\bbiapical", "bilateral apical"),
        (r"\bretrocardiac\b", "left basilar"),
        (r",? bilaterally(?=[ .,])", ""),
        (r"\b(right|left) ?-? ?sided\b", r"\1"),
        (r"\b(right|left) side of the chest\b", r"\1 lung"),
        (r"\bin the bilateral\b", "in both"),
        (r"\b(?:the )?right and left\b|\bbilateral left and right\b", "bilateral"),
        (r"\bbase of the (right|left) lung\b", r"\1 lung base"),
        (r"\bapex of the (right|left) lung\b", r"\1 lung apex"),
        (r"\blung (bases|apices)\b", r"both \1"),
        (r"\b(?:both|bilateral) both\b", "both"),
        (r"\b(right|left) mid (?:chest|thorax)\b", r"\1 mid lung"),
        (r"\bcostophrenic (?:sulcus|recess|sulci)\b", "costophrenic angle"),
        (r"\bbronchovascular crowding\b", "crowding"),
    )
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A sentence with blanks and the kinds of region that it can be said of."""

    text: str
    kinds: tuple[str, ...]


def placed(sentence: str) -> Iterator[Placed]:
    """The sentence with its places blanked; none where it names several kinds of place or none."""
    for pattern, replacement in _FIRST:
        sentence = pattern.sub(replacement, sentence)
    for rule in (_clear, _effusion, _pneumothorax, _shape, _zones, _centre, _anywhere):
        found = list(rule(sentence))
        if found:
            yield from (Placed(polish(item.text), item.kinds) for item in found)
            return


_CLEAR = re.compile(
    r"^(?:the |both |bilateral )?(?:(?P<before>(?:right|left) )?lungs?(?: fields)?)"
    r"(?: (?P<verb>is|are|appears?)(?: to be)?)? (?P<adverb>grossly |essentially )?"
    r"(?P<said>(?:clear|well[- ]expanded and clear|clear and well[- ]expanded|"
    r"normally inflated and clear|expanded and clear|clear and expanded|well-aerated and clear|"
    r"unremarkable|well[- ]aerated|well[- ]inflated and clear))\.$"
    r"|^(?:well-expanded and )?clear lungs?\.$",
    _I,
)


def _clear(text: str) -> Iterator[Placed]:
    match = _CLEAR.match(text)
    if match:
        verb = "appears" if (match["verb"] or "").startswith("appear") else "is"
        said = (match["said"] or "clear").lower().replace("well expanded", "well-expanded")
        yield Placed(f"The {REGION} {verb} {match['adverb'] or ''}{said}.", LUNG)


_EFFUSION = re.compile(
    rf"{_SIDED}?(?P<between>(?:[\w-]+ ){{0,2}}?)(?:(?:basilar|basal) )?"
    r"(?P<noun>(?:pleural )?effusions?|pleural fluid|pleural collections?|hydrothorax|"
    r"pleural thickening)(?: bilaterally)?(?: (?:on|at|in) the (?:right|left)(?: side| base)?)?",
    _I,
)
_SIDES = re.compile(r"\b(?:right|left|bilateral|both)\b ?", _I)
_APEX = re.compile(r"apical|apices|apex", _I)
_NAME_ALONE = re.compile(r"^(?!(?:there|no|the|an?|possible|probable|question)\b)", _I)
_BARE_THERE = re.compile(r"^there is (?!an?\b|no\b|some\b|likely|probab|possib)", _I)
_UNCOUNTED = re.compile(rf"\ba (?={SIDE} pleural (?:fluid|thickening))", _I)


def _effusion(text: str) -> Iterator[Placed]:
    """Fluid has a side and no other place."""
    found = list(_EFFUSION.finditer(text))
    if len(found) != 1 or _APEX.search(text):
        return
    [match] = found
    noun = re.sub(r"(effusion|collection)s$", r"\1", match["noun"].lower())
    noun = "pleural effusion" if noun == "effusion" else noun
    words = _SIDES.sub("", text[: match.start()] + match["between"])
    said = f"{words}{SIDE} {noun}{text[match.end() :]}"
    said = re.sub(r"\bare\b", "is", said, flags=_I)
    if words and not _NAME_ALONE.match(said):
        said = _BARE_THERE.sub("There is a ", said)
    yield Placed(_sentence_of(said), ("costophrenic angle", "lower lung zone", "lung"))


def _sentence_of(words: str) -> str:
    """A name as a sentence of its own, where it would start with a blank."""
    said = f"There is a {words}" if words.startswith(SIDE) else words
    return _UNCOUNTED.sub("", said)


_PNEUMOTHORAX = re.compile(
    rf"{_SIDED}?(?P<between>(?:[\w-]+ ){{0,2}}?)(?P<apical>apical )?(?P<noun>pneumothorax|"
    r"pneumothoraces)(?P<at>(?: (?:on|in|at) the (?:right|left)(?: (?:side|lung|hemithorax))?)?)",
    _I,
)


def _pneumothorax(text: str) -> Iterator[Placed]:
    found = list(_PNEUMOTHORAX.finditer(text))
    if len(found) != 1:
        return
    match = found[0]
    words = text[: match.start()] + match["between"]
    words = _SIDES.sub("", words)
    rest = text[match.end() :]
    if match["apical"]:
        yield Placed(_sentence_of(f"{words}{SIDE} apical pneumothorax{rest}"), ("apical zone",))
        return
    yield Placed(_sentence_of(f"{words}{SIDE} pneumothorax{rest}"), ("lung",))
    yield Placed(f"{words}pneumothorax in the {REGION}{rest}", ("apical zone", "upper lung zone"))


_SHAPES = {
    "costophrenic angle": r"costophrenic angles?",
    "hemidiaphragm": r"hemidiaphragms?|diaphragms?",
}


def _shape(text: str) -> Iterator[Placed]:
    """Costophrenic angles and hemidiaphragms."""
    for kind, names in _SHAPES.items():
        pattern = re.compile(rf"(?:\bthe |\bboth )?{_ADJECTIVE}{_SIDED}?(?:{names})\b", _I)
        if len(pattern.findall(text)) == 1:
            new = re.sub(r"\bare\b", "is", pattern.sub(f"the {REGION}", text))
            for wrong, right in _SHAPE_WORDS:
                new = wrong.sub(right, new)
            yield Placed(new, (kind,))


_SHAPE_WORDS = tuple(
    (re.compile(pattern, _I), replacement)
    for pattern, replacement in (
        (rf"^(there is )?(?:the )?({REGION}) (elevation|blunting)\b", r"\1\3 of the \2"),
        (rf"\b(elevation|blunting|flattening) the ({REGION})", r"\1 of the \2"),
        (rf"\b(an )?elevated the ({REGION})", r"\1elevated \2"),
        (rf"({REGION}) (?:noted|seen|identified)\.$", r"\1."),
    )
)


def _zones(text: str) -> Iterator[Placed]:
    """What is said of a zone, a hilum or a lung by name."""
    for kind, names in _PLACES.items():
        name = rf"{_ADJECTIVE}{_SIDED}?{_ADJECTIVE}(?:{names}){_OF_ZONE}"
        new = _blanked(text, name)
        if new:
            yield Placed(_agreeing(new), LUNG if kind in ZONES or kind == "lung" else (kind,))
            return


_MANY = re.compile(
    r"^there is (?=(?:(?!an?\b|no\b|some\b|prominence)[\w-]+ ){0,4}?(?:opacities|densities|"
    r"infiltrates|nodules|markings|masses|scars|lesions)\b)", _I,
)  # fmt: skip
_TWO_VERBS = re.compile(r"\bthere (?:is|are)\b.* (?:is|are)\b", _I)
_ONE = re.compile(rf"({REGION}) are\b")
_NOTED = re.compile(rf"({REGION}),? (?:is |are )?(?:noted|seen|present|identified)\.$")


def _agreeing(text: str) -> str:
    """Verbs that agree with their nouns, and no second verb behind the region."""
    text = _ONE.sub(r"\1 is", _MANY.sub("There are ", text))
    return text if _TWO_VERBS.search(text) else _NOTED.sub(r"\1.", text)


def _blanked(text: str, name: str) -> str:
    """The text with the one place of that name blanked, "" where it cannot be."""
    after = re.compile(rf"\b(?P<prep>{_PREPOSITION}) (?:the |both )?\b{name}\b", _I)
    before = re.compile(rf"\b{name}\b,? (?P<named>{_NAMED})\b", _I)
    subject = re.compile(rf"^(?:the |both )?\b{name}\b (?P<verb>is|are|appears?)\b", _I)
    alone = re.compile(rf",? (?:the )?\b{_SIDED}{name}\b|,? \b{name}\b(?=\.$)", _I)
    for pattern, new in (
        (after, rf"\g<prep> the {REGION}"),
        (before, rf"\g<named> in the {REGION}"),
        (subject, f"The {REGION} is"),
        (alone, f" in the {REGION}"),
    ):
        if len(list(pattern.finditer(text))) == 1:
            return pattern.sub(new, text)
    return ""


_MIDLINE = (
    ("cardiac silhouette", re.compile(r"\bheart\b|\bcardiac\b|cardiomegaly|cardiomediastin", _I)),
    ("mediastinum", re.compile(r"mediastin", _I)),
    ("trachea", re.compile(r"endotracheal|tracheostomy|\bett\b", _I)),
)
_CARDIAC_DEVICE = re.compile(r"pacemaker|pacer|defibrillator|\bicd\b|aicd|pacing|valve", _I)
_VENOUS = re.compile(r"\bpicc\b|central (?:venous )?(?:line|catheter)|venous catheter|mediport|"
                     r"port-a-cath|jugular|subclavian|\bij\b", _I)  # fmt: skip


def _centre(text: str) -> Iterator[Placed]:
    """The heart, the mediastinum, and what lies in them."""
    if _CARDIAC_DEVICE.search(text):
        yield Placed(text, ("cardiac silhouette",))
    elif _VENOUS.search(text):
        yield Placed(text, ("svc", "mediastinum", "upper mediastinum"))
    elif re.search(r"cardio ?-?mediastin", text, _I):
        for kind, word in (("cardiac silhouette", "cardiac"), ("mediastinum", "mediastinal")):
            yield Placed(re.sub(r"cardio ?-?mediastinal", word, text, flags=_I), (kind,))
    else:
        for kind, pattern in _MIDLINE:
            if pattern.search(text):
                kinds = (kind, "upper mediastinum") if kind == "mediastinum" else (kind,)
                yield Placed(text, kinds)
                return


_ENDS_NAMED = re.compile(rf"(?P<named>{_NOUN})(?P<seen> (?:is|are) \w+)?\.$", _I)


def _anywhere(text: str) -> Iterator[Placed]:
    """What is said of the lungs without a place is said of each of them."""
    text = re.sub(r"\bbilateral ", "", text, flags=_I)
    vessels = re.sub(
        r"\bpulmonary (vascularity|vasculature|vascular markings)\b(?! (?:in|of))",
        rf"pulmonary \1 of the {REGION}", text, flags=_I,
    )  # fmt: skip
    if vessels != text:
        yield Placed(vessels, ("lung",))
        return
    match = _ENDS_NAMED.search(text)
    if match:
        seen = match["seen"] or ""
        placed_ = f"{text[: match.end('named')]}{seen} in the {REGION}."
        yield Placed(_agreeing(placed_), LUNG)
