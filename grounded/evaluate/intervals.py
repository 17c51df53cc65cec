"""How sure a figure is: 95 % intervals, by drawing clusters again, and of parts (Wilson).

Regions of one film, and films of one patient, are alike; what is drawn again with replacement are
therefore whole clusters, not regions (Efron and Tibshirani, An Introduction to the Bootstrap,
1993).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

DRAWS = 2000
_BOUNDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; NaN where there is nothing to compute it from."""

    value: float
    low: float
    high: float

    @classmethod
    def none(cls) -> Estimate:
        return cls(math.nan, math.nan, math.nan)

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "-"
        if math.isnan(self.low):
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def to_dict(self) -> dict[str, float | None]:
        """The numbers for JSON, which has no NaN."""
        parts = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if math.isnan(part) else part for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of a number. Its interval (Wilson, 1927) takes them for independent, which regions
    of one film are not: it is too narrow rather than too wide."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def estimate(self) -> Estimate:
        if not self.count:
            return Estimate.none()
        interval = binomtest(self.hits, self.count).proportion_ci(method="wilson")
        return Estimate(self.value, float(interval.low), float(interval.high))

    def __str__(self) -> str:
        return f"{self.estimate} of {self.count}" if self.count else "-"

    def to_dict(self) -> dict[str, Any]:
        return {"hits": self.hits, "count": self.count, **self.estimate.to_dict()}


@lru_cache(maxsize=4)  # the figures of one evaluation are of the same patients
def redraws(clusters: int, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """(draws, clusters): how often each cluster is in each draw of as many, with replacement.

    Shared by all who ask for the same, and so not to be written to.
    """
    rng = np.random.default_rng(seed)
    chances = np.full(clusters, 1 / clusters) if clusters else np.empty(0)
    drawn = rng.multinomial(clusters, chances, size=draws).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


def sums_by_cluster(values: ArrayLike, clusters: Sequence[str]) -> NDArray[np.float64]:
    """(C, K): the sums of N rows of numbers over each of C clusters. values: (N, K)."""
    names, rows = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    rows_of = np.asarray(values, dtype=np.float64)
    sums = np.zeros((len(names), rows_of.shape[1]))
    np.add.at(sums, rows, rows_of)
    return sums


def interval(value: float, drawn: ArrayLike) -> Estimate:
    """The value between the 2.5th and the 97.5th percentile of those of the draws, NaN left out.

    No interval where fewer than half of the draws have a value.
    """
    values = np.asarray(drawn, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if math.isnan(value) or 2 * len(finite) < len(values):
        return Estimate(value, math.nan, math.nan)
    low, high = np.percentile(finite, _BOUNDS)
    return Estimate(value, float(low), float(high))
