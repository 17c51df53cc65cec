"""Sentences that say the same of several regions become one, with all that each brought."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from grounded.atlas import Atlas
from grounded.evidence import Evidence, Heatmap
from grounded.language.agreement import Nouns, SideAndZone, by_side, fill, frame, join, noun_of
from grounded.language.labeller import Labeller
from grounded.language.mentions import sides_named
from grounded.report import Sentence

T = TypeVar("T")
_Placed = tuple[SideAndZone, Sentence]


def same_words(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Sentences with the same text become one, in order of first appearance."""
    groups = _grouped((" ".join(item.text.lower().split()), item) for item in sentences)
    return tuple(merge(group) for group in groups)


def sides_and_zones(
    sentences: Sequence[Sentence], atlas: Atlas, labeller: Labeller
) -> tuple[Sentence, ...]:
    """Sentences that differ in side or lung zone only become one, where the grammar has a form.

    They are of regions of one side each, from the same origin, with the same findings. By the
    labeller the words for all of them say nothing that one of them does not. The others stay as
    they are. The order is not kept.
    """
    alone: list[Sentence] = []
    groups: dict[Hashable, list[_Placed]] = {}
    for sentence in sentences:
        if (pattern := _pattern(sentence, atlas)) is None:
            alone.append(sentence)
        else:
            groups.setdefault(pattern[0], []).append((pattern[1], sentence))
    nouns = Nouns.of(atlas)
    joined = (one for group in groups.values() for one in _joined(group, labeller, nouns))
    return (*alone, *joined)


def merge(group: Sequence[Sentence], text: str = "") -> Sentence:
    """One sentence for all: every region, piece of evidence and finding once.

    The score is the lowest of those of the first sentence's kind. text: the words for all of them,
    if they differ; the notes then keep the words of each.
    """
    words = join([f"“{sentence.text}”" for sentence in group])
    note = f"merged from {words}" if text else f"merged from {len(group)} sentences"
    merged = (note,) if len(group) > 1 else ()
    return replace(
        group[0],
        text=text or group[0].text,
        regions=_once(name for sentence in group for name in sentence.regions),
        evidence=_evidence(group),
        findings=_once(item for sentence in group for item in sentence.findings),
        score=min(item.score for item in group if item.score_kind == group[0].score_kind),
        abnormal=any(sentence.abnormal for sentence in group),
        impression=_impression(group),
        notes=(*_once(note for sentence in group for note in sentence.notes), *merged),
    )


def _impression(group: Sequence[Sentence]) -> str:
    """The short form that all share; else the composer makes one from the findings, if it can."""
    forms = _once(sentence.impression for sentence in group)
    findings = [finding for sentence in group for finding in sentence.findings]
    if len(forms) > 1 and any(finding.presence != "absent" for finding in findings):
        return ""
    return " ".join(filter(None, forms))


def _evidence(group: Sequence[Sentence]) -> tuple[Evidence, ...]:
    """All evidence once; heatmaps of one method over one extent become their maximum."""
    evidence = _once(item for sentence in group for item in sentence.evidence)
    heatmaps = [item for item in evidence if isinstance(item, Heatmap)]
    alike = _grouped(((item.method, item.extent, item.values.shape), item) for item in heatmaps)
    first = {id(maps[0]): maps for maps in alike}
    return tuple(
        _strongest(first[id(item)]) if isinstance(item, Heatmap) else item
        for item in evidence
        if not isinstance(item, Heatmap) or id(item) in first
    )


def _strongest(heatmaps: Sequence[Heatmap]) -> Heatmap:
    if len(heatmaps) == 1:
        return heatmaps[0]
    values = np.maximum.reduce([heatmap.values for heatmap in heatmaps])  # (h, w)
    return replace(heatmaps[0], values=values)


def _pattern(sentence: Sentence, atlas: Atlas) -> tuple[Hashable, SideAndZone] | None:
    """What sentences that may become one have in common, and the place of this one.

    Normal sentences need the same findings in the same kind of region, others also the same words.
    """
    findings = frozenset((item.label, item.presence) for item in sentence.findings)
    words = frame(sentence.text, Nouns.of(atlas))
    region = noun_of(sentence.regions[0], atlas) if len(sentence.regions) == 1 else None
    if region and findings and all(presence == "absent" for _, presence in findings):
        return (region[0], findings, sentence.origin), region[1]
    if words is None or {atlas.side(name) for name in sentence.regions} != {words[1].side}:
        return None
    return (words[0], findings, sentence.abnormal, sentence.origin), words[1]


def _joined(group: Sequence[_Placed], labeller: Labeller, nouns: Nouns) -> list[Sentence]:
    joined: list[Sentence] = []
    for places in by_side(list(dict.fromkeys(place for place, _ in group))):
        members = [item for place in places for item in group if item[0] == place]
        text = _text(members, places, labeller, nouns) if len(places) > 1 else ""
        sentences = [sentence for _, sentence in members]
        joined += [merge(sentences, text)] if text else sentences
    return joined


def _text(
    members: Sequence[_Placed], places: Sequence[SideAndZone], labeller: Labeller, nouns: Nouns
) -> str:
    """Words for all: those of one that say nothing which another does not; "" if there are none."""
    said = [_says(sentence.text, labeller) for _, sentence in members]
    for (place, sentence), own in zip(members, said, strict=True):
        text = _words(sentence.text, place, places, nouns)
        if text and _says(text, labeller) == own and all(own <= other for other in said):
            return text
    return ""


def _words(text: str, place: SideAndZone, places: Sequence[SideAndZone], nouns: Nouns) -> str:
    """The words of one sentence said of all places; as they are when they name no side."""
    framed = frame(text, nouns)
    if framed is None:
        zones = {other.zone for other in places}
        return text if zones == {place.zone} and not sides_named(text) else ""
    own = framed[1] == place or not framed[0].noun
    return (fill(framed[0], places) or "") if own else ""


def _says(text: str, labeller: Labeller) -> set[tuple[str, str]]:
    return {(finding.label, finding.presence) for finding in labeller.label(text)}


def _grouped(items: Iterable[tuple[Hashable, T]]) -> list[list[T]]:
    """The items by key, in order of first appearance."""
    groups: dict[Hashable, list[T]] = {}
    for key, item in items:
        groups.setdefault(key, []).append(item)
    return list(groups.values())


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
