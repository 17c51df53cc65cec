"""How well scores tell films with a finding from films without: the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grounded.evaluate.intervals import Estimate, interval, redraws

AT_ONCE = 250  # draws whose weights are in memory at a time


def area_under_roc(scores: ArrayLike, truth: ArrayLike, patients: Sequence[str]) -> Estimate:
    """The chance that one with the finding scores above one without, ties counting half.

    scores, truth: (N,). patients: whose each is; the 95 % interval draws them again. NaN if one
    kind is missing.
    """
    values, there = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    if there.all() or not there.any():
        return Estimate.none()
    order = np.argsort(values, kind="stable")
    # equal scores form one step of the curve
    _, steps = np.unique(values[order], return_inverse=True)
    names, rows = np.unique(np.asarray(patients, dtype=np.str_), return_inverse=True)
    once = np.ones((1, len(values)))
    [value] = _areas(once, there[order], steps)
    drawn = redraws(len(names))
    areas = [
        _areas(drawn[start : start + AT_ONCE][:, rows[order]], there[order], steps)
        for start in range(0, len(drawn), AT_ONCE)
    ]
    return interval(float(value), np.concatenate(areas))


def _areas(
    weights: NDArray[np.float64], there: NDArray[np.bool_], steps: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(D,) areas of N scores in rising order. weights: (D, N). steps: (N,) from 0 up."""
    starts = np.searchsorted(steps, np.arange(steps[-1] + 1))
    present = np.add.reduceat(weights * there, starts, axis=1)  # (D, steps)
    absent = np.add.reduceat(weights * ~there, starts, axis=1)
    below = absent.cumsum(axis=1) - absent / 2
    pairs = present.sum(axis=1) * absent.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = (present * below).sum(axis=1) / pairs
    return found
