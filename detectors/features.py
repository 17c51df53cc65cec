"""What a network saw of one film, kept so that regions and hand-drawn boxes can be read from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from grounded.geometry import Placement


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFilm:
    """An encoded film. Whoever reads it pools it in the boxes of the regions that it travels with.

    film: (D, h, w) float32, the encoder's map over the model frame. placement: where the film
    lies in that frame. encode: see `grounded.protocols.Encoded`.
    """

    film: Tensor
    placement: Placement
    encode: Callable[[Sequence[NDArray[np.float32]]], Tensor] | None = None

    def pool(self, boxes: NDArray[np.float64]) -> EncodedFilm:
        """The same: any box of the film can be read from its map."""
        return self

    def take(self, rows: NDArray[np.intp]) -> EncodedFilm:
        """The same: any region of the film can be read from its map."""
        return self
