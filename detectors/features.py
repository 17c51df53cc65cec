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
    """An encoded film; see `grounded.regions.Encoded`."""

    film: Tensor
    placement: Placement
    encoder: str = ""
    encode: Callable[[Sequence[NDArray[np.float32]]], Tensor] | None = None
