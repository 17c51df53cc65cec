"""The outline of an organ as a polygon: extents, crossings, area, the tip of the lung's recess."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grounded.evidence import Mask
from grounded.geometry import Box

Points = NDArray[np.float64]
Edge = Literal["left", "right", "upper", "lower"]
"""An edge of the picture, not of the patient."""

_FEWEST_CELLS = 8  # an outline narrower than this many cells of its mask is not measured


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """The largest closed outline of a mask, inside the film.

    points: (N, 2), x first, image frame; the last is joined to the first. cell: the larger side of
    a cell of the mask, film pixels. box: the extent of the outline.
    """

    points: Points
    cell: float
    box: Box = field(init=False)
    _next: Points = field(init=False, repr=False)  # the end of the edge that begins at each point

    def __post_init__(self) -> None:
        corners = (*self.points.min(axis=0), *self.points.max(axis=0))
        object.__setattr__(self, "box", Box(*corners))
        object.__setattr__(self, "_next", np.roll(self.points, -1, axis=0))

    @classmethod
    def of(cls, mask: Mask, frame: Box) -> Contour | None:
        """The outline of a mask, or None when it is empty or too small to measure."""
        height, width = mask.values.shape
        cell = max(mask.extent.width / width, mask.extent.height / height)
        outlines = [
            np.clip(line[:-1], (frame.x0, frame.y0), (frame.x1, frame.y1))
            for line in mask.outlines()
        ]
        if not outlines:
            return None
        largest = max(outlines, key=lambda line: abs(_shoelace(line)))
        if np.ptp(largest, axis=0).min() < _FEWEST_CELLS * cell:
            return None
        return cls(largest, cell)

    @property
    def area(self) -> float:
        """Square pixels of the film."""
        return abs(_shoelace(self.points))

    @property
    def centroid(self) -> tuple[float, float]:
        """The centre of the area (x, y)."""
        (x, y), (next_x, next_y) = self.points.T, self._next.T
        wedge = x * next_y - next_x * y
        total = 3 * wedge.sum()
        return (
            float(((x + next_x) * wedge).sum() / total),
            float(((y + next_y) * wedge).sum() / total),
        )

    @property
    def apex(self) -> tuple[float, float]:
        """The highest point (x, y)."""
        x, y = self.points[np.argmin(self.points[:, 1])]
        return float(x), float(y)

    def row(self, y: float) -> tuple[float, float] | None:
        """The outermost x at the height y, or None above and below the organ."""
        return self._outermost(y, axis=1)

    def column(self, x: float) -> tuple[float, float] | None:
        """The highest and the lowest y at the place x, or None beside the organ."""
        return self._outermost(x, axis=0)

    def recess(self, outward: int) -> int:
        """The index of the point farthest down and outward (-1: to the left of the picture).

        In a lung it is the tip of the costophrenic recess. Down counts twice: the recess is the
        lowest part of a normal lung, and outward decides where the base is flat.
        """
        return int(np.argmax(self.points[:, 1] + 0.5 * outward * self.points[:, 0]))

    def touches(self, edge: Edge, frame: Box) -> bool:
        """Whether the organ reaches an edge of the film, to a cell of its mask."""
        gaps = {
            "left": self.box.x0 - frame.x0,
            "right": frame.x1 - self.box.x1,
            "upper": self.box.y0 - frame.y0,
            "lower": frame.y1 - self.box.y1,
        }
        return gaps[edge] < self.cell

    def _outermost(self, value: float, axis: int) -> tuple[float, float] | None:
        begins, ends = self.points[:, axis], self._next[:, axis]
        crosses = np.flatnonzero((begins <= value) != (ends <= value))
        if not crosses.size:
            return None
        here, there = self.points[crosses], self._next[crosses]
        fraction = (value - here[:, axis]) / (there[:, axis] - here[:, axis])
        found = here[:, 1 - axis] + fraction * (there - here)[:, 1 - axis]
        return float(found.min()), float(found.max())


def _shoelace(points: Points) -> float:
    x, y = points.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
