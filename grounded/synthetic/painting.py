"""What all painted lesions share: a lung as a canvas, and soft strokes, noise and veils on it.

Sizes are parts of a lung's height, so that a film of any resolution is painted alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest.names import HEART, LEFT_LUNG, OUTWARD, RIGHT_LUNG
from grounded.errors import InvalidValueError

Plane = NDArray[np.float32]
LUNG_NAMES = {"right": RIGHT_LUNG, "left": LEFT_LUNG}
_LEAST = 64  # pixels that make a lung or a heart


@dataclass(frozen=True, slots=True, eq=False)
class LungCanvas:
    """One lung, cut out of the film with a margin; planes are (h, w) in the frame of the cut.

    outward: the direction of x towards the chest wall, -1 for the patient's right lung.
    window: where the cut lies in the film. cover: the mask, 0..1. along: 0 at the apex's row, 1 at
    the costophrenic angle's. depth: distance from the lateral border of the same row in lung
    widths, growing medially, negative in the chest wall. inside: distance in pixels of a pixel in
    the mask from its border. height, width: of the lung, pixels. dark, tissue: grey of aerated lung
    and of soft tissue beside and below it.
    """

    side: str
    window: tuple[slice, slice]
    cover: Plane
    along: Plane
    depth: Plane
    inside: Plane
    height: float
    width: float
    dark: float
    tissue: float

    @property
    def outward(self) -> int:
        return OUTWARD[LUNG_NAMES[self.side]]

    @property
    def shape(self) -> tuple[int, int]:
        return self.cover.shape[0], self.cover.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class DeviceLines:
    """The lines that devices follow; points are (x, y) in the film's pixels.

    middle: x of the midline. top, base: y of the lungs' upper and lower ends. height: of a lung.
    heart: x0, y0, x1, y1 of the cardiac silhouette, or where it would usually lie. wall: x of the
    outer border of each lung, by the patient's side, a missing lung's taken from the other.
    """

    middle: float
    top: float
    base: float
    height: float
    heart: tuple[float, float, float, float]
    wall: Mapping[str, float]

    def point(self, across: float, along: float) -> tuple[float, float]:
        """`across` lung heights towards the patient's left of the midline, `along` the lungs."""
        return self.middle + across * self.height, self.top + along * self.height


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """A painted film (H, W) with the place (H, W), 0..1, and the variety of what was painted."""

    film: Plane
    area: Plane
    variety: str = ""


def sides_present(masks: Mapping[str, Plane]) -> list[str]:
    """The patient's sides whose lung is there."""
    return [side for side, name in LUNG_NAMES.items() if is_there(masks, name)]


def is_there(masks: Mapping[str, Plane], name: str) -> bool:
    return name in masks and int(np.count_nonzero(masks[name] > 0.5)) >= _LEAST


def lung_of(film: Plane, masks: Mapping[str, Plane], side: str) -> LungCanvas:
    """The canvas of one lung. Raises InvalidValueError when its mask is missing or empty."""
    if not is_there(masks, LUNG_NAMES[side]):
        raise InvalidValueError(
            f"no {LUNG_NAMES[side]} to paint in; the masks have: {sorted(masks)}, and a lung needs "
            f"at least {_LEAST} pixels over 0.5"
        )
    mask = masks[LUNG_NAMES[side]]
    rows, columns = extent(mask > 0.5)
    height, width = rows[1] - rows[0], columns[1] - columns[0]
    margin = round(0.12 * height)
    window = (
        slice(max(0, rows[0] - margin), min(mask.shape[0], rows[1] + margin)),
        slice(max(0, columns[0] - margin), min(mask.shape[1], columns[1] + margin)),
    )
    cover = np.asarray(mask[window], np.float32)
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    dark, tissue = _greys(np.asarray(film[window]), cover)
    return LungCanvas(
        side=side,
        window=window,
        cover=cover,
        along=_along(cover.shape, rows, window[0].start),
        depth=_depth(cover > 0.5, OUTWARD[LUNG_NAMES[side]], width),
        inside=np.asarray(inside, np.float32),
        height=float(height),
        width=float(width),
        dark=dark,
        tissue=tissue,
    )


def device_lines(masks: Mapping[str, Plane]) -> DeviceLines:
    """Raises InvalidValueError when no lung is there."""
    sides = sides_present(masks)
    if not sides:
        raise InvalidValueError(f"no lung in the masks to paint by; they have: {sorted(masks)}")
    boxes = {side: extent(masks[LUNG_NAMES[side]] > 0.5) for side in sides}
    top = float(np.mean([rows[0] for rows, _ in boxes.values()]))
    base = float(np.mean([rows[1] for rows, _ in boxes.values()]))
    height = base - top
    medial = [_medial(masks[LUNG_NAMES[side]] > 0.5, side, 0.13 * height) for side in sides]
    middle = float(np.mean(medial))
    wall = {s: float(columns[0 if s == "right" else 1]) for s, (_, columns) in boxes.items()}
    for side, other in (("right", "left"), ("left", "right")):
        wall.setdefault(side, 2 * middle - wall.get(other, middle))
    return DeviceLines(middle, top, base, height, _heart(masks, middle, top, height), wall)


def _heart(
    masks: Mapping[str, Plane], middle: float, top: float, height: float
) -> tuple[float, float, float, float]:
    if not is_there(masks, HEART):
        y0, y1 = top + 0.5 * height, top + 0.95 * height
        return middle - 0.17 * height, y0, middle + 0.35 * height, y1
    rows, columns = extent(masks[HEART] > 0.5)
    return float(columns[0]), float(rows[0]), float(columns[1]), float(rows[1])


def _medial(mask: NDArray[np.bool_], side: str, gap: float) -> float:
    """Where the midline lies, by one lung's medial border in its upper part."""
    rows, _ = extent(mask)
    upper = mask[rows[0] + (rows[1] - rows[0]) // 10 : rows[0] + (rows[1] - rows[0]) // 3]
    upper = upper[upper.any(axis=1)]
    if side == "right":
        return float(np.mean(upper.shape[1] - upper[:, ::-1].argmax(axis=1))) + gap
    return float(np.mean(upper.argmax(axis=1))) - gap


def extent(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row, first and last column of what is set, the last ones excluded."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def _along(shape: tuple[int, ...], rows: tuple[int, int], start: int) -> Plane:
    y = (np.arange(shape[0], dtype=np.float32) + start + 0.5 - rows[0]) / (rows[1] - rows[0])
    return np.asarray(np.broadcast_to(y[:, None], shape), np.float32)


def _depth(mask: NDArray[np.bool_], outward: int, width: int) -> Plane:
    border = lateral_border(mask, outward)
    x = np.arange(mask.shape[1], dtype=np.float32) + 0.5
    return np.asarray((border[:, None] - x) * outward / width, np.float32)


def lateral_border(mask: NDArray[np.bool_], outward: int) -> NDArray[np.float32]:
    """x of the outer border in each row (H,), carried on above and below the mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    if outward < 0:
        edge = mask[rows].argmax(axis=1).astype(np.float32)
    else:
        edge = np.asarray(mask.shape[1] - mask[rows][:, ::-1].argmax(axis=1), np.float32)
    return np.asarray(np.interp(np.arange(mask.shape[0]), rows, edge), np.float32)


def _greys(film: Plane, cover: Plane) -> tuple[float, float]:
    """Grey levels of the aerated lung, and of what borders it medially and below."""
    inside = film[cover > 0.5]
    wide = cv2.dilate((cover > 0.5).astype(np.uint8), np.ones((9, 9), np.uint8))
    outside = film[wide == 0]
    dark = float(np.percentile(inside, 10))
    lifted = float(np.percentile(inside, 75))
    tissue = float(np.percentile(outside, 80)) if outside.size else lifted
    return dark, max(tissue, lifted + 0.05)


def blur(plane: Plane, sigma: float) -> Plane:
    """Gaussian; a sigma under a third of a pixel leaves the plane as it is."""
    if sigma < 0.34:
        return plane
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def ramp(values: Plane, start: float, stop: float) -> Plane:
    """0 before `start`, 1 after `stop` (or the other way round), smooth between."""
    t = np.clip((values - start) / (stop - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def clouds(shape: tuple[int, int], cell: float, rng: Generator, octaves: int = 3) -> Plane:
    """Smooth noise (H, W) of deviation about 1 whose largest lumps measure `cell` pixels."""
    plane, weight, total = np.zeros((2, 2), np.float32), 1.0, 0.0
    for _ in range(octaves):  # each on a grid twice as fine, the film's only at the end
        rows, columns = (max(2, round(n / max(cell, 1.0)) + 1) for n in shape)
        plane = np.asarray(cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_CUBIC))
        plane = plane + np.float32(weight) * rng.standard_normal((rows, columns), np.float32)
        total += weight * weight
        weight, cell = weight * 0.55, cell / 2
    plane *= np.float32(1.3 / np.sqrt(total))
    return np.asarray(cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def veil(lung: LungCanvas, film: Plane, cover: Plane, grey: Plane | float, detail: float) -> Plane:
    """The lung's part (h, w) of a film, covered by something of `grey`.

    What is darker is lifted towards it by `cover` (0..1). detail: the part of ribs, vessels and
    grain that still shows through a full cover; the edges of organs do not.
    """
    part = film[lung.window]
    coarse = blur(part, 0.022 * lung.height)
    fine = part - coarse
    limit = np.float32(0.12 * (lung.tissue - lung.dark))
    if detail < 1:
        within = ramp(lung.inside, 0.01 * lung.height, 0.04 * lung.height)
        shown = np.float32(detail) * np.clip(fine, -limit, limit) * within
    else:
        shown = fine
    lift = np.maximum(grey - coarse, 0) + shown - fine
    return np.asarray(np.clip(part + cover * lift, 0, 1), np.float32)


def smooth_line(points: NDArray[np.float64], rounds: int = 4) -> NDArray[np.float64]:
    """A rounded line (M, 2) through or near the corners (N, 2), by Chaikin's corner cutting."""
    for _ in range(rounds):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points


def stroke(shape: tuple[int, int], line: NDArray[np.float64], width: float) -> Plane:
    """A line (N, 2) of `width` pixels drawn into (H, W), 0..1, anti-aliased."""
    low = np.floor(line.min(axis=0) - width - 3).astype(int).clip(0)
    high = np.minimum(np.ceil(line.max(axis=0) + width + 3).astype(int), shape[::-1])
    drawn = np.zeros(shape, np.float32)
    size = high - low
    if (size <= 0).any():
        return drawn
    fine = np.zeros((int(size[1]) * 3, int(size[0]) * 3), np.uint8)
    corners = np.round(((line - low) * 3 - 0.5) * 16).astype(np.int32)
    thickness = max(1, round(3 * width))
    cv2.polylines(fine, [corners], False, 255, thickness, cv2.LINE_AA, shift=4)
    coarse = cv2.resize(fine, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    part = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
    drawn[part] = coarse.astype(np.float32) / 255
    return drawn


def into(film: Plane, window: tuple[slice, slice], part: Plane) -> Plane:
    """A copy of the film with the part (h, w) in its window."""
    painted = film.copy()
    painted[window] = part
    return painted


def place_of(cover: Plane) -> Plane:
    """The place of a cover: 1 where it is at least half as strong as anywhere, 0 where nothing."""
    strongest = float(cover.max())
    if strongest <= 0:
        return np.zeros_like(cover)
    area = np.clip(cover / np.float32(0.5 * strongest), 0, 1)
    return np.asarray(np.where(area > 0.02, area, 0), np.float32)


def between(low: float, high: float, part: float) -> float:
    """Where `part` (0..1) of the way from low to high leads."""
    return low + (high - low) * part
