"""A film's greys as the page takes them: 16 bits, little endian, row by row, without padding.

They are those before the film's own window, which the page starts with and a reader can change.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.image import Image

TILE = 2048  # pixels of a tile's side; some devices take no texture above 4096
PREVIEW = 1024  # pixels of its longest side
THUMBNAIL = 256


def tile(image: Image, x0: int, y0: int, x1: int, y1: int) -> NDArray[np.uint16]:
    """The part of a film from pixel (x0, y0) to, not with, (x1, y1), cut at the film's edges.

    Raises InvalidValueError for a part that is empty, outside of the film, or larger than a tile.
    """
    height, width = image.shape
    left, right, top, bottom = max(x0, 0), min(x1, width), max(y0, 0), min(y1, height)
    if left >= right or top >= bottom:
        raise InvalidValueError(f"no such part of a film of {width} x {height} pixels")
    if right - left > TILE or bottom - top > TILE:
        raise InvalidValueError(f"a part of a film has at most {TILE} x {TILE} pixels")
    return image.greys.values[top:bottom, left:right]


def preview(image: Image, largest: int = PREVIEW) -> NDArray[np.uint16]:
    """The film with its longest side at most `largest` pixels; each is the mean of its area."""
    height, width = image.shape
    scale = largest / max(height, width)
    if scale >= 1:
        return image.greys.values
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image.greys.values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint16)


def thumbnail(image: Image) -> bytes:
    """A small picture of the film as it asks to be shown, PNG."""
    shown = image.scale.window.shown(preview(image, THUMBNAIL))
    _, encoded = cv2.imencode(".png", np.rint(shown * 255).astype(np.uint8))
    return encoded.tobytes()


def content_of(greys: NDArray[np.uint16]) -> bytes:
    """The bytes that are sent: row by row, 16 bits each, the low byte first."""
    return greys.astype("<u2", copy=False).tobytes()
