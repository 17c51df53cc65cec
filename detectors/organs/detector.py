"""The detector that ships: outlines of five organs from OrganNet, the other regions from them.

Beside it, an encoder may make the map that a generator reads the regions from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.atlas import Atlas
from grounded.chest import derive as anatomy
from grounded.chest.names import LUNGS, ORGANS
from grounded.detectors.organs.encoder import Encoder
from grounded.detectors.organs.net import OrganNet
from grounded.detectors.organs.outlines import OrganOutlines, find_outlines
from grounded.errors import InvalidValueError
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.image import Image
from grounded.nn.device import DType, Placed
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions

FAINT = 0.05  # a mask is kept as far as its values reach this


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
