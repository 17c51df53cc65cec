"""torchvision's Faster R-CNN behind the detector's protocol: one best box a region."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from grounded.atlas import Atlas
from grounded.detectors.faster_rcnn.net import RegionRCNN
from grounded.detectors.features import EncodedFilm
from grounded.detectors.organs.net import film_tensor
from grounded.errors import ConfigError
from grounded.geometry import Placement
from grounded.image import Image
from grounded.nn.device import DType, Placed
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions


class FasterRCNNDetector:
    """Finds the regions of an atlas, each by the proposal that is surest of it.

    weights: a folder with config.json and model.safetensors, trained for the regions of `atlas` in
    their order. threshold: the score from which a region counts as found. device, dtype: see
    `grounded.nn.device`. Raises ConfigError for weights that cannot be used.
    """

    name = "faster r-cnn"

    def __init__(
        self,
        weights: str | os.PathLike[str],
        atlas: str = "chest29",
        threshold: float = 0.3,
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        folder = Path(weights)
        self.atlas = Atlas.open(atlas)
        net = build(RegionRCNN, read_config(folder), folder)
        if net.regions != len(self.atlas):
            raise ConfigError(
                f"the weights in {folder} know {net.regions} regions, "
                f"the atlas {self.atlas.name!r} has {len(self.atlas)}"
            )
        self.weights_sha256: Mapping[str, str] = fill(net, folder, role="faster_rcnn")
        [self.encoder_sha256] = self.weights_sha256.values()  # its backbone is the encoder
        self._net = Placed(net, device, dtype)
        self._threshold = threshold

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The regions of each film, in the atlas's order, with the network's map of the film."""
        if not images:
            return []
        side = (self._net.net.side,) * 2
        prepared = [film_tensor(image.pixels, side[0], image.placement(side)) for image in images]
        output = self._net.each(torch.stack([film for film, _ in prepared]))
        return [
            self._regions(boxes.double().numpy(), scores.double().numpy(), film, placement, image)
            for boxes, scores, film, (_, placement), image in zip(
                output.boxes, output.scores, output.features, prepared, images, strict=True
            )
        ]

    def _regions(
        self,
        boxes_model: NDArray[np.float64],
        scores: NDArray[np.float64],
        film: torch.Tensor,
        placement: Placement,
        image: Image,
    ) -> Regions:
        size = np.tile(image.shape[::-1], 2)
        boxes = np.clip(placement.to_image(boxes_model), 0, size)  # (R, 4)
        in_film = (boxes[:, 2:] - boxes[:, :2] > 1e-3).all(axis=1)
        found = np.flatnonzero(in_film & (scores >= self._threshold))
        names = self.atlas.names
        return Regions(
            names=tuple(names[row] for row in found),
            boxes=boxes[found],
            scores=scores[found],
            encoding=EncodedFilm(film, placement, self.encoder_sha256),
            missing={
                name: "it was not seen in the film"
                for row, name in enumerate(names)
                if row not in found
            },
        )
