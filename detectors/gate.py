"""The check of a film before any region is looked for: is it one, and how does it lie.

GateNet and SideNet are two small networks. They see the film's grey levels as the detector does
(`normalised`), only smaller and squeezed. What is asked for is asked of the film and of its mirror
image and its negative, and the answers are averaged, so that a film and its negative always get
opposite answers. Whether an upright film is mirrored, or its heart lies on the right, SideNet says.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from grounded.chest.names import LUNGS
from grounded.detectors.organs.net import normalised
from grounded.errors import UnsuitableImageError
from grounded.geometry import Box
from grounded.image import Image, ImageInfo
from grounded.nn.blocks import Residual, conv
from grounded.nn.device import one_thread
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions

NOT_FRONTAL = "This is probably not a frontal chest radiograph"
SEVERAL = "This picture probably shows several films"
_QUARTERS = (1, 6, 3, 8)  # the EXIF orientation that names 0 to 3 quarter turns clockwise

Kind = Literal["frontal", "several films", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)
TURNS = 4  # quarter turns clockwise that the film was turned by
OUTPUTS = len(KINDS) + TURNS + 1
_SQUEEZED = 16  # channels of GateNet, before places are distinguished from each other
_SQUEEZED_SIDES = 24  # of SideNet


class FilmGate:
    """Turns a negative over and a turned film back, names a mirrored one, refuses what is no film.

    weights: a folder of GateNet, config.json and model.safetensors. sides: one of SideNet; None for
    no word on mirrored films. frontal, several: probabilities below and above which a picture is
    refused. negative, mirrored: log-odds above which a film is one. turned: probability above which
    a film is turned back. Raises ConfigError for weights that cannot be used.
    """

    name = "gate"

    def __init__(
        self,
        weights: str | os.PathLike[str],
        sides: str | os.PathLike[str] | None = None,
        frontal: float = 0.4,
        several: float = 0.5,
        negative: float = 0.0,
        mirrored: float = 1.2,
        turned: float = 0.8,
    ) -> None:
        folder = Path(weights)
        self._net = build(GateNet, read_config(folder), folder)
        self._sides = None if sides is None else _side_net(Path(sides))
        self.weights_sha256: Mapping[str, str] = {
            **fill(self._net, folder, role="gate"),
            **(fill(self._sides, Path(sides), role="sides") if self._sides and sides else {}),
        }
        self._frontal, self._several = frontal, several
        self._negative, self._mirrored, self._turned = negative, mirrored, turned

    def check(self, image: Image) -> Image:
        """The film as it is to be read, with notes on what was changed.

        Raises UnsuitableImageError for a picture of something else, unless `image.forced`.
        """
        if image.pixels.min() == image.pixels.max():
            return _refused(image, f"{NOT_FRONTAL}: all of its pixels are alike")
        answer = self.answer(image)
        if answer.several > self._several:
            return _refused(image, f"{SEVERAL} beside each other: give them one by one")
        if answer.frontal < self._frontal:
            return _refused(image, NOT_FRONTAL)
        turned = answer.turn if max(answer.turns) > self._turned else 0
        if turned:
            image = _turned_back(image, turned)
        if answer.negative > self._negative:
            image = _turned_over(image)
        return _doubted(image) if self.mirrored(image) > self._mirrored else image

    def confirm(self, image: Image, regions: Regions) -> None:
        """Raises UnsuitableImageError if the detector knows lungs and found none, unless forced."""
        looked_for = {*regions.names, *regions.missing}.issuperset(LUNGS)
        if looked_for and not any(name in regions for name in LUNGS) and not image.forced:
            raise _unsuitable(image, f"{NOT_FRONTAL}: no lung was found in it")

    def answer(self, image: Image) -> Answer:
        """What the network says of a film."""
        return ask(self._net, _shown(image, self._net.side))[0]

    def mirrored(self, image: Image) -> float:
        """The log-odds that an upright film is mirrored, or its heart on the right."""
        if self._sides is None:
            return -math.inf
        with one_thread():
            return float(self._sides(_shown(image, self._sides.side)))


def _side_net(folder: Path) -> SideNet:
    return build(SideNet, read_config(folder), folder)


def _shown(image: Image, side: int) -> Tensor:
    """The film without a uniform border, as the networks see it: (1, 1, side, side)."""
    x0, y0, x1, y1 = (round(edge) for edge in image.info.shown)
    return torch.from_numpy(gate_film(image.pixels[y0:y1, x0:x1], side))[None, None]


def _refused(image: Image, reason: str) -> Image:
    if not image.forced:
        raise _unsuitable(image, reason)
    return _noted(image, image.info, f"{reason}; it was read by force.")


def _unsuitable(image: Image, reason: str) -> UnsuitableImageError:
    name = image.info.name or "the film"
    return UnsuitableImageError(
        f"{name}: {reason}. If it is one, read it with force (force=True, --force)"
    )


def _noted(image: Image, info: ImageInfo, note: str) -> Image:
    return replace(image, info=replace(info, warnings=(*info.warnings, note)))


def _turned_back(image: Image, turned: int) -> Image:
    """The film turned back by quarter turns; boxes are in the picture that is upright."""
    info = image.info
    back = TURNS - turned
    pixels = _quarter_turns(image.pixels, back)
    swapped = bool(back % 2)
    spacing = info.spacing_mm[::-1] if info.spacing_mm and swapped else info.spacing_mm
    content = info.content and _turned_box(info.content, image.shape, back)
    changed = replace(
        info,
        spacing_mm=spacing,
        aspect=1 / info.aspect if swapped else info.aspect,
        content=content,
        orientation=_QUARTERS[back] if info.orientation == 1 else info.orientation,
    )
    degrees = (turned * 90 + 180) % 360 - 180
    way = "upside down" if turned == 2 else f"turned by {abs(degrees)} degrees"
    note = f"The film lay {way}: it was turned back, and boxes are in the upright picture."
    greys = image.unwindowed and image.unwindowed.lying(lambda lain: _quarter_turns(lain, back))
    return image.with_pixels(pixels, unwindowed=greys, info=changed, note=note)


def _quarter_turns(pixels: NDArray[Any], clockwise: int) -> NDArray[Any]:
    return np.rot90(pixels, -clockwise)


def _turned_box(box: Box, shape: tuple[int, int], clockwise: int) -> Box:
    height, width = shape
    for _ in range(clockwise):
        box = Box(height - box.y1, box.x0, height - box.y0, box.x1)
        height, width = width, height
    return box


def _turned_over(image: Image) -> Image:
    """A negative's greys turned over; a border stays dark."""
    pixels = _without_border(1 - image.pixels, image.info.shown)
    greys = image.unwindowed and image.unwindowed.turned_over()
    greys = greys and greys.lying(lambda lain: _without_border(lain, image.info.shown))
    note = "The film was a negative, its lungs light: it was turned over."
    return image.with_pixels(pixels, unwindowed=greys, note=note)


def _without_border(pixels: NDArray[Any], shown: Box) -> NDArray[Any]:
    """The film with its border dark."""
    x0, y0, x1, y1 = (round(edge) for edge in shown)
    dark = np.zeros_like(pixels)
    dark[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
    return dark


def _doubted(image: Image) -> Image:
    note = (
        "The heart seems to lie on the right: the film is mirrored, or this is dextrocardia. All "
        "that is said of right and left is in doubt."
    )
    return _noted(image, replace(image.info, sides_in_doubt=True), note)


class FilmNet(nn.Module):
    """What both networks look at films (B, 1, S, S) with.

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
