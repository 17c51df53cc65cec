"""What the words of a report claim, against the findings that it carries.

Three faults can be found without looking at the film: words that the labeller does not read back as
they were meant, words that add something to the findings, and an impression that is firmer, or less
firm, than the sentence that it sums up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grounded.atlas import Atlas
from grounded.compose.impression import NOTHING_ABNORMAL, NOTHING_SURE
from grounded.evaluate.intervals import Rate
from grounded.evidence import Measurement
from grounded.findings import Finding
from grounded.language.additions import beyond
from grounded.language.attributes import strength_named
from grounded.language.labeller import Labeller
from grounded.report import GroundedReport, GroundedSentence

FOLLOWS: Mapping[str, frozenset[str]] = {  # what is said with a finding by its very words
    "Consolidation": frozenset({"Lung Opacity"}),
    "Lung Opacity": frozenset({"Consolidation"}),
    "Nodule": frozenset({"Lung Lesion"}),
    "Mass": frozenset({"Lung Lesion"}),
    "Pleural Thickening": frozenset({"Pleural Other"}),
    "Pleural Effusion": frozenset({"Blunted Costophrenic Angle"}),
}
_STRENGTHS = ("possible", "borderline", "apparent", "firm")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Wording:
    """How some reports are worded.

    faithful: of the sentences with findings, those that are read back as meant. different: of
    those, numbers apart. added: of the sentences that were read, not measured, those with a word
    beyond their findings. uneven: of the sentences of impressions, those that are not as firm as
    what they sum up.
    """

    faithful: Rate
    different: frozenset[str]
    added: Rate
    uneven: Rate

    @classmethod
    def of(cls, reports: Sequence[GroundedReport], labeller: Labeller, atlas: Atlas) -> Wording:
        said = [s for report in reports for s in report.section("findings") if s.findings]
        readable = [s for s in said if {f.label for f in s.findings} & set(labeller.rules)]
        faithful = [s for s in readable if is_faithful(s.text, s.findings, labeller)]
        read = [s for s in said if not _is_measured(s)]
        added = sum(bool(beyond(s.text, s.findings, atlas)) for s in read)
        summed = [pair for report in reports for pair in sources(report)]
        return cls(
            Rate(len(faithful), len(readable)),
            frozenset(_NUMBER.sub("#", s.text) for s in faithful),
            Rate(added, len(read)),
            Rate(sum(is_uneven(*pair) for pair in summed), len(summed)),
        )


def is_faithful(text: str, findings: Iterable[Finding], labeller: Labeller) -> bool:
    """Whether the labeller reads back each finding as it was meant, and no other."""
    meant = {finding.label: finding.presence for finding in findings}
    said = {finding.label: finding.presence for finding in labeller.label(text)}
    allowed = set(meant).union(*(FOLLOWS.get(label, ()) for label in meant))
    readable = [label for label in meant if label in labeller.rules]
    return all(said.get(label) == meant[label] for label in readable) and set(said) <= allowed


def sources(
    report: GroundedReport,
) -> Iterator[tuple[GroundedSentence, tuple[GroundedSentence, ...]]]:
    """Each sentence of the impression that says something is there, with what it sums up."""
    for summed in report.section("impression"):
        if summed.text in (NOTHING_ABNORMAL, NOTHING_SURE):
            continue
        there = {f for f in summed.findings if f.presence != "absent"}
        of = tuple(s for s in report.section("findings") if there & set(s.findings))
        if of:
            yield summed, of


def is_uneven(summed: GroundedSentence, of: Sequence[GroundedSentence]) -> bool:
    """Whether an impression is firmer or less firm than the least firm of what it sums up."""
    least = min((strength_named(s.text) for s in of), key=_STRENGTHS.index)
    return strength_named(summed.text) != least


def _is_measured(sentence: GroundedSentence) -> bool:
    return any(isinstance(item, Measurement) for item in sentence.evidence)
