"""What a box drawn by hand covers: which lung and zone, the heart, or neither.

It follows from the outlines: a box of a few pixels inside of a lung is read there, and one on the
shoulder is not in the lungs, whatever boxes of regions reach under it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import HEART, LUNGS, side_of
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.language.agreement import ZONES
from grounded.regions import Region, Regions

LEAST = 0.1  # of a box: with less of the lungs in it, it is not in them
MOSTLY = 0.6  # of a box's lung: with as much in one zone, it is read as that zone
_SAMPLES = 32  # a side of the grid of points at which a box is looked up


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Parts of a box, 0..1. region: what it is read as, "" where nothing is read."""

    lung: float
    heart: float
    region: str

    @classmethod
    def of(cls, box: Box, found: Regions) -> Tissue:
        points = _grid(box)
        inside = {name: _inside(found[name], points) for name in LUNGS if name in found}
        heart = float(_inside(found[HEART], points).mean()) if HEART in found else 0.0
        lung = float(np.logical_or.reduce([np.zeros(len(points), bool), *inside.values()]).mean())
        if lung >= LEAST:
            name = max(inside, key=lambda name: inside[name].sum())
            return cls(lung, heart, _zone(name, points[inside[name]], found))
        return cls(lung, heart, HEART if heart >= 0.5 else "")


def _zone(lung: str, points: NDArray[np.float64], found: Regions) -> str:
    """The zone of a lung that holds most of the points, or the lung where they lie in several."""
    for zone in ZONES:
        name = f"{side_of(lung)} {zone} lung zone"
        if name not in found:
            continue
        _, y0, _, y1 = found[name].box
        if np.mean((points[:, 1] >= y0) & (points[:, 1] < y1)) >= MOSTLY:
            return name
    return lung


def _grid(box: Box) -> NDArray[np.float64]:
    """Points (N, 2) spread evenly over a box."""
    parts = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    x, y = np.meshgrid(box.x0 + parts * box.width, box.y0 + parts * box.height)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _inside(region: Region, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (N, 2) lie in the outline of a region, or in its box if it has none."""
    extent = region.mask.extent if region.mask else region.box
    parts = (points - (extent.x0, extent.y0)) / (extent.width, extent.height)
    within = np.asarray(((parts >= 0) & (parts < 1)).all(axis=1))
    return np.logical_and(within, _members(region.mask, parts)) if region.mask else within


def _members(mask: Mask, parts: NDArray[np.float64]) -> NDArray[np.bool_]:
    height, width = mask.values.shape
    columns, rows = np.clip((parts * (width, height)).astype(int), 0, (width - 1, height - 1)).T
    return np.asarray(mask.values[rows, columns] >= 0.5)
