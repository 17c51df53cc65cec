"""From sentences to a report: merged, in anatomical order, in sections. No link is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from grounded.atlas import Atlas
from grounded.image import Image
from grounded.regions import Regions
from grounded.report import (
    GroundedReport,
    GroundedSentence,
    Provenance,
    Removed,
    Scope,
    Section,
    Sentence,
)

T = TypeVar("T")
NOTHING_ABNORMAL = "No abnormality among the findings assessed."


class AnatomicalComposer:
    """Findings in the order of the atlas; an impression of what is abnormal, most certain first.

    Sentences that say the same become one with the regions, evidence and findings of all. A
    sentence without evidence is taken out, and the report says so.
    """

    name = "anatomical order"

    def compose(
        self,
        image: Image,
        regions: Regions,
        sentences: Sequence[Sentence],
        atlas: Atlas,
        scope: Scope,
        provenance: Provenance,
    ) -> GroundedReport:
        grounded = [sentence for sentence in sentences if sentence.evidence]
        merged = [_merge(group) for group in _repeats(grounded)]
        merged.sort(key=lambda sentence: _place(sentence, atlas))
        return GroundedReport(
            image=image.info,
            regions=regions,
            sentences=(*(_ground(s, s.text, "findings") for s in merged), *_impression(merged)),
            scope=scope,
            provenance=provenance,
            removed=tuple(
                Removed(sentence.text, sentence.regions, "no evidence to stand on")
                for sentence in sentences
                if not sentence.evidence
            ),
            film=image,
        )


def _repeats(sentences: Iterable[Sentence]) -> list[list[Sentence]]:
    """The sentences grouped by what they say, in order of first appearance."""
    groups: dict[str, list[Sentence]] = {}
    for sentence in sentences:
        groups.setdefault(" ".join(sentence.text.lower().split()), []).append(sentence)
    return list(groups.values())


def _merge(group: Sequence[Sentence]) -> Sentence:
    """One sentence for all: every region, piece of evidence and finding once; the lowest score."""
    merged = [f"merged from {len(group)} sentences"] if len(group) > 1 else []
    return replace(
        group[0],
        regions=_once(name for sentence in group for name in sentence.regions),
        evidence=_once(item for sentence in group for item in sentence.evidence),
        findings=_once(item for sentence in group for item in sentence.findings),
        score=min(sentence.score for sentence in group),
        abnormal=any(sentence.abnormal for sentence in group),
        notes=(*_once(note for sentence in group for note in sentence.notes), *merged),
    )


def _once(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _place(sentence: Sentence, atlas: Atlas) -> int:
    """Where in anatomical order a sentence stands; what the atlas does not name comes last."""
    return min(atlas.order(name) if name in atlas else len(atlas) for name in sentence.regions)


def _ground(sentence: Sentence, text: str, section: Section) -> GroundedSentence:
    return GroundedSentence(
        text=text,
        regions=sentence.regions,
        evidence=sentence.evidence,
        origin=sentence.origin,
        findings=sentence.findings,
        score=sentence.score,
        section=section,
        abnormal=sentence.abnormal,
        notes=sentence.notes,
    )


def _impression(sentences: Sequence[Sentence]) -> list[GroundedSentence]:
    """What matters, the surest first; if every finding is absent, one sentence that says so."""
    matters = [sentence for sentence in sentences if sentence.impression]
    matters.sort(key=lambda sentence: -sentence.score)
    if matters:
        return [_ground(sentence, sentence.impression, "impression") for sentence in matters]
    assessed = [sentence for sentence in sentences if sentence.findings]
    findings = [finding for sentence in assessed for finding in sentence.findings]
    if not findings or any(finding.presence != "absent" for finding in findings):
        return []
    whole = replace(_merge(assessed), origin=AnatomicalComposer.name)
    return [_ground(whole, NOTHING_ABNORMAL, "impression")]
