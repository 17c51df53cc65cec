"""Two runs on the same films: what differs, by how much, and whether by more than chance.

Runs compare only where both were judged by the same references, and each figure only where both
runs computed it in the same way: with the same labeller, weights, tokens and entailment test.

Films are paired, and patients are what is drawn and exchanged: the interval of a difference draws
patients again; its p value is that of a paired permutation test over patients (scipy), in which a
patient's two runs change places. Of many figures some differ by chance: q is the p value corrected
for the number of figures (Benjamini and Hochberg, 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy
from scipy.stats import false_discovery_control, permutation_test

from grounded.errors import DataError
from grounded.evaluate.intervals import Estimate, interval, redraws
from grounded.evaluate.rows import LOWER_IS_BETTER, WEIGHTED, Row

RESAMPLES = 9_999
LEVEL = 0.05
BY = f"scipy {scipy.__version__}, paired permutation over patients, {RESAMPLES} resamples, seed 0"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What one run is compared by. how: by figure, what computed it; name: for messages."""

    rows: Sequence[Row]
    how: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both runs. difference: this run's minus the other's, with its interval."""

    name: str
    here: float
    other: float
    difference: Estimate
    p: float
    q: float
    films: int
    patients: int

    @property
    def significant(self) -> bool:
        return self.q < LEVEL

    @property
    def verdict(self) -> str:
        """ "better" or "worse" than the other run where it differs by more than chance."""
        if not self.significant:
            return ""
        less_is_better = self.name == WEIGHTED or self.name.startswith(LOWER_IS_BETTER)
        return "better" if (self.difference.value < 0) == less_is_better else "worse"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "here": self.here,
            "other": self.other,
            "difference": self.difference.to_dict(),
            "p": self.p,
            "q": self.q,
            "verdict": self.verdict,
            "films": self.films,
            "patients": self.patients,
        }


def compare(here: Run, other: Run) -> list[Difference]:
    """All figures that both runs have and computed alike, over the films that both have.

    Raises DataError when the runs share no film, and when a film has another reference there.
    """
    others = {row.image: row for row in other.rows}
    pairs = [(row, others[row.image]) for row in here.rows if row.image in others]
    if not pairs:
        raise DataError("the two runs have no film in common")
    if apart := [a.image for a, b in pairs if a.reference != b.reference]:
        raise DataError(
            f"{len(apart)} of {len(pairs)} films, {apart[0]!r} first, were judged by another "
            f"reference in {other.name or 'the other run'}; such runs do not compare"
        )
    left_out = set(otherwise(here, other))
    names = [
        n for n in pairs[0][0].values if any(n in a.values and n in b.values for a, b in pairs)
    ]
    names += sorted({n for a, b in pairs for n in a.values.keys() & b.values.keys()} - set(names))
    found = [_difference(name, pairs) for name in names if name not in left_out]
    # what is the same in every film is no test; swapping the runs would not change that
    tested = [item.name for item in found if item.p < 1.0 or item.here != item.other]
    if not tested:
        return found
    chances = [item.p for item in found if item.name in tested]
    corrected = dict(zip(tested, false_discovery_control(chances, method="bh"), strict=True))
    return [replace(item, q=float(corrected.get(item.name, 1.0))) for item in found]


def otherwise(here: Run, other: Run) -> list[str]:
    """The figures that both runs have and computed in different ways."""
    both = [name for name in here.how if name in other.how]
    return [name for name in both if here.how[name] != other.how[name]]


def _difference(name: str, pairs: Sequence[tuple[Row, Row]]) -> Difference:
    having = [(a, b) for a, b in pairs if name in a.values and name in b.values]
    _, patient = np.unique([a.patient for a, _ in having], return_inverse=True)
    count = np.bincount(patient)
    first = np.bincount(patient, [a.values[name] for a, _ in having])
    second = np.bincount(patient, [b.values[name] for _, b in having])
    whole = float(count.sum())
    value = float((first - second).sum() / whole)
    drawn = redraws(len(count))
    spread = interval(value, (drawn @ (first - second)) / (drawn @ count))
    return Difference(
        name,
        float(first.sum() / whole),
        float(second.sum() / whole),
        spread,
        _chance(first, second),
        1.0,
        len(having),
        len(count),
    )


def _chance(first: Any, second: Any) -> float:
    """The p value of a difference; 1 where the runs are alike or there is one patient."""
    if len(first) < 2 or (first == second).all():
        return 1.0
    test = permutation_test(
        (first, second),
        lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=500,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)
