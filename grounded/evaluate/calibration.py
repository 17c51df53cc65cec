"""Whether probabilities hold what they say, and what is gained by saying less.

Each probability is of one finding in one film; what is true comes from the reference's labels, or
from its text by the labeller. The confidence of a statement is the probability of what it says:
that the finding is there from one half on, else that it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.evaluate.detection import calibration_error
from grounded.evaluate.errors import LEFT_OUT, stated
from grounded.evaluate.intervals import Estimate, interval, redraws, sums_by_cluster
from grounded.evaluate.reports import Case
from grounded.findings import Presence
from grounded.language.labeller import Labeller

BINS = 10
NAMES = ("expected calibration error", "Brier score", "area under risk by coverage")
AT_ONCE = 4_000_000  # weights of draws that are in memory at a time


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """N probabilities with what is true. patients: whose film each is of. labels: of which."""

    scores: NDArray[np.float64]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, cases: Sequence[Case], labeller: Labeller) -> Scored:
        """All probabilities of the reports of which the truth is known."""
        rows = [
            (score, truth[label], case.patient, label)
            for case in cases
            for truth in [_truth(case, labeller)]
            for label, score in case.written.scores.items()
            if label in truth
        ]
        scores, truth, patients, labels = zip(*rows, strict=True) if rows else ((), (), (), ())
        return cls(np.array(scores, dtype=float), np.array(truth, dtype=bool), patients, labels)

    @property
    def error(self) -> float:
        """Expected calibration error over ten equal bins (Guo et al., ICML 2017)."""
        return calibration_error(list(self.scores), list(self.truth), BINS)

    @property
    def brier(self) -> float:
        """Mean squared distance of probability and truth (Brier, 1950)."""
        return float(((self.scores - self.truth) ** 2).mean())

    def estimates(self) -> dict[str, Estimate]:
        """Calibration error, Brier score and area under risk by coverage, over patients."""
        sums = sums_by_cluster(self._by_bin(), self.patients)  # (P, 2 * BINS + 1)
        if len(sums) < 2:
            values = (self.error, self.brier, self.area_under_risk)
            return dict(zip(NAMES, (interval(value, [np.nan]) for value in values), strict=True))
        drawn = redraws(len(sums)) @ sums  # (D, 2 * BINS + 1)
        count = drawn[:, BINS:-1].sum(axis=1)
        errors = np.abs(drawn[:, :BINS]).sum(axis=1) / count
        risks = self._risks_redrawn(len(sums))
        return {
            NAMES[0]: interval(self.error, errors),
            NAMES[1]: interval(self.brier, drawn[:, -1] / count),
            NAMES[2]: interval(self.area_under_risk, risks),
        }

    def _by_bin(self) -> NDArray[np.float64]:
        """(N, 2 * BINS + 1): in its bin the error of each probability and 1; last, its square."""
        rows = np.arange(len(self.scores))
        place = np.minimum((self.scores * BINS).astype(int), BINS - 1)
        found = np.zeros((len(rows), 2 * BINS + 1))
        found[rows, place] = self.scores - self.truth
        found[rows, BINS + place] = 1.0
        found[:, -1] = (self.scores - self.truth) ** 2
        return found

    def _risks_redrawn(self, patients: int) -> NDArray[np.float64]:
        """(D,): the area under risk by coverage with patients drawn again."""
        _, rows = np.unique(np.asarray(self.patients, dtype=np.str_), return_inverse=True)
        confidence, wrong = self._stated()
        order = np.argsort(-confidence, kind="stable")
        last = np.flatnonzero(np.diff(confidence[order], append=-1.0))
        drawn = redraws(patients)
        at_once = max(1, AT_ONCE // len(order))
        found = []
        for start in range(0, len(drawn), at_once):
            weights = drawn[start : start + at_once][:, rows[order]]
            kept = weights.cumsum(axis=1)[:, last]
            errors = (weights * wrong[order]).cumsum(axis=1)[:, last]
            risk = np.divide(errors, kept, out=np.zeros_like(kept), where=kept > 0)
            steps = np.diff(kept / kept[:, -1:], prepend=0.0, axis=1)
            found.append((steps * risk).sum(axis=1))
        return np.concatenate(found)

    def _stated(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Two arrays (N,): how sure each probability is of what it says (0.5 to 1; present from 0.5
        on, else absent), and whether that is wrong."""
        confidence = np.where(self.scores >= 0.5, self.scores, 1 - self.scores)
        return confidence, (self.scores >= 0.5) != self.truth

    def reliability(self) -> list[tuple[float, float, int]]:
        """See `reliability`."""
        return reliability(self.scores, self.truth)

    def risk_by_coverage(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `risk_by_coverage`."""
        return risk_by_coverage(*self._stated())

    @property
    def area_under_risk(self) -> float:
        """Area under risk by coverage (AURC; Geifman et al., ICLR 2019), from the first
        statement."""
        coverage, risk = self.risk_by_coverage()
        return float((np.diff(coverage, prepend=0.0) * risk).sum())


def risk_by_coverage(
    confidence: NDArray[np.float64], wrong: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Part of the statements that is kept, the most confident first, and the part of it that is
    wrong.

    confidence, wrong: (N,). Statements of one confidence are kept or left together.
    """
    order = np.argsort(-confidence, kind="stable")
    last = np.flatnonzero(np.diff(confidence[order], append=-1.0))
    return (last + 1) / max(len(order), 1), wrong[order].cumsum()[last] / (last + 1)


def reliability(scores: NDArray[np.float64], truth: NDArray[Any]) -> list[tuple[float, float, int]]:
    """Mean probability, frequency and number in each of ten equal bins that is not empty.

    scores, truth: (N,).
    """
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (float(scores[here].mean()), float(truth[here].mean()), int(here.sum()))
        for here in (place == number for number in range(BINS))
        if here.any()
    ]


def _truth(case: Case, labeller: Labeller) -> dict[str, bool]:
    """What is there, by label; in a text, what is not mentioned counts as denied."""
    known = {
        label: presence == Presence.PRESENT
        for label, presence in case.reference.findings.items()
        if presence != Presence.UNCERTAIN and label not in LEFT_OUT
    }
    if known or not case.reference.text:
        return known
    said = stated(case.reference.text, labeller)
    return {
        label: label in said and said[label].presence == Presence.PRESENT
        for label in case.written.scores
        if label not in said or said[label].presence != Presence.UNCERTAIN
    }
