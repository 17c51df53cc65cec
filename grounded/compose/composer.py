"""From sentences to a report: guarded, merged, in order, in sections. No link is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grounded.atlas import Atlas
from grounded.compose.guards import (
    DraftReport,
    with_doubted_sides,
    without_contradictions,
    without_evidence,
    without_mismatched_findings,
    without_prior_studies,
    without_repetition,
    without_wrong_sides,
)
from grounded.compose.impression import impression
from grounded.compose.merging import same_words, sides_and_zones
from grounded.findings import NAMELESS
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.provenance import Provenance, Scope
from grounded.regions import Regions
from grounded.report import WITHHELD, GroundedReport, Sentence


class AnatomicalComposer:
    """Abnormal findings first, what is sure before what is not, each in the order of the atlas; an
    impression made from them.

    Every sentence has to pass the guards: it stands on evidence, refers to no earlier film, names
    the side that it was read from, and contradicts neither its own findings nor a surer sentence.
    Where right and left are in doubt, no sentence names a side without saying so.
    What says the same of several regions becomes one sentence with the regions, evidence and
    findings of all. Each sentence given is in the report: as it was, merged into another (whose
    notes keep its words), or among those removed, with the reason.
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
        draft = edited(sentences, atlas)
        findings = in_order(draft.sentences, atlas)
        summary = impression(findings, sentences, atlas, origin=self.name)
        if image.info.sides_in_doubt:
            findings, summary = with_doubted_sides(findings), with_doubted_sides(summary)
        return GroundedReport(
            image=image.info,
            regions=regions.without_networks(),
            sentences=(
                *(item.grounded("findings") for item in findings),
                *(item.grounded("impression") for item in summary),
            ),
            scope=scope,
            provenance=provenance,
            removed=draft.removed,
            film=image,
            sites=atlas.sites(regions.names),
        )


def edited(sentences: Sequence[Sentence], atlas: Atlas) -> DraftReport:
    """What is left of the sentences after guards and merging, in no order, and what is not."""
    labeller = Labeller.open()
    draft = without_evidence(DraftReport(tuple(sentences)))
    draft = without_prior_studies(draft)
    draft = without_wrong_sides(draft, atlas)
    draft = without_mismatched_findings(draft, labeller)
    draft = without_contradictions(draft, atlas, labeller)
    draft = replace(draft, sentences=same_words(draft.sentences))
    draft = without_repetition(draft, atlas)
    return replace(draft, sentences=sides_and_zones(draft.sentences, atlas, labeller))


def in_order(sentences: Sequence[Sentence], atlas: Atlas) -> list[Sentence]:
    """By rank, then by place; what is said of one finding stands together, at its first place."""
    groups: dict[tuple[int, frozenset[str]], list[Sentence]] = {}
    for sentence in sorted(sentences, key=lambda item: (_rank(item), _place(item, atlas))):
        labels = frozenset(finding.label for finding in sentence.findings)
        groups.setdefault((_rank(sentence), labels), []).append(sentence)
    return [sentence for group in groups.values() for sentence in group]


def _rank(sentence: Sentence) -> int:
    """The order of sentences: present, first what has a name, uncertain or withheld, normal, then
    what is left open."""
    found = {finding.presence for finding in sentence.findings}
    if sentence.abnormal and found != {"uncertain"}:
        return 1 if {finding.label for finding in sentence.findings} & set(NAMELESS) else 0
    if "uncertain" in found or sentence.origin == WITHHELD:
        return 2
    return 3 if found else 4


def _place(sentence: Sentence, atlas: Atlas) -> int:
    """Where in anatomical order a sentence stands; what the atlas does not name comes last."""
    return min(atlas.order(name) if name in atlas else len(atlas) for name in sentence.regions)
