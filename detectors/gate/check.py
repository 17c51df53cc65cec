"""The check of a film before any region is looked for: is it one, and how does it lie."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grounded.detectors.gate.net import TURNS, Answer, GateNet, SideNet, ask, gate_film
from grounded.errors import UnsuitableImageError
from grounded.geometry import Box
from grounded.image import Image, ImageInfo
from grounded.nn.device import one_thread
from grounded.nn.weights import build, fill, read_config
from grounded.regions import Regions

NOT_FRONTAL = "This is probably not a frontal chest radiograph"
SEVERAL = "This picture probably shows several films"
_ORGANS = ("right lung", "left lung")
_QUARTERS = (1, 6, 3, 8)  # the EXIF orientation that names 0 to 3 quarter turns clockwise


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
        looked_for = {*regions.names, *regions.missing}.issuperset(_ORGANS)
        if looked_for and not any(name in regions for name in _ORGANS) and not image.forced:
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
