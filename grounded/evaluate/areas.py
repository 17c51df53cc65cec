"""How much of some boxes lies in others, exactly: boxes that overlap are counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounded.geometry import Box

HALF = 0.5
"""The part of a box that has to lie in the right place: RadFact's threshold of spatial entailment
(Bannur et al., MAIRA-2, arXiv:2406.04449)."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Areas of what was said, of what is true, and of what both cover."""

    said: float
    true: float
    shared: float

    @classmethod
    def of(cls, said: Sequence[Box], true: Sequence[Box]) -> Overlap:
        """From the unions of the boxes, in square pixels.

        The grid has a line at each edge, so nothing is rounded.
        """
        xs = np.unique([x for box in (*said, *true) for x in (box.x0, box.x1)])
        ys = np.unique([y for box in (*said, *true) for y in (box.y0, box.y1)])
        areas = np.outer(np.diff(ys), np.diff(xs))
        inside = [np.zeros(areas.shape, dtype=bool) for _ in range(2)]
        for grid, boxes in zip(inside, (said, true), strict=True):
            for box in boxes:
                rows = slice(*np.searchsorted(ys, (box.y0, box.y1)))
                grid[rows, slice(*np.searchsorted(xs, (box.x0, box.x1)))] = True
        first, second = inside
        return cls(
            float(areas[first].sum()),
            float(areas[second].sum()),
            float(areas[first & second].sum()),
        )

    @property
    def precision(self) -> float:
        """The part of what was said that lies in what is true; 0 without boxes."""
        return self.shared / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        """The part of what is true that was covered; 0 without boxes."""
        return self.shared / self.true if self.true else 0.0

    @property
    def iou(self) -> float:
        whole = self.said + self.true - self.shared
        return self.shared / whole if whole else 0.0
