"""A detector for another body part than the chest, as a user of the package would write it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from grounded import Atlas, Box, Image, Mask, Regions


class KneeDetector:
    """Bones lie where they usually do, as far as the film is bright there; femurs have outlines."""

    name = "knees"
    weights_sha256: Mapping[str, str] = {}

    def __init__(self, atlas: str | os.PathLike[str], bright: float = 0.05) -> None:
        self.atlas = Atlas.open(atlas)
        self.bright = bright

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        return [self._regions(image) for image in images]

    def _regions(self, image: Image) -> Regions:
        height, width = image.shape
        found: dict[str, tuple[Box, float, Mask | None]] = {}
        for spec in self.atlas:
            x0, y0, x1, y1 = spec.usual_place
            box = Box(x0 * width, y0 * height, x1 * width, y1 * height)
            cut = image.pixels[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
            if (score := float(cut.mean())) >= self.bright:
                outline = Mask(np.ones((8, 8), np.float32), box) if spec.kind == "femur" else None
                found[spec.name] = box, score, outline
        return Regions(
            tuple(found),
            np.array([tuple(box) for box, _, _ in found.values()]),
            np.array([score for _, score, _ in found.values()]),
            tuple(mask for _, _, mask in found.values()),
            missing={name: "too dark" for name in self.atlas.names if name not in found},
        )
