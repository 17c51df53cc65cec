"""How the pixels of a report lie to those of the DICOM instance, and the way between them.

A report's boxes are in the picture that was read, which may be turned upright; an object's
coordinates are in the instance as it is stored. Both are continuous, and (0, 0) is the outer corner
of the first pixel (PS3.3 C.18.6, C.10.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grounded.geometry import Box
from grounded.image import ImageInfo

_SWAPPED = (5, 6, 7, 8)  # EXIF orientations: rows and columns change places,
_UPSIDE_DOWN = (3, 4, 7, 8)  # then rows are turned round,
_MIRRORED = (2, 3, 6, 7)  # then columns


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """The instance as stored: `height` x `width` pixels, `orientation` as EXIF has it.

    What `orientation` is done to the stored pixels to make them the picture that was read.
    """

    height: int
    width: int
    orientation: int = 1

    @classmethod
    def of(cls, info: ImageInfo) -> StoredFrame:
        swapped = info.orientation in _SWAPPED
        height, width = (info.width, info.height) if swapped else (info.height, info.width)
        return cls(height, width, info.orientation)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def shown_shape(self) -> tuple[int, int]:
        """(H, W) of the picture that was read."""
        return self.shape[::-1] if self.orientation in _SWAPPED else self.shape

    def to_stored(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (N, 2), x first, from the picture that was read to the stored pixels."""
        x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
        height, width = self.shown_shape
        if self.orientation in _MIRRORED:
            x = width - x
        if self.orientation in _UPSIDE_DOWN:
            y = height - y
        return np.stack([y, x] if self.orientation in _SWAPPED else [x, y], axis=1)

    def to_shown(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (N, 2), x first, from the stored pixels to the picture that was read."""
        x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
        if self.orientation in _SWAPPED:
            x, y = y, x
        height, width = self.shown_shape
        if self.orientation in _UPSIDE_DOWN:
            y = height - y
        if self.orientation in _MIRRORED:
            x = width - x
        return np.stack([x, y], axis=1)

    def pixels_to_stored(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """A picture (H, W) that lies as the one that was read, laid as the stored pixels."""
        if self.orientation in _MIRRORED:
            pixels = pixels[:, ::-1]
        if self.orientation in _UPSIDE_DOWN:
            pixels = pixels[::-1]
        pixels = np.swapaxes(pixels, 0, 1) if self.orientation in _SWAPPED else pixels
        return np.ascontiguousarray(pixels)

    def corners(self, box: Box) -> NDArray[np.float64]:
        """The corners (4, 2) of a box in the stored pixels, clockwise from its upper left there."""
        (x0, y0), (x1, y1) = self.to_stored([[box.x0, box.y0], [box.x1, box.y1]])
        (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
        return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])

    @property
    def quarter_turns(self) -> tuple[int, bool]:
        """What a viewer does to show the picture that was read: mirror it left to right or not
        (second), after turning it clockwise by so many quarters (first).

        PS3.3 C.10.6: rotation is applied before the flip.
        """
        return {1: (0, False), 6: (1, False), 3: (2, False), 8: (3, False)}.get(
            self.orientation
        ) or {2: (0, True), 5: (1, True), 4: (2, True), 7: (3, True)}[self.orientation]
