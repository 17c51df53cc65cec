"""Support devices as painted lesions: tubes, lines, drains and pacemakers in their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.synthetic.painting import (
    DeviceLines,
    Paint,
    Plane,
    blur,
    device_lines,
    smooth_line,
    stroke,
)

Line = NDArray[np.float64]
DEVICES = {
    "endotracheal tube": 0.2,
    "central line": 0.28,
    "gastric tube": 0.17,
    "chest drain": 0.17,
    "pacemaker": 0.18,
}
_SEEN = 0.035  # a device that changes the film by less on average does not count as visible
_HALO = 0.012  # of a lung's height: how far the place reaches beyond the device


@dataclass(frozen=True, slots=True, eq=False)
class _Device:
    """alpha: (H, W) 0..1. side: the patient's side that it lies on or comes from, or ""."""

    alpha: Plane
    side: str


def devices(
    film: Plane, masks: Mapping[str, Plane], sides: list[str], rng: Generator, strength: float
) -> tuple[Paint, str]:
    """One device and the patient's side it is on ("" for the midline); `sides` may be used.

    On a film whose mediastinum is white some devices cannot be seen; then another one is drawn.
    Raises InvalidValueError when no lung is there.
    """
    chest = device_lines(masks)
    names = rng.choice(list(DEVICES), size=len(DEVICES), replace=False, p=list(DEVICES.values()))
    if not sides:
        raise InvalidValueError("a device needs a lung on its side; there is none")
    best = (-1.0, Paint(film, np.zeros_like(film)), "")
    for name in map(str, names):
        device = _DRAWN[name](chest, film.shape, str(rng.choice(sides)), rng)
        paint, seen = _painted(film, device.alpha, chest, name, rng, strength)
        if seen > best[0]:
            best = (seen, paint, device.side)
        if seen >= _SEEN:
            break
    return best[1], best[2]


def _painted(
    film: Plane, alpha: Plane, chest: DeviceLines, name: str, rng: Generator, strength: float
) -> tuple[Paint, float]:
    """The film with a device, and by how much it changed where the device lies."""
    soft = blur(alpha, rng.uniform(0.4, 0.9) if rng.random() < 0.5 else 0.0)
    soft = soft * np.float32(min(1.0, 0.35 + 0.65 * strength))
    metal = np.maximum(film + np.float32(0.3), np.float32(np.percentile(film, 97)))
    painted = np.clip(film + soft * (np.minimum(metal, 1.0) - film), 0, 1)
    change = painted - film
    drawn = alpha > 0.3
    seen = float(change[drawn].mean()) if drawn.any() else 0.0
    visible = (change > min(0.012, 0.5 * float(change.max()))).astype(np.float32)
    reach = max(3, 2 * round(_HALO * chest.height) + 1)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    place = blur(np.asarray(cv2.dilate(visible, around), np.float32), 0.7)
    place = np.where(place > 0.02, place, 0)
    return Paint(painted.astype(np.float32), place.astype(np.float32), name), seen


def _line(chest: DeviceLines, *points: tuple[float, float]) -> Line:
    """A rounded line through points given as (across, along); see DeviceLines.point."""
    return smooth_line(np.array([chest.point(*point) for point in points]))


def _width(chest: DeviceLines, mm: float) -> float:
    """Pixels of a width in mm, at least what a film of this size can show."""
    return max(0.9, mm * chest.height / 240)


def _beside(line: Line, distance: float) -> Line:
    """The line moved sideways by some pixels."""
    step = np.gradient(line, axis=0)
    step /= np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-6)
    return line + distance * np.stack([-step[:, 1], step[:, 0]], axis=1)


def _endotracheal(chest: DeviceLines, shape: tuple[int, int], side: str, rng: Generator) -> _Device:
    """Down the trachea; its tip lies above the carina, which is at about a third of the lungs."""
    tip, lean = rng.uniform(0.1, 0.3), rng.normal(0, 0.02)
    line = _line(chest, (lean, -0.6), (lean, -0.2), (rng.normal(0, 0.01), tip - 0.1), (0.0, tip))
    bore = rng.uniform(9, 12) * chest.height / 240
    alpha = np.zeros(shape, np.float32)
    if rng.random() < 0.65:
        for edge in (-0.5, 0.5):
            wall = _beside(line, edge * bore)[: len(line) - int(rng.integers(0, 4))]
            alpha = np.maximum(alpha, 0.7 * stroke(shape, wall, _width(chest, 1.2)))
        alpha = np.maximum(alpha, 0.12 * stroke(shape, line, bore))
    stripe = _beside(line, rng.uniform(-0.3, 0.3) * bore)
    alpha = np.maximum(alpha, rng.uniform(0.6, 1) * stroke(shape, stripe, _width(chest, 1.6)))
    return _Device(alpha, "")


def _central(chest: DeviceLines, shape: tuple[int, int], side: str, rng: Generator) -> _Device:
    """From neck, clavicle or arm of a side to the superior vena cava, right of the midline."""
    out = -1.0 if side == "right" else 1.0
    cava = rng.uniform(-0.11, -0.05)
    tip = rng.uniform(0.36, 0.58)
    entries = {
        "neck": [(0.18, -0.45), (0.17, -0.15), (0.13, 0.0)],
        "clavicle": [(0.45, 0.17), (0.36, 0.06), (0.22, 0.02)],
        "arm": [(0.8, 0.5), (0.72, 0.22), (0.5, 0.08), (0.25, 0.05)],
    }
    way = entries[str(rng.choice(list(entries), p=[0.45, 0.25, 0.3]))]
    points = [(out * x + rng.normal(0, 0.01), y + rng.normal(0, 0.015)) for x, y in way]
    if side == "left":
        points.append((0.08, 0.12 + rng.normal(0, 0.02)))
    points += [(cava, 0.24 + rng.normal(0, 0.02)), (cava + rng.normal(0, 0.01), tip)]
    line = _line(chest, *points)
    alpha = rng.uniform(0.6, 1) * stroke(shape, line, _width(chest, rng.uniform(1.2, 2.4)))
    return _Device(alpha, side)


def _gastric(chest: DeviceLines, shape: tuple[int, int], side: str, rng: Generator) -> _Device:
    """Down the oesophagus and through the heart to below the left dome."""
    sway = [(rng.normal(0, 0.012), y) for y in (-0.6, -0.1, 0.2, 0.45)]
    end = [(0.05, 0.8), (0.1, 0.95), (rng.uniform(0.12, 0.3), rng.uniform(1.05, 1.2))]
    if rng.random() < 0.4:  # turns back towards the pylorus
        end.append((rng.uniform(-0.05, 0.15), rng.uniform(1.22, 1.32)))
    line = _line(chest, *sway, *end)
    alpha = rng.uniform(0.6, 1) * stroke(shape, line, _width(chest, rng.uniform(1.5, 2.8)))
    if rng.random() < 0.4:
        lumen = 0.25 * stroke(shape, line, _width(chest, 5))
        alpha = np.maximum(alpha, lumen)
    return _Device(alpha, "")


def _drain(chest: DeviceLines, shape: tuple[int, int], side: str, rng: Generator) -> _Device:
    """A thick tube with a radio-opaque stripe, through the lateral wall to the apex or the base."""
    out = -1.0 if side == "right" else 1.0
    wall = abs(chest.wall[side] - chest.middle) / chest.height
    entry, upwards = rng.uniform(0.5, 0.85), rng.random() < 0.7
    end = rng.uniform(0.06, 0.3) if upwards else rng.uniform(0.75, 0.92)
    points = [
        (wall + rng.uniform(0.1, 0.3), entry + rng.uniform(0.0, 0.2)),
        (wall - 0.02, entry),
        (rng.uniform(0.5, 0.85) * wall, entry + rng.uniform(0.3, 0.6) * (end - entry)),
        (rng.uniform(0.3, 0.6) * wall, end),
    ]
    line = _line(chest, *((out * x, y) for x, y in points))
    bore = rng.uniform(5, 10) * chest.height / 240
    alpha = rng.uniform(0.1, 0.3) * stroke(shape, line, bore)
    for edge in (-0.5, 0.5):
        rim = rng.uniform(0.2, 0.5) * stroke(shape, _beside(line, edge * bore), _width(chest, 1))
        alpha = np.maximum(alpha, rim)
    hole = len(line) - int(rng.integers(6, 12))
    stripe = _beside(line, rng.uniform(-0.3, 0.3) * bore)
    for piece in (stripe[:hole], stripe[hole + 2 :]):
        alpha = np.maximum(alpha, 0.9 * stroke(shape, piece, _width(chest, 1.8)))
    return _Device(alpha, side)


def _pacemaker(chest: DeviceLines, shape: tuple[int, int], side: str, rng: Generator) -> _Device:
    """A case over the upper chest of a side, with one or two leads to the heart."""
    out = -1.0 if side == "right" else 1.0
    wall = abs(chest.wall[side] - chest.middle) / chest.height
    centre = (out * rng.uniform(0.65, 0.95) * wall, rng.uniform(0.1, 0.28))
    alpha = _case(chest, shape, centre, rng)
    x0, y0, x1, y1 = chest.heart
    atrium = ((x0 + 0.15 * (x1 - x0) - chest.middle) / chest.height, 0.6)
    apex_x = x1 - rng.uniform(0.12, 0.3) * (x1 - x0)
    apex_y = y1 - rng.uniform(0.08, 0.2) * (y1 - y0)
    ventricle = ((apex_x - chest.middle) / chest.height, (apex_y - chest.top) / chest.height)
    for end in ([ventricle], [ventricle, atrium])[int(rng.random() < 0.5)]:
        shoulder = (out * rng.uniform(0.3, 0.4), rng.uniform(0.03, 0.1))
        bow = (centre[0] - out * 0.02, centre[1] - 0.12 + rng.normal(0, 0.02))
        cava = [(-0.06, rng.uniform(0.2, 0.26)), (-0.08, rng.uniform(0.42, 0.5))]
        floor = (-0.03, 0.5 * (0.6 + ventricle[1]) + 0.1) if end is ventricle else (-0.08, 0.68)
        lead = _line(chest, centre, bow, shoulder, (out * 0.1, 0.12), *cava, floor, end)
        alpha = np.maximum(alpha, 0.85 * stroke(shape, lead, _width(chest, rng.uniform(1.2, 2))))
        alpha = np.maximum(alpha, stroke(shape, lead[-3:], _width(chest, 2.6)))
    return _Device(alpha, side)


def _case(
    chest: DeviceLines, shape: tuple[int, int], centre: tuple[float, float], rng: Generator
) -> Plane:
    """The pulse generator (H, W): a disc or a rounded box of 4 to 6 cm, uneven inside."""
    turn, power = rng.uniform(0, np.pi), rng.uniform(2.0, 4.0)
    around = np.linspace(0, 2 * np.pi, 48)
    half = np.array([rng.uniform(0.085, 0.12), rng.uniform(0.07, 0.1)]) * chest.height
    ring = np.stack([np.cos(around), np.sin(around)], axis=1)
    ring = half * np.sign(ring) * abs(ring) ** (2 / power)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    case = np.zeros(shape, np.uint8)
    for part, grey in ((1.0, 225), (rng.uniform(0.4, 0.7), int(rng.integers(190, 256)))):
        corners = np.array(chest.point(*centre)) + part * ring @ spin.T
        cv2.fillPoly(case, [np.round(corners * 16).astype(np.int32)], grey, cv2.LINE_AA, shift=4)
    return np.asarray(case / np.float32(255), np.float32)


_DRAWN: dict[str, Callable[[DeviceLines, tuple[int, int], str, Generator], _Device]] = {
    "endotracheal tube": _endotracheal,
    "central line": _central,
    "gastric tube": _gastric,
    "chest drain": _drain,
    "pacemaker": _pacemaker,
}
