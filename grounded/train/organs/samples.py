"""Training samples for OrganNet: films kept small in memory, changed anew for every draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from grounded.chest.names import ORGANS
from grounded.data.example import Example
from grounded.detectors.organs.detector import extent
from grounded.detectors.organs.net import normalised
from grounded.geometry import Box, Placement
from grounded.train import augmentation as augment
from grounded.train.augmentation import Film, Strength

FOUND = 1 / 3
"""An organ counts as present when this part of it lies in the film."""
WHITE = 65535  # of a kept film


class OrganSample(NamedTuple):
    """A film and its targets in the model frame. A batch of them adds a leading B to each.

    film: (1, S, S). masks: (5, S, S) 0..1. boxes: (5, 4) parts of S, of the visible part.
    present: (5,) 0 or 1. has_mask, has_box, has_presence: (5,) what was annotated.
    """

    film: Tensor
    masks: Tensor
    boxes: Tensor
    present: Tensor
    has_mask: Tensor
    has_box: Tensor
    has_presence: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class KeptFilm:
    """A film scaled to a longest side (0..65535, so that no grey level is lost), with soft masks
    (0..255) and boxes in its own frame."""

    film: NDArray[np.uint16]
    masks: dict[int, NDArray[np.uint8]]
    boxes: dict[int, Box]
    absent: bool

    @classmethod
    def of(cls, example: Example, side: int) -> KeptFilm:
        pixels = example.image().pixels
        placement = Placement.letterbox(
            (pixels.shape[0], pixels.shape[1]), (min(side, max(pixels.shape)),) * 2
        )
        rows, columns = placement.content
        size = (columns.stop - columns.start, rows.stop - rows.start)
        scale = np.tile(placement.scale, 2)

        def small(plane: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)

        return cls(
            np.round(small(pixels) * WHITE).astype(np.uint16),
            {
                ORGANS.index(organ): small(example.mask(organ) * np.float32(255)).astype(np.uint8)
                for organ in example.outlines
            },
            {
                ORGANS.index(organ): Box(*(np.array(tuple(box)) * scale))
                for organ, box in example.boxes.items()
            },
            example.absent,
        )


class OrganSamples(Dataset[OrganSample]):
    """Sample number n of a run: which film is drawn and how it is changed follow from seed and n.

    shares: how often a film with outlines, with boxes only, of no chest, and a made-up one comes.
    From the part `calm_from` of the count on, films are changed `calm` times as often.
    """

    def __init__(
        self,
        films: Sequence[KeptFilm],
        *,
        side: int,
        count: int,
        seed: int,
        shares: Sequence[float],
        strength: Strength,
        calm_from: float = 1.0,
        calm: float = 1.0,
    ) -> None:
        self.groups = (
            [film for film in films if film.masks],
            [film for film in films if film.boxes and not film.masks],
            [film for film in films if film.absent],
        )
        sizes = [bool(group) for group in self.groups] + [True]
        weights = np.array(shares, dtype=np.float64) * sizes
        self.shares = weights / weights.sum()
        self.side, self.count, self.seed, self.strength = side, count, seed, strength
        self.calm_from, self.calmer = calm_from, strength.times(calm)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> OrganSample:
        rng = np.random.default_rng([self.seed, number])
        group = int(rng.choice(4, p=self.shares))
        strength = self.strength if number < self.calm_from * self.count else self.calmer
        if group == 3:
            return _made_up(self.side, strength, rng)
        films = self.groups[group]
        return changed(films[int(rng.integers(len(films)))], self.side, strength, rng)


def changed(kept: KeptFilm, side: int, strength: Strength, rng: Generator) -> OrganSample:
    """The film through a random window, with another contrast and things painted on it."""
    affine, content = augment.random_window(kept.film.shape, strength, rng).to_model(side)
    inside = np.zeros((side, side), dtype=np.float32)
    inside[content] = 1
    warped = augment.warp(kept.film, affine, (side, side))
    film = np.asarray(warped / WHITE, dtype=np.float32)
    film[content] = normalised(film[content])  # what is painted and added knows the film's contrast
    film *= inside
    masks = np.zeros((len(ORGANS), side, side), dtype=np.float32)
    for row, mask in kept.masks.items():
        masks[row] = augment.warp(mask, affine, (side, side)) * (inside / 255)
    targets = _Targets.of(kept, masks, affine, content)
    film = _painted(film, targets, content, strength, rng)
    return targets.sample(_finished(film, content, strength, rng), masks)


def _painted(
    film: Film,
    targets: _Targets,
    content: tuple[slice, slice],
    strength: Strength,
    rng: Generator,
) -> Film:
    if rng.random() < strength.opacity:
        for row in rng.permutation(2)[: int(rng.integers(1, 3))]:
            if targets.has_box[row]:
                film = augment.opacity(film, targets.lung(int(row), film.shape), rng)
    if rng.random() < strength.device:
        film = augment.device(film, rng)
    if rng.random() < strength.letters:
        film = augment.letters(film, content, rng)
    if rng.random() < strength.patch:
        film = augment.patch(film, content, rng)
    return film


def _finished(film: Film, content: tuple[slice, slice], strength: Strength, rng: Generator) -> Film:
    """Another contrast on the film's own part, then what inference does as well."""
    inner = augment.contrast(np.ascontiguousarray(film[content]), strength, rng)
    inner = augment.grain(inner, strength, rng)
    placed = np.zeros_like(film)
    placed[content] = normalised(inner)
    return placed


def _made_up(side: int, strength: Strength, rng: Generator) -> OrganSample:
    film = augment.no_chest(side, rng)
    everything = (slice(0, side), slice(0, side))
    if rng.random() < strength.letters:
        film = augment.letters(film, everything, rng)
    film = _finished(film, everything, strength, rng)
    count = len(ORGANS)
    nothing = _Targets(
        np.zeros((count, 4)), np.zeros(count), np.ones(count), np.zeros(count), np.ones(count), None
    )
    return nothing.sample(film, np.zeros((count, side, side), dtype=np.float32))


@dataclass(slots=True, eq=False)
class _Targets:
    """The targets of one film but its masks; boxes in model pixels. See OrganSample."""

    boxes: NDArray[np.float64]
    present: NDArray[np.float64]
    has_mask: NDArray[np.float64]
    has_box: NDArray[np.float64]
    has_presence: NDArray[np.float64]
    masks: NDArray[np.float32] | None

    @classmethod
    def of(
        cls,
        kept: KeptFilm,
        masks: NDArray[np.float32],
        affine: NDArray[np.float64],
        content: tuple[slice, slice],
    ) -> _Targets:
        count = len(ORGANS)
        nothing = np.zeros((4, count))
        targets = cls(np.zeros((count, 4)), nothing[0], nothing[1], nothing[2], nothing[3], None)
        if kept.absent:
            targets.has_mask[:] = targets.has_presence[:] = 1
            return targets
        magnification = abs(float(np.linalg.det(affine[:, :2])))
        for row, mask in kept.masks.items():
            whole = float(mask.sum(dtype=np.float64)) / 255 * magnification
            targets._set(row, float(masks[row].sum()) / max(whole, 1e-6), extent(masks[row]))
            targets.has_mask[row] = 1
        rows, columns = content
        frame = Box(columns.start, rows.start, columns.stop, rows.stop)
        for row, box in kept.boxes.items():
            moved = augment.move_box(box, affine)
            visible = moved.overlap(frame) / moved.area
            corners = tuple(moved.clip(frame)) if visible > 0 else (np.nan,) * 4
            targets._set(row, visible, np.array(corners))
        if kept.masks:
            targets.masks = masks
        return targets

    def _set(self, row: int, visible: float, box: NDArray[np.float64]) -> None:
        self.has_presence[row] = 1
        self.present[row] = float(visible >= FOUND)
        if np.isfinite(box).all() and visible > 0.03:
            self.boxes[row], self.has_box[row] = box, 1

    def lung(self, row: int, shape: Sequence[int]) -> Film:
        """Where to paint an opacity: the lung's mask, or an ellipse in its box."""
        if self.masks is not None:
            return np.asarray(self.masks[row], dtype=np.float32)
        x0, y0, x1, y1 = self.boxes[row]
        canvas = np.zeros(tuple(shape), dtype=np.float32)
        turned = ((x0 + x1) / 2, (y0 + y1) / 2), (x1 - x0, y1 - y0), 0.0
        cv2.ellipse(canvas, turned, 1.0, -1, cv2.LINE_AA)
        return np.asarray(canvas, dtype=np.float32)

    def sample(self, film: Film, masks: NDArray[np.float32]) -> OrganSample:
        def tensor(values: NDArray[np.float64]) -> Tensor:
            return torch.from_numpy(values.astype(np.float32))

        return OrganSample(
            film=torch.from_numpy(film)[None],
            masks=torch.from_numpy(masks),
            boxes=tensor(self.boxes / film.shape[0]),
            present=tensor(self.present),
            has_mask=tensor(self.has_mask),
            has_box=tensor(self.has_box),
            has_presence=tensor(self.has_presence),
        )
