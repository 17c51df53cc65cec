"""The detector that ships: outlines of five organs from OrganNet, the other regions from them.

Beside it, an encoder may make the map that a generator reads the regions from. Behind the detector
come its steps: from outlines to regions, and before that from OrganNet's maps (model frame) to
outlines and boxes (image frame).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from grounded.atlas import Atlas
from grounded.chest import derive as anatomy
from grounded.chest.names import LUNGS, ORGANS
from grounded.detectors.organs.encoder import Encoder
from grounded.detectors.organs.net import OrganNet, OrganOutput, film_tensor, where_mirrored
from grounded.errors import InvalidValueError
from grounded.evidence import Mask
from grounded.geometry import Box, Placement
from grounded.image import Image
from grounded.nn.device import DType, Placed
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions

FAINT = 0.05  # a mask is kept as far as its values reach this
AGREE = 0.12  # of an outline's size: edges that leave it further are not believed


class OrganDetector:
    """Finds the regions of a chest atlas; the five organs come with outlines.

    weights: a folder with config.json and model.safetensors. threshold: the score, that at least a
    third of an organ lies in the film, from which the organ counts as found. encoder: such a folder
    of a FilmEncoder, whose map of the film travels with the regions; None for none. device, dtype:
    see `grounded.nn.device`. Raises ConfigError for weights or an atlas that cannot be used.
    """

    name = "organs"

    def __init__(
        self,
        weights: str | os.PathLike[str],
        atlas: str = "chest29",
        threshold: float = 0.5,
        encoder: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        folder = Path(weights)
        net = build(OrganNet, read_config(folder), folder)
        self._encoder = None if encoder is None else Encoder(encoder, device, dtype)
        self.weights_sha256: Mapping[str, str] = {
            **fill(net, folder, role="organ_net"),
            **(self._encoder.weights_sha256 if self._encoder else {}),
        }
        self.encoder_sha256 = self._encoder.sha256 if self._encoder else ""
        self.atlas = Atlas.open(atlas)
        self._net = Placed(net, device, dtype)
        self._threshold = threshold

    @property
    def encoder(self) -> Encoder | None:
        """What makes the map of a film beside the regions, if anything does."""
        return self._encoder

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The regions of each film, in the atlas's order, with its map if there is an encoder."""
        regions = self.find(images)
        return regions if self._encoder is None else self._encoder.beside(images, regions)

    def find(self, images: Sequence[Image]) -> list[Regions]:
        """The regions alone, see `grounded.protocols.FindsAlone`."""
        films = [image.pixels for image in images]
        lie = [image.placement((self._net.net.side,) * 2) for image in images]
        doubted = [image.info.sides_in_doubt for image in images]
        outlines = find_outlines(self._net, films, lie, doubted)
        return [
            film_regions(found, image.info.shown, self.atlas, self._threshold)
            for image, found in zip(images, outlines, strict=True)
        ]


def film_regions(found: OrganOutlines, frame: Box, atlas: Atlas, threshold: float) -> Regions:
    """All regions that follow from what the network found in a film, in the atlas's order."""
    organs = organ_regions(found, frame, threshold)
    return in_order(anatomy.derive(organs, frame), atlas)


def organ_regions(found: OrganOutlines, frame: Box, threshold: float) -> Regions:
    """The organs whose score reaches the threshold, with outlines; the others are missing.

    A heart or clavicle without any lung is taken for something else.
    """
    kept: dict[str, tuple[Box, float, Mask]] = {}
    missing: dict[str, str] = {}
    for row, name in enumerate(ORGANS):
        mask = outline_mask(found, row)
        if found.scores[row] < threshold or mask is None:
            missing[name] = "it was not seen in the film"
            continue
        try:
            kept[name] = Box(*found.boxes[row]).clip(frame), float(found.scores[row]), mask
        except InvalidValueError:
            missing[name] = "its outline spans no area in the film"
    if not any(lung in kept for lung in LUNGS):
        missing |= dict.fromkeys(kept, "no lung was seen in the film")
        return Regions.none({name: missing[name] for name in ORGANS})
    return Regions(
        names=tuple(kept),
        boxes=np.array([tuple(box) for box, _, _ in kept.values()]),
        scores=np.array([score for _, score, _ in kept.values()]),
        masks=tuple(mask for _, _, mask in kept.values()),
        missing=missing,
    )


def outline_mask(found: OrganOutlines, row: int) -> Mask | None:
    """The organ's probabilities as a mask: cropped to it, holes filled; None without an outline."""
    values = found.probabilities[row]  # (h, w) over the model frame
    if values.max() < 0.5:
        return None
    y, x = np.nonzero(values >= FAINT)
    rows, columns = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
    height, width = found.placement.model_shape
    cell_x, cell_y = width / values.shape[1], height / values.shape[0]
    corners = [
        [columns.start * cell_x, rows.start * cell_y, columns.stop * cell_x, rows.stop * cell_y]
    ]
    return Mask(without_holes(values[rows, columns]), Box(*found.placement.to_image(corners)[0]))


def without_holes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values (h, w) in 0..1 with what the 0.5 level encloses raised to 0.5 at least."""
    outside = np.pad(values < 0.5, 1, constant_values=True).astype(np.uint8)
    _, labels = cv2.connectedComponents(outside, connectivity=4)
    enclosed = np.asarray(labels[1:-1, 1:-1] != labels[0, 0])
    return np.where(enclosed, np.maximum(values, np.float32(0.5)), values)


def in_order(regions: Regions, atlas: Atlas) -> Regions:
    """The regions in the atlas's order; those that it does not name are left out."""
    names = [name for name in atlas.names if name in regions]
    missing = {
        name: regions.missing.get(name, "the detector does not look for it")
        for name in atlas.names
        if name not in regions
    }
    return replace(regions[names], missing=missing)


@dataclass(frozen=True, slots=True, eq=False)
class OrganOutlines:
    """What the network found in one film; rows in the order of ORGANS.

    probabilities: (5, S/2, S/2) float32 over the model frame, one part an organ, 0 off the film.
    boxes: (5, 4) image frame, NaN where the outline is empty. scores: (5,), the probability that at
    least a third of the organ lies in the film. placement: how the film lies in the model frame.
    """

    probabilities: NDArray[np.float32]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    placement: Placement

    def regions(self, threshold: float = 0.5) -> Regions:
        """The organs whose score reaches the threshold and whose outline is not empty."""
        rows = [
            row
            for row in range(len(ORGANS))
            if self.scores[row] >= threshold and np.isfinite(self.boxes[row]).all()
        ]
        return Regions(
            names=tuple(ORGANS[row] for row in rows),
            boxes=self.boxes[rows],
            scores=self.scores[rows],
        )


def find_outlines(
    placed: Placed[OrganNet],
    films: Sequence[NDArray[np.float32]],
    placements: Sequence[Placement] | None = None,
    mirrored: Sequence[bool] = (),
) -> list[OrganOutlines]:
    """The organs of each film (H, W); the films may differ in size. Batch equals singles.

    placements: how each is to lie in the model frame; None for all of its pixels, as squares.
    mirrored: whether each seems to be, none if empty. The network knows hearts on the left, so it
    sees the mirror image; sides are named as the picture shows them all the same.
    """
    if not films:
        return []
    side = placed.net.side
    lie: Sequence[Placement | None] = placements or [None] * len(films)
    pairs = [film_tensor(film, side, place) for film, place in zip(films, lie, strict=True)]
    tensors, placements = zip(*pairs, strict=True)
    doubted = mirrored or [False] * len(films)
    shown = torch.stack(tensors)
    output = placed.each(where_mirrored(doubted, shown.flip(3), shown))
    output = OrganOutput(*map(partial(where_mirrored, doubted), output.mirrored(), output))
    with torch.inference_mode():
        maps = output.mask_logits.sigmoid().numpy()
        scores = output.presence_logits.double().sigmoid().numpy()
    edges = output.edges.double().numpy() * side
    found = []
    for row, placement in enumerate(placements):
        parts = np.stack([_one_part(_on_film(organ, placement)) for organ in maps[row]])
        cell = side / parts.shape[2]
        boxes = np.stack(
            [blended(extent(p) * cell, edge) for p, edge in zip(parts, edges[row], strict=True)]
        )
        found.append(OrganOutlines(parts, placement.to_image(boxes), scores[row], placement))
    return found


def extent(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    """The box (4,) x0 y0 x1 y1 in which a map (h, w) exceeds 0.5, to a part of a pixel.

    Continuous pixels of the map. Between two pixels' centres the map is taken as linear; at the
    map's border the box ends with the pixel. NaN where nothing exceeds 0.5.
    """
    x0, x1 = _crossings(probability.max(axis=0))
    y0, y1 = _crossings(probability.max(axis=1))
    return np.array([x0, y0, x1, y1])


def blended(outline: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The box (4,) halfway between an outline's extent and the edges that were read directly.

    On held-out films this is nearer to the reference than either. Edges that leave the outline by
    more than AGREE of its size are not believed, so a box never strays far from its outline.
    """
    size = np.tile(outline[2:] - outline[:2], 2)
    near: NDArray[np.bool_] = abs(edges - outline) <= AGREE * size  # false for NaN
    return np.where(near, (outline + edges) / 2, outline)


def _crossings(profile: NDArray[np.float32]) -> tuple[float, float]:
    above = np.flatnonzero(profile > 0.5)
    if not above.size:
        return float("nan"), float("nan")
    first, last = int(above[0]), int(above[-1])
    start, end = float(first), float(last + 1)
    if first > 0:
        below, inside = float(profile[first - 1]), float(profile[first])
        start = first - 0.5 + (0.5 - below) / (inside - below)
    if last + 1 < len(profile):
        inside, below = float(profile[last]), float(profile[last + 1])
        end = last + 0.5 + (inside - 0.5) / (inside - below)
    return start, end


def _on_film(probability: NDArray[np.float32], placement: Placement) -> NDArray[np.float32]:
    """The map with the cells emptied that hold nothing but padding."""
    kept = np.zeros_like(probability)
    cell = placement.model_shape[0] // probability.shape[0]
    rows, columns = (slice(part.start // cell, -(-part.stop // cell)) for part in placement.content)
    kept[rows, columns] = probability[rows, columns]
    return kept


def _one_part(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest connected part above 0.5 and its soft border; the map itself when it has none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (probability > 0.5).astype(np.uint8), connectivity=8
    )
    if count <= 2:
        return probability
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    others = ((labels != 0) & (labels != largest)).astype(np.uint8)
    others = cv2.dilate(others, np.ones((3, 3), np.uint8)) > 0
    return np.where(others & (labels != largest), np.float32(0), probability)
