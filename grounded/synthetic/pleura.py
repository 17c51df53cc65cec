"""Fluid and air of the pleural space as painted lesions: effusion and pneumothorax."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from grounded.synthetic.painting import (
    LungCanvas,
    Paint,
    Plane,
    between,
    blur,
    clouds,
    into,
    place_of,
    ramp,
    veil,
)


def effusion(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    """Fluid from a blunted costophrenic angle to half of the lung, by strength.

    Its upper border is concave and climbs towards the chest wall. The rarer variety "layering" is
    a veil over the lower half, as in a supine patient.
    """
    if rng.random() < 0.12:
        return _layering(film, lung, rng, strength)
    part = film[lung.window]
    border = _meniscus(lung, rng, between(0.08, 0.62, strength**1.4))
    below = (lung.along - border).astype(np.float32)  # lung heights under the fluid's border
    edge = rng.uniform(0.012, 0.05)
    fluid = ramp(below, -edge, edge) * (0.78 + 0.22 * ramp(below, 0.0, 0.12))
    fluid = fluid * _reach(lung) * np.float32(rng.uniform(0.8, 0.98))
    grey = _grey_around(part, lung) + 0.02 * clouds(lung.shape, 0.3 * lung.height, rng, 2)
    lifted = veil(lung, film, fluid, grey, rng.uniform(0.1, 0.5))
    place = place_of(fluid) * ramp(lung.depth, -0.06, 0.0)
    return Paint(into(film, lung.window, lifted), into(np.zeros_like(film), lung.window, place))


def _meniscus(lung: LungCanvas, rng: Generator, level: float) -> Plane:
    """The row, in lung heights from the apex, at which the fluid ends, for each pixel of the cut.

    level: height of the fluid above the costophrenic angle.
    """
    depth = np.clip(lung.depth, 0, 1.2)
    climb = rng.uniform(0.35, 0.8) * min(level, 0.3)
    rim = rng.uniform(0.1, 0.6) * level
    medial = rng.uniform(0.0, 0.3) * climb
    rise = climb * np.exp(-depth / rng.uniform(0.15, 0.35)) + rim * np.exp(-depth / 0.035)
    rise = rise + medial * np.exp(-(1.0 - np.clip(depth, 0, 1)) / 0.15)
    wobble = 0.006 * clouds(lung.shape, 0.2 * lung.height, rng, 2)
    middle = 1.0 - max(level - 0.5 * climb, 0.04)
    return np.asarray(middle - rise + wobble, np.float32)


def _reach(lung: LungCanvas) -> Plane:
    """The lung and, softly, what borders it below and medially."""
    wide = blur(lung.cover, 0.022 * lung.height)  # outlines often end short of the dome
    reach = np.clip(6 * wide, 0, 1) * ramp(lung.depth, -0.05, 0.0)
    return np.asarray(reach, np.float32)


def _grey_around(part: Plane, lung: LungCanvas) -> Plane:
    """Grey of the fluid (h, w): the abdomen's under the dome, laterally the chest wall's."""
    below = (lung.cover < 0.2) & (lung.along > 0.8) & (lung.depth > 0.1) & (lung.depth < 0.8)
    grey = float(np.median(part[below])) if np.count_nonzero(below) > 30 else lung.tissue
    grey = max(grey, between(lung.dark, lung.tissue, 0.8))
    beside = (lung.depth < -0.01) & (lung.depth > -0.08) & (lung.along > 0.4) & (lung.along < 1)
    wall = float(np.median(part[beside])) if np.count_nonzero(beside) > 30 else grey
    wall = float(np.clip(wall, between(lung.dark, lung.tissue, 0.65), grey))
    return np.asarray(wall + (grey - wall) * ramp(lung.depth, 0.0, 0.4), np.float32)


def _layering(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    start = rng.uniform(0.15, 0.5)
    rough = lung.along + 0.02 * clouds(lung.shape, 0.3 * lung.height, rng, 2)
    graded = ramp(rough, start, rng.uniform(0.85, 1.1)) * _reach(lung)
    angle = ramp(lung.along + 0.2 * (0.4 - lung.depth), 0.85, 1.0) * _reach(lung)
    cover = np.maximum(graded * np.float32(between(0.25, 0.7, strength)), 0.8 * angle)
    part = film[lung.window]
    grey = _grey_around(part, lung)
    lifted = veil(lung, film, cover.astype(np.float32), grey, rng.uniform(0.6, 0.95))
    area = np.clip(cover / np.float32(0.5 * float(np.quantile(cover[cover > 0.02], 0.8))), 0, 1)
    area = np.where(area > 0.02, area, 0).astype(np.float32)
    whole = into(np.zeros_like(film), lung.window, area)
    return Paint(into(film, lung.window, lifted), whole, "layering")


def pneumothorax(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    """Air between lung and chest wall, over 3 to 40 % of the lung's width by strength.

    The visceral pleura is a thin bright line along the wall; outside of it are no markings, ribs
    stay. The place is the air with its line; the lung beside it gets slightly denser.
    """
    part = film[lung.window]
    gap = _gap(lung, rng, between(0.03, 0.4, strength**1.3))
    away = (
        blur(_from_wall(lung), 0.03 * lung.height) - gap
    )  # pixels inside of the pleural line, negative in the air
    field = ramp(lung.cover, 0.2, 0.8)
    there = ramp(gap, 0.008 * lung.height, 0.02 * lung.height) * field
    air = ramp(away, 0.5, -0.5) * there
    darker = np.float32(rng.uniform(0.0, 0.22))
    empty = _without_markings(part, lung)
    empty = empty - darker * np.maximum(empty - np.float32(0.6 * lung.dark), 0)
    painted = part + air * (empty - part)
    contrast = np.float32(lung.tissue - lung.dark)
    lung_side = ramp(away, 0.5, 1.5) * ramp(away, 0.35 * lung.width, 0.0) * there
    painted += lung_side * contrast * np.float32(rng.uniform(0.0, 0.1))
    width = max(0.5, rng.uniform(0.0016, 0.0035) * lung.height)
    line = np.exp(-((away / np.float32(width)) ** 2)) * there
    painted += line * contrast * np.float32(rng.uniform(0.12, 0.32))
    area = np.maximum(air, line * np.float32(0.8))
    area = np.where(area > 0.02, area, 0).astype(np.float32)
    whole = into(film, lung.window, np.asarray(np.clip(painted, 0, 1), np.float32))
    return Paint(whole, into(np.zeros_like(film), lung.window, area))


def _gap(lung: LungCanvas, rng: Generator, widest: float) -> Plane:
    """Thickness of the air in pixels (h, w), by the height along the lung, slightly uneven."""
    end = rng.uniform(0.45, 0.75) + 0.5 * widest
    along = np.clip(lung.along, 0, None)
    if rng.random() < 0.75:  # upright: most air at the apex
        profile = ramp(along, end, rng.uniform(0.0, 0.3))
    else:  # along the whole wall
        profile = 0.75 + 0.25 * ramp(along, 0.9, 0.2)
    uneven = 1 + 0.06 * clouds(lung.shape, 0.35 * lung.height, rng, 2)
    return np.asarray(widest * lung.width * profile * uneven, np.float32)


def _from_wall(lung: LungCanvas) -> Plane:
    """Distance (h, w) in pixels from the lateral and apical border of the lung, negative outside.

    The medial end of the apex does not count: there the lung stays at the mediastinum.
    """
    inside = lung.cover > 0.5
    columns = np.flatnonzero(inside.any(axis=0))
    tops = inside[:, columns].argmax(axis=0)
    free = np.ones(lung.shape, np.uint8)
    apex = lung.along[tops, columns] < 0.07
    wall = np.stack([columns[apex], tops[apex]], axis=1).astype(np.int32)
    cv2.polylines(free, [wall], False, 0, 1)
    rows = np.flatnonzero(inside.any(axis=1))
    edge = abs(lung.depth[rows]).argmin(axis=1)
    cv2.polylines(free, [np.stack([edge, rows], axis=1).astype(np.int32)], False, 0, 1)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, 5)
    outside = ~inside & ((lung.depth < 0.02) | (lung.along < 0.07))
    return np.asarray(np.where(outside, -distance, distance), np.float32)


def _without_markings(part: Plane, lung: LungCanvas) -> Plane:
    """The lung without its vessels: a median filter keeps the broader ribs' edges."""
    smooth = np.asarray(cv2.medianBlur(np.ascontiguousarray(part), 5), np.float32)
    smooth = blur(np.asarray(cv2.medianBlur(smooth, 5), np.float32), 0.008 * lung.height)
    grain = part - blur(part, 0.8)
    return np.asarray(smooth + 0.6 * np.clip(grain, -0.02, 0.02), np.float32)
