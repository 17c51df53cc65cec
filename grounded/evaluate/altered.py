"""Films made worse, in rising strengths: noise, blur, lost contrast, crop, JPEG, rotation.

What happens between a detector and a reader's screen, one thing at a time. Strengths are parts of
the grey scale or of the film's longest side, so that they mean the same for every film.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.geometry import Box

Pixels = NDArray[np.float32]
_LEAST = 4.0  # pixels of a box that is still in the film


@dataclass(frozen=True, slots=True, eq=False)
class Altered:
    """A film made worse. matrix: (2, 3), from the image frame of the film to that of this one."""

    pixels: Pixels
    matrix: NDArray[np.float64]

    def moved(self, box: Box) -> Box | None:
        """Where a box of the film lies in this one; None if it is cut off."""
        corners = np.array(
            [[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)], dtype=np.float64
        )
        points = corners @ self.matrix.T
        height, width = self.pixels.shape
        low, high = points.min(axis=0), points.max(axis=0)
        low, high = np.maximum(low, 0), np.minimum(high, (width, height))
        if (high - low < _LEAST).any():
            return None
        return Box(*map(float, (*low, *high)))


Alter = Callable[[Pixels, float], Altered]
_SAME = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, slots=True)
class Alteration:
    """One way to make a film worse. unit: what the strengths are."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    alter: Alter


def unaltered(pixels: Pixels) -> Altered:
    return Altered(pixels, _SAME)


def noise(pixels: Pixels, sigma: float) -> Altered:
    """Gaussian noise; the same for the same film."""
    rng = np.random.default_rng(0)
    return _clipped(pixels + sigma * rng.standard_normal(pixels.shape, dtype=np.float32))


def blur(pixels: Pixels, sigma: float) -> Altered:
    """Gaussian blur; sigma: a part of the longest side."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), sigma * max(pixels.shape))
    return _clipped(np.asarray(blurred, dtype=np.float32))


def contrast(pixels: Pixels, lost: float) -> Altered:
    """Greys drawn together towards their mean. lost: the part of the contrast that goes."""
    mean = float(pixels.mean())
    return _clipped(mean + (1 - lost) * (pixels - mean))


def crop(pixels: Pixels, cut: float) -> Altered:
    """Cut off at each of the four sides. cut: the part of the longest side."""
    margin = round(cut * max(pixels.shape))
    if 2 * margin >= min(pixels.shape):
        raise InvalidValueError(f"a crop of {cut} leaves nothing of a film of {pixels.shape}")
    inner = pixels[margin : pixels.shape[0] - margin, margin : pixels.shape[1] - margin]
    matrix = np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin]])
    return Altered(np.ascontiguousarray(inner), matrix)


def jpeg(pixels: Pixels, strength: float) -> Altered:
    """Compressed as an 8-bit JPEG. strength: 100 minus the quality."""
    grey = np.round(pixels * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, round(100 - strength)])
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    return _clipped(np.asarray(decoded, dtype=np.float32) / np.float32(255))


def rotation(pixels: Pixels, degrees: float) -> Altered:
    """Turned about the centre, clockwise as it is seen; what comes in is air."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    turned = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    # cv2 counts from the first pixel's centre, the image frame from its outer corner
    frame = np.array(matrix, dtype=np.float64)
    frame[:, 2] += 0.5 - 0.5 * frame[:, :2].sum(axis=1)
    return Altered(np.asarray(turned, dtype=np.float32), frame)


ALTERATIONS: Mapping[str, Alteration] = {
    alteration.name: alteration
    for alteration in (
        Alteration("noise", "sigma, of the grey scale", (0.02, 0.05, 0.1, 0.2), noise),
        Alteration("blur", "sigma, of the longest side", (0.002, 0.005, 0.01, 0.02), blur),
        Alteration("contrast", "part lost", (0.3, 0.6, 0.8, 0.95), contrast),
        Alteration("crop", "part cut off at each side", (0.02, 0.05, 0.1, 0.15), crop),
        Alteration("JPEG", "100 minus the quality", (50, 75, 90, 97), jpeg),
        Alteration("rotation", "degrees", (2, 5, 10, 20), rotation),
    )
}


def _clipped(pixels: Pixels) -> Altered:
    return Altered(np.clip(pixels, 0, 1).astype(np.float32), _SAME)
