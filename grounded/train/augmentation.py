"""Makes a training film unlike its collection: another crop, another contrast, things on top.

Films and masks move together, in continuous pixels ((0, 0) is a corner, not a pixel's centre).
All films are float32 in 0..1, air dark, unless `invert` turned them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.geometry import Box, Placement

Film = NDArray[np.float32]
Grey = TypeVar("Grey", np.uint8, np.uint16)


@dataclass(frozen=True)
class Strength:
    """How often (0..1) and how much a film is changed.

    crop, pad: the largest part of a side that a film loses or gains. rotation: degrees.
    extreme: films cropped so far that organs leave them. The rest are probabilities.
    """

    crop: float = 0.15
    pad: float = 0.20
    rotation: float = 8.0
    stretch: float = 0.10
    extreme: float = 0.15
    opacity: float = 0.30
    device: float = 0.30
    letters: float = 0.30
    contrast: float = 0.80
    local_contrast: float = 0.20
    shading: float = 0.25
    blur: float = 0.25
    noise: float = 0.35
    invert: float = 0.10
    patch: float = 0.15

    def times(self, factor: float) -> Strength:
        """All probabilities multiplied by a factor; crop, pad, rotation and stretch stay."""
        kept = {"crop", "pad", "rotation", "stretch"}
        scaled = {k: v * factor for k, v in asdict(self).items() if k not in kept}
        return replace(self, **scaled)


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the film (image frame), turned about its centre: what becomes the new film."""

    box: Box
    degrees: float = 0.0

    def to_model(self, side: int) -> tuple[NDArray[np.float64], tuple[slice, slice]]:
        """The affine map (2, 3) from the image frame to the model frame, and the film's part there.

        The new film is letterboxed: its longest side fills the square.
        """
        width, height = self.box.width, self.box.height
        shape = (max(round(height), 1), max(round(width), 1))
        placement = Placement.letterbox(shape, (side, side))
        rows, columns = placement.content
        scale = np.array(
            [(columns.stop - columns.start) / width, (rows.stop - rows.start) / height]
        )
        angle = np.deg2rad(self.degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = scale[:, None] * turn
        middle = np.array(
            [(columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2], dtype=np.float64
        )
        shift = middle - linear @ np.array(self.box.center)
        return np.column_stack([linear, shift]), (rows, columns)


def random_window(shape: Sequence[int], strength: Strength, rng: Generator) -> Window:
    """A crop or a padding of a film of `shape` (H, W), a little turned and stretched."""
    height, width = shape
    if rng.random() < strength.extreme:
        return _extreme_window(shape, strength, rng)
    # each border moves inwards (crop) or outwards (pad)
    left, right, top, bottom = rng.uniform(-strength.pad, strength.crop, 4) * rng.random()
    x0, x1 = left * width, (1 - right) * width
    y0, y1 = top * height, (1 - bottom) * height
    stretch = 1 + rng.uniform(-strength.stretch, strength.stretch)
    middle, half = (y0 + y1) / 2, (y1 - y0) / 2 * stretch
    degrees = rng.normal(0, strength.rotation / 2)
    degrees = float(np.clip(degrees, -2 * strength.rotation, 2 * strength.rotation))
    return Window(Box(x0, middle - half, x1, middle + half), degrees)


def _extreme_window(shape: Sequence[int], strength: Strength, rng: Generator) -> Window:
    height, width = shape
    size = rng.uniform(0.35, 0.9, 2) * (width, height)
    if rng.random() < 0.2:  # a film of more than the chest
        size = rng.uniform(1.3, 1.9) * np.array([width, height], dtype=np.float64)
    centre = rng.uniform(0.1, 0.9, 2) * (width, height)
    corners = (*(centre - size / 2), *(centre + size / 2))
    return Window(Box(*corners), float(rng.uniform(-strength.rotation, strength.rotation)))


def warp(
    plane: NDArray[Grey], affine: NDArray[np.float64], shape: tuple[int, int], border: int = 0
) -> NDArray[Grey]:
    """A plane (H, W) through an affine map of continuous pixels, to `shape` (h, w)."""
    centres = affine.copy()
    centres[:, 2] += affine[:, :2].sum(axis=1) * 0.5 - 0.5  # cv2 counts from pixel centres
    warped = cv2.warpAffine(
        plane,
        centres,
        shape[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=border,
    )
    return np.asarray(warped, dtype=plane.dtype)


def move_box(box: Box, affine: NDArray[np.float64]) -> Box:
    """The extent of a lung-like shape that fills `box`, moved; its corners are empty."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x, y = np.cos(angles), np.sin(angles)
    round_ = np.stack([np.sign(x) * abs(x) ** 0.7, np.sign(y) * abs(y) ** 0.7])
    half = np.array([[box.width / 2], [box.height / 2]])
    points = affine[:, :2] @ (np.array(box.center)[:, None] + half * round_) + affine[:, 2:]
    return Box(*points.min(axis=1), *points.max(axis=1))


def contrast(film: Film, strength: Strength, rng: Generator) -> Film:
    """Another tone curve: window, gamma, a random monotone curve, local contrast, shading."""
    if rng.random() < strength.contrast:
        low, high = rng.uniform(0, 0.15), rng.uniform(0.8, 1.05)
        film = np.clip((film - low) / (high - low), 0, 1)
        film = film ** np.float32(2 ** rng.uniform(-1.2, 1.2))
        if rng.random() < 0.4:
            knots = np.cumsum(rng.uniform(0.2, 1, 6))
            knots = (knots - knots[0]) / (knots[-1] - knots[0])
            bent = np.interp(film, np.linspace(0, 1, 6), knots)
            film = np.asarray(bent, dtype=np.float32)
    if rng.random() < strength.local_contrast:
        tiles = int(rng.integers(2, 9))
        clahe = cv2.createCLAHE(float(rng.uniform(1, 4)), (tiles, tiles))
        evened = clahe.apply(np.round(film * 255).astype(np.uint8))
        film = np.asarray(evened / 255, dtype=np.float32)
    if rng.random() < strength.shading:
        field = _smooth_field(film.shape, int(rng.integers(2, 5)), rng)
        film = film * (1 + np.float32(rng.uniform(0.1, 0.5)) * field)
    return np.clip(film, 0, 1).astype(np.float32)


def grain(film: Film, strength: Strength, rng: Generator) -> Film:
    """Blur, unsharp mask, low resolution, noise, inversion."""
    if rng.random() < strength.blur:
        softened = cv2.GaussianBlur(film, (0, 0), rng.uniform(0.4, 2.0))
        amount = rng.uniform(0, 1) if rng.random() < 0.5 else -rng.uniform(0, 2)
        film = np.clip(film + np.float32(amount) * (softened - film), 0, 1)
    if rng.random() < strength.blur / 2:
        small = cv2.resize(film, None, fx=(f := rng.uniform(0.3, 0.8)), fy=f)
        large = cv2.resize(small, film.shape[::-1], interpolation=cv2.INTER_LINEAR)
        film = np.asarray(large, dtype=np.float32)
    if rng.random() < strength.noise:
        noise = rng.standard_normal(film.shape, dtype=np.float32)
        film = np.clip(film + np.float32(rng.uniform(0.005, 0.06)) * noise, 0, 1)
    if rng.random() < strength.invert:
        film = 1 - film
    return np.asarray(film, dtype=np.float32)


def opacity(film: Film, lung: Film, rng: Generator) -> Film:
    """Paint consolidation, effusion or a white lung into `lung` (0..1 mask); the outline stays."""
    if lung.max() < 0.5:
        return film
    rows = np.flatnonzero(lung.max(axis=1) > 0.5)
    white = np.float32(np.percentile(film, rng.uniform(70, 95)))
    soft = cv2.GaussianBlur(lung, (0, 0), 3.0)
    kind = rng.random()
    if kind < 0.55:  # patches
        field = _smooth_field(film.shape, int(rng.integers(4, 10)), rng)
        cover = np.clip((field - rng.uniform(-0.3, 0.4)) * 3, 0, 1) * rng.uniform(0.3, 0.95)
    elif kind < 0.85:  # fluid below a level that climbs at one side
        level = rng.uniform(rows[0] + 0.35 * len(rows), rows[-1])
        y, x = np.mgrid[: film.shape[0], : film.shape[1]].astype(np.float32)
        tilt = rng.uniform(-0.4, 0.4) * (x - film.shape[1] / 2)
        cover = np.clip((y + tilt - level) / rng.uniform(2, 25), 0, 1) * rng.uniform(0.5, 1)
    else:
        cover = np.full_like(film, rng.uniform(0.4, 0.9))
    return np.asarray(film + cover * soft * (white - film), dtype=np.float32)


def device(film: Film, rng: Generator) -> Film:
    """Draw leads, tubes, a pacemaker or clips over the film."""
    layer = np.zeros_like(film)
    side = film.shape[0]
    for _ in range(int(rng.integers(1, 5))):
        bright = float(rng.uniform(0.3, 1))
        kind = rng.random()
        if kind < 0.6:  # lead or tube
            points = rng.uniform(0.05, 0.95, (4, 2)) * side
            if rng.random() < 0.3:  # down the midline
                points[:, 0] = side * rng.uniform(0.42, 0.58) + rng.normal(0, side * 0.02, 4)
                points[:, 1].sort()
            curve = _bezier(points)
            width = int(rng.integers(1, 4))
            cv2.polylines(layer, [curve], False, bright, width, cv2.LINE_AA)
        elif kind < 0.85:  # electrode, clip
            centre = tuple(int(v) for v in rng.uniform(0.05, 0.95, 2) * side)
            filled = int(rng.choice([-1, 1, 2]))
            cv2.circle(layer, centre, int(rng.integers(2, 7)), bright, filled, cv2.LINE_AA)
        else:  # pacemaker
            centre_x, centre_y = (float(v) for v in rng.uniform(0.1, 0.9, 2) * side)
            axes = (float(rng.uniform(8, 22)), float(rng.uniform(8, 22)))
            turned = (centre_x, centre_y), axes, float(rng.uniform(0, 180))
            cv2.ellipse(layer, turned, bright, -1, cv2.LINE_AA)
    alpha = np.float32(rng.uniform(0.3, 1))
    return np.asarray(film + alpha * layer * (1 - film), dtype=np.float32)


def letters(film: Film, content: tuple[slice, slice], rng: Generator) -> Film:
    """Burn a side mark or a line of text into the film; sometimes a blank label."""
    rows, columns = content
    grey = np.float32(rng.choice([1.0, 1.0, rng.uniform(0.6, 1), 0.0]))
    ink = np.zeros(film.shape, dtype=np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        text = "".join(rng.choice(list("RLDIAPSUPNERC0123456789"), int(rng.integers(1, 7))))
        at = (
            int(rng.integers(columns.start, columns.stop)),
            int(rng.integers(rows.start, rows.stop)),
        )
        size = float(rng.uniform(0.25, 0.9))
        cv2.putText(ink, text, at, int(rng.integers(0, 5)), size, 255, int(rng.integers(1, 3)))
    cover = ink.astype(np.float32) / 255
    return np.asarray(film + cover * (grey - film), dtype=np.float32)


def patch(film: Film, content: tuple[slice, slice], rng: Generator) -> Film:
    """A black or white rectangle, as blanked names leave it, mostly at the border."""
    film = film.copy()
    rows, columns = content
    size = rng.uniform(0.03, 0.25, 2) * film.shape[0]
    x = rng.choice(
        [columns.start, columns.stop - size[0], rng.uniform(columns.start, columns.stop)]
    )
    y = rng.choice([rows.start, rows.stop - size[1], rng.uniform(rows.start, rows.stop)])
    corner = max(int(x), 0), max(int(y), 0)
    film[corner[1] : corner[1] + int(size[1]), corner[0] : corner[0] + int(size[0])] = rng.choice(
        [0.0, 0.0, 1.0]
    )
    return film


def no_chest(side: int, rng: Generator) -> Film:
    """A film of something else: noise, clouds, or bright bars like the bones of a limb."""
    field = _smooth_field((side, side), int(rng.integers(2, 24)), rng)
    film = np.asarray(np.clip(0.5 + 0.4 * field, 0, 1), dtype=np.float32)
    kind = rng.random()
    if kind < 0.6:
        bones = np.zeros((side, side), dtype=np.float32)
        for _ in range(int(rng.integers(1, 8))):
            ends = rng.uniform(-0.1, 1.1, (4, 2)) * side
            thick = int(rng.integers(2, side // 5))
            bright = float(rng.uniform(0.2, 1))
            cv2.polylines(bones, [_bezier(ends)], False, bright, thick, cv2.LINE_AA)
        soft = cv2.GaussianBlur(bones, (0, 0), rng.uniform(0.5, 6))
        film = np.asarray(np.clip(0.5 * film + 0.7 * soft, 0, 1), dtype=np.float32)
    elif kind < 0.8:
        film = rng.random((side, side), dtype=np.float32)
    return film


def _smooth_field(shape: Sequence[int], cells: int, rng: Generator) -> Film:
    """Clouds in -1..1 with `cells` lumps along a side."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, dtype=np.float32)


def _bezier(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """A cubic curve through the plane from four control points (4, 2), as integer points."""
    t = np.linspace(0, 1, 40)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.round(weights @ points).astype(np.int32)
