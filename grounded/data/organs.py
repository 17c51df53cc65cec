"""Films whose organs are annotated: what a detector is trained on and measured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.errors import DataError
from grounded.geometry import Box

Outline = Path | NDArray[np.float64]
"""A mask file of the film's size, or a polygon (N, 2) in the image frame."""


@dataclass(frozen=True, slots=True, eq=False)
class OrganExample:
    """One film with what is known of its organs.

    path: the film, 8-bit grey. outlines and boxes (image frame): by organ, only what was annotated.
    absent: nothing of a frontal chest is in this film (a lateral film, another body part).
    cardiothoracic_ratio: as read by people, None where nobody did.
    """

    name: str
    source: str
    patient: str
    path: Path
    view: str = ""
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    boxes: Mapping[str, Box] = field(default_factory=dict)
    cardiothoracic_ratio: float | None = None
    absent: bool = False

    def pixels(self) -> NDArray[np.uint8]:
        """The film (H, W), 8-bit, air dark. Raises DataError when it cannot be read."""
        return read_grey(self.path)

    def mask(self, organ: str) -> NDArray[np.bool_]:
        """The organ's outline, filled, (H, W). Raises DataError when there is none."""
        if organ not in self.outlines:
            raise DataError(
                f"{self.name} has no outline of {organ!r}; it has: {list(self.outlines)}"
            )
        outline = self.outlines[organ]
        if isinstance(outline, Path):
            return read_grey(outline) > 0
        return filled(outline, self.pixels().shape)

    def reference_boxes(self) -> dict[str, Box]:
        """The annotated boxes, and the extents of the outlines (image frame)."""
        boxes = dict(self.boxes)
        for organ, outline in self.outlines.items():
            if not isinstance(outline, Path):
                boxes[organ] = Box(*outline.min(axis=0), *outline.max(axis=0))
                continue
            mask = self.mask(organ)
            columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
            if columns.size:
                boxes[organ] = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return boxes


def read_grey(path: Path) -> NDArray[np.uint8]:
    """An 8-bit grey picture (H, W). Raises DataError for a missing or unreadable file."""
    if not path.is_file():
        raise DataError(f"{path} is missing; is the data set complete?")
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise DataError(f"{path} cannot be read as a picture")
    return np.asarray(pixels, dtype=np.uint8)


def filled(polygon: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.bool_]:
    """The polygon (N, 2) in the image frame, filled to (H, W): pixels that it covers by half."""
    fine = 4  # fillPoly paints the border's pixels too, so paint finer and count
    height, width = shape
    canvas = np.zeros((height * fine, width * fine), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.round(polygon * fine - 0.5).astype(np.int32)], 255)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA) >= 128)


def split_by_patient(
    examples: Sequence[OrganExample], fraction: float, seed: int
) -> tuple[list[OrganExample], list[OrganExample]]:
    """(train, held out): of each source, `fraction` of the patients is held out.

    The same examples, fraction and seed give the same split, whatever the order of the examples.
    """
    if not 0 <= fraction < 1:
        raise DataError(f"the held-out fraction lies in 0..1, got {fraction}")
    held: set[tuple[str, str]] = set()
    for source in sorted({example.source for example in examples}):
        patients = sorted({e.patient for e in examples if e.source == source})
        order = np.random.default_rng(seed).permutation(len(patients))
        held |= {(source, patients[i]) for i in order[: round(fraction * len(patients))]}
    train = [e for e in examples if (e.source, e.patient) not in held]
    return train, [e for e in examples if (e.source, e.patient) in held]
