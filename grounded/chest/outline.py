"""The outline of an organ: as a polygon to measure on, and as edges by row and by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.errors import GroundedError
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.image import ImageInfo
from grounded.regions import Regions

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


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Where an organ begins and ends, image frame, at the 0.5 level of its mask.

    rows: (n,) the heights y at which it was cut; left, right: (n,) its outermost edges there.
    columns: (m,) the places x; top, bottom: (m,) its outermost edges there. Rows and columns
    without any of the organ are left out. A mask of whole pixels gives their exact borders.
    """

    rows: Points
    left: Points
    right: Points
    columns: Points
    top: Points
    bottom: Points

    @classmethod
    def of(cls, mask: Mask) -> Profile | None:
        """The profile of a mask, or None when no value of it reaches 0.5."""
        if mask.values.max() < 0.5:
            return None
        height, width = mask.values.shape
        step_x, step_y = mask.extent.width / width, mask.extent.height / height
        rows, left, right = _edges(mask.values)
        columns, top, bottom = _edges(mask.values.T)
        x0, y0 = mask.extent.x0, mask.extent.y0
        return cls(
            rows=y0 + rows * step_y,
            left=x0 + left * step_x,
            right=x0 + right * step_x,
            columns=x0 + columns * step_x,
            top=y0 + top * step_y,
            bottom=y0 + bottom * step_y,
        )

    @property
    def box(self) -> Box:
        """The extent of the outline."""
        return Box(self.left.min(), self.top.min(), self.right.max(), self.bottom.max())

    def left_at(self, y: float) -> float:
        """The left edge at a height; above and below the organ, that of its nearest row."""
        return float(np.interp(y, self.rows, self.left))

    def right_at(self, y: float) -> float:
        return float(np.interp(y, self.rows, self.right))

    def between(self, y0: float, y1: float) -> tuple[Points, Points]:
        """Left and right edges of the rows from y0 to y1, at least those nearest to them."""
        chosen = (self.rows > y0) & (self.rows < y1)
        heights = np.concatenate([[y0], self.rows[chosen], [y1]])
        return np.interp(heights, self.rows, self.left), np.interp(heights, self.rows, self.right)


def _edges(values: NDArray[np.float32]) -> tuple[Points, Points, Points]:
    """(rows, first, last): the rows that reach 0.5, as cell centres, and the 0.5 level in them."""
    padded = np.pad(values.astype(np.float64), 1)  # an organ cut by the grid's edge ends there
    inside = padded >= 0.5
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = padded.shape[1] - 1 - inside[rows, ::-1].argmax(axis=1)
    before = _overshoot(padded[rows, first], padded[rows, first - 1])
    after = _overshoot(padded[rows, last], padded[rows, last + 1])
    # index i of the padded grid has its centre at i - 0.5 of the grid's own frame
    starts: Points = first - 0.5 - before
    ends: Points = last - 0.5 + after
    centres: Points = rows.astype(np.float64) - 0.5
    return centres, starts, ends


def _overshoot(inside: Points, outside: Points) -> Points:
    """How far, in cells, the 0.5 level lies outwards of the last centre inside."""
    beyond: Points = (inside - 0.5) / (inside - outside)
    return beyond


class NotMeasurable(GroundedError):  # noqa: N818 - a reason, not a failure
    """This film does not allow a measurement. The message is the reason, for a reader."""


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """The organs that were outlined in one film.

    outlines: by region name. reasons: why a region has none. frame: the film, without a uniform
    border.
    """

    outlines: Mapping[str, Contour]
    reasons: Mapping[str, str]
    frame: Box

    @classmethod
    def of(cls, found: Regions, info: ImageInfo) -> Chest:
        """From what a detector found. A region that has only a box is not measured: a box may be
        the usual place of an organ rather than its edge."""
        outlines: dict[str, Contour] = {}
        reasons: dict[str, str] = {}
        for name in (RIGHT_LUNG, LEFT_LUNG, HEART):
            if name not in found:
                reasons[name] = f"the {name} was not found"
            elif (mask := found[name].mask) is None:
                reasons[name] = f"the {name} has no outline"
            elif (contour := Contour.of(mask, info.shown)) is None:
                reasons[name] = f"the outline of the {name} is too small"
            else:
                outlines[name] = contour
        return cls(outlines, reasons, info.shown)

    def organ(self, name: str, *uncut: Edge) -> Contour:
        """The outline of an organ that must not reach the given edges of the film.

        Raises NotMeasurable with the reason.
        """
        if name not in self.outlines:
            raise NotMeasurable(self.reasons[name])
        contour = self.outlines[name]
        for edge in uncut:
            if contour.touches(edge, self.frame):
                raise NotMeasurable(f"the {name} reaches the {edge} edge of the picture")
        return contour

    def lungs(self, *uncut: Edge) -> tuple[Contour, Contour]:
        """The right and the left lung. The outer side of each must lie in the film, always."""
        right = self.organ(RIGHT_LUNG, "left", *uncut)
        left = self.organ(LEFT_LUNG, "right", *uncut)
        if right.centroid[0] >= left.centroid[0]:
            raise NotMeasurable("the lungs do not lie on the sides that a frontal film shows")
        return right, left
