"""How well regions are found: boxes against reference boxes, one film a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grounded.chest.measures import ratio_of_boxes
from grounded.geometry import Box
from grounded.regions import Regions

Pair = tuple[Regions, Mapping[str, Box]]
"""What was found in a film, and the reference boxes of it (image frame)."""


@dataclass(frozen=True, slots=True)
class RegionAccuracy:
    """One region over `count` films that have a reference box of it.

    mean_iou, low_iou: mean and 10th percentile of intersection over union; a region that was not
    found counts as 0. found: the part of the films in which it was found.
    """

    count: int
    mean_iou: float
    low_iou: float
    found: float


def region_accuracy(pairs: Sequence[Pair]) -> dict[str, RegionAccuracy]:
    """By region name, in the order in which the references name them. Empty for no pairs."""
    overlaps: dict[str, list[float]] = {}
    hits: dict[str, int] = {}
    for regions, reference in pairs:
        for name, box in reference.items():
            found = name in regions
            overlaps.setdefault(name, []).append(regions[name].box.iou(box) if found else 0.0)
            hits[name] = hits.get(name, 0) + found
    return {
        name: RegionAccuracy(
            len(values),
            float(np.mean(values)),
            float(np.percentile(values, 10)),
            hits[name] / len(values),
        )
        for name, values in overlaps.items()
    }


def ratio_errors(found: Sequence[Regions], readings: Sequence[float]) -> list[float]:
    """Measured minus read cardiothoracic ratio of each film in which it could be measured."""
    errors = []
    for regions, reading in zip(found, readings, strict=True):
        ratio = ratio_of_boxes({region.name: region.box for region in regions})
        if ratio is not None:
            errors.append(ratio - reading)
    return errors


def area_under_curve(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """The chance that a present region scores above an absent one (ties count half); NaN if one
    kind is missing."""
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    present, absent = values[labels], values[~labels]
    if not present.size or not absent.size:
        return float("nan")
    above = (present[:, None] > absent).mean() + 0.5 * (present[:, None] == absent).mean()
    return float(above)


def calibration_error(
    scores: Sequence[float],
    truth: Sequence[bool],
    bins: int = 10,
    weights: Sequence[float] | None = None,
) -> float:
    """Mean gap between score and frequency over equal bins of 0..1, weighted by their counts.

    weights: of the scores, all the same for None. NaN when nothing has a weight.
    """
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    counts = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not counts.sum():
        return float("nan")
    place = np.minimum((values * bins).astype(int), bins - 1)
    sums = np.bincount(place, counts * (values - labels), bins)
    return float(np.abs(sums).sum() / counts.sum())
