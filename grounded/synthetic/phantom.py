"""Made-up chest films with known organs, for tests and demonstrations; no patient's data in them.

A phantom has a body, two lungs with ribs over them, the heart towards the picture's right, spine,
clavicles, diaphragms and a gas bubble under the left one. Its outlines are exact polygons, so boxes
and the cardiothoracic ratio are known to a part of a pixel.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest.measures import ratio_of_boxes
from grounded.chest.names import HEART, LEFT_CLAVICLE, LEFT_LUNG, RIGHT_CLAVICLE, RIGHT_LUNG
from grounded.data.example import filled
from grounded.errors import InvalidValueError
from grounded.geometry import Box
from grounded.image import Image

Polygon = NDArray[np.float64]
_MEMBERS = {RIGHT_LUNG: "right_lung", LEFT_LUNG: "left_lung", HEART: "heart"}
_LANDMARKS = {RIGHT_CLAVICLE: "right_clavicle", LEFT_CLAVICLE: "left_clavicle"}


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A made-up film and what is in it.

    pixels: (H, W) float32 in 0..1, air dark. outlines: polygons (N, 2) by organ, image frame; the
    film cuts nothing off. The patient's right is on the left of the picture.
    """

    pixels: NDArray[np.float32]
    outlines: Mapping[str, Polygon]

    @property
    def image(self) -> Image:
        return Image.of(self.pixels, view="PA", name="phantom")

    @property
    def boxes(self) -> dict[str, Box]:
        """The extent of each outline, image frame."""
        return {
            organ: Box(*outline.min(axis=0), *outline.max(axis=0))
            for organ, outline in self.outlines.items()
        }

    @property
    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Each outline, filled, (H, W)."""
        return {organ: filled(o, self.pixels.shape) for organ, o in self.outlines.items()}

    @property
    def cardiothoracic_ratio(self) -> float:
        """Width of the heart over the distance between the lungs' outer borders."""
        return ratio_of_boxes(self.boxes) or math.nan


def chest_phantom(
    seed: int = 0,
    shape: tuple[int, int] = (256, 256),
    cardiothoracic_ratio: float | None = None,
    noise: float = 0.01,
) -> Phantom:
    """A film of `shape` (H, W); the same arguments give the same film.

    cardiothoracic_ratio: 0.3 to 0.8, or one that follows from the seed. noise: its standard
    deviation. Raises InvalidValueError for a film under 32 pixels or another ratio.
    """
    if min(shape) < 32:
        raise InvalidValueError(f"a phantom needs at least 32 x 32 pixels, got {shape}")
    rng = np.random.default_rng(seed)
    drawn = float(rng.uniform(0.42, 0.58))
    ratio = drawn if cardiothoracic_ratio is None else cardiothoracic_ratio
    if not 0.3 <= ratio <= 0.8:
        raise InvalidValueError(f"a cardiothoracic ratio lies in 0.3..0.8 here, got {ratio}")
    scale = np.array([shape[1], shape[0]], dtype=np.float64)
    outlines = {organ: outline * scale for organ, outline in _organs(ratio, rng).items()}
    return Phantom(_film(outlines, shape, noise, rng), outlines)


def write_phantoms(folder: Path, count: int, seed: int = 0, side: int = 128) -> None:
    """A folder in the form of the chest anatomy set, with `count` square phantoms in it."""
    for name in ("images", *_MEMBERS.values()):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        phantom, name = chest_phantom(seed + number, (side, side)), f"phantom_{number:03d}"
        _write(folder / "images" / f"{name}.png", phantom.pixels)
        for organ, member in _MEMBERS.items():
            _write(folder / member / f"{name}.png", phantom.masks[organ].astype(np.float32))
        landmarks = {key: phantom.outlines[organ].tolist() for organ, key in _LANDMARKS.items()}
        ratio = phantom.cardiothoracic_ratio
        rows.append(
            {
                "id": name,
                "source": "phantom",
                "landmarks": landmarks,
                "cardiothoracic_ratio": ratio,
            }
        )
    (folder / "annotations.json").write_text(json.dumps(rows), encoding="utf-8")


def _write(path: Path, plane: NDArray[np.float32]) -> None:
    cv2.imwrite(str(path), np.round(plane * 255).astype(np.uint8))


def _organs(ratio: float, rng: Generator) -> dict[str, Polygon]:
    """The outlines over a film of 1 x 1; the picture's left is the patient's right."""
    middle = 0.5 + rng.uniform(-0.03, 0.03)
    half = rng.uniform(0.33, 0.40)  # of the chest's width, at the lungs' bases
    apex = rng.uniform(0.08, 0.14)
    right_dome = rng.uniform(0.62, 0.70)
    left_dome = right_dome + rng.uniform(0.0, 0.04)
    width = ratio * 2 * half
    heart_x0 = middle - 0.33 * width
    heart_height = rng.uniform(0.26, 0.32)
    heart_y1 = left_dome + 0.05
    heart = _ellipse(heart_x0, heart_y1 - heart_height, heart_x0 + width, heart_y1)
    right = _lung(apex, right_dome, half, inner=0.07)
    left = _lung(apex, left_dome, half, inner=0.09)
    clavicle = _clavicle(apex + rng.uniform(0.03, 0.06), half)
    mirror, shift = np.array([-1.0, 1.0]), np.array([middle, 0.0])
    return {
        RIGHT_LUNG: right * mirror + shift,
        LEFT_LUNG: left + shift,
        HEART: heart,
        RIGHT_CLAVICLE: clavicle * mirror + shift,
        LEFT_CLAVICLE: clavicle + shift,
    }


def _lung(apex: float, dome: float, half: float, inner: float) -> Polygon:
    """A lung to the right of x = 0: medial border, apex, lateral border, recess, diaphragm."""
    recess = dome + 0.12
    rise = np.linspace(0, np.pi, 24)
    top = 0.62 * half
    crown_x = (inner + top) / 2 - (top - inner) / 2 * np.cos(rise)
    crown_y = apex + 0.08 - 0.08 * np.sin(rise)
    side_y = np.linspace(apex + 0.08, recess, 24)[1:]
    side_x = top + (half - top) * np.sin(np.linspace(0, np.pi / 2, 24)[1:])
    base = np.linspace(0, np.pi / 2, 24)[1:]
    base_x = half - (half - inner) * np.sin(base)
    base_y = recess - (recess - dome) * (1 - np.cos(base)) ** 0.5
    return np.concatenate(
        [
            np.stack(pair, axis=1)
            for pair in ((crown_x, crown_y), (side_x, side_y), (base_x, base_y))
        ]
    )


def _ellipse(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    x = (x0 + x1) / 2 + (x1 - x0) / 2 * np.cos(turn)
    y = (y0 + y1) / 2 + (y1 - y0) / 2 * np.sin(turn)
    return np.stack([x, y], axis=1)


def _clavicle(height: float, half: float) -> Polygon:
    """A band to the right of x = 0, from the sternum outwards and upwards."""
    x = np.linspace(0.04, 0.85 * half, 16)
    y = height + 0.05 - 0.06 * (x / half) - 0.02 * np.sin(x / half * np.pi)
    upper, lower = np.stack([x, y - 0.014], axis=1), np.stack([x, y + 0.014], axis=1)
    return np.concatenate([upper, lower[::-1]])


def _film(
    outlines: Mapping[str, Polygon], shape: tuple[int, int], noise: float, rng: Generator
) -> NDArray[np.float32]:
    """Grey by what lies in the way: air 0.05, lung 0.3, soft tissue 0.6, bone and heart more."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = (x + 0.5) / width, (y + 0.5) / height
    cover = {organ: _soft(filled(outline, shape)) for organ, outline in outlines.items()}
    shoulder = np.clip((y - 0.02) / 0.2, 0, 1) ** 0.5
    body = _soft(abs(x - 0.5) < 0.2 + 0.27 * shoulder)
    lungs = np.maximum(cover[RIGHT_LUNG], cover[LEFT_LUNG])
    film: NDArray[np.float32] = 0.05 + 0.55 * body - 0.32 * lungs * (1 - 0.9 * cover[HEART])
    film += 0.12 * cover[HEART] + 0.10 * (cover[RIGHT_CLAVICLE] + cover[LEFT_CLAVICLE])
    film += 0.15 * _soft(abs(x - 0.5) < 0.035) * body  # spine
    film -= 0.08 * _soft(abs(x - 0.5) < 0.018) * (y < 0.25)  # trachea
    ribs = np.sin(2 * np.pi * (y * 11 + 1.8 * abs(x - 0.5)))
    film += 0.04 * lungs * np.clip(ribs, 0, 1)
    left = outlines[LEFT_LUNG].max(axis=0) / (width, height)
    bubble = ((x - left[0] + 0.16) / 0.07) ** 2 + ((y - left[1] - 0.03) / 0.03) ** 2
    film -= 0.2 * _soft(bubble < 1)
    film += rng.standard_normal(shape).astype(np.float32) * np.float32(noise)
    return np.asarray(np.clip(film, 0, 1), dtype=np.float32)


def _soft(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8), np.float32)
