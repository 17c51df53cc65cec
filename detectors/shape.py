"""The shape of an organ from its mask: edges by row and by column, finer than the mask's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.evidence import Mask
from grounded.geometry import Box

Line = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Where an organ begins and ends, image frame, at the 0.5 level of its mask.

    rows: (n,) the heights y at which it was cut; left, right: (n,) its outermost edges there.
    columns: (m,) the places x; top, bottom: (m,) its outermost edges there. Rows and columns
    without any of the organ are left out. A mask of whole pixels gives their exact borders.
    """

    rows: Line
    left: Line
    right: Line
    columns: Line
    top: Line
    bottom: Line

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

    def between(self, y0: float, y1: float) -> tuple[Line, Line]:
        """Left and right edges of the rows from y0 to y1, at least those nearest to them."""
        chosen = (self.rows > y0) & (self.rows < y1)
        heights = np.concatenate([[y0], self.rows[chosen], [y1]])
        return np.interp(heights, self.rows, self.left), np.interp(heights, self.rows, self.right)


def _edges(values: NDArray[np.float32]) -> tuple[Line, Line, Line]:
    """(rows, first, last): the rows that reach 0.5, as cell centres, and the 0.5 level in them."""
    padded = np.pad(values.astype(np.float64), 1)  # an organ cut by the grid's edge ends there
    inside = padded >= 0.5
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = padded.shape[1] - 1 - inside[rows, ::-1].argmax(axis=1)
    before = _overshoot(padded[rows, first], padded[rows, first - 1])
    after = _overshoot(padded[rows, last], padded[rows, last + 1])
    # index i of the padded grid has its centre at i - 0.5 of the grid's own frame
    starts: Line = first - 0.5 - before
    ends: Line = last - 0.5 + after
    centres: Line = rows.astype(np.float64) - 0.5
    return centres, starts, ends


def _overshoot(inside: Line, outside: Line) -> Line:
    """How far, in cells, the 0.5 level lies outwards of the last centre inside."""
    beyond: Line = (inside - 0.5) / (inside - outside)
    return beyond
