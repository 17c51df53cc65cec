"""Precision, recall and F1 of yes-or-no statements."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Scores(NamedTuple):
    """A part of nothing counts as 0."""

    precision: float
    recall: float
    f1: float


def pooled_scores(truth: ArrayLike, said: ArrayLike) -> Scores:
    """Over all entries together ("micro"). truth, said: booleans of one shape."""
    truth, said = _booleans(truth), _booleans(said)
    return _scores((truth & said).sum(), said.sum(), truth.sum())


def mean_scores(truth: ArrayLike, said: ArrayLike) -> Scores:
    """By row, then the mean over the rows ("example-based"). truth, said: (N, K) booleans."""
    truth, said = _booleans(truth), _booleans(said)
    rows = [
        _scores(*counts)
        for counts in zip((truth & said).sum(1), said.sum(1), truth.sum(1), strict=True)
    ]
    return Scores(*np.mean(rows, axis=0)) if rows else Scores(0.0, 0.0, 0.0)


def _scores(shared: int, said: int, true: int) -> Scores:
    def part(of: float, whole: float) -> float:
        return float(of / whole) if whole else 0.0

    return Scores(part(shared, said), part(shared, true), part(2 * shared, said + true))


def _booleans(values: ArrayLike) -> NDArray[np.bool_]:
    return np.asarray(values, dtype=np.bool_)
