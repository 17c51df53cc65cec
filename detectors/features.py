"""What a network saw of one film, kept so that regions and hand-drawn boxes can be read from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import roi_align

from grounded.geometry import Placement

GRID = 4  # a box is read at 4 x 4 places, two samples a side each, and their mean taken


@dataclass(frozen=True, slots=True, eq=False)
class FilmFeatures:
    """An encoded film and the vectors that were pooled in N boxes.

    film: (D, h, w) float32, the encoder's map over the model frame. placement: where the film
    lies in that frame. vectors: (N, D) float32, one for each box.
    """

    film: Tensor
    placement: Placement
    vectors: Tensor

    @classmethod
    def of(cls, film: Tensor, placement: Placement, boxes: NDArray[np.float64]) -> FilmFeatures:
        """Read an encoded film (D, h, w) inside boxes (N, 4), image frame."""
        return cls(film, placement, film.new_zeros((0, film.shape[0]))).pool(boxes)

    def pool(self, boxes: NDArray[np.float64]) -> FilmFeatures:
        """The same film read inside other boxes (M, 4), image frame."""
        height, width = self.placement.model_shape
        cells = np.array([self.film.shape[2] / width, self.film.shape[1] / height] * 2)
        on_map = self.placement.to_model(boxes.reshape(-1, 4)) * cells
        with torch.inference_mode():
            pooled = roi_align(
                self.film[None],
                [torch.from_numpy(on_map.astype(np.float32))],
                output_size=GRID,
                sampling_ratio=2,
                aligned=True,
            )  # (M, D, GRID, GRID)
            vectors = pooled.mean(dim=(2, 3))  # (M, D)
        return FilmFeatures(self.film, self.placement, vectors)

    def take(self, rows: NDArray[np.intp]) -> FilmFeatures:
        """The given rows."""
        chosen = self.vectors[torch.from_numpy(np.asarray(rows, dtype=np.int64))]
        return FilmFeatures(self.film, self.placement, chosen)
