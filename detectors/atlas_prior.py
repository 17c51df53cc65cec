"""The usual places of an atlas, whatever the film shows: a baseline, and a test double."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from grounded.atlas import Atlas
from grounded.image import Image
from grounded.regions import Regions


class AtlasPrior:
    """Says that every region lies where it usually does. It has no weights and no features.

    atlas: the name of a shipped atlas, or a TOML file. score: that of every region, 0..1.
    """

    name = "atlas prior"

    def __init__(self, atlas: str = "chest29", score: float = 0.5) -> None:
        self.atlas = Atlas.open(atlas)
        self.weights_sha256: Mapping[str, str] = {}
        self._score = score

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The usual places, scaled to each film."""
        places = np.array([tuple(region.usual_place) for region in self.atlas])  # (29, 4)
        scores = np.full(len(places), self._score)
        return [
            Regions(self.atlas.names, places * np.tile(image.shape[::-1], 2), scores)
            for image in images
        ]
