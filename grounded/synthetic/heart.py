"""Cardiomegaly as a painted lesion: the film is warped so that the cardiac silhouette widens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest.measures import ratio_of_boxes
from grounded.chest.names import HEART
from grounded.errors import InvalidValueError
from grounded.geometry import Box
from grounded.synthetic.painting import LUNG_NAMES, Plane, extent, is_there, lateral_border, ramp

LEAST_RATIO, GREATEST_RATIO = 0.53, 0.68
_SQUEEZED = 0.62  # the most that the lung beside the heart gives way, of its width there
_ROOM = 0.04  # of the chest's width, kept between what moves and the chest wall


@dataclass(frozen=True, slots=True, eq=False)
class _Widening:
    """What is known before the warp, in pixels of the film.

    middle: x of the spine. borders: x of the heart's borders. spread: how far each moves out.
    """

    middle: float
    borders: tuple[float, float]
    spread: tuple[float, float]


def cardiothoracic_ratio(masks: Mapping[str, Plane]) -> float:
    """By the extents of the masks of the heart and both lungs, none of which may be empty."""
    boxes = {}
    for name in (HEART, *LUNG_NAMES.values()):
        rows, columns = extent(masks[name] > 0.5)
        boxes[name] = Box(columns[0], rows[0], columns[1], rows[1])
    return ratio_of_boxes(boxes) or math.nan


def widened(
    film: Plane, masks: Mapping[str, Plane], rng: Generator, strength: float
) -> tuple[Plane, dict[str, Plane]]:
    """The film and its masks with a heart of 0.53 to 0.68 of the chest's width, by strength.

    A heart that is already as wide is widened by a little more, as far as there is room. Raises
    InvalidValueError when the heart or a lung is missing.
    """
    for name in (HEART, *LUNG_NAMES.values()):
        if not is_there(masks, name):
            raise InvalidValueError(
                f"cardiomegaly needs the masks of the heart and both lungs, {name!r} is missing or "
                f"empty; there are: {sorted(masks)}"
            )
    change = _widening(masks, rng, strength)
    source_x = _source_columns(film.shape, masks, change)
    source_y = np.broadcast_to(
        np.arange(film.shape[0], dtype=np.float32)[:, None], film.shape
    ).copy()
    return (
        np.clip(_sampled(film, source_x, source_y), 0, 1),
        {name: np.clip(_sampled(mask, source_x, source_y), 0, 1) for name, mask in masks.items()},
    )


def _sampled(plane: Plane, x: Plane, y: Plane) -> Plane:
    warped = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def _widening(masks: Mapping[str, Plane], rng: Generator, strength: float) -> _Widening:
    heart = np.flatnonzero((masks[HEART] > 0.5).any(axis=0))
    x0, x1 = float(heart[0]), float(heart[-1] + 1)
    wall0, wall1 = _chest_walls(masks)
    chest = wall1 - wall0
    aim = LEAST_RATIO + 0.005 + (GREATEST_RATIO - LEAST_RATIO - 0.01) * strength
    wanted = max(aim * chest - (x1 - x0), 0.02 * chest)
    room = (max(_SQUEEZED * (x0 - wall0), 0.0), max(_SQUEEZED * (wall1 - x1), 0.0))
    left = min(wanted * rng.uniform(0.65, 0.9), room[1])  # of the patient: mostly to the left
    right = min(wanted - left, room[0])
    left = min(max(left, wanted - right), room[1])
    middle = float(np.clip((wall0 + wall1) / 2, x0 + 0.2 * (x1 - x0), x1 - 0.4 * (x1 - x0)))
    return _Widening(middle, (x0, x1), (right, left))


def _chest_walls(masks: Mapping[str, Plane]) -> tuple[float, float]:
    right = np.flatnonzero((masks[LUNG_NAMES["right"]] > 0.5).any(axis=0))
    left = np.flatnonzero((masks[LUNG_NAMES["left"]] > 0.5).any(axis=0))
    return float(min(right[0], left[0])), float(max(right[-1], left[-1]) + 1)


def _source_columns(shape: tuple[int, ...], masks: Mapping[str, Plane], change: _Widening) -> Plane:
    """Where each pixel (H, W) of the new film comes from, x in pixel indices.

    The heart's borders move by the whole spread, the spine and the chest wall not at all.
    """
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(0.5)
    shift = np.zeros((shape[0], shape[1]), np.float32)
    for side, outward, border, spread in (
        ("right", -1, change.borders[0], change.spread[0]),
        ("left", 1, change.borders[1], change.spread[1]),
    ):
        reach = (_smooth_border(masks[LUNG_NAMES[side]], outward) - change.middle) * outward
        aim = (border - change.middle) * outward + spread
        peak = np.minimum(aim, reach - _ROOM * 2 * reach.max())  # (H, 1), where most is moved
        most = np.float32(spread) * np.clip(peak / aim, 0, 1) ** 2
        out = (x - change.middle) * np.float32(outward)  # (1, W)
        rising = ramp(out / np.maximum(peak, 1), 0.0, 1.0)
        falling = ramp((out - peak) / np.maximum(reach - peak, 1), 1.0, 0.0)
        shift += np.where(out > 0, outward * most * rising * falling, 0)
    return np.asarray(x - shift * _rows(masks[HEART] > 0.5)[:, None] - 0.5, np.float32)


def _smooth_border(lung: Plane, outward: int) -> Plane:
    """x (H, 1) of the lung's outer border, without the outline's steps."""
    border = lateral_border(lung > 0.5, outward)[:, None]
    return np.asarray(cv2.blur(border, (1, 2 * (len(border) // 60) + 1)), np.float32).reshape(-1, 1)


def _rows(heart: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How much of the spread each row (H,) takes: all of it where the heart is wide."""
    rows, columns = np.flatnonzero(heart.any(axis=1)), np.flatnonzero(heart.any(axis=0))
    height = float(rows[-1] + 1 - rows[0])
    widest = [float(np.flatnonzero(heart[:, column]).mean()) for column in columns[[0, -1]]]
    full = min(*widest, rows[0] + 0.5 * height) - 0.05 * height
    y = np.arange(heart.shape[0], dtype=np.float32)
    above = ramp(y, full - 0.6 * height, full)
    return above * ramp(y, rows[-1] + 0.6 * height, rows[-1] + 0.02 * height)
