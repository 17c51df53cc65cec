"""FilmEncoder: the map of a film that findings are read from, beside the detector's own network.

The trunk is OrganNet's, and training starts from its weights; what it ends in is made for findings:
a map at stride 8, fine enough for a costophrenic angle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from grounded.detectors.organs.net import film_tensor
from grounded.geometry import Placement
from grounded.nn.blocks import Residual, conv, descend, descent, double
from grounded.nn.device import DType, Placed
from grounded.nn.weights import build, fill, read_config

STRIDE = 8


class FilmEncoder(nn.Module):
    """Films to maps. side: S, a multiple of 32. widths: channels at strides 2, 4, 8, 16 and 32.

    fused: channels of the map at stride 16 in between. features: D of the map that comes out.
    """

    def __init__(
        self,
        side: int = 320,
        widths: Sequence[int] = (32, 64, 96, 160, 224),
        fused: int = 160,
        features: int = 128,
    ) -> None:
        super().__init__()
        if side % 32 or len(widths) != 5:
            raise ValueError(f"side is a multiple of 32 and widths are five, got {side}, {widths}")
        self.side = side
        self.stem = conv(1, widths[0], stride=2)
        self.down = descent(widths)
        self.fuse = Residual(widths[4] + widths[3], fused)
        self.out = Residual(fused + widths[2], features)

    def forward(self, films: Tensor) -> Tensor:
        """Films (B, 1, S, S), as `film_tensor` makes them, to maps (B, D, S/8, S/8)."""
        stages = descend(self.stem, self.down, films)
        coarse = self.fuse(torch.cat([double(stages[4]), stages[3]], dim=1))  # stride 16
        maps: Tensor = self.out(torch.cat([double(coarse), stages[2]], dim=1))  # stride 8
        return maps


class Encoder:
    """A FilmEncoder with its weights: films in, maps out.

    weights: a folder with config.json and model.safetensors. device, dtype: see
    `grounded.nn.device`. Raises ConfigError for weights that cannot be used.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        folder = Path(weights)
        self.net = build(FilmEncoder, read_config(folder), folder)
        self.weights_sha256: Mapping[str, str] = fill(self.net, folder, role="encoder")
        self._placed = Placed(self.net, device, dtype)

    @property
    def sha256(self) -> str:
        """Of its weights: what was trained on its maps names it so."""
        [digest] = self.weights_sha256.values()
        return digest

    def encode(
        self,
        films: Sequence[NDArray[np.float32]],
        placements: Sequence[Placement] | None = None,
    ) -> list[tuple[Tensor, Placement]]:
        """The map (D, h, w) of each film (H, W), and how the film lies in it.

        placements: how each is to lie; None for all of its pixels, as squares. Batch equals
        singles.
        """
        if not films:
            return []
        side = self.net.side
        lie = placements or [Placement.letterbox(film.shape, (side, side)) for film in films]
        return list(zip(self.maps(films, lie), lie, strict=True))

    def maps(
        self,
        films: Sequence[NDArray[np.float32]],
        placements: Sequence[Placement] | None = None,
    ) -> Tensor:
        """The maps (B, D, h, w) of one or more films (H, W) alone."""
        lie: Sequence[Placement | None] = placements or [None] * len(films)
        placed = [
            film_tensor(film, self.net.side, p)[0] for film, p in zip(films, lie, strict=True)
        ]
        with torch.inference_mode():
            maps: Tensor = self._placed(torch.stack(placed))
        return maps
