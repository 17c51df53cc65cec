"""Training samples for findings: real films, lesions painted into the clear ones, changed anew.

What is known of a region after painting follows from where the lesion lies: it is present in a
region that holds much of it, absent in one that it leaves alone, and unknown in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from grounded.chest.names import REGIONS, kind_of, side_of
from grounded.data.example import Example
from grounded.data.finding_films import paintable
from grounded.data.regions import region_boxes
from grounded.detectors.organs.net import normalised
from grounded.errors import ConfigError
from grounded.evidence import Mask
from grounded.findings import VOCABULARY
from grounded.geometry import Box, Placement
from grounded.regions import Regions
from grounded.synthetic import lesions
from grounded.synthetic.lesions import Lesion
from grounded.train import augmentation as augment
from grounded.train.augmentation import Film, Strength

ORGANS = ("right lung", "left lung", "cardiac silhouette")
HELD, COVERED = 0.25, 0.12  # present: this part of the lesion, or of the region
SPARED_OF_LESION, SPARED = 0.03, 0.02  # absent: less of both
ABNORMAL, DEVICES = "Abnormal", "Support Devices"


class FindingSample(NamedTuple):
    """A film and what is known of its R regions. A batch adds a leading B to each.

    film: (1, S, S). boxes: (R, 4) model pixels, 0 for a region that is not there. there: (R,).
    known: (R, F) 1 present, 0 absent, NaN unknown. real: () whether readers described the film.
    """

    film: Tensor
    boxes: Tensor
    there: Tensor
    known: Tensor
    real: Tensor


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which findings are read in which kinds of region.

    labels: F of them, the last one "Abnormal". kinds: (F,) of region.
    """

    labels: tuple[str, ...]
    kinds: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, table: Mapping[str, Sequence[str]]) -> Pairs:
        """From a table label -> kinds. A region is abnormal or not wherever anything is read.

        Raises ConfigError for a finding or a kind of region that there is none of.
        """
        if unknown := set(table) - set(VOCABULARY):
            raise ConfigError(f"no finding {min(unknown)!r}; there are: {', '.join(VOCABULARY)}")
        known = dict.fromkeys(map(kind_of, REGIONS))
        for label, of_label in table.items():
            if wrong := set(of_label) - set(known):
                raise ConfigError(
                    f"{label!r} is to be read in {min(wrong)!r}, which is no kind of region; "
                    f"there are: {', '.join(known)}"
                )
        everywhere = frozenset(kind for kinds in table.values() for kind in kinds)
        sets = [frozenset(kinds) for kinds in table.values()]
        return cls((*table, ABNORMAL), (*sets, everywhere))

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(R, F): whether the finding is read in the region, in the order of REGIONS."""
        rows = [[kind_of(name) in kinds for kinds in self.kinds] for name in REGIONS]
        return np.array(rows, dtype=np.bool_)

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """The kinds in which anything is read, in the atlas's order."""
        return tuple(dict.fromkeys(k for k in map(kind_of, REGIONS) if k in self.kinds[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class KnownFilm:
    """A film scaled to a longest side, with its regions and what is known of them.

    film: (H, W) uint8. masks: of ORGANS, (H, W) uint8, 255 inside. boxes: (R, 4) in its own frame,
    NaN for a region that was not found. known: (R, F) as in FindingSample.
    """

    name: str
    film: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.uint8]]
    boxes: NDArray[np.float64]
    known: NDArray[np.float32]
    paintable: bool
    real: bool

    @classmethod
    def of(cls, example: Example, regions: Regions, pairs: Pairs, side: int) -> KnownFilm:
        """regions: what the detector found in the whole film, image frame."""
        pixels = np.round(example.image().pixels * 255).astype(np.uint8)
        shape = (pixels.shape[0], pixels.shape[1])
        placement = Placement.letterbox(shape, (min(side, max(shape)),) * 2)
        rows, columns = placement.content
        size = (columns.stop - columns.start, rows.stop - rows.start)
        film = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        scale = np.tile(placement.scale, 2)
        boxes = region_boxes(regions) * scale
        masks = {
            organ: rastered(mask, scale, (film.shape[0], film.shape[1]))
            for organ in ORGANS
            if organ in regions and (mask := regions[organ].mask) is not None
        }
        known = base_known(example, pairs)
        clear, real = paintable(example), example.described
        return cls(example.name, film, masks, boxes, known, clear, real)


def base_known(example: Example, pairs: Pairs) -> NDArray[np.float32]:
    """(R, F): what is known of a film as it is, NaN elsewhere."""
    known = np.full((len(REGIONS), len(pairs.labels)), np.nan, dtype=np.float32)
    findings = example.findings
    for column, label in enumerate(pairs.labels):
        if findings.get(label) == "absent":
            known[:, column] = 0
    for (region, label), presence in example.regional.items():
        if label in pairs.labels and presence != "uncertain":
            known[REGIONS.index(region), pairs.labels.index(label)] = float(presence == "present")
    return with_abnormal(known, pairs)


def with_abnormal(known: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float32]:
    """The same, what is not read emptied, and the last column set: any present, or all absent.

    Devices make no region abnormal.
    """
    known = np.where(pairs.mask, known, np.nan).astype(np.float32)
    counts = [label not in (ABNORMAL, DEVICES) for label in pairs.labels]
    findings, read = known[:, counts], pairs.mask[:, counts]
    present = (findings == 1).any(axis=1)
    absent = ((findings == 0) | ~read).all(axis=1)
    known[:, -1] = np.where(present, 1, np.where(absent, 0, np.nan))
    known[~read.any(axis=1), -1] = np.nan
    return known


def rastered(mask: Mask, scale: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A mask (image frame) on the grid of a scaled film (H, W), 255 inside."""
    extent = np.array(tuple(mask.extent)) * scale
    height, width = mask.values.shape
    to_grid = np.array(
        [
            [(extent[2] - extent[0]) / width, 0, extent[0]],
            [0, (extent[3] - extent[1]) / height, extent[1]],
        ]
    )
    values = np.round(mask.values * 255).astype(np.uint8)
    return np.where(augment.warp(values, to_grid, shape) >= 128, 255, 0).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Painting:
    """How often and what is painted. often: a paintable film is painted at all. more: a further
    lesion, each time. kinds: weight by kind of lesion. distract: things that are no finding."""

    often: float = 0.75
    more: float = 0.35
    distract: float = 0.5
    kinds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(lesions.KINDS, 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A film (H, W) 0..1 with lesions, and what is then known of its regions."""

    film: Film
    masks: Mapping[str, Film]
    known: NDArray[np.float32]
    lesions: tuple[Lesion, ...] = ()


def painted(kept: KnownFilm, pairs: Pairs, painting: Painting, rng: Generator) -> Painted:
    """The film, with lesions if it is clear of findings, with distractions now and then."""
    film = np.asarray(kept.film / np.float32(255), dtype=np.float32)
    masks = {organ: np.asarray(m / np.float32(255), np.float32) for organ, m in kept.masks.items()}
    state = Painted(film, masks, kept.known)
    if rng.random() < painting.distract and masks:
        state = replace(state, film=lesions.distract(film, masks, rng))
    if not kept.paintable or len(masks) < len(ORGANS) or rng.random() >= painting.often:
        return state
    names = list(painting.kinds)
    weights = np.array([painting.kinds[name] for name in names])
    while True:
        state = with_lesion(
            state, kept, pairs, str(rng.choice(names, p=weights / weights.sum())), rng
        )
        if rng.random() >= painting.more:
            return replace(state, known=with_abnormal(state.known, pairs))


def with_lesion(
    state: Painted, kept: KnownFilm, pairs: Pairs, kind: str, rng: Generator
) -> Painted:
    """One more lesion, and what is known after it."""
    film, masks, lesion = lesions.paint(state.film, state.masks, kind, rng)
    known = state.known.copy()
    for label in lesion.labels:
        if label in pairs.labels:
            column = pairs.labels.index(label)
            known[:, column] = _merged(
                known[:, column], where(lesion, kept.boxes, masks, pairs.mask[:, column])
            )
    return Painted(film, masks, known, (*state.lesions, lesion))


def _merged(before: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """Present if either says so, absent if both do."""
    present = (before == 1) | (new == 1)
    absent = (before == 0) & (new == 0)
    return np.where(present, 1, np.where(absent, 0, np.nan)).astype(np.float32)


def where(
    lesion: Lesion,
    boxes: NDArray[np.float64],
    masks: Mapping[str, Film],
    read: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """(R,): 1 in regions that hold the lesion, 0 in those that it spares, NaN in between.

    A region of the lung is its box within that lung's outline; others are their boxes.
    """
    said = np.full(len(boxes), np.nan, dtype=np.float32)
    total = max(float(lesion.area.sum()), 1e-6)
    for row, box in enumerate(boxes):
        if not read[row] or not np.isfinite(box).all():
            continue
        x0, y0, x1, y1 = (max(round(float(value)), 0) for value in box)
        cut = (slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1)))
        part = lesion.area[cut]
        size = float(part.size)
        side = side_of(REGIONS[row])
        if "lung" in REGIONS[row] and f"{side} lung" in masks:
            inside = masks[f"{side} lung"][cut]
            # fluid and dense opacities reach over the outline, so the lesion is not cut by it
            size = float(inside.sum())
        shared = float(part.sum())
        if shared >= HELD * total or shared >= COVERED * size:
            said[row] = 1
        elif shared <= SPARED_OF_LESION * total and shared <= SPARED * size:
            said[row] = 0
    return said


class FindingSamples(Dataset[FindingSample]):
    """Sample number n of a run: which film is drawn and how it is changed follow from seed and n.

    real: how often a film that readers described is drawn. jitter: see `moved_boxes`.
    """

    def __init__(
        self,
        films: Sequence[KnownFilm],
        pairs: Pairs,
        *,
        side: int,
        count: int,
        seed: int,
        real: float,
        painting: Painting,
        strength: Strength,
        jitter: float = 0.03,
    ) -> None:
        self.groups = ([f for f in films if not f.real], [f for f in films if f.real])
        self.pairs, self.side, self.count, self.seed = pairs, side, count, seed
        self.real = real if all(self.groups) else float(bool(self.groups[1]))
        self.painting, self.strength, self.jitter = painting, strength, jitter

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> FindingSample:
        rng = np.random.default_rng([self.seed, number])
        films = self.groups[int(rng.random() < self.real)]
        return self._sample(films[int(rng.integers(len(films)))], rng)

    def of_film(self, kept: KnownFilm, number: int) -> FindingSample:
        """A given film, changed by seed and number."""
        return self._sample(kept, np.random.default_rng([self.seed, number]))

    def _sample(self, kept: KnownFilm, rng: Generator) -> FindingSample:
        state = painted(kept, self.pairs, self.painting, rng)
        return changed(kept, state, self.side, self.strength, self.jitter, rng)


def changed(
    kept: KnownFilm, state: Painted, side: int, strength: Strength, jitter: float, rng: Generator
) -> FindingSample:
    """A painted film through a random window, with another contrast."""
    affine, content = augment.random_window(kept.film.shape, strength, rng).to_model(side)
    eight_bit = np.round(np.clip(state.film, 0, 1) * 255).astype(np.uint8)
    warped = augment.warp(eight_bit, affine, (side, side))
    film = np.asarray(warped / np.float32(255), dtype=np.float32)
    inner = normalised(np.ascontiguousarray(film[content]))
    inner = augment.grain(augment.contrast(inner, strength, rng), strength, rng)
    placed = np.zeros_like(film)
    placed[content] = normalised(inner)
    if rng.random() < strength.letters:
        placed = augment.letters(placed, content, rng)
    boxes, there = moved_boxes(kept.boxes, affine, content, jitter, rng)
    return FindingSample(
        torch.from_numpy(placed)[None],
        torch.from_numpy(boxes.astype(np.float32)),
        torch.from_numpy(there),
        torch.from_numpy(state.known),
        torch.tensor(kept.real),
    )


def moved_boxes(
    boxes: NDArray[np.float64],
    affine: NDArray[np.float64],
    content: tuple[slice, slice],
    jitter: float,
    rng: Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The boxes (R, 4) in the model frame, and which are there.

    jitter: how far their edges are off, as a detector's are, in parts of their size. A box of which
    less than two thirds lie in the film is not there.
    """
    rows, columns = content
    frame = Box(columns.start, rows.start, columns.stop, rows.stop)
    moved, there = np.zeros_like(boxes), np.zeros(len(boxes), dtype=np.bool_)
    for row, corners in enumerate(boxes):
        if not np.isfinite(corners).all():
            continue
        box = augment.move_box(Box(*corners), affine)
        if box.overlap(frame) < 2 / 3 * box.area:
            continue
        off = rng.normal(0, jitter, 4) * np.tile((box.width, box.height), 2)
        shifted = np.array(tuple(box.clip(frame))) + off
        if min(shifted[2] - shifted[0], shifted[3] - shifted[1]) > 2:
            moved[row], there[row] = shifted, True
    return moved, there
