"""What a chest film shows that is no finding: electrodes, letters, skin folds, buttons, nipples."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.random import Generator

from grounded.synthetic.painting import (
    DeviceLines,
    LungCanvas,
    Plane,
    blur,
    device_lines,
    lung_of,
    ramp,
    sides_present,
    smooth_line,
    stroke,
)


def distracted(film: Plane, masks: Mapping[str, Plane], rng: Generator) -> Plane:
    """A copy of the film (H, W) with up to five things that must not be read as findings.

    Without a lung to place the others by, there are only letters.
    """
    sides, changed = sides_present(masks), film.copy()
    if rng.random() < 0.4:
        changed = _letters(changed, rng)
    if not sides:
        return changed
    chest = device_lines(masks)
    if rng.random() < 0.3:
        changed = _electrodes(changed, chest, rng)
    if rng.random() < 0.3:
        changed = _skin_fold(changed, lung_of(film, masks, str(rng.choice(sides))), rng)
    if rng.random() < 0.2:
        changed = _buttons(changed, chest, rng)
    if rng.random() < 0.3:
        depth, along = rng.uniform(0.25, 0.5), rng.uniform(0.68, 0.85)
        for side in sides:
            changed = _nipple(changed, lung_of(film, masks, side), (depth, along), rng)
    return changed


def _bright(film: Plane, alpha: Plane, by: float) -> Plane:
    metal = np.minimum(np.maximum(film + np.float32(by), np.float32(np.percentile(film, 95))), 1)
    return np.asarray(film + alpha * (metal - film), np.float32)


def _electrodes(film: Plane, chest: DeviceLines, rng: Generator) -> Plane:
    """One to four electrodes on the chest wall, most with a lead to the film's edge."""
    alpha = np.zeros(film.shape, np.float32)
    reach = abs(chest.wall["left"] - chest.middle) / chest.height
    for _ in range(int(rng.integers(1, 5))):
        across = float(rng.choice([-1, 1])) * rng.uniform(0.45, 1.15) * reach
        along = float(rng.choice([rng.uniform(-0.05, 0.25), rng.uniform(0.75, 1.2)]))
        x, y = chest.point(across, along)
        radius = rng.uniform(0.016, 0.03) * chest.height
        dot = np.array([[x, y], [x + 0.3, y]])
        alpha = np.maximum(alpha, rng.uniform(0.15, 0.5) * stroke(film.shape, dot, 2 * radius))
        alpha = np.maximum(alpha, stroke(film.shape, dot, 0.9 * radius))
        if rng.random() < 0.75:
            edge = (float(rng.choice([-1.4, 1.4])), float(rng.uniform(-0.1, 1.4)))
            bends = [
                (
                    part * edge[0] + (1 - part) * across + rng.normal(0, 0.15),
                    along + rng.normal(0, 0.3),
                )
                for part in (0.3, 0.6)
            ]
            way = np.array([(x, y), *(chest.point(*point) for point in (*bends, edge))])
            wire = stroke(film.shape, smooth_line(way), max(0.9, 0.006 * chest.height))
            alpha = np.maximum(alpha, rng.uniform(0.3, 0.9) * wire)
    return _bright(film, blur(alpha, 0.5), 0.3)


def _letters(film: Plane, rng: Generator) -> Plane:
    """The side's letter in its corner, at times with a line of text, white or boxed."""
    height, width = film.shape
    letter = np.zeros(film.shape, np.uint8)
    left = bool(rng.random() < 0.5)
    words = ("L", "PA", "AP", "ERECT", "SUPINE") if left else ("R", "PA", "AP", "MOBILE")
    word = words[0] if rng.random() < 0.7 else str(rng.choice(words[1:]))
    scale = rng.uniform(0.0012, 0.0024) * height * (1.0 if len(word) == 1 else 0.5)
    size, _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = (
        int(rng.uniform(0.88, 0.97) * width) - size[0]
        if left
        else int(rng.uniform(0.03, 0.1) * width)
    )
    y = int(rng.uniform(0.03, 0.16) * height) + size[1]
    place = (max(x, 0), min(y, height - 2))
    cv2.putText(letter, word, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    if rng.random() < 0.2:  # a black plate behind it
        film = film.copy()
        film[max(place[1] - size[1] - 4, 0) : place[1] + 5, max(x - 4, 0) : x + size[0] + 4] = 0
    alpha = letter.astype(np.float32) / np.float32(255 / rng.uniform(0.6, 1.0))
    return np.asarray(film + alpha * (1 - film), np.float32)


def _skin_fold(film: Plane, lung: LungCanvas, rng: Generator) -> Plane:
    """A long oblique step of density: sharp on one side, fading over centimetres on the other."""
    centre, slope = rng.uniform(0.15, 0.6), rng.uniform(-0.5, 0.5)
    bend = 0.15 * (lung.along - 0.5) ** 2
    away = lung.depth - centre - slope * (lung.along - 0.5) - np.float32(rng.normal()) * bend
    away = away * float(rng.choice([-1, 1]))
    step = ramp(away, -0.008, 0.008) * ramp(away, rng.uniform(0.12, 0.35), 0.0)
    ends = ramp(lung.along, -0.05, 0.15) * ramp(lung.along, 1.05, 0.8)
    part = film[lung.window]
    lift = step * ends * np.float32(rng.uniform(0.04, 0.14) * (lung.tissue - lung.dark))
    changed = film.copy()
    changed[lung.window] = np.clip(part + lift, 0, 1)
    return changed


def _buttons(film: Plane, chest: DeviceLines, rng: Generator) -> Plane:
    """A row of buttons or snaps down the front, or a single one elsewhere."""
    alpha = np.zeros(film.shape, np.float32)
    across, gap = rng.uniform(-0.12, 0.12), rng.uniform(0.16, 0.3)
    radius = rng.uniform(0.01, 0.022) * chest.height
    ring = rng.random() < 0.5
    for number in range(int(rng.integers(1, 6))):
        x, y = chest.point(across + rng.normal(0, 0.01), 0.05 + number * gap)
        dot = np.array([[x, y], [x + 0.3, y]])
        disc = stroke(film.shape, dot, 2 * radius)
        hollow = stroke(film.shape, dot, 1.1 * radius) if ring else np.float32(0)
        alpha = np.maximum(alpha, disc - 0.7 * hollow)
    return _bright(film, alpha * np.float32(rng.uniform(0.4, 0.9)), 0.25)


def _nipple(film: Plane, lung: LungCanvas, place: tuple[float, float], rng: Generator) -> Plane:
    """A small density at (depth, along), lower border sharper than the upper."""
    depth, along = place[0] + rng.normal(0, 0.02), place[1] + rng.normal(0, 0.01)
    radius = rng.uniform(0.016, 0.028)
    x = (lung.depth - np.float32(depth)) * np.float32(lung.width / lung.height / radius)
    y = (lung.along - np.float32(along)) / np.float32(radius)
    y = np.where(y > 0, y * 1.3, y * 0.8)
    spot = ramp(np.sqrt(x * x + y * y).astype(np.float32), 1.2, 0.5)
    part = film[lung.window]
    lift = (
        spot * np.float32(rng.uniform(0.08, 0.28)) * np.maximum(np.float32(lung.tissue) - part, 0)
    )
    changed = film.copy()
    changed[lung.window] = part + lift
    return changed
