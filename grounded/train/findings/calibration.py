"""From logits to statements: a probability for each finding, and what is said at which.

A calibration is fitted on films that the networks were not trained on (Platt, 1999). Present and
absent regions weigh the same, so a probability holds at even odds before the film is seen: how
common a finding is among the user's films is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from grounded.generators.neural.finding_reader import Calibration
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import RegionScore

FEWEST = 8  # regions with a finding, and without, that a source must have to be fitted on
SOFT = 2.0  # the target of n present regions is (n + 1) / (n + SOFT), as Platt has it


def raw(pairs: Pairs) -> dict[str, Calibration]:
    """Logits as they are; nothing may be stated."""
    return {
        label: Calibration(kinds, 1.0, 0.0, 0.5, 0.5, frozenset(), "not calibrated")
        for label, kinds in zip(pairs.labels, pairs.kinds, strict=True)
    }


def fitted(
    scores: Sequence[RegionScore], pairs: Pairs, *, absent: float, present: float
) -> dict[str, Calibration]:
    """A calibration of each finding, on real films where they have enough, else on painted ones.

    absent, present: the probabilities up to and from which a statement is made. Nothing may be
    stated yet: that follows from what is measured on the films that are held out.
    """
    made = raw(pairs)
    for label, kinds in zip(pairs.labels, pairs.kinds, strict=True):
        of_label = [s for s in scores if s.label == label]
        real = [s for s in of_label if s.source != "painted"]
        chosen = real if _enough(real) else of_label
        if not _enough(chosen):
            continue
        slope, intercept = platt(chosen)
        made[label] = Calibration(
            kinds, slope, intercept, absent, present, frozenset(), "not measured"
        )
    return made


def platt(scores: Sequence[RegionScore]) -> tuple[float, float]:
    """Slope and intercept of the logistic function; each side, and each source on it, the same."""
    logits = np.array([s.logit for s in scores])
    truth = np.array([s.truth for s in scores])
    weights = np.zeros(len(scores))
    for side in (True, False):
        sources = sorted({s.source for s in scores if s.truth == side})
        for source in sources:
            rows = np.array([s.truth == side and s.source == source for s in scores])
            weights[rows] = 0.5 / len(sources) / rows.sum()
    count = truth.sum(), (~truth).sum()
    targets = np.where(truth, (count[0] + 1) / (count[0] + SOFT), 1 / (count[1] + SOFT))

    def loss(values: NDArray[np.float64]) -> float:
        z = values[0] * logits + values[1]
        return float((weights * (np.logaddexp(0, z) - targets * z)).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="BFGS")
    return max(float(found.x[0]), 1e-3), float(found.x[1])


def write_calibrations(path: Path, calibrations: dict[str, Calibration]) -> None:
    """As `read_calibrations` of the reader has it."""
    table = {
        label: {
            **asdict(calibration),
            "kinds": sorted(calibration.kinds),
            "assessed": sorted(calibration.assessed),
        }
        for label, calibration in calibrations.items()
    }
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def _enough(scores: Iterable[RegionScore]) -> bool:
    truth = [s.truth for s in scores]
    return min(sum(truth), len(truth) - sum(truth)) >= FEWEST
