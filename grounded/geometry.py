"""Boxes and frames.

Two frames are used everywhere. The *image frame* is that of the film's own pixels: continuous,
x to the right, y down, and (0, 0) is the outer corner of the first pixel, so a film of W x H pixels
spans [0, W] x [0, H]. It is the frame of DICOM's SCOORD (PS3.3 C.18.6). The *model frame* is the
same for the square that a network sees. `Placement` alone knows how one lies in the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from grounded.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the image frame: x0 < x1 rightwards, y0 < y1 downwards.

    Raises InvalidValueError for coordinates that are not finite or span no area.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        for name in ("x0", "y0", "x1", "y1"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not all(math.isfinite(value) for value in self):
            raise InvalidValueError(f"a box needs four finite numbers, got {tuple(self)}")
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise InvalidValueError(f"a box needs x0 < x1 and y0 < y1, got {tuple(self)}")

    def __iter__(self) -> Iterator[float]:
        return iter((self.x0, self.y0, self.x1, self.y1))

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def contains(self, x: float, y: float) -> bool:
        """Whether the point lies inside; the left and upper edges belong to the box."""
        return self.x0 <= x < self.x1 and self.y0 <= y < self.y1

    def overlap(self, other: Box) -> float:
        """The area that both boxes cover."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(width, 0.0) * max(height, 0.0)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.overlap(other)
        return shared / (self.area + other.area - shared)

    def clip(self, frame: Box) -> Box:
        """The part inside `frame`. Raises InvalidValueError when nothing is left."""
        if self.overlap(frame) <= 0:
            raise InvalidValueError(f"the box {tuple(self)} lies outside of {tuple(frame)}")
        return Box(
            max(self.x0, frame.x0),
            max(self.y0, frame.y0),
            min(self.x1, frame.x1),
            min(self.y1, frame.y1),
        )


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all `boxes`. Raises InvalidValueError for none."""
    corners = np.array([tuple(box) for box in boxes], dtype=np.float64)
    if not len(corners):
        raise InvalidValueError("the union of no boxes is not a box")
    return Box(*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))


def _whole(box: Box, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box in whole pixels of a film of `shape` (H, W). Raises InvalidValueError if outside."""
    inside = box.clip(Box(0, 0, shape[1], shape[0]))
    return round(inside.x0), round(inside.y0), round(inside.x1), round(inside.y1)


@dataclass(frozen=True, slots=True)
class Placement:
    """How a film lies in the square that a network sees (letterbox), and the way back.

    model = image * scale + offset, by axis. The film is resized to whole pixels and padded by whole
    pixels, so `place` and the two mappings agree exactly.

    image_shape: (H, W) of the film; model_shape: (h, w) of the network's input;
    scale: (x, y) model pixels per image pixel; offset: (x, y) of the film's corner, model pixels.
    shown: the part of the film that the network sees, x0 y0 x1 y1 in whole pixels of the film; None
    for all of it.
    """

    image_shape: tuple[int, int]
    model_shape: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]
    shown: tuple[int, int, int, int] | None = None

    @classmethod
    def letterbox(
        cls,
        image_shape: tuple[int, int],
        model_shape: tuple[int, int],
        *,
        content: Box | None = None,
        aspect: float = 1.0,
    ) -> Placement:
        """The longest side fills the model's input, the rest is centred padding.

        content: the part of the film that is shown, rounded to whole pixels; None for all. aspect:
        height over width of the film's pixels, which become square.
        """
        (full_height, full_width), (model_height, model_width) = image_shape, model_shape
        shown = None if content is None else _whole(content, image_shape)
        x0, y0, x1, y1 = shown or (0, 0, full_width, full_height)
        width, height = x1 - x0, y1 - y0
        if min(height, width, model_height, model_width) < 1:
            raise InvalidValueError(f"cannot place a film of {image_shape} in {model_shape}")
        factor = min(model_height / (height * aspect), model_width / width)
        content_width = max(1, round(width * factor))
        content_height = max(1, round(height * aspect * factor))
        scale_x, scale_y = content_width / width, content_height / height
        left, top = (model_width - content_width) // 2, (model_height - content_height) // 2
        offset = (left, top) if shown is None else (left - x0 * scale_x, top - y0 * scale_y)
        return cls(image_shape, model_shape, (scale_x, scale_y), offset, shown)

    @property
    def content(self) -> tuple[slice, slice]:
        """The rows and columns of the model's input that hold film, not padding."""
        x0, y0, x1, y1 = self.shown or (0, 0, *self.image_shape[::-1])
        left, right = (round(self.offset[0] + x * self.scale[0]) for x in (x0, x1))
        top, bottom = (round(self.offset[1] + y * self.scale[1]) for y in (y0, y1))
        return slice(top, bottom), slice(left, right)

    def to_model(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (N, 2) or boxes (N, 4), x first, from the image frame to the model frame."""
        values, scale, offset = self._aligned(points)
        return values * scale + offset

    def to_image(self, points: ArrayLike) -> NDArray[np.float64]:
        """Points (N, 2) or boxes (N, 4), x first, from the model frame to the image frame."""
        values, scale, offset = self._aligned(points)
        return (values - offset) / scale

    def extent(self) -> Box:
        """The model's whole input as a box in the image frame (larger than the film if padded)."""
        height, width = self.model_shape
        return Box(*self.to_image([[0.0, 0.0, width, height]])[0])

    def place(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The film (H, W) as the network sees it: (h, w), resized and padded with 0 (air).

        Shrinks with cv2's INTER_AREA and enlarges with INTER_LINEAR; both keep the outer corners.
        """
        import cv2

        if pixels.shape != self.image_shape:
            raise InvalidValueError(f"expected a film of {self.image_shape}, got {pixels.shape}")
        rows, columns = self.content
        size = (columns.stop - columns.start, rows.stop - rows.start)
        shrinks = max(self.scale) <= 1
        if self.shown is not None:
            x0, y0, x1, y1 = self.shown
            pixels = pixels[y0:y1, x0:x1]
        placed = np.zeros(self.model_shape, dtype=np.float32)
        placed[rows, columns] = cv2.resize(
            pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        return placed

    def _aligned(
        self, points: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        values = np.asarray(points, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] not in (2, 4):
            raise InvalidValueError(f"expected points (N, 2) or boxes (N, 4), got {values.shape}")
        pairs = values.shape[1] // 2
        return values, np.tile(self.scale, pairs), np.tile(self.offset, pairs)
