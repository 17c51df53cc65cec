"""OrganNet: outlines, boxes and presence of five chest organs from one film.

A residual U-shaped network. Everything here is in the model frame: the square that `film_tensor`
makes of a film through `Placement.letterbox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from grounded.chest.names import (
    LEFT_CLAVICLE,
    LEFT_LUNG,
    ORGANS,
    RIGHT_CLAVICLE,
    RIGHT_LUNG,
)
from grounded.geometry import Placement
from grounded.nn.blocks import Residual, conv, double

_PAIRS = {RIGHT_LUNG: LEFT_LUNG, RIGHT_CLAVICLE: LEFT_CLAVICLE}
_OTHER_SIDE = _PAIRS | {left: right for right, left in _PAIRS.items()}
_COUNTERPARTS = [ORGANS.index(_OTHER_SIDE.get(name, name)) for name in ORGANS]


class OrganOutput(NamedTuple):
    """What OrganNet says of B films of S x S.

    mask_logits: (B, 5, S/2, S/2), each cell for 2 x 2 pixels. edges: (B, 5, 4) x0 y0 x1 y1 of each
    organ's visible part, as parts of S (0..1). presence_logits: (B, 5), that at least a third of
    the organ lies in the film.
    """

    mask_logits: Tensor
    edges: Tensor
    presence_logits: Tensor

    def mirrored(self) -> OrganOutput:
        """What is said of the mirror images: right and left change places and names."""
        x0, y0, x1, y1 = self.edges[:, _COUNTERPARTS].unbind(2)
        return OrganOutput(
            self.mask_logits[:, _COUNTERPARTS].flip(3),
            torch.stack([1 - x1, y0, 1 - x0, y1], dim=2),
            self.presence_logits[:, _COUNTERPARTS],
        )


class OrganNet(nn.Module):
    """The network. side: S, a multiple of 32. widths: channels at strides 2, 4, 8, 16 and 32.

    decoder_width: channels of the outline decoder. features: channels of the map at stride 16.
    """

    def __init__(
        self,
        side: int = 256,
        widths: Sequence[int] = (32, 64, 96, 160, 224),
        decoder_width: int = 32,
        features: int = 160,
    ) -> None:
        super().__init__()
        self.side = side
        self.stem, self.down = _trunk(side, widths)
        self.fuse = Residual(widths[4] + widths[3], features)
        narrow = (decoder_width * 2, decoder_width * 2, decoder_width)
        inputs = (features + widths[2], narrow[0] + widths[1], narrow[1] + widths[0])
        self.up = nn.ModuleList(
            Residual(before, after) for before, after in zip(inputs, narrow, strict=True)
        )
        self.outline = nn.Conv2d(decoder_width, len(ORGANS), 1)
        self.edge = _EdgeHead(narrow[1], len(ORGANS))
        self.presence = nn.Sequential(
            nn.Linear(2 * (features + widths[4]), 64), nn.ReLU(), nn.Linear(64, len(ORGANS))
        )

    def forward(self, films: Tensor) -> OrganOutput:
        stages = _descend(self.stem, self.down, films)
        features = self.fuse(torch.cat([double(stages[4]), stages[3]], dim=1))  # stride 16
        states = [features]
        for block, skip in zip(self.up, (stages[2], stages[1], stages[0]), strict=True):
            states.append(block(torch.cat([double(states[-1]), skip], dim=1)))
        logits = self.outline(states[-1])  # (B, 5, S/2, S/2)
        edges = self.edge(states[2])  # (B, 5, 4), from stride 4
        pooled = [_pooled(features), _pooled(stages[4])]
        return OrganOutput(logits, edges, self.presence(torch.cat(pooled, dim=1)))


class _EdgeHead(nn.Module):
    """Where each organ begins and ends: a distribution over columns and over rows, and its mean."""

    def __init__(self, width: int, organs: int, hidden: int = 96) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, hidden, 1)
        self.columns = _ProfileHead(2 * hidden, hidden, 2 * organs)
        self.rows = _ProfileHead(2 * hidden, hidden, 2 * organs)

    def forward(self, maps: Tensor) -> Tensor:
        maps = functional.relu(self.spread(maps))
        x = self.columns(torch.cat([maps.amax(dim=2), maps.mean(dim=2)], dim=1))  # (B, 2 * 5)
        y = self.rows(torch.cat([maps.amax(dim=3), maps.mean(dim=3)], dim=1))  # (B, 2 * 5)
        organs = x.shape[1] // 2
        return torch.stack([x[:, :organs], y[:, :organs], x[:, organs:], y[:, organs:]], dim=2)


class _ProfileHead(nn.Module):
    def __init__(self, before: int, hidden: int, edges: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(before, hidden, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(hidden, hidden, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(hidden, edges, 5, padding=2),
        )

    def forward(self, profile: Tensor) -> Tensor:
        weights = self.layers(profile).float().softmax(dim=2)  # (B, edges, n)
        steps = weights.shape[2]
        # n cells have n + 1 borders; the centres are stretched to reach the outermost ones
        centres = torch.linspace(0.0, 1.0, steps, device=weights.device)
        mean: Tensor = weights @ centres  # (B, edges)
        return mean


def _descent(widths: Sequence[int]) -> nn.ModuleList:
    """Blocks that halve the grid, from stride 2 to 4, 8, 16 and 32; widths: channels at each."""
    return nn.ModuleList(
        nn.Sequential(
            Residual(before, after, stride=2),
            *([Residual(after, after)] if level else []),  # fine grids are dear
        )
        for level, (before, after) in enumerate(pairwise(widths))
    )


def _trunk(side: int, widths: Sequence[int]) -> tuple[nn.Module, nn.ModuleList]:
    """The stem and the blocks that `_descend` runs, for films of S x S pixels.

    side: S, a multiple of 32. widths: channels at strides 2, 4, 8, 16 and 32. Raises ValueError.
    """
    if side % 32 or len(widths) != 5:
        raise ValueError(f"side is a multiple of 32 and widths are five, got {side}, {widths}")
    return conv(1, widths[0], stride=2), _descent(widths)


def _descend(stem: nn.Module, down: nn.ModuleList, films: Tensor) -> list[Tensor]:
    """The maps of films (B, 1, S, S) at strides 2, 4, 8, 16 and 32."""
    stages: list[Tensor] = [stem(films)]
    for block in down:
        stages.append(block(stages[-1]))
    return stages


def _pooled(maps: Tensor) -> Tensor:
    return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)  # (B, 2C)


def normalised(film: NDArray[np.float32]) -> NDArray[np.float32]:
    """A film's content (h, w) with its contrast taken out: 0..1, half of the body below 0.5.

    The darkest and the brightest grey (borders, collimation, burnt-in letters) do not count. The
    rest is stretched from its 1st to its 99th percentile and bent (gamma) to a median of 0.5, so
    that neither a window nor a gamma curve changes what the network sees. A flat film gives zeros.
    """
    low, high = float(film.min()), float(film.max())
    margin = 0.005 * (high - low)
    if margin <= 0:
        return np.zeros_like(film)
    inner = film[(film > low + margin) & (film < high - margin)]
    if inner.size < 0.05 * film.size:
        inner = film.ravel()
    dark, median, light = (float(value) for value in np.percentile(inner, (1, 50, 99)))
    if light <= dark:
        return np.zeros_like(film)
    stretched = np.clip((film - dark) / (light - dark), 0, 1)
    middle = min(max((median - dark) / (light - dark), 0.05), 0.95)
    bent: NDArray[np.float32] = np.power(stretched, np.log(0.5) / np.log(middle))
    return bent.astype(np.float32)


def film_tensor(
    film: NDArray[np.float32], side: int, placement: Placement | None = None
) -> tuple[Tensor, Placement]:
    """A film (H, W), any range, as the network's input (1, side, side), and how it lies there.

    placement: how it is to lie, where it is more than its pixels: `Image.placement`.
    """
    if placement is None:
        placement = Placement.letterbox((film.shape[0], film.shape[1]), (side, side))
    placed = placement.place(film)
    placed[placement.content] = normalised(placed[placement.content])
    return torch.from_numpy(placed)[None], placement


def where_mirrored(mirrored: Sequence[bool], changed: Tensor, usual: Tensor) -> Tensor:
    """(B, ...): the row of `changed` for each mirrored film, that of `usual` for each other one."""
    rows = torch.tensor(mirrored, dtype=torch.bool).view(-1, *[1] * (usual.dim() - 1))
    return torch.where(rows, changed, usual)
