"""What is left of sentences when some of their findings may not be said, and words for the gap.

A finding that is withheld is neither stated nor denied: what is left of a denial is said anew,
without it, no lung is called clear beside it, and it is no reason why something cannot be judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grounded.atlas import SIDES, Atlas, Side
from grounded.findings import Finding, Label, Presence
from grounded.language.agreement import join, name_places
from grounded.language.finding_words import FindingWords
from grounded.report import WITHHELD, Sentence

_REASON = ", as "
CLEAR = re.compile(r"\bclear\b(?! of)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a finding is withheld. level: in words, "5 %"."""

    level: str
    reason: str


def without_refused(
    sentences: Sequence[Sentence], refused: Mapping[Finding, Refused], atlas: Atlas
) -> list[Sentence]:
    """The sentences without the findings that are refused, then one for each place of these."""
    sides = {side for finding in refused for side in _sides(finding.region, atlas)}
    kept: list[Sentence] = []
    for sentence in sentences:
        left = [finding for finding in sentence.findings if finding not in refused]
        if len(left) == len(sentence.findings) and not _says_too_much(sentence, sides, atlas):
            kept.append(sentence)
        else:
            kept += _denied(sentence, left, atlas)
    stated = {f.label for s in kept for f in s.findings if f.presence != Presence.ABSENT}
    kept = [_without_reason(sentence, stated) for sentence in kept]
    return [*kept, *_withheld(refused, atlas)]


def _without_reason(sentence: Sentence, stated: set[Label]) -> Sentence:
    """What cannot be judged, without a reason that names a finding which nothing states."""
    head, found, reason = sentence.text.partition(_REASON)
    terms = FindingWords.open().terms
    named = {label for label, term in terms.items() if term.noun in reason}
    if sentence.findings or not found or named <= stated:
        return sentence
    return replace(sentence, text=f"{head}.")


def _sides(region: str, atlas: Atlas) -> set[Side]:
    """The side of a region, none of one in the middle; both of a box drawn by hand."""
    if region not in atlas:
        return set(SIDES)
    return {atlas.side(region)} - {Side.UNPAIRED}


def _says_too_much(sentence: Sentence, sides: set[Side], atlas: Atlas) -> bool:
    """Whether it calls a lung clear on whose side something is withheld."""
    own = {side for name in sentence.regions for side in _sides(name, atlas)}
    return bool(CLEAR.search(sentence.text)) and bool(sides & own)


def _denied(sentence: Sentence, left: Sequence[Finding], atlas: Atlas) -> Iterator[Sentence]:
    """What a sentence still denies. One that states something falls as a whole."""
    words = FindingWords.open()
    if any(f.presence != Presence.ABSENT or f.label not in words.terms for f in left):
        return
    places: dict[tuple[str, ...], list[str]] = {}
    for label in dict.fromkeys(finding.label for finding in left):
        regions = tuple(finding.region for finding in left if finding.label == label)
        places.setdefault(regions, []).append(label)
    for regions, labels in places.items():
        findings = [f for f in left if f.label in labels]
        alone = len(regions) == 1 and regions[0] in atlas
        text = words.deny(labels, regions[0], atlas) if alone else words.deny_in_film(labels)
        yield replace(
            sentence,
            text=text,
            regions=regions,
            findings=tuple(findings),
            score=min(finding.score for finding in findings),
            score_kind=findings[0].score_kind,
            impression="",
        )


def _withheld(refused: Mapping[Finding, Refused], atlas: Atlas) -> Iterator[Sentence]:
    """One sentence for all findings that are withheld in the same place at the same level."""
    regions: dict[tuple[str, str], list[str]] = {}
    for finding, refusal in refused.items():
        regions.setdefault((finding.label, refusal.level), []).append(finding.region)
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (label, level), names in regions.items():
        outer = _outermost(list(dict.fromkeys(names)), atlas)
        groups.setdefault((_place(outer, atlas), level), {})[label] = outer
    for (place, level), labels in groups.items():
        notes = dict.fromkeys(
            f"{finding.label}: {refusal.reason}"
            for finding, refusal in refused.items()
            if finding.label in labels and refusal.level == level
        )
        places = tuple(dict.fromkeys(name for outer in labels.values() for name in outer))
        what = " ".join(filter(None, (_listed(list(labels)), place)))
        text = f"Withheld: {what} cannot be stated or denied at the {level} level."
        yield Sentence(text, places, WITHHELD, score=0.5, notes=tuple(notes))


def _outermost(names: Sequence[str], atlas: Atlas) -> list[str]:
    """The regions that lie in none of the others."""
    return [
        name
        for name in names
        if name not in atlas or not any(outer in names for outer in atlas.ancestors(name))
    ]


def _listed(labels: Sequence[str]) -> str:
    terms = FindingWords.open().terms
    return join([terms[x].listed if x in terms else x.lower() for x in labels])


def _place(regions: Sequence[str], atlas: Atlas) -> str:
    """ "in the right lung"; "" of what is said of both sides alike, or lies in the middle."""
    if drawn := [name for name in regions if name not in atlas]:
        return f"in the {join(drawn)}"
    sided = {name for name in regions if _sides(name, atlas)}
    if all(atlas.counterpart(name) in sided for name in sided):
        return ""
    return f"in {name_places(regions, atlas)}"
