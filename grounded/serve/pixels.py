"""A film's greys as the page takes them: 16 bits, little endian, row by row, without padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.image import Image

TILE = 2048  # pixels of a tile's side; some devices take no texture above 4096
PREVIEW = 1024  # pixels of its longest side
THUMBNAIL = 256
WHITE = 65535
GREYS: Mapping[str, Any] = {
    "bits": 16,
    "window": {"low": 0, "high": WHITE},
    "native": {"slope": 1 / WHITE, "intercept": 0.0, "unit": ""},
}
"""How greys are served: `window` is what is shown at first."""


@dataclass(frozen=True, slots=True)
class Greys:
    """A part of a film, or all of it made smaller: uint16 (h, w)."""

    values: NDArray[np.uint16]

    @property
    def content(self) -> bytes:
        return self.values.astype("<u2", copy=False).tobytes()


def tile(image: Image, x0: int, y0: int, x1: int, y1: int) -> Greys:
    """The part of a film from pixel (x0, y0) to, not with, (x1, y1), cut at the film's edges.

    Raises InvalidValueError for a part that is empty, outside of the film, or larger than a tile.
    """
    height, width = image.shape
    left, right, top, bottom = max(x0, 0), min(x1, width), max(y0, 0), min(y1, height)
    if left >= right or top >= bottom:
        raise InvalidValueError(f"no such part of a film of {width} x {height} pixels")
    if right - left > TILE or bottom - top > TILE:
        raise InvalidValueError(f"a part of a film has at most {TILE} x {TILE} pixels")
    return Greys(_deep(image.pixels[top:bottom, left:right]))


def preview(image: Image, largest: int = PREVIEW) -> Greys:
    """The film with its longest side at most `largest` pixels; each is the mean of its area."""
    height, width = image.shape
    scale = largest / max(height, width)
    if scale >= 1:
        return Greys(_deep(image.pixels))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
    return Greys(_deep(np.asarray(small, dtype=np.float32)))


def thumbnail(image: Image) -> bytes:
    """A small picture of the film, PNG."""
    grey = (preview(image, THUMBNAIL).values >> 8).astype(np.uint8)
    _, encoded = cv2.imencode(".png", grey)
    return encoded.tobytes()


def _deep(pixels: NDArray[np.float32]) -> NDArray[np.uint16]:
    """0..1 to 16 bits. Levels of a film of up to 16 bits stay apart."""
    return np.rint(np.clip(pixels, 0, 1) * WHITE).astype(np.uint16)
