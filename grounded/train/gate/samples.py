"""What the gate learns from: films as they lie and as they should not, and other pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from grounded.data.gate_films import GateFilm
from grounded.detectors.gate import KINDS, TURNS, gate_film
from grounded.errors import GroundedError
from grounded.geometry import Box
from grounded.image import Image
from grounded.train import augmentation as augment
from grounded.train.augmentation import Strength, Window
from grounded.train.loop import Turns

Film = NDArray[np.float32]
Kept = NDArray[np.uint8]

KEPT_SIDE = 144  # films are kept with this longest side
_STRENGTH = Strength(crop=0.12, pad=0.12, rotation=10, extreme=0.0, invert=0.0)
_SHARES = (0.62, 0.08, 0.30)  # frontal, several films in one picture, others
_OTHERS = (0.35, 0.2, 0.15, 0.25, 0.05)  # pictures at hand, made up, a part of a film, shuffled, ..
_UPRIGHT = 0.7


class GateSample(NamedTuple):
    """film (1, S, S); kind, turn: indices; negative: 0 or 1, NaN for what is no film."""

    film: Tensor
    kind: Tensor
    turn: Tensor
    negative: Tensor


def kept(films: Sequence[GateFilm], side: int = KEPT_SIDE) -> list[Kept]:
    """The films that can be read, as bytes, small: side pixels on the longest side."""
    found = []
    for film in films:
        try:
            pixels = Image.open(film.path, force=True).pixels
        except GroundedError:
            continue
        factor = side / max(pixels.shape)
        size = (max(round(pixels.shape[1] * factor), 8), max(round(pixels.shape[0] * factor), 8))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        found.append(np.asarray(np.round(small * 255), dtype=np.uint8))
    return found


class GateSamples(Dataset[GateSample]):
    """Sample n of a run: what is drawn and how it is changed follow from seed and n.

    others: groups of pictures of something else; each group is drawn as often as another.
    """

    def __init__(
        self, frontal: Sequence[Kept], others: Sequence[Sequence[Kept]], side: int, seed: int
    ) -> None:
        self.frontal, self.others = frontal, [group for group in others if len(group)]
        self.side, self.seed = side, seed

    def loaded(self, turns: Turns) -> Iterator[GateSample]:
        """The samples of these turns in batches."""
        return (GateSample(*batch) for batch in turns.load(self))

    def __getitem__(self, number: int) -> GateSample:
        rng = np.random.default_rng([self.seed, number])
        kind = int(rng.choice(len(KINDS), p=_SHARES))
        film = (self._film, self._several, self._other)[kind](rng)
        mirrored, negative = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
        turn = 0 if rng.random() < _UPRIGHT else int(rng.integers(1, TURNS))
        lain = laid(film, mirrored, turn)
        if rng.random() < 0.3:  # letters do not say how a film lies: they may be added later
            whole = slice(0, self.side)
            lain = augment.letters(lain, (whole, whole), rng)
        shown = gate_film(1 - lain if negative else lain, self.side)
        known = float("nan") if KINDS[kind] == "other" else 1.0
        return GateSample(
            torch.from_numpy(shown)[None],
            torch.tensor(kind),
            torch.tensor(turn if KINDS[kind] == "frontal" else -1),
            torch.tensor(negative * known),
        )

    def _film(self, rng: Generator, strength: Strength = _STRENGTH) -> Film:
        film = self.frontal[int(rng.integers(len(self.frontal)))]
        return changed(film, augment.random_window(film.shape, strength, rng), self.side, rng)

    def _several(self, rng: Generator) -> Film:
        """Two or more films beside each other or above, with or without a gap."""
        count = 2 if rng.random() < 0.8 else int(rng.integers(3, 5))
        axis = int(rng.random() < 0.7)  # 1: beside each other
        gap_shape = [self.side, self.side]
        gap_shape[axis] = int(rng.integers(0, 8))
        gap = np.full(gap_shape, rng.choice([0.0, 1.0]), dtype=np.float32)
        parts = [self._film(rng)]
        while len(parts) < 2 * count - 1:
            parts += [gap, parts[0] if rng.random() < 0.3 else self._film(rng)]
        row = np.concatenate(parts, axis=axis)
        return np.asarray(cv2.resize(row, (self.side, self.side), interpolation=cv2.INTER_AREA))

    def _other(self, rng: Generator) -> Film:
        way = int(rng.choice(len(_OTHERS), p=_OTHERS))
        if way == 0 and self.others:
            group = self.others[int(rng.integers(len(self.others)))]
            picture = group[int(rng.integers(len(group)))]
            window = augment.random_window(picture.shape, _STRENGTH, rng)
            return changed(picture, window, self.side, rng)
        if way == 1:
            return augment.no_chest(self.side, rng)
        if way == 2:
            return self._part(rng)
        if way == 3:
            return limb(self.side, rng)
        film = self._film(rng)[: self.side // 3 * 3, : self.side // 3 * 3]
        tiles = [tile for row in np.split(film, 3) for tile in np.split(row, 3, axis=1)]
        order = rng.permutation(9)
        return np.block([[tiles[order[3 * i + j]] for j in range(3)] for i in range(3)])

    def _part(self, rng: Generator) -> Film:
        """A small part of a film, as a shoulder, a lung's apex or the belly alone."""
        film = self.frontal[int(rng.integers(len(self.frontal)))]
        height, width = film.shape
        share = rng.uniform(0.2, 0.4)
        x, y = rng.uniform(0, 1 - share) * width, rng.uniform(0, 1 - share) * height
        box = Box(x, y, x + share * width, y + share * height)
        return changed(film, Window(box, float(rng.uniform(-10, 10))), self.side, rng)


def changed(film: Kept, window: Window, side: int, rng: Generator) -> Film:
    """A film through a window, squeezed to the square, with another contrast and grain."""
    box = window.box
    scale = np.array([side / box.width, side / box.height])
    angle = np.deg2rad(window.degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale[:, None] * turn
    shift = np.array([side / 2, side / 2]) - linear @ np.array(box.center)
    border = int(rng.choice([0, 0, 255]))
    warped = augment.warp(film, np.column_stack([linear, shift]), (side, side), border)
    new = np.asarray(warped / 255, dtype=np.float32)
    new = augment.contrast(new, _STRENGTH, rng)
    if rng.random() < 0.25:
        new = augment.device(new, rng)
    if rng.random() < 0.2:
        whole = slice(0, side)
        new = augment.patch(new, (whole, whole), rng)
    return augment.grain(new, _STRENGTH, rng)


def laid(film: Film, mirrored: bool, turn: int) -> Film:
    """A film mirrored, then turned by quarter turns clockwise."""
    flipped = film[:, ::-1] if mirrored else film
    return np.ascontiguousarray(np.rot90(flipped, -turn))


def limb(side: int, rng: Generator) -> Film:
    """Straight bones in soft tissue, as of a limb, a hand, a foot or a hip."""
    tissue = np.zeros((side, side), dtype=np.float32)
    axis = float(rng.uniform(0, 180))
    middle = rng.uniform(0.35, 0.65, 2) * side
    width = rng.uniform(0.25, 1.2) * side

    def rod(offset: float, wide: float, start: float, end: float, bright: float) -> None:
        along = np.array([np.cos(np.deg2rad(axis)), np.sin(np.deg2rad(axis))])
        across = np.array([-along[1], along[0]])
        ends = [middle + across * offset + along * at for at in (start, end)]
        points = np.round(ends).astype(np.int32)
        layer = np.zeros_like(tissue)
        cv2.line(layer, points[0].tolist(), points[1].tolist(), bright, max(int(wide), 1))
        for point in points:  # a joint is wider than the shaft
            cv2.circle(layer, point.tolist(), max(int(wide * rng.uniform(0.5, 0.9)), 1), bright, -1)
        np.maximum(tissue, layer, out=tissue)

    rod(0, width, -2 * side, 2 * side, float(rng.uniform(0.2, 0.45)))
    tissue[:] = cv2.GaussianBlur(tissue, (0, 0), rng.uniform(1, 5))
    for _ in range(int(rng.integers(1, 7))):
        start = rng.uniform(-1, 0.2) * side
        bright = float(rng.uniform(0.55, 1))
        rod(
            float(rng.uniform(-0.4, 0.4) * width), rng.uniform(0.04, 0.3) * width, start,
            start + rng.uniform(0.2, 1.5) * side, bright,
        )  # fmt: skip
    soft = cv2.GaussianBlur(tissue, (0, 0), rng.uniform(0.3, 2.5))
    film = soft + 0.05 * rng.random((side, side), dtype=np.float32)
    return np.clip(film, 0, 1).astype(np.float32)
