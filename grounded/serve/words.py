"""What words that a reader writes mean: the findings that they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from grounded.findings import Finding, Label, Presence, ScoreKind
from grounded.language.labeller import NO_FINDING, Labeller
from grounded.report import GroundedSentence

_HARMLESS = (NO_FINDING, "Support Devices")  # that one is there makes no sentence abnormal
_SHORT = 60  # characters


def relabelled(sentence: GroundedSentence, text: str, labeller: Labeller) -> GroundedSentence:
    """The sentence in other words, with the findings that these speak of, on the same places.

    A finding stays as it was read where the new words say the same of it, or where the labeller
    did not know it in the old words either. What is said anew or otherwise is the reader's word:
    its score is of no kind.
    """
    before = {finding.label: finding.presence for finding in labeller.label(sentence.text)}
    said = {finding.label: finding.presence for finding in labeller.label(text)}
    kept = [
        finding
        if said.get(finding.label, finding.presence) == finding.presence
        else _readers(finding, said)
        for finding in sentence.findings
        if finding.label in said or finding.label not in before
    ]
    carried = {finding.label for finding in sentence.findings}
    new = [
        Finding(label, presence, region)
        for label, presence in said.items()
        if label not in carried and before.get(label) != presence
        for region in sentence.regions
    ]
    findings = (*kept, *new)
    if findings == sentence.findings:
        return replace(sentence, text=text)
    return replace(sentence, text=text, findings=findings, abnormal=matters(findings))


def matters(findings: Iterable[Finding]) -> bool:
    """Whether a reader should see first what has these findings."""
    return any(
        finding.presence != "absent" and finding.label not in _HARMLESS for finding in findings
    )


def in_words(error: Exception) -> str:
    """An error for the page, where a button stands for the option of the command line."""
    return str(error).replace(" with force (force=True, --force)", " anyway")


def shortened(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1].rstrip()}…"


def new_and_gone(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """The texts that are only after, and those that were only before, each in their order."""
    return [x for x in after if x not in before], [x for x in before if x not in after]


def _readers(finding: Finding, said: Mapping[Label, Presence]) -> Finding:
    presence = said[finding.label]
    return Finding(finding.label, presence, finding.region, 1.0, ScoreKind.UNSPECIFIED)
