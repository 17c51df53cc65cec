"""What the guards say of a reader's words, as warnings: a reader is warned, never overruled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grounded.atlas import Atlas
from grounded.compose.guards import (
    DraftReport,
    contradictions,
    without_mismatched_findings,
    without_prior_studies,
    without_wrong_sides,
)
from grounded.findings import Finding
from grounded.language.labeller import Labeller
from grounded.serve.draft import Line
from grounded.serve.words import matters

Kind = Literal["side", "prior", "contradiction", "finding", "impression"]
TYPED = "typed"  # the id of words that are no line yet


@dataclass(frozen=True, slots=True)
class Warned:
    """A doubt about a line. line: the other one that it is about, None for none."""

    kind: Kind
    words: str
    line: str | None = None


def warnings_of(lines: Sequence[Line], atlas: Atlas) -> dict[str, list[Warned]]:
    """What there is to doubt about each line of a report, by its id."""
    labeller = Labeller.open()
    found: dict[str, list[Warned]] = {line.id: [] for line in lines}
    for line in lines:
        found[line.id] += _alone(line, atlas, labeller)
    said = [line.sentence.ungrounded for line in lines]
    for pair in contradictions(said, atlas, labeller):
        for one, other in (pair, pair[::-1]):
            found[lines[one].id].append(_contradicts(lines[other]))
    for line, warned in _unsupported(lines):
        found[line.id].append(warned)
    return {id: list(dict.fromkeys(warned)) for id, warned in found.items()}


def _alone(line: Line, atlas: Atlas, labeller: Labeller) -> list[Warned]:
    """What is doubtful about a line whatever the others say. The draft's own words have passed."""
    if line.draft is not None and not line.edited:
        return []
    draft = DraftReport((line.sentence.ungrounded,))
    warned = [Warned("side", item.reason) for item in without_wrong_sides(draft, atlas).removed]
    warned += [Warned("prior", item.reason) for item in without_prior_studies(draft).removed]
    if line.draft is not None:
        read = replace(line.draft.ungrounded, text=line.sentence.text)
        mismatched = without_mismatched_findings(DraftReport((read,)), labeller)
        warned += [Warned("finding", _as_read(item.reason)) for item in mismatched.removed]
    return warned


def _unsupported(lines: Sequence[Line]) -> list[tuple[Line, Warned]]:
    """Lines of the impression for which no finding stands, and findings that it leaves out."""
    below: dict[str, Line] = {}
    above: set[str] = set()
    for line in lines:
        for finding in line.sentence.findings:
            if not matters([finding]):
                continue
            if line.sentence.section == "findings":
                below.setdefault(finding.label, line)
            else:
                above.add(finding.label)
    warned = []
    for line in lines:
        labels = _labels(line.sentence.findings)
        if line.sentence.section == "impression":
            left = [label for label in labels if label not in below]
            words = "no finding in the report says so any more"
        else:
            left = [x for x in labels if x not in above and below[x] is line]
            left = left if line.status != "open" else []
            words = "the impression does not mention it"
        if left:
            warned.append((line, Warned("impression", f"{words}: {', '.join(left)}")))
    return warned


def _labels(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.label for finding in findings if matters([finding])))


def _contradicts(other: Line) -> Warned:
    places = " and ".join(f"the {name}" for name in other.sentence.regions[:2])
    words = f"it contradicts “{other.sentence.text}” ({places})"
    return Warned("contradiction", words, None if other.id == TYPED else other.id)


def _as_read(reason: str) -> str:
    return reason.replace("its findings say", "the film was read as")


def counted(lines: Sequence[Line]) -> Mapping[str, int]:
    """How many lines are in each state."""
    states = ("open", "accepted", "rejected", "supplemented")
    return {state: sum(line.status == state for line in lines) for state in states}
