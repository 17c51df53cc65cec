"""The films of a run in memory, as the network sees them, with their truth; batches, changed.

A film is kept at the network's own size. A batch is turned, moved, scaled and blurred in one go,
and cells and boxes with it, so that what is known stays in its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from grounded.chest.names import kind_of
from grounded.data.example import Example, Split
from grounded.data.finding_films import finding_films
from grounded.data.nih import OPACITY, PARTS, RSNA, nih_films, part_of
from grounded.data.tb import tuberculosis_films
from grounded.detectors.organs.detector import OrganDetector
from grounded.detectors.organs.encoder import STRIDE
from grounded.detectors.organs.net import film_tensor
from grounded.generators.neural.finding_net import FILM, shares
from grounded.geometry import Placement
from grounded.train.findings.truth import LABELS, painted, region_truth, truth_of

FINE = 2  # truth is kept at so many cells for each of the network's, along each axis
Places = tuple[Sequence[str], NDArray[np.float64]]
"""Names of regions, and their boxes (R, 4) in the image frame."""
NOWHERE: Places = ((), np.empty((0, 4)))


class Taught(NamedTuple):
    """Teachers' probabilities for a batch of B films; NaN for a film that no teacher read.

    film: (B, F). regions: (B, R, F). cells, weights: (B, F, h, w) and (B, 1, h, w), whether a cell
    lies in a film of which they spoke.
    """

    film: Tensor
    regions: Tensor
    cells: Tensor
    weights: Tensor


class Batch(NamedTuple):
    """B films with what is known of them; NaN and a weight of 0 are unknown.

    films: (B, 1, S, S). read: (B, READERS, F). cells, weights: (B, F, n, n), shares and whether
    they are known. boxes: (B, R, 4), parts of the square. kinds: (B, R), -1 beyond a film's last.
    regions: (B, R, F). view: (B,), 1 for AP, NaN where nobody says. taught: None without teachers.
    """

    films: Tensor
    read: Tensor
    cells: Tensor
    weights: Tensor
    boxes: Tensor
    kinds: Tensor
    regions: Tensor
    view: Tensor
    taught: Taught | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What teachers say of one film: see `Taught`. cells: (F, h, w), 255 for certain."""

    film: NDArray[np.float32]
    regions: NDArray[np.float32]
    cells: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One film as it is kept: see `Batch`. cells, weights: None where no place is known."""

    name: str
    patient: str
    film: NDArray[np.uint8]
    read: NDArray[np.float32]
    cells: NDArray[np.uint8] | None
    weights: NDArray[np.uint8] | None
    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]
    regions: NDArray[np.float32]
    view: float
    lesson: Lesson | None = None


def examples(data: Path, free: bool = False) -> list[Example]:
    """The films of `data`/nih, and of `chest_anatomy` and `tb` if they are there.

    free: leave out films and readings whose terms forbid commercial use: all but NIH's own, and
    the readings of RSNA's challenge.
    """
    films = nih_films(data / "nih")
    if free:
        return [
            replace(film, readings=tuple(r for r in film.readings if r.reader != RSNA))
            for film in films
        ]
    if (data / "chest_anatomy").is_dir():
        clear = finding_films(data)
        films += [replace(film, split=part_of(film.name)) for film in clear]
    if (data / "tb").is_dir():
        films += tuberculosis_films(data / "tb")
    return films


def read_films(
    data: Path, kinds: Sequence[str], side: int, detector: OrganDetector, free: bool = False
) -> dict[Split, list[Known]]:
    """The films of `data` by their part. Regions are found where places are known.

    free: see `examples`.
    """
    parts: dict[Split, list[Known]] = {part: [] for part in PARTS}
    for film in examples(data, free):
        found = places(film, detector) if truth_of(film).placed else NOWHERE
        parts[film.split].append(keep(film, found, kinds, side))
    return parts


def places(film: Example, detector: OrganDetector) -> Places:
    """The regions of a film."""
    [found] = detector.detect([film.image()])
    return found.names, found.boxes


def blanked(films: Sequence[Known], kinds: Sequence[str]) -> list[Known]:
    """The films with both lungs under grey, and what lies between them: a control.

    What can still be read of them follows from how and of whom they were taken. Films whose lungs
    were not looked for are left out, since nothing of them can be hidden.
    """
    lung = kinds.index("lung")
    return [_blanked(film, lung) for film in films if (film.kinds == lung).any()]


def _blanked(film: Known, lung: int) -> Known:
    pixels, side = film.film.copy(), film.film.shape[0]
    boxes = film.boxes[film.kinds == lung] * side
    x0, y0 = boxes[:, :2].min(axis=0).astype(int)
    x1, y1 = np.ceil(boxes[:, 2:].max(axis=0)).astype(int)
    pixels[y0:y1, x0:x1] = 128
    return replace(film, film=pixels)


def keep(film: Example, regions: Places, kinds: Sequence[str], side: int) -> Known:
    """A film with its truth. kinds: the network's; regions of other kinds are left out."""
    truth, image = truth_of(film), film.image()
    tensor, placement = film_tensor(image.pixels, side, image.placement((side, side)))
    cells = side // STRIDE * FINE
    boxes, numbers = _boxes(regions, kinds, placement)
    kept = Known(
        name=film.name,
        patient=f"{film.source} {film.patient}",
        film=np.asarray((tensor[0] * 255).round().to(torch.uint8).numpy()),
        read=truth.read,
        cells=None,
        weights=None,
        boxes=boxes,
        kinds=numbers,
        regions=np.full((len(boxes), len(LABELS)), np.nan, np.float32),
        view={"AP": 1.0, "PA": 0.0}.get(film.view, math.nan),
    )
    if not truth.placed:
        return kept
    grid = painted(truth.marks, placement, cells)
    unsure = painted(truth.unsure, placement, cells)
    weights = np.where(truth.located[:, None, None], np.uint8(255), np.uint8(0))
    weights = np.repeat(np.repeat(weights, cells, axis=1), cells, axis=2)
    weights[LABELS.index(OPACITY)] &= 255 - unsure.max(axis=0)
    weights = np.maximum(weights, (grid > 127) * np.uint8(255))
    covered = shares(torch.from_numpy(boxes) * cells, cells, cells).numpy()
    regional = region_truth(truth, grid, unsure, covered)
    regional[0] = np.nan  # of the whole film readers speak
    return replace(kept, cells=grid, weights=weights, regions=regional)


def _boxes(
    regions: Places, kinds: Sequence[str], placement: Placement
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The boxes of the film and of those regions that are read, as parts of the square."""
    names, boxes = regions
    height, width = placement.image_shape
    rows = [row for row, name in enumerate(names) if kind_of(name) in kinds]
    everything = np.array([[0.0, 0.0, width, height]])
    chosen = np.concatenate([everything, boxes[rows]]) if rows else everything
    places = [FILM, *(kind_of(names[row]) for row in rows)]
    return (
        (placement.to_model(chosen) / placement.model_shape[0]).astype(np.float32),
        np.array([kinds.index(kind) for kind in places], dtype=np.int64),
    )


def batch_of(films: Sequence[Known], cells: int) -> Batch:
    """The films as they are. cells: along each axis of the kept truth."""
    most = max(len(film.boxes) for film in films)
    shape = (len(films), most)
    boxes = np.zeros((*shape, 4), np.float32)
    kinds = np.full(shape, -1, np.int64)
    regions = np.full((*shape, len(LABELS)), np.nan, np.float32)
    grids = np.zeros((len(films), 2, len(LABELS), cells, cells), np.uint8)
    for row, film in enumerate(films):
        count = len(film.boxes)
        boxes[row, :count], kinds[row, :count] = film.boxes, film.kinds
        regions[row, :count] = film.regions
        if film.cells is not None and film.weights is not None:
            grids[row] = film.cells, film.weights
    parts = torch.from_numpy(grids).float() / 255
    return Batch(
        torch.from_numpy(np.stack([film.film for film in films])).float()[:, None] / 255,
        torch.from_numpy(np.stack([film.read for film in films])),
        parts[:, 0],
        parts[:, 1],
        torch.from_numpy(boxes),
        torch.from_numpy(kinds),
        torch.from_numpy(regions),
        torch.tensor([film.view for film in films], dtype=torch.float32),
        _lessons(films, most),
    )


def _lessons(films: Sequence[Known], most: int) -> Taught | None:
    """What teachers say of the films. most: the regions of the film that has most of them."""
    lessons = [film.lesson for film in films]
    given = next((lesson for lesson in lessons if lesson is not None), None)
    if given is None:
        return None
    film = np.full((len(films), len(LABELS)), np.nan, np.float32)
    regions = np.full((len(films), most, len(LABELS)), np.nan, np.float32)
    cells = np.zeros((len(films), *given.cells.shape), np.uint8)
    spoken = np.zeros((len(films), 1, *given.cells.shape[1:]), np.float32)
    for row, lesson in enumerate(lessons):
        if lesson is not None:
            film[row], cells[row], spoken[row] = lesson.film, lesson.cells, 1
            regions[row, : len(lesson.regions)] = lesson.regions
    return Taught(
        torch.from_numpy(film),
        torch.from_numpy(regions),
        torch.from_numpy(cells).float() / 255,
        torch.from_numpy(spoken),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What makes a film unlike itself: how far, or how often.

    scale, move: parts of the film. turn: degrees. bend: of gamma. coarse: how often a film is seen
    as if it came at a third to nine tenths of its pixels. erase: how often a square is hidden.
    mirror: how often right and left change places, which no label and no kind of region depends on.
    """

    scale: float = 0.12
    move: float = 0.05
    turn: float = 7.0
    bend: float = 0.3
    shade: float = 0.15
    noise: float = 0.03
    coarse: float = 0.4
    erase: float = 0.3
    mirror: float = 0.5


def changed(batch: Batch, change: Change, random: torch.Generator) -> Batch:
    """The batch as other films of the same patients might look."""
    count = len(batch.films)

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random) * 2 - 1

    zoom = 1 + change.scale * draw(2) * torch.tensor([1.0, 0.35])
    factor = torch.stack([zoom[:, 0] * zoom[:, 1], zoom[:, 0] / zoom[:, 1]], dim=1)
    angle = draw(1)[:, 0] * math.radians(change.turn)
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], dim=1)
    factor[:, 0] *= 1 - 2 * (torch.rand(count, generator=random) < change.mirror).float()
    linear = turned * factor[:, None]  # (B, 2, 2), from the new frame to the old, about the middle
    shift = 2 * change.move * draw(2)
    affine = torch.cat([linear, shift[:, :, None]], dim=2)

    def placed(maps: Tensor) -> Tensor:
        grid = functional.affine_grid(affine, [*maps.shape], align_corners=False)
        return functional.grid_sample(maps, grid, mode="bilinear", align_corners=False)

    taught = batch.taught
    films = _greys(_coarse(placed(batch.films), change, random), change, random)
    # what lies beyond the film's edge is known to nobody
    return batch._replace(
        films=_erased(films, change, random),
        cells=placed(batch.cells),
        weights=placed(batch.weights),
        boxes=_moved(batch.boxes, linear, shift),
        taught=taught
        and taught._replace(cells=placed(taught.cells), weights=placed(taught.weights)),
    )


def _moved(boxes: Tensor, linear: Tensor, shift: Tensor) -> Tensor:
    """Boxes (B, R, 4) after the change: around their moved corners."""
    corners = boxes[..., [0, 1, 2, 1, 0, 3, 2, 3]].reshape(*boxes.shape[:2], 4, 2) * 2 - 1
    back = torch.linalg.inv(linear)  # (B, 2, 2)
    moved = (corners - shift[:, None, None]) @ back.transpose(1, 2)[:, None]
    parts = (moved + 1) / 2
    # a turned box is larger than what it holds: the mean of both corners at each edge
    x, y = parts[..., 0].sort(dim=-1).values, parts[..., 1].sort(dim=-1).values
    edges = [x[..., :2].mean(-1), y[..., :2].mean(-1), x[..., 2:].mean(-1), y[..., 2:].mean(-1)]
    return torch.stack(edges, dim=-1).clamp(0, 1)


def _coarse(films: Tensor, change: Change, random: torch.Generator) -> Tensor:
    """Some films as if they came with fewer pixels; one size for all of them in a batch."""
    side = films.shape[-1]
    chosen = torch.rand(len(films), generator=random) < change.coarse
    if not chosen.any():
        return films
    size = int(side * (0.33 + 0.57 * float(torch.rand((), generator=random))))
    small = functional.interpolate(films[chosen], size=(size, size), mode="area")
    large = functional.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)
    return films.index_put((chosen.nonzero()[:, 0],), large)


def _greys(films: Tensor, change: Change, random: torch.Generator) -> Tensor:
    """Another curve, a shade over the film, and noise."""
    count, side = len(films), films.shape[-1]

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random) * 2 - 1

    gamma = (draw(1, 1, 1) * change.bend).exp()
    contrast, light = 1 + 0.2 * draw(1, 1, 1), 0.05 * draw(1, 1, 1)
    bent = (films.clamp(1e-4, 1) ** gamma - 0.5) * contrast + 0.5 + light
    slope = torch.linspace(-1, 1, side)
    across = draw(1, 1, 1) * slope[:, None] + draw(1, 1, 1) * slope
    grain = torch.randn(films.shape, generator=random) * (draw(1, 1, 1).clamp(min=0) * change.noise)
    return torch.where(films > 0, bent + change.shade * across + grain, films).clamp(0, 1)


def _erased(films: Tensor, change: Change, random: torch.Generator) -> Tensor:
    """A square of some films hidden under grey; what is known of it stays, as it is small."""
    side = films.shape[-1]
    for row in (torch.rand(len(films), generator=random) < change.erase).nonzero()[:, 0].tolist():
        size = int(side * (0.05 + 0.1 * float(torch.rand((), generator=random))))
        y, x = (torch.rand(2, generator=random) * (side - size)).int().tolist()
        films[row, :, y : y + size, x : x + size] = torch.rand((), generator=random)
    return films
