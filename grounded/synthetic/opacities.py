"""Opacities of the lung as painted lesions: consolidation, nodules, linear atelectasis."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

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
    smooth_line,
    stroke,
    veil,
)

CONSOLIDATIONS = {"patchy": 0.36, "hazy": 0.24, "dense": 0.15, "peripheral": 0.1, "reticular": 0.15}
# how much of ribs and vessels shows through a full cover
_SHOWN = {
    "patchy": (0.35, 0.7),
    "hazy": (0.75, 0.95),
    "dense": (0.15, 0.5),
    "peripheral": (0.3, 0.7),
    "reticular": (0.75, 0.95),
}
LUNG_MM = 240.0  # usual height of a lung
# the strongest cover of each variety, from barely visible to plain
_COVERS = {
    "patchy": (0.22, 0.9),
    "hazy": (0.2, 0.62),
    "dense": (0.45, 0.95),
    "peripheral": (0.2, 0.75),
    "reticular": (0.2, 0.55),
}


def consolidation(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    """Airspace or interstitial opacity in one zone or over several, in one of five varieties."""
    names = list(CONSOLIDATIONS)
    variety = str(rng.choice(names, p=list(CONSOLIDATIONS.values())))
    pattern = _PATTERNS[variety](lung, rng)
    hilum = float(rng.random() < 0.5)  # whether it may run over the heart's border
    pattern = pattern * _field(lung, 0.02 + 0.03 * hilum * float(variety != "reticular"))
    strongest = float(pattern.max())
    cover = pattern * np.float32(between(*_COVERS[variety], strength) / max(strongest, 1e-3))
    grey = between(lung.dark, lung.tissue, rng.uniform(0.75, 1.0))
    shade = grey + 0.04 * clouds(lung.shape, 0.3 * lung.height, rng, 2)
    detail = rng.uniform(*_SHOWN[variety])
    part = veil(lung, film, cover, shade, detail)
    area = _closed(cover, lung) if variety == "reticular" else place_of(cover)
    return Paint(
        into(film, lung.window, part), into(np.zeros_like(film), lung.window, area), variety
    )


def nodules(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    """One round density of 6 to 30 mm, at times several; ribs and vessels show through."""
    count = int(rng.choice([1, 2, 3, 5], p=[0.72, 0.14, 0.08, 0.06]))
    spots = np.zeros(lung.shape, np.float32)
    for _ in range(count):
        diameter_mm = rng.uniform(6, 30) if count == 1 else rng.uniform(6, 18)
        radius = max(1.5, diameter_mm / 2 * lung.height / LUNG_MM)
        weight = np.float32(rng.uniform(0.8, 1.0))
        spots = np.maximum(spots, weight * _nodule(lung, radius, rng))
    spots *= np.asarray(lung.depth > 0.01, np.float32)
    cover = spots * np.float32(between(0.25, 0.85, strength))
    grey = between(lung.dark, lung.tissue, rng.uniform(0.8, 1.0))
    part = veil(lung, film, cover, grey, 1.0)
    area = into(np.zeros_like(film), lung.window, place_of(cover))
    return Paint(into(film, lung.window, part), area)


def linear_atelectasis(film: Plane, lung: LungCanvas, rng: Generator, strength: float) -> Paint:
    """One to three bands of 1 to 4 mm, several cm long, in the lower half; their ends fade."""
    bands = np.zeros(lung.shape, np.float32)
    first = _spot(lung, rng, 0.5, 0.92)
    slope = rng.normal(0, 0.2)
    for number in range(int(rng.choice([1, 2, 3], p=[0.5, 0.32, 0.18]))):
        shift = np.array([rng.normal(0, 0.06), number * rng.uniform(0.03, 0.07)]) * lung.height
        centre = np.asarray(first) - shift
        slope = slope + rng.normal(0, 0.1)
        weight = np.float32(rng.uniform(0.7, 1.0))
        bands = np.maximum(bands, weight * _band(lung, centre, slope, rng))
    cover = bands * _field(lung, 0.008)
    if float(cover.max()) < 0.2:  # the lines missed the lung: one through its deepest place
        deepest = np.unravel_index(int(lung.inside.argmax()), lung.shape)
        cover = _band(lung, np.array([deepest[1], deepest[0]], float), 0.0, rng)
    cover = cover * np.float32(between(0.25, 0.65, strength) / float(cover.max()))
    part = veil(lung, film, cover, lung.tissue, 1.0)
    area = into(np.zeros_like(film), lung.window, place_of(cover))
    return Paint(into(film, lung.window, part), area)


def _field(lung: LungCanvas, over: float) -> Plane:
    """The lung, running over its border by `over` lung heights, but never into the chest wall."""
    sigma = over * lung.height
    field = np.clip(1.8 * blur(lung.cover, sigma), 0, 1)
    return np.asarray(field * ramp(lung.depth, -0.02, 0.03), np.float32)


def _spot(lung: LungCanvas, rng: Generator, first: float, last: float) -> tuple[float, float]:
    """A point (x, y) of the cut, inside the lung and from `first` to `last` along it."""
    deep = (lung.inside > 0.03 * lung.height) & (lung.along > first) & (lung.along < last)
    places = np.flatnonzero(deep if deep.any() else lung.inside >= 0.5 * lung.inside.max())
    y, x = divmod(int(places[rng.integers(places.size)]), lung.shape[1])
    return x + 0.5, y + 0.5


def _grid(lung: LungCanvas, centre: tuple[float, float]) -> tuple[Plane, Plane]:
    """Distances (x, y) from a point in lung heights; a row (1, w) and a column (h, 1)."""
    x = (np.arange(lung.shape[1], dtype=np.float32) + 0.5 - centre[0]) / lung.height
    y = (np.arange(lung.shape[0], dtype=np.float32) + 0.5 - centre[1]) / lung.height
    return x[None, :], y[:, None]


def _zone(lung: LungCanvas, rng: Generator, low: float, high: float) -> Plane:
    """A soft region with an irregular border, of a radius of `low` to `high` lung heights.

    At times it is most of the lung.
    """
    if rng.random() < 0.1:
        return ramp(clouds(lung.shape, 0.4 * lung.height, rng, 2), -2.5, -0.5)
    first = float(rng.choice([0.0, 0.35, 0.55], p=[0.25, 0.3, 0.45]))  # more often in the base
    x, y = _grid(lung, _spot(lung, rng, first, 0.97))
    wide, tall = rng.uniform(low, high), rng.uniform(low, high)
    turn = rng.uniform(-0.5, 0.5)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    distance = np.sqrt((along / wide) ** 2 + (across / tall) ** 2)
    distance = distance + 0.16 * clouds(lung.shape, rng.uniform(0.1, 0.25) * lung.height, rng)
    edge = rng.uniform(0.3, 0.8)
    return ramp(distance.astype(np.float32), 1 + edge / 2, 1 - edge)


def _lumps(lung: LungCanvas, zone: Plane, rng: Generator) -> Plane:
    """Confluent round lumps over a zone, of acinar to subsegmental size."""
    clear = np.ones(lung.shape, np.float32)
    places = np.flatnonzero((zone > 0.25) & (lung.cover > 0.5))
    for place in rng.choice(places, size=int(rng.integers(4, 13))) if places.size else ():
        y, x = divmod(int(place), lung.shape[1])
        radius = rng.uniform(0.022, 0.085)
        right, down = _grid(lung, (x, y))
        spot = np.exp(-((right / radius) ** 2)) * np.exp(-((down / (radius * 0.85)) ** 2))
        clear *= 1 - np.float32(rng.uniform(0.35, 0.85)) * spot
    return 1 - clear


def _patchy(lung: LungCanvas, rng: Generator) -> Plane:
    zone = _zone(lung, rng, 0.1, 0.48)
    broad = clouds(lung.shape, rng.uniform(0.1, 0.18) * lung.height, rng, 4)
    texture = ramp(broad, -1.0, 1.6)
    mixed = rng.uniform(0.25, 0.75)
    lumps = blur(_lumps(lung, zone, rng), 0.006 * lung.height)
    fine = 1 + 0.16 * clouds(lung.shape, 0.03 * lung.height, rng, 2)
    return np.asarray((mixed * texture + (1 - mixed) * lumps) * zone * np.clip(fine, 0, 2))


def _hazy(lung: LungCanvas, rng: Generator) -> Plane:
    zone = blur(_zone(lung, rng, 0.14, 0.45), 0.02 * lung.height)
    broad = clouds(lung.shape, rng.uniform(0.15, 0.35) * lung.height, rng, 4)
    return np.asarray(zone * np.clip(0.8 + 0.2 * broad, 0.1, 1.3), np.float32)


def _dense(lung: LungCanvas, rng: Generator) -> Plane:
    """A part of a lobe: one straight, sharp border, the others ill-defined; at times bronchi."""
    above = rng.random() < 0.4  # above the fissure, as in the upper lobe, or below it
    fissure = rng.uniform(0.38, 0.55) if above else rng.uniform(0.42, 0.7)
    centre = _spot(lung, rng, max(0.0, fissure - 0.12), min(0.95, fissure + 0.12))
    x, y = _grid(lung, centre)
    height = y - np.tan(rng.uniform(-0.3, 0.3)) * x
    height = -height if above else height
    reach, uneven = rng.uniform(0.15, 0.4), 0.07 * clouds(lung.shape, 0.15 * lung.height, rng)
    sharp = 0.006 * rng.uniform(1, 3)
    band = ramp(height.astype(np.float32), -sharp, sharp)
    band = band * ramp((height + uneven).astype(np.float32), 1.25 * reach, 0.5 * reach)
    sideways = abs(x) + 0.07 * clouds(lung.shape, 0.12 * lung.height, rng)
    band = band * ramp((sideways / rng.uniform(0.15, 0.45)).astype(np.float32), 1.3, 0.5)
    band = band * np.clip(0.9 + 0.12 * clouds(lung.shape, 0.15 * lung.height, rng), 0, 1.1)
    if rng.random() < 0.5:
        band = band * (1 - np.float32(rng.uniform(0.25, 0.6)) * _bronchi(lung, centre, rng))
    return np.asarray(band, np.float32)


def _bronchi(lung: LungCanvas, centre: tuple[float, float], rng: Generator) -> Plane:
    """Dark branching tubes that run outwards through a dense opacity."""
    drawn = np.zeros(lung.shape, np.float32)
    start = np.array([centre[0] - lung.outward * 0.1 * lung.height, centre[1]])
    for _ in range(int(rng.integers(2, 5))):
        bend, aim = rng.normal(0, 0.35), rng.uniform(-0.2, 0.9)
        length = rng.uniform(0.12, 0.25) * lung.height
        way = [start]
        for turn in (aim, aim + bend, aim + 1.5 * bend):
            step = np.array([lung.outward * np.cos(turn), np.sin(turn)]) * length / 3
            way.append(way[-1] + step)
        width = rng.uniform(0.006, 0.011) * lung.height
        drawn = np.maximum(drawn, stroke(lung.shape, smooth_line(np.array(way), 3), width))
        start = way[int(rng.integers(0, 2))]
    return blur(drawn, 0.004 * lung.height)


def _peripheral(lung: LungCanvas, rng: Generator) -> Plane:
    """A band along the chest wall."""
    thick = rng.uniform(0.15, 0.4)
    deep = lung.depth + 0.07 * clouds(lung.shape, 0.14 * lung.height, rng)
    first = rng.uniform(0.1, 0.65)
    last = first + rng.uniform(0.25, 0.6)
    rough = lung.along + 0.05 * clouds(lung.shape, 0.12 * lung.height, rng)
    span = ramp(rough, first - 0.1, first + 0.05) * ramp(rough, last + 0.1, last - 0.05)
    texture = np.clip(0.75 + 0.3 * clouds(lung.shape, 0.09 * lung.height, rng), 0.1, 1.3)
    return np.asarray(ramp(deep, thick, 0.4 * thick) * span * texture, np.float32)


def _reticular(lung: LungCanvas, rng: Generator) -> Plane:
    """A net of fine lines over some haze: the ridges of smooth noise at two scales."""
    zone = _zone(lung, rng, 0.2, 0.6)
    net = np.zeros(lung.shape, np.float32)
    for cell in (rng.uniform(0.03, 0.045), rng.uniform(0.05, 0.08)):
        ridges = clouds(lung.shape, cell * lung.height, rng, 2)
        broken = ramp(clouds(lung.shape, 1.5 * cell * lung.height, rng, 1), -1.0, 1.2)
        net = np.maximum(net, broken * np.exp(-((ridges / np.float32(0.22)) ** 2)))
    net = blur(net, rng.uniform(0.0, 0.004) * lung.height)
    patches = ramp(clouds(lung.shape, 0.15 * lung.height, rng, 2), -1.5, 1.0)
    haze = np.float32(rng.uniform(0.2, 0.55))
    return np.asarray((haze + net * (1 - haze)) * zone * (0.3 + 0.7 * patches), np.float32)


_PATTERNS = {
    "patchy": _patchy,
    "hazy": _hazy,
    "dense": _dense,
    "peripheral": _peripheral,
    "reticular": _reticular,
}


def _closed(cover: Plane, lung: LungCanvas) -> Plane:
    """The place of a net: its meshes belong to it."""
    return place_of(np.maximum(blur(cover, 0.02 * lung.height), 0.5 * cover))


def _nodule(lung: LungCanvas, radius: float, rng: Generator) -> Plane:
    """A ball's shadow of `radius` pixels with a soft, slightly lobed or spiculated border."""
    x, y = _grid(lung, _spot(lung, rng, 0.08, 0.95))
    x, y = x * lung.height / radius, y * lung.height / radius
    angle = np.arctan2(y, x)
    border = np.ones(lung.shape, np.float32)
    for waves in (2, 3, 5):
        swing = np.float32(rng.normal(0, 0.16 / waves))
        border += swing * np.cos(waves * angle + np.float32(rng.uniform(0, 6.28)))
    if rng.random() < 0.2:
        border += np.float32(0.2) * np.cos(int(rng.integers(7, 12)) * angle)
    distance = np.sqrt(x * x + y * y) / border
    ball = np.sqrt(np.clip(1 - distance * distance, 0, 1))
    flat = ramp(distance.astype(np.float32), 1.0, 0.6)
    mixed = np.float32(rng.uniform(0.2, 0.8))
    soft = blur(
        np.asarray(mixed * ball + (1 - mixed) * flat, np.float32), rng.uniform(0.1, 0.25) * radius
    )
    return soft / np.float32(max(float(soft.max()), 1e-3))


def _band(lung: LungCanvas, centre: NDArray[np.float64], slope: float, rng: Generator) -> Plane:
    half = rng.uniform(0.06, 0.2) * lung.height
    sag = rng.normal(0, 0.08) * half
    t = np.linspace(-1, 1, 12)
    line = np.stack(
        [centre[0] + half * t, centre[1] + slope * half * t + sag * (1 - t * t)], axis=1
    )
    width = rng.uniform(1, 4) / LUNG_MM * lung.height
    drawn = blur(
        stroke(lung.shape, line, max(width, 0.7)), rng.uniform(0.35, 0.8) * max(width, 1.0)
    )
    x = (np.arange(lung.shape[1], dtype=np.float32) + 0.5 - np.float32(centre[0])) / np.float32(
        half
    )
    faded = drawn * ramp(abs(x), 1.0, rng.uniform(0.3, 0.7))[None, :]
    return cast(Plane, faded / np.float32(max(float(faded.max()), 1e-3)))
