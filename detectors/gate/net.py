"""GateNet and SideNet: two small networks that say what a picture shows and how it lies.

They see the film's grey levels as the detector does (`normalised`), only smaller and squeezed. What
is asked for is asked of the film and of its mirror image and its negative, and the answers are
averaged, so that a film and its negative always get opposite answers. Whether an upright film is
mirrored, or its heart lies on the right, SideNet says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from grounded.detectors.organs.net import normalised
from grounded.nn.blocks import Residual, conv
from grounded.nn.device import one_thread

Kind = Literal["frontal", "several films", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TURNS = 4  # quarter turns clockwise that the film was turned by
OUTPUTS = len(KINDS) + TURNS + 1
_SQUEEZED = 16  # channels of GateNet, before places are distinguished from each other
_SQUEEZED_SIDES = 24  # of SideNet


class FilmNet(nn.Module):
    """What the networks of this folder look at films (B, 1, S, S) with.

    side: S, a multiple of 16. widths: channels at strides 2, 4, 8 and 16. squeezed: channels that
    are kept of the last map. Raises ValueError.
    """

    def __init__(self, side: int, widths: Sequence[int], squeezed: int) -> None:
        super().__init__()
        if side % 16 or len(widths) != 4:
            raise ValueError(f"side is a multiple of 16 and widths are four, got {side}, {widths}")
        self.side = side
        self.seen = squeezed * (side // 16) ** 2  # numbers that a head takes
        blocks = (Residual(before, after, stride=2) for before, after in pairwise(widths))
        self.body = nn.Sequential(conv(1, widths[0], stride=2), *blocks)
        self.squeeze = nn.Conv2d(widths[-1], squeezed, 1)

    def look(self, films: Tensor) -> Tensor:
        """Films to maps (B, squeezed, S/16, S/16)."""
        return torch.relu(self.squeeze(self.body(films)))


class GateNet(FilmNet):
    """Films (B, 1, S, S) to logits (B, 8): kinds, quarter turns, negative.

    side, widths: see FilmNet. hidden: of the head.
    """

    def __init__(
        self, side: int = 96, widths: Sequence[int] = (16, 24, 40, 64), hidden: int = 32
    ) -> None:
        super().__init__(side, widths, _SQUEEZED)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(self.seen, hidden), nn.ReLU(), nn.Linear(hidden, OUTPUTS)
        )

    def forward(self, films: Tensor) -> Tensor:
        logits: Tensor = self.head(self.look(films))
        return logits


class SideNet(FilmNet):
    """Upright films (B, 1, S, S), as `gate_film` makes them, to log-odds (B,) of being mirrored.

    What is said of the film is compared with what is said of its mirror image, so that the two get
    opposite answers whatever the weights are. side, widths: see FilmNet. hidden: of the head.
    """

    def __init__(
        self, side: int = 128, widths: Sequence[int] = (16, 32, 64, 96), hidden: int = 48
    ) -> None:
        super().__init__(side, widths, _SQUEEZED_SIDES)
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network says of one film.

    frontal, several: probabilities that it is one frontal chest film, or several films in one
    picture. turns: probabilities (4) of the quarter turns clockwise. negative: log-odds.
    """

    frontal: float
    several: float
    turns: tuple[float, ...]
    negative: float

    @property
    def turn(self) -> int:
        """The quarter turns clockwise that the film most likely was turned by."""
        return max(range(TURNS), key=lambda turn: self.turns[turn])


def ask(net: GateNet, films: Tensor) -> list[Answer]:
    """The answer for each film (B, 1, S, S), 0..1: averaged over the film, its mirror image, its
    negative and both.
    """
    kinds, turns, negative = [], [], []
    with one_thread():
        for flipped in (False, True):
            for inverted in (False, True):
                logits = net(_changed(films, flipped, inverted)).double()
                kinds.append(logits[:, :3])
                turned = logits[:, 3:7]
                turns.append(turned[:, [0, 3, 2, 1]] if flipped else turned)
                negative.append(-logits[:, 7] if inverted else logits[:, 7])
    shares = torch.stack(kinds).mean(0).softmax(1)
    turned = torch.stack(turns).mean(0).softmax(1)
    signs = torch.stack(negative).mean(0)
    return [
        Answer(
            float(shares[row, 0]),
            float(shares[row, 1]),
            tuple(float(value) for value in turned[row]),
            float(signs[row]),
        )
        for row in range(len(films))
    ]


def _changed(films: Tensor, flipped: bool, inverted: bool) -> Tensor:
    films = films.flip(3) if flipped else films
    return 1 - films if inverted else films


def gate_film(film: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """A film (H, W), any range, as the network sees it: squeezed to (side, side), normalised.

    The side ratio is lost on purpose: nothing then has to be padded, which a negative would show.
    """
    shrinks = min(film.shape) >= side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.resize(film, (side, side), interpolation=interpolation)
    return normalised(np.asarray(small, dtype=np.float32))
