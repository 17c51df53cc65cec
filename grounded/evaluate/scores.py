"""Precision, recall and F1 of yes-or-no statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grounded.evaluate.intervals import Estimate, interval, redraws, sums_by_cluster


class Scores(NamedTuple):
    """A part of nothing counts as 0."""

    precision: float
    recall: float
    f1: float


def pooled_scores(truth: ArrayLike, said: ArrayLike) -> Scores:
    """Over all entries together ("micro"). truth, said: booleans of one shape."""
    truth, said = _booleans(truth), _booleans(said)
    return _scores((truth & said).sum(), said.sum(), truth.sum())


def example_scores(truth: ArrayLike, said: ArrayLike) -> list[Scores]:
    """Precision, recall and F1 of each of N rows by itself. truth, said: (N, K) booleans."""
    truth, said = _booleans(truth), _booleans(said)
    counts = zip((truth & said).sum(1), said.sum(1), truth.sum(1), strict=True)
    return [_scores(*row) for row in counts]


def mean_scores(truth: ArrayLike, said: ArrayLike) -> Scores:
    """By row, then the mean over the rows ("example-based"). truth, said: (N, K) booleans."""
    rows = example_scores(truth, said)
    return Scores(*np.mean(rows, axis=0)) if rows else Scores(0.0, 0.0, 0.0)


class ScoreEstimates(NamedTuple):
    """Precision, recall and F1, 0 to 1, each with its interval; patients are drawn again for it."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


def pooled_estimates(truth: ArrayLike, said: ArrayLike, patients: Sequence[str]) -> ScoreEstimates:
    """`pooled_scores` with intervals. truth, said: (N, K) booleans. patients: (N,), whose each row
    is."""
    truth, said = _booleans(truth), _booleans(said)
    counts = np.stack([(truth & said).sum(1), said.sum(1), truth.sum(1)], axis=1)  # (N, 3)
    sums = sums_by_cluster(counts, patients)
    shared, stated, true = (redraws(len(sums)) @ sums).T
    drawn = [_part(shared, stated), _part(shared, true), _part(2 * shared, stated + true)]
    return _estimates(pooled_scores(truth, said), drawn, len(sums))


def mean_estimates(truth: ArrayLike, said: ArrayLike, patients: Sequence[str]) -> ScoreEstimates:
    """`mean_scores` with intervals. truth, said: (N, K) booleans. patients: (N,), whose each row
    is."""
    sums = sums_by_cluster([(*row, 1.0) for row in example_scores(truth, said)], patients)
    *parts, number = (redraws(len(sums)) @ sums).T
    return _estimates(mean_scores(truth, said), [_part(p, number) for p in parts], len(sums))


def _estimates(
    values: Scores, drawn: Sequence[NDArray[np.float64]], patients: int
) -> ScoreEstimates:
    """One patient alone has no interval."""
    pairs = zip(values, drawn, strict=True)
    return ScoreEstimates(
        *(interval(value, draws if patients > 1 else [np.nan]) for value, draws in pairs)
    )


def _part(of: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(of, whole, out=np.zeros_like(of), where=whole > 0)


def _scores(shared: int, said: int, true: int) -> Scores:
    def part(of: float, whole: float) -> float:
        return float(of / whole) if whole else 0.0

    return Scores(part(shared, said), part(shared, true), part(2 * shared, said + true))


def _booleans(values: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(values, dtype=np.bool_)
