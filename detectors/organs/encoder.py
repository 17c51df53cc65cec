"""FilmEncoder: from a film to a map of evidence for each finding, beside OrganNet.

The reading is additive and local. Each cell of the map says by itself how far it speaks for a
finding, knowing what surrounds it; whoever reads a region pools the cells that it covers. So the
map that is drawn is what was read, any box can be read, and outlines teach the map directly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from grounded.detectors.features import EncodedFilm
from grounded.detectors.organs.net import film_tensor, where_mirrored
from grounded.geometry import Placement
from grounded.image import Image
from grounded.nn.blocks import Residual, double
from grounded.nn.device import DType, Placed
from grounded.nn.lite import LiteTrunk
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions

STRIDE = 8


class FilmEncoder(nn.Module):
    """Films to evidence. findings: F. side: S, a multiple of 32. scale, depth: see LiteTrunk.
    width: channels in which a cell is read. drop: the part of the channels that is left out while
    training. Raises ValueError.
    """

    def __init__(
        self,
        findings: int,
        side: int = 192,
        scale: float = 1.0,
        width: int = 128,
        drop: float = 0.0,
        depth: float = 1.0,
    ) -> None:
        super().__init__()
        if side % 32:
            raise ValueError(f"side is a multiple of 32, got {side}")
        self.side = side
        self.trunk = LiteTrunk(scale, depth)
        widths = self.trunk.widths
        self.drop = nn.Dropout2d(drop)
        self.context = nn.Linear(2 * widths[4], width)
        self.coarse = nn.Conv2d(widths[4], width, 1)
        self.fuse = Residual(width + widths[3], width)
        self.out = Residual(width + widths[2], width)
        self.evidence = nn.Conv2d(width, findings, 1)
        self.view = nn.Linear(2 * widths[4], 1)

    def forward(self, films: Tensor) -> Tensor:
        """Films (B, 1, S, S), as `film_tensor` makes them, to maps (B, F + 1, S/8, S/8).

        Cells hold log-odds. The last channel speaks of the whole film, the same in all cells: that
        the view is AP. Films are read as they are and as their mirror images, and the mean is what
        counts, so that right and left are read alike; while training, as they are.
        """
        if self.training:
            return self._read(films)
        return (self._read(films) + self._read(films.flip(3)).flip(3)) / 2

    def _read(self, films: Tensor) -> Tensor:
        _, _, fine, middle, coarse = self.trunk(films)
        coarse = self.drop(coarse)
        pooled = torch.cat([coarse.mean(dim=(2, 3)), coarse.amax(dim=(2, 3))], dim=1)
        top = functional.relu(self.coarse(coarse) + self.context(pooled)[:, :, None, None])
        maps = self.fuse(torch.cat([double(top), middle], dim=1))  # stride 16
        maps = self.out(torch.cat([double(maps), fine], dim=1))  # stride 8
        evidence = self.evidence(self.drop(maps))
        view = self.view(pooled)[:, :, None, None].expand(-1, -1, *evidence.shape[2:])
        return torch.cat([evidence, view], dim=1)


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
        """The SHA-256 of the weights; what was trained on the maps names the encoder by it."""
        [digest] = self.weights_sha256.values()
        return digest

    def beside(self, images: Sequence[Image], regions: Sequence[Regions]) -> list[Regions]:
        """The regions of each film, with the film's encoding."""
        lie = [image.placement((self.net.side, self.net.side)) for image in images]
        doubted = [image.info.sides_in_doubt for image in images]
        encoded = self.encode([image.pixels for image in images], lie, doubted)
        again = [partial(self._again, *how) for how in zip(lie, doubted, strict=True)]
        return [
            replace(found, encoding=EncodedFilm(film, placement, self.sha256, encode))
            for found, (film, placement), encode in zip(regions, encoded, again, strict=True)
        ]

    def _again(
        self, placement: Placement, mirrored: bool, films: Sequence[NDArray[np.float32]]
    ) -> Tensor:
        """The maps of changed versions of a film that lie as it does."""
        return self.maps(films, [placement] * len(films), [mirrored] * len(films))

    def encode(
        self,
        films: Sequence[NDArray[np.float32]],
        placements: Sequence[Placement] | None = None,
        mirrored: Sequence[bool] = (),
    ) -> list[tuple[Tensor, Placement]]:
        """The map (F + 1, h, w) of each film (H, W), and how the film lies in it.

        placements: how each is to lie; None for all of its pixels, as squares. mirrored: whether
        each seems to be, none if empty; the network, which knows hearts on the left, then sees the
        mirror image, and the map is turned back. Batch equals singles.
        """
        if not films:
            return []
        side = self.net.side
        lie = placements or [Placement.letterbox(film.shape, (side, side)) for film in films]
        return list(zip(self.maps(films, lie, mirrored), lie, strict=True))

    def maps(
        self,
        films: Sequence[NDArray[np.float32]],
        placements: Sequence[Placement] | None = None,
        mirrored: Sequence[bool] = (),
    ) -> Tensor:
        """The maps (B, F + 1, h, w) of one or more films (H, W) alone."""
        lie: Sequence[Placement | None] = placements or [None] * len(films)
        placed = [
            film_tensor(film, self.net.side, p)[0] for film, p in zip(films, lie, strict=True)
        ]
        doubted = mirrored or [False] * len(films)
        shown = torch.stack(placed)
        maps: Tensor = self._placed.each(where_mirrored(doubted, shown.flip(3), shown))
        return where_mirrored(doubted, maps.flip(3), maps)
