"""From OrganNet's maps (model frame) to outlines and boxes (image frame)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from grounded.chest.names import ORGANS
from grounded.detectors.organs.net import OrganNet, OrganOutput, film_tensor, where_mirrored
from grounded.geometry import Placement
from grounded.nn.device import Placed
from grounded.regions import Regions

AGREE = 0.12


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
