"""What a box drawn by hand covers: which lung and zone, the heart, or neither.

It follows from the outlines: a box of a few pixels inside of a lung is read there, and one on the
shoulder is not in the lungs, whatever boxes of regions reach under it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.atlas import PairedSide
from grounded.chest.names import HEART, LUNGS, side_of
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.language.agreement import ZONES
from grounded.regions import Region, Regions

LEAST = 0.1  # of a box: with less of it surely in the lungs, it is not in them
EDGE = 0.025
"""How far from its outline a point is surely in a lung, in parts of the lung's width. Of 7,200
boxes beside all lungs that people outlined in 120 films, 41 lie in a detected lung and 21 surely:
20 of these in three films, where people left out an opaque lung or outlined another organ, or air
in the stomach was taken for lung. Of 7,161 in outlined lungs 31 lie in no detected one, 44 not
surely."""
BESIDE = 0.25  # of a box: with as much beside the lungs, it is said that this was not assessed
MOSTLY = 0.6  # of a box's lung: with as much in one zone, it is read as that zone
ONE_SIDED = 0.8  # of a box's lung: with less in one lung, it is read as both
_COMPASS = [(math.cos(turn), math.sin(turn)) for turn in np.arange(8) * math.pi / 4]
_SAMPLES = 32  # a side of the grid of points at which a box is looked up


@dataclass(frozen=True, slots=True)
class Tissue:
    """Parts of a box, 0..1. region: what it is read as, "" where nothing is read. side: of the lung
    that it lies in, "" of a box over both."""

    lung: float
    heart: float
    region: str
    side: PairedSide = ""

    @classmethod
    def of(cls, box: Box, found: Regions) -> Tissue:
        points = _grid(box)
        lungs = [found[name] for name in LUNGS if name in found]
        inside = {lung.name: _inside(lung, points) for lung in lungs}
        heart = float(_inside(found[HEART], points).mean()) if HEART in found else 0.0
        lung = _part(inside.values(), len(points))
        if _part([_surely_inside(lung, points) for lung in lungs], len(points)) >= LEAST:
            name = max(inside, key=lambda name: inside[name].sum())
            if inside[name].sum() < ONE_SIDED * sum(each.sum() for each in inside.values()):
                return cls(lung, heart, name)
            region = _zone(name, points[inside[name]], found)
            return cls(lung, heart, region, side_of(name))
        return cls(lung, heart, HEART if heart >= 0.5 else "")

    @property
    def in_lung(self) -> bool:
        return self.region not in ("", HEART)

    def unread(self, name: str) -> str:
        """What of the box is not assessed for where it lies, in words; "" if all of it is.

        name: the box's.
        """
        if self.in_lung:
            part = f"the part of the {name} beside the lungs"
            return f"Not assessed: {part}." if 1 - self.lung >= BESIDE else ""
        if self.lung > 0:
            return f"Not assessed: the {name} is at the edge of the lungs."
        if self.region == HEART:
            return f"Not assessed: the {name} lies over the heart, not in the lungs."
        return f"Not assessed: the {name} is not in the lungs."


def _part(inside: Iterable[NDArray[np.bool_]], count: int) -> float:
    """The part of so many points that lies in any of several regions."""
    return float(np.logical_or.reduce([np.zeros(count, bool), *inside]).mean())


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


def _surely_inside(region: Region, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points (N, 2) lie in a region with all that is nearer to them than `EDGE`."""
    steps = EDGE * region.box.width * np.array([(0, 0), *_COMPASS])
    return np.asarray(np.all([_inside(region, points + step) for step in steps], axis=0))


def _members(mask: Mask, parts: NDArray[np.float64]) -> NDArray[np.bool_]:
    height, width = mask.values.shape
    columns, rows = np.clip((parts * (width, height)).astype(int), 0, (width - 1, height - 1)).T
    return np.asarray(mask.values[rows, columns] >= 0.5)
