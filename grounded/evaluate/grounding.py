"""Whether what is said is said of the right place.

- RadFact (Bannur et al., MAIRA-2, arXiv:2406.04449): a sentence is *logically* entailed by the
  other report, and *spatially* if more than half of its boxes' area lies in the boxes of the
  sentences that entail it. Its entailment test is a large language model; here it is replaceable
  (`Entailment`), and ours asks the rule-based labeller, offline.
- The pointing game (Zhang et al., Int J Comput Vis 126:1084, 2018): whether the strongest place of
  the sentence's heatmap, or else the centre of its largest box, lies in the reference's boxes.
- mIoU: of the boxes of each finding that both reports have and the reference has boxes of; a
  finding that was said without a place counts as 0.
- Errors of place: the right finding elsewhere. Neither half of the reference's area is covered, nor
  does half of the written one lie in it. A region's box around a small lesion is thus right.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from grounded.errors import InvalidValueError
from grounded.evaluate.areas import HALF, Overlap
from grounded.evaluate.errors import CountedError, errors_between, stated, stated_by
from grounded.evaluate.report_table import Statement
from grounded.evaluate.reports import Case
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.language.labeller import Labeller
from grounded.version import VERSION


@runtime_checkable
class Entailment(Protocol):
    """Which of some sentences say what another one says. name: what it is, with its version."""

    name: str

    def supporting(self, sentence: str, others: Sequence[str]) -> tuple[int, ...]:
        """The rows of the sentences that together entail it; empty if they do not."""
        ...


class LabelEntailment:
    """By the labeller: every finding of the sentence is said by the others without an error.

    What is denied has to be denied there too, or all be called normal. A sentence without a finding
    is entailed by the same words alone.
    """

    def __init__(self, labeller: Labeller | None = None) -> None:
        self.name = f"grounded {VERSION} rule-based labeller"
        self._labeller = labeller or Labeller.open()

    def supporting(self, sentence: str, others: Sequence[str]) -> tuple[int, ...]:
        findings = self._labeller.label(sentence)
        if not findings:
            same = " ".join(sentence.lower().split())
            rows = [
                row for row, other in enumerate(others) if " ".join(other.lower().split()) == same
            ]
            return tuple(rows)
        there = stated(sentence, self._labeller)
        if not there:
            denied = {str(finding.label) for finding in findings}
            return self._denying(denied, others)
        true = stated(" ".join(_closed(other) for other in others), self._labeller)
        errors = errors_between(there, {k: v for k, v in true.items() if k in there})
        if errors:
            return ()
        return tuple(
            row
            for row, other in enumerate(others)
            if there.keys() & stated(other, self._labeller).keys()
        )

    def _denying(self, labels: set[str], others: Sequence[str]) -> tuple[int, ...]:
        said = [self._labeller.label(other) for other in others]
        rows = [
            row
            for row, findings in enumerate(said)
            if labels & {f.label for f in findings if f.presence == Presence.ABSENT}
        ]
        absent = {f.label for row in rows for f in said[row] if f.presence == Presence.ABSENT}
        there = {f.label for findings in said for f in findings if f.presence != Presence.ABSENT}
        return tuple(rows) if labels <= absent and not labels & there else ()


def load_entailment(where: str) -> Entailment:
    """An entailment test of the user's, as "package.module:Class"; it is made without arguments.

    Raises InvalidValueError for what cannot be imported, or has another interface.
    """
    module, _, name = where.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InvalidValueError(f"no entailment test {where!r}: {error}") from error
    if not isinstance(made, Entailment):
        raise InvalidValueError(f"{where} has no `name` and `supporting(sentence, others)`")
    return made


@dataclass(frozen=True, slots=True)
class RadFact:
    """The parts of RadFact of one report, NaN for a part of nothing.

    logical: of all sentences. spatial: of those with boxes, entailed with their boxes. grounding:
    of the entailed ones with boxes, those whose boxes are entailed too.
    """

    logical_precision: float
    logical_recall: float
    spatial_precision: float
    spatial_recall: float
    grounding_precision: float
    grounding_recall: float


def radfact(
    written: Sequence[Statement], reference: Sequence[Statement], entailment: Entailment
) -> RadFact:
    """Each report's sentences tested against the other's."""
    precision = _one_way(written, reference, entailment)
    recall = _one_way(reference, written, entailment)
    both = [part for pair in zip(precision, recall, strict=True) for part in pair]
    return RadFact(*both)


def _one_way(
    said: Sequence[Statement], others: Sequence[Statement], entailment: Entailment
) -> tuple[float, float, float]:
    texts = [other.text for other in others]
    logical = boxed = entailed_boxed = spatial = 0
    for statement in said:
        rows = entailment.supporting(statement.text, texts)
        logical += bool(rows)
        if statement.boxes:
            boxed += 1
            entailed_boxed += bool(rows)
            evidence = [box for row in rows for box in others[row].boxes]
            spatial += bool(evidence) and Overlap.of(statement.boxes, evidence).precision > HALF
    return (
        _part(logical, len(said)),
        _part(spatial, boxed),
        _part(spatial, entailed_boxed),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report and its reference say that a finding is. point: None if nothing is pointed
    at."""

    said: tuple[Box, ...]
    true: tuple[Box, ...]
    point: tuple[float, float] | None

    @property
    def iou(self) -> float:
        return Overlap.of(self.said, self.true).iou if self.said else 0.0

    @property
    def pointed(self) -> bool:
        """Whether the pointing game is won."""
        return self.point is not None and any(box.contains(*self.point) for box in self.true)

    @property
    def elsewhere(self) -> bool:
        """Whether a place is said, and it is another one."""
        if not self.said:
            return False
        overlap = Overlap.of(self.said, self.true)
        return overlap.precision < HALF and overlap.recall < HALF


def places(case: Case, labeller: Labeller) -> dict[str, Place]:
    """By label, of the findings that both reports have and the reference has boxes of."""
    said, points = _boxes(case.written.statements, case.written.boxes, labeller)
    true, _ = _boxes(case.reference.statements, case.reference.marks, labeller)
    labels = case.written.findings
    words = stated(case.written.text, labeller) if labels is None else stated_by(labels)
    in_words = words.keys() | case.written.boxes.keys()
    return {
        label: Place(said.get(label, ()), boxes, points.get(label))
        for label, boxes in true.items()
        if label in in_words
    }


def place_errors(found: Mapping[str, Place]) -> list[CountedError]:
    """The right finding in the wrong place: grounded errors."""
    return [
        CountedError(label, "wrong", "place") for label, place in found.items() if place.elsewhere
    ]


def _boxes(
    statements: Sequence[Statement], marks: Mapping[str, tuple[Box, ...]], labeller: Labeller
) -> tuple[dict[str, tuple[Box, ...]], dict[str, tuple[float, float]]]:
    """By label, all boxes of it and the place that is pointed at."""
    boxes = dict(marks)
    points: dict[str, tuple[float, float]] = {}
    for statement in statements:
        for label in stated(statement.text, labeller):
            if statement.boxes:
                boxes[label] = tuple(dict.fromkeys((*boxes.get(label, ()), *statement.boxes)))
            if statement.point is not None:
                points.setdefault(label, statement.point)
    for label, own in boxes.items():
        points.setdefault(label, max(own, key=lambda box: box.area).center)
    return boxes, points


def _closed(text: str) -> str:
    """With a full stop, so that what follows is another sentence."""
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text}."


def _part(hits: int, count: int) -> float:
    return hits / count if count else math.nan
