"""Drawing on a film's pixels: smooth lines with a dark casing, dashes, heat. New arrays only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.evidence import Heatmap, Line, at_pixels
from grounded.geometry import Box
from grounded.image import Image
from grounded.viz.palette import BLACK, WHITE, Rgb, heat_table

_SHIFT = 4  # cv2 takes coordinates in sixteenths of a pixel
_HEAT_OPACITY = 0.6  # of the hottest place in the report; the page begins there too


@dataclass(frozen=True, slots=True)
class Display:
    """A film as it is shown: `scale` shown pixels for one film pixel, the same both ways.

    shape: (H, W) of the shown film. font: height of the lettering; stroke: width of a line.
    """

    scale: float
    shape: tuple[int, int]
    font: int
    stroke: int

    @classmethod
    def of(
        cls, shape: tuple[int, int], *, largest: int | None = None, enlarge: bool = True
    ) -> Display:
        """The film at its own size; enlarged by a whole number where it is smaller than 512.

        enlarge: whether it may be enlarged. largest: shrink a film whose longest side is larger.
        """
        longest = max(shape)
        scale = float(max(1, round(512 / longest))) if enlarge else 1.0
        if largest is not None and longest > largest:
            scale = largest / longest
        height, width = (max(1, round(side * scale)) for side in shape)
        shown = max(height, width)
        return cls(scale, (height, width), max(12, round(shown / 68)), max(1, round(shown / 700)))

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Image frame to shown pixels."""
        return points * self.scale

    def box(self, box: Box) -> Box:
        return Box(*(value * self.scale for value in box))


def film_pixels(film: Image, view: Display) -> NDArray[np.uint8]:
    """The film as shown, (H, W, 3) RGB, undistorted; a fresh array."""
    grey = np.rint(film.pixels * 255).astype(np.uint8)
    if grey.shape != view.shape:
        smaller = view.scale < 1
        size = (view.shape[1], view.shape[0])
        method = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
        grey = np.asarray(cv2.resize(grey, size, interpolation=method), dtype=np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def stroke(
    pixels: NDArray[np.uint8],
    lines: Sequence[NDArray[np.float64]],
    color: Rgb,
    width: int,
    *,
    dashed: bool = False,
    closed: bool = True,
) -> None:
    """Draw lines, each (N, 2) in shown pixels, with a dark casing, onto an array being made."""
    pieces = [line for whole in lines for line in _pieces(whole, closed, dashed, width)]
    encoded = [_encoded(piece) for piece in pieces if len(piece) >= 2]
    for ink, thickness in ((BLACK, width + max(2, width)), (color, width)):
        cv2.polylines(pixels, encoded, False, ink, thickness, cv2.LINE_AA, _SHIFT)


def draw_ruler(pixels: NDArray[np.uint8], line: Line, view: Display) -> None:
    """A measured line with a tick at each end, in white."""
    ends = view.points(np.array([[line.x0, line.y0], [line.x1, line.y1]]))
    along = ends[1] - ends[0]
    length = float(np.hypot(*along))
    across = np.array([-along[1], along[0]]) / length if length else np.array([0.0, 1.0])
    tick = across * view.font * 0.5
    ticks = [np.stack([end - tick, end + tick]) for end in ends]
    stroke(pixels, [ends, *ticks], WHITE, view.stroke + 1, closed=False)


def with_heat(
    pixels: NDArray[np.uint8], heat: Heatmap, maximum: float, view: Display
) -> NDArray[np.uint8]:
    """The picture with a heatmap over it: nothing where the heat is 0, opaque where it is most.

    maximum: the top of the report's scale. What lies outside of the film is not drawn.
    """
    if maximum <= 0:
        return pixels
    spread = at_pixels(heat.values, view.box(heat.extent), view.shape)  # (H, W)
    level = np.clip(spread / maximum, 0, 1)
    colors = heat_table()[np.rint(level * 255).astype(np.uint8)]  # (H, W, 3)
    alpha = (level * _HEAT_OPACITY)[:, :, None]
    mixed = pixels * (1 - alpha) + colors * alpha
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def _pieces(
    line: NDArray[np.float64], closed: bool, dashed: bool, width: int
) -> list[NDArray[np.float64]]:
    whole = np.concatenate([line, line[:1]]) if closed else line
    return _dashes(whole, dash=7.0 * width + 3, gap=4.0 * width + 3) if dashed else [whole]


def _dashes(line: NDArray[np.float64], dash: float, gap: float) -> list[NDArray[np.float64]]:
    """The line cut into dashes by its length; corners inside a dash are kept."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    total = float(at[-1])
    pieces = []
    for start in np.arange(0.0, total, dash + gap):
        end = min(start + dash, total)
        corners = at[(at > start) & (at < end)]
        places = np.concatenate([[start], corners, [end]])
        pieces.append(
            np.stack([np.interp(places, at, line[:, 0]), np.interp(places, at, line[:, 1])], axis=1)
        )
    return pieces


def _encoded(line: NDArray[np.float64]) -> NDArray[np.int32]:
    """In cv2's pixel index frame, where (0, 0) is the first pixel's centre, in sixteenths."""
    return np.rint((line - 0.5) * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
