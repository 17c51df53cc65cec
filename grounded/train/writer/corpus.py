"""From reports to the sentences that a writer learns from: one thing said of one kind of region.

Each sentence has blanks for the region's name and side (`grounded.language.templates`) and the
findings that the rule-based labeller reads from it, so that a model which is given findings can be
checked by the same rules. Where reports say too little of something a reader may ask for, plain
sentences of our own are added from `configs/train/phrases.toml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grounded.chest.names import chest_atlas
from grounded.findings import Presence
from grounded.language.labeller import Labeller
from grounded.language.templates import RATIO, fill
from grounded.train.writer.corpus_film import claim, film_only
from grounded.train.writer.corpus_fit import BELONGS, SPECIFIC, fits, says_no_more, sized_denial
from grounded.train.writer.corpus_own import own_sentences
from grounded.train.writer.corpus_place import Placed, placed
from grounded.train.writer.corpus_split import single_statements

Findings = tuple[tuple[str, Presence], ...]

_SAMPLE_RATIO = 0.52  # any: the labeller does not read numbers
_SIZES = {
    "small": r"tiny|small|minimal(?:ly)?|mild(?:ly)?|trace|slight(?:ly)?|subtle|faint|minor",
    "moderate": r"moderate(?:ly)?",
    "large": r"large|extensive|severe(?:ly)?|massive|marked(?:ly)?",
}
_VARIETIES = {
    "reticular": r"reticul\w*|interstitial|septal",
    "linear": r"linear|streaky|streak|bandlike|band-like|platelike|plate-like|discoid|"
    r"subsegmental|strandy",
    "hazy": r"hazy|haziness|ground[- ]glass|vague|ill-defined|faint",
    "patchy": r"patchy|multifocal|scattered",
    "dense": r"dense|confluent|lobar|consolidat\w*|opacification",
}


class Report(Protocol):
    """What is read: anything with sentences."""

    @property
    def sentences(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence with blanks that can be said of a kind of region, and what it says.

    kind: a region's name without its side. findings: what the labeller reads from the sentence, in
    the vocabulary's order. ratio: whether it has a blank for a ratio. size: "small", "moderate",
    "large" or "". variety: how an opacity looks, "" where nothing is said. count: how often the
    corpus says it of this kind. own: whether the words are ours rather than a report's.
    """

    text: str
    kind: str
    findings: Findings
    ratio: bool = False
    size: str = ""
    variety: str = ""
    count: int = 1
    own: bool = False


def phrases(
    reports: Iterable[Report], labeller: Labeller, *, own: Path | None = None, familiar: int = 1
) -> list[Phrase]:
    """The phrases of the reports, the most frequent first, then by kind and text.

    own: the file of our own sentences, which are added where the reports do not have the same.
    familiar: in how many different sentences a word must stand, so that names and slips of the pen
    stay out; with more than one, denials that are said only once stay out as well.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for report in reports:
        for sentence in report.sentences:
            counts.update((item.text, kind) for item in _read(sentence) for kind in item.kinds)
    for (text, kind), count in list(counts.items()):
        if kind == "cardiac silhouette" and count > 1:
            counts.update(dict.fromkeys(((with_, kind) for with_ in _with_ratio(text)), count // 2))
    found = (_phrase(*key, count, labeller) for key, count in counts.items())
    ours = list(own_sentences(own)) if own is not None else []
    usual = {word for text, _ in ours for word in _words(text)}
    kept = _familiar([phrase for phrase in found if phrase is not None], familiar, usual)
    kept += _own(ours, {(phrase.text, phrase.kind) for phrase in kept}, labeller)
    return sorted(kept, key=lambda phrase: (-phrase.count, phrase.kind, phrase.text))


def _own(
    ours: Sequence[tuple[str, str]], said: Collection[tuple[str, str]], labeller: Labeller
) -> list[Phrase]:
    """Our own phrases, without those that the reports say."""
    new = (key for key in ours if key not in said)
    found = (_phrase(text, kind, 1, labeller, own=True) for text, kind in new)
    return [phrase for phrase in found if phrase is not None]


def _read(sentence: str) -> Iterator[Placed]:
    """What a sentence of a report gives, each text once."""
    seen: set[Placed] = set()
    for text in film_only(sentence):
        for statement in single_statements(text):
            for item in placed(statement):
                if item not in seen:
                    seen.add(item)
                    yield item


def _familiar(found: Sequence[Phrase], least: int, ours: Collection[str]) -> list[Phrase]:
    """The phrases whose words all stand in at least so many different sentences, or in ours."""
    if least > 1:
        found = [p for p in found if p.count > 1 or not _denial(p.findings)]
    words = {phrase.text: _words(phrase.text) for phrase in found}
    count = Counter(word for each in words.values() for word in each)
    usual = {word for word in count if count[word] >= least} | set(ours)
    return [phrase for phrase in found if words[phrase.text] <= usual]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z-]+", text.lower()))


_RATIO_ENDINGS = (
    ", with a cardiothoracic ratio of {ratio}.",
    " (cardiothoracic ratio {ratio}).",
    ", cardiothoracic ratio {ratio}.",
    "; the cardiothoracic ratio is {ratio}.",
)


def _with_ratio(text: str) -> Iterator[str]:
    """A sentence on the heart with the measured ratio behind it, in our own words."""
    if re.search(r"heart|cardi", text, re.IGNORECASE):
        for ending in _RATIO_ENDINGS:
            yield text.rstrip(".") + ending.format(ratio=RATIO)


def _phrase(
    text: str, kind: str, count: int, labeller: Labeller, *, own: bool = False
) -> Phrase | None:
    """The phrase, or None where it would say what its kind of region cannot show."""
    if not fits(text, kind):
        return None
    regions = [region.name for region in chest_atlas() if region.kind == kind] or [kind]
    said = {_said(text, region, labeller) for region in regions}
    findings = said.pop()
    if said or not _sound(text, kind, findings, labeller):
        return None
    return Phrase(
        text=text,
        kind=kind,
        findings=findings,
        ratio=RATIO in text,
        size=size_said(text) if not _denial(findings) else "",
        variety=variety_said(text) if not _denial(findings) else "",
        count=count,
        own=own,
    )


def _sound(text: str, kind: str, findings: Findings, labeller: Labeller) -> bool:
    """Whether what the labeller reads belongs to the kind and is what the words mean."""
    labels = dict(findings)
    if not labels or not labels.keys() <= BELONGS[kind] or not says_no_more(text, labels):
        return False
    if "Cardiomegaly" in labels:
        borderline = "borderline" in text.lower()
        return not (borderline and labels["Cardiomegaly"] == "present")  # neither yes nor no
    if RATIO in text or (_denial(findings) and (sized_denial(text) or _several(findings))):
        return False
    bare = claim(text)
    if bare == text:
        return True
    firm = _said(bare, kind, labeller)  # what a finding may represent does not put it in doubt
    return all(labels.get(label, presence) == presence for label, presence in firm)


def _denial(findings: Findings) -> bool:
    return all(presence == "absent" for _, presence in findings)


def _several(findings: Findings) -> bool:
    """Whether things are denied that have nothing in common."""
    labels = {label for label, _ in findings if label not in SPECIFIC}
    return len(labels) > 1 and not labels.isdisjoint(
        ("Pneumothorax", "Pleural Effusion", "Lung Lesion")
    )


def _said(text: str, region: str, labeller: Labeller) -> Findings:
    found = labeller.label(fill(text, region, chest_atlas(), _SAMPLE_RATIO))
    return tuple((finding.label, finding.presence) for finding in found)


def size_said(text: str) -> str:
    """ "small", "moderate" or "large", the first of them that the words say; "" for none."""
    return _first(_SIZES, text)


def variety_said(text: str) -> str:
    """How an opacity looks, by the words; "" where nothing is said."""
    return _first(_VARIETIES, text)


def _first(words: Mapping[str, str], text: str) -> str:
    """The first of the classes whose words stand in the text, "" for none."""
    for name, pattern in words.items():
        if re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            return name
    return ""
