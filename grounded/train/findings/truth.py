"""What training knows of each film: who saw which finding, and where.

Three kinds of truth are kept apart. *Read*: what each reader says of the whole film. *Cells*: where
objects were outlined or boxed, on a grid over the film. *Regions*: which of the detector's regions
have a finding, by how outlines and boxes of regions overlap. NaN or a weight of 0 is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.data.example import Example, FilmReading, Mark, read_mask
from grounded.data.nih import DENSE, GOOGLE, OPACITY, RADIOLOGISTS, RSNA, TEXT
from grounded.geometry import Box, Placement

LABELS = (
    OPACITY,
    "Pleural Effusion",
    "Pneumothorax",
    "Cardiomegaly",
    "Atelectasis",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural Thickening",
    "Nodule",
    "Mass",
    "Calcification",
    "Fracture",
)
READERS = (RADIOLOGISTS, RSNA, GOOGLE, TEXT)
"""The readers whose habits are told apart; anybody else is believed as radiologists are."""
MUCH, LITTLE = 0.25, 0.03  # shares from which on an object is in a region, or is not
FINE = 4  # pixels that an object is painted with along each side of a cell

Grid = NDArray[np.uint8]
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known of one film.

    read: (READERS, F), 1, 0 or NaN. marks: objects by place. located: (F,) whether `marks` holds
    all that there is of a finding. unsure: places at which an opacity is neither taught nor denied.
    """

    read: Values
    marks: tuple[Mark, ...]
    located: NDArray[np.bool_]
    unsure: tuple[Mark, ...]

    @property
    def placed(self) -> bool:
        """Whether any place is known."""
        return bool(self.marks) or bool(self.located.any())


def truth_of(film: Example) -> Truth:
    """What all readers say of one film. Who outlined a finding silences boxes of it by others."""
    read = np.full((len(READERS), len(LABELS)), np.nan, dtype=np.float32)
    marks: list[Mark] = []
    located: set[str] = set()
    for reading in film.readings:
        row = READERS.index(reading.reader) if reading.reader in READERS else 0
        for label, value in _said(reading):
            if np.isnan(read[row, LABELS.index(label)]):
                read[row, LABELS.index(label)] = value
        marks += [m for m in reading.marks if m.label in LABELS and m.label not in located]
        located |= reading.located
    dense = tuple(mark for mark in marks if mark.label in DENSE)
    return Truth(read, tuple(marks), np.array([label in located for label in LABELS]), dense)


def _said(reading: FilmReading) -> Iterator[tuple[str, float]]:
    """What a reader says of the whole film: a finding of a region is a finding of the film."""
    regional = {label: p for (_, label), p in reading.regions.items() if p == "present"}
    for label, presence in {**regional, **reading.findings}.items():
        if label in LABELS and presence != "uncertain":
            yield label, float(presence == "present")


def painted(marks: Iterable[Mark], placement: Placement, cells: int) -> Grid:
    """The share of each cell, 0..255, that the objects of each finding cover: (F, cells, cells)."""
    grid = np.zeros((len(LABELS), cells, cells), dtype=np.uint8)
    for mark in marks:
        row = LABELS.index(mark.label)
        canvas = _canvas(mark.shape, placement, cells * FINE)
        covered = cv2.resize(canvas, (cells, cells), interpolation=cv2.INTER_AREA)
        grid[row] = np.maximum(grid[row], covered)
    return grid


def _canvas(shape: object, placement: Placement, side: int) -> Grid:
    """An object in the model frame, side x side, 0 or 255."""
    if isinstance(shape, Box):
        shape = np.array([[shape.x0, shape.y0], [shape.x1, shape.y0],
                          [shape.x1, shape.y1], [shape.x0, shape.y1]])  # fmt: skip
    if not isinstance(shape, np.ndarray):
        placed = placement.place(read_mask(shape).astype(np.float32))  # type: ignore[arg-type]
        small = cv2.resize(placed, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray((small >= 0.5) * np.uint8(255))
    points = placement.to_model(shape) * (side / placement.model_shape[0])
    canvas = np.zeros((side, side), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.round(points - 0.5).astype(np.int32)], 255)
    return canvas


def region_truth(truth: Truth, grid: Grid, unsure: Grid, shares: Values) -> Values:
    """Which regions have which finding, (R, F); NaN where outlines and region half agree.

    grid, unsure: (F, n, n) as `painted` makes them. shares: (R, n, n) of each cell in a region. A
    region has a finding that covers a good part of it, or of which it holds a good part.
    """
    known = np.full((len(shares), len(LABELS)), np.nan, dtype=np.float32)
    areas = shares.sum(axis=(1, 2)).clip(1e-6)
    doubtful = (shares * unsure.max(axis=0) / 255.0).sum(axis=(1, 2)) / areas > LITTLE
    for row in np.flatnonzero(truth.located | grid.any(axis=(1, 2))):
        objects = grid[row] / 255.0
        shared = (shares * objects).sum(axis=(1, 2))
        of_object = shared / max(objects.sum(), 1e-6)
        known[(of_object >= MUCH) | (shared / areas >= MUCH), row] = 1
        clear = (of_object <= LITTLE) & (shared / areas <= LITTLE)
        if LABELS[row] == OPACITY:
            clear &= ~doubtful
        if truth.located[row]:
            known[clear, row] = 0
    return known
