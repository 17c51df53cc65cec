"""How often what is said of films is so: by level, by probability, and by how much is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.compose.confidence import Confidence, Fitted
from grounded.evaluate.calibration import reliability, risk_by_coverage
from grounded.evaluate.detection import calibration_error
from grounded.evaluate.intervals import Estimate, interval, redraws
from grounded.findings import Finding, Presence
from grounded.train.judged import Judged
from grounded.view import Projection

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """What was said of films, and what its probabilities and limits were fitted on other films."""

    said: Sequence[Judged]
    fitted: Fitted


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One finding as it was said, whether it is so, and the probability that it is.

    fitted: what its probability and its limits come from.
    """

    patient: str
    view: Projection
    finding: Finding
    right: bool
    probability: float
    fitted: Fitted

    @property
    def denies(self) -> bool:
        return self.finding.presence == Presence.ABSENT


def statements(parts: Iterable[Rated]) -> list[Statement]:
    """Those whose truth is known. Without a curve their probability is NaN."""
    return [
        Statement(
            item.patient,
            item.view,
            finding,
            bool(right),
            _right(part.fitted, [finding], item),
            part.fitted,
        )
        for part in parts
        for item in part.said
        for finding, right in zip(item.findings, item.right, strict=True)
        if np.isfinite(right)
    ]


def _right(fitted: Fitted, findings: Sequence[Finding], item: Judged) -> float:
    found = Confidence.of(fitted).right(findings, item.view)
    return found.probability if found else float("nan")


@dataclass(frozen=True, slots=True)
class Realised:
    """How much of what was said is left at a level, and how much of that was wrong.

    wrong: with its 95 % interval, patients drawn again; of patients alike, each counting as one.
    """

    said: int
    stated: int
    patients: int
    wrong: Estimate

    def __str__(self) -> str:
        if not self.stated:
            return f"all {self.said} withheld"
        return f"{self.wrong} of {self.stated} ({self.patients} patients); said {self.said}"


def realised(items: Sequence[Statement], level: float) -> Realised:
    """What a level leaves of statements, and what of it is wrong."""
    kept = [item for item in items if item.fitted.holds(item.finding, level, item.view)]
    return Realised(len(items), len(kept), len({i.patient for i in kept}), wrong_of(kept))


def wrong_of(items: Sequence[Statement]) -> Estimate:
    """The part that is wrong, the mean over patients, as the limits were fitted for."""
    if not items:
        return Estimate.none()
    by_patient: dict[str, list[bool]] = {}
    for item in items:
        by_patient.setdefault(item.patient, []).append(not item.right)
    parts = np.array([np.mean(wrong) for wrong in by_patient.values()])
    drawn = redraws(len(parts)) @ parts / len(parts)
    return interval(float(parts.mean()), drawn)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Probabilities against how often it was so.

    bins: mean probability, frequency and number in each that is not empty. error: the expected
    calibration error, the mean distance of both by how many are in a bin.
    """

    bins: Sequence[tuple[float, float, int]]
    error: float

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.bins)


def of_sentences(
    parts: Iterable[Rated], chosen: Callable[[Judged], bool] = lambda _: True
) -> Reliability:
    """The reliability of the probabilities that sentences carry."""
    both = [
        (_right(part.fitted, item.findings, item), item.is_right)
        for part in parts
        for item in part.said
        if chosen(item)
    ]
    scores, right = np.reshape([pair for pair in both if np.isfinite(pair).all()], (-1, 2)).T
    return Reliability(reliability(scores, right), calibration_error(list(scores), list(right)))


def risk_coverage(items: Sequence[Statement]) -> tuple[Values, Values]:
    """The part that is said, and the part of it that is wrong, the most probable said first."""
    known = [item for item in items if np.isfinite(item.probability)]
    wrong = np.array([not item.right for item in known], dtype=bool)
    return risk_by_coverage(np.array([item.probability for item in known]), wrong)
