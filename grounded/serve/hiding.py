"""A film with one place hidden: filled with what its surroundings lead to, without an edge."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.image import Image, digest_of

_FADE = 0.02  # of the film's longer side: over which the fill goes over into the film
_NOTE = "A part of the film was hidden by hand: this is no report of the film itself."


def hidden(image: Image, place: Box | Mask) -> Image:
    """The film without what a place shows, in the greys around it.

    It is read whatever it looks like, and says in its warnings what was done.
    """
    cover = _cover(image, place)
    filled = _filled(image.pixels, cover)
    mixed = image.pixels + cover * (filled - image.pixels)
    pixels = np.ascontiguousarray(np.clip(mixed, 0, 1), dtype=np.float32)
    info = replace(image.info, sha256=digest_of(pixels), warnings=(*image.info.warnings, _NOTE))
    return Image(pixels, info, forced=True)


def _cover(image: Image, place: Box | Mask) -> NDArray[np.float32]:
    """How far each pixel (H, W) is hidden: 1 in the place, falling to 0 around it."""
    height, width = image.shape
    if isinstance(place, Mask):
        inside = (place.in_film(image.shape) >= 0.5).astype(np.uint8)
    else:
        box = place.clip(image.info.frame)
        inside = np.zeros(image.shape, np.uint8)
        inside[int(box.y0) : int(np.ceil(box.y1)), int(box.x0) : int(np.ceil(box.x1))] = 1
    fade = max(2.0, _FADE * max(height, width))
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    return np.asarray(np.clip(1 - away / fade, 0, 1), dtype=np.float32)


def _filled(pixels: NDArray[np.float32], cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """Greys for what is covered, from coarse to fine (pull and push, Gortler et al., 1996)."""
    known = (cover == 0).astype(np.float32)
    return _pull_push(pixels * known, known)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.pyrDown(values), dtype=np.float32)


def _pull_push(greys: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """greys: times their weights. What has no weight gets what the next coarser level has."""
    if min(greys.shape) <= 2:
        mean = greys.sum() / max(float(weights.sum()), 1e-6)
        return np.full(greys.shape, mean, np.float32)
    coarse = _pull_push(_halved(greys), _halved(weights))
    wide = cv2.resize(coarse, greys.shape[::-1], interpolation=cv2.INTER_LINEAR)
    share = np.clip(weights, 0, 1)
    own = greys / np.maximum(weights, 1e-6)
    return np.asarray(share * own + (1 - share) * wide, dtype=np.float32)
