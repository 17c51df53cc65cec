"""SideNet: whether an upright film is mirrored, or its heart lies on the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from grounded.nn.blocks import Residual, conv

_SQUEEZED = 24  # channels, before places are told from each other


class SideNet(nn.Module):
    """Upright films (B, 1, S, S), as `gate_film` makes them, to log-odds (B,) of being mirrored.

    What is said of the film is compared with what is said of its mirror image, so that the two get
    opposite answers whatever the weights are. side: S, a multiple of 16. widths: channels at
    strides 2, 4, 8 and 16. hidden: of the head.
    """

    def __init__(
        self, side: int = 128, widths: Sequence[int] = (16, 32, 64, 96), hidden: int = 48
    ) -> None:
        super().__init__()
        if side % 16 or len(widths) != 4:
            raise ValueError(f"side is a multiple of 16 and widths are four, got {side}, {widths}")
        self.side = side
        blocks = (Residual(before, after, stride=2) for before, after in pairwise(widths))
        self.body = nn.Sequential(conv(1, widths[0], stride=2), *blocks)
        self.squeeze = nn.Conv2d(widths[-1], _SQUEEZED, 1)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(_SQUEEZED * (side // 16) ** 2, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, films: Tensor) -> Tensor:
        both = torch.cat([films, films.flip(3)])
        said: Tensor = self.head(torch.relu(self.squeeze(self.body(both))))[:, 0]
        film, mirror_image = said.chunk(2)
        return film - mirror_image
