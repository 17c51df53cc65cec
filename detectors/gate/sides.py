"""SideNet: whether an upright film is mirrored, or its heart lies on the right."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from grounded.detectors.gate.net import FilmNet

_SQUEEZED = 24  # channels, before places are told from each other


class SideNet(FilmNet):
    """Upright films (B, 1, S, S), as `gate_film` makes them, to log-odds (B,) of being mirrored.

    What is said of the film is compared with what is said of its mirror image, so that the two get
    opposite answers whatever the weights are. side, widths: see FilmNet. hidden: of the head.
    """

    def __init__(
        self, side: int = 128, widths: Sequence[int] = (16, 32, 64, 96), hidden: int = 48
    ) -> None:
        super().__init__(side, widths, _SQUEEZED)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(self.seen, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, films: Tensor) -> Tensor:
        both = torch.cat([films, films.flip(3)])
        said: Tensor = self.head(self.look(both))[:, 0]
        film, mirror_image = said.chunk(2)
        return film - mirror_image
