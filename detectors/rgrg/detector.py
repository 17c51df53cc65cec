"""The detector of RGRG (Tanida et al., CVPR 2023) behind the protocol: 29 regions of a chest film.

Its weights come from `grounded convert rgrg`, or from training with this package. It also says, for
each region, whether a sentence is worth writing and whether the region looks abnormal; both travel
with the features, and a generator may heed them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grounded.atlas import Atlas
from grounded.chest.names import REGIONS
from grounded.detectors.rgrg.fast import pack_detector
from grounded.detectors.rgrg.net import (
    CHOSEN_ABOVE,
    MEAN,
    STD,
    Choice,
    DetectorLayout,
    DetectorNet,
    Readings,
)
from grounded.errors import ConfigError, InvalidValueError
from grounded.geometry import Placement
from grounded.image import Image
from grounded.nn.device import DType, Placed, choose_device
from grounded.nn.onednn import can_pack, packed_dtype
from grounded.nn.weights import fill, read_config
from grounded.regions import Regions
from grounded.view import FRONTAL_VIEWS

Mode = Literal["faithful", "grounded"]

BLANK = "the film is blank: all of its pixels are alike"
UNLIKE = "no part of the film looked most like it"
OUTSIDE = "its box lies outside the film"
NOT_SELECTED = "found, but not selected for a sentence by the model"
NOT_FRONTAL = "the header calls this a {view} view; the model knows frontal films only"


class RgrgDetector:
    """Finds the 29 regions and reads each once.

    weights: a folder with config.json and model.safetensors. mode: "faithful" reads a region in its
    proposal, the box before its last correction, as published; "grounded" reads it in the very box
    that is shown, as a box drawn by hand is read. device, dtype: see `grounded.nn.device`; bfloat16
    is for convolutions and the large layer, and only where the processor can. `name` says mode and
    dtype.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        mode: Mode = "faithful",
        atlas: str = "chest29",
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        if mode not in get_args(Mode):
            raise InvalidValueError(f"mode is one of {get_args(Mode)}, got {mode!r}")
        self.atlas = Atlas.open(atlas)
        self.names = tuple(self.atlas[name].name for name in REGIONS)
        self.mode = mode
        self._placed, self.weights_sha256 = load_detector(weights, dtype, device)
        pooled = "on the proposal" if mode == "faithful" else "on the shown box"
        self.name = f"RGRG detector, {mode} (features pooled {pooled}), {dtype}"

    @property
    def net(self) -> DetectorNet:
        return self._placed.net

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The regions of each film, image frame; the same for a batch as one by one.

        A region that is not found is in `missing` with the reason. A blank film has no region.
        """
        seen = [i for i, image in enumerate(images) if np.ptp(image.pixels) > 0]
        answers = dict(zip(seen, self._detect([images[i] for i in seen]), strict=True))
        nothing = Regions.none(dict.fromkeys(self.names, BLANK))
        return [answers.get(i, nothing) for i in range(len(images))]

    @torch.inference_mode()
    def _detect(self, images: Sequence[Image]) -> list[Regions]:
        if not images:
            return []
        side = self.net.layout.side
        placements = [image.placement((side, side)) for image in images]
        films = [model_input(*pair) for pair in zip(images, placements, strict=True)]
        with self._placed.computing():
            maps = self.net.encode(torch.cat(films).to(self._placed.device)).float()
            choice = self.net.choose(maps, self.net.propose(maps))
        readings = self.net.read(maps, list(choice.proposals))
        count = len(REGIONS)
        return [
            self._regions(
                image,
                Choice(*(field[row] for field in choice)),
                RgrgFeatures(
                    self.net,
                    maps[row],
                    placement,
                    Readings(*(f[row * count : (row + 1) * count] for f in readings)),
                ),
            )
            for row, (image, placement) in enumerate(zip(images, placements, strict=True))
        ]

    def _regions(self, image: Image, choice: Choice, features: RgrgFeatures) -> Regions:
        """What is kept of one film's 29 classes, in the atlas's order."""
        boxes = features.placement.to_image(choice.boxes.cpu().double().numpy())
        height, width = image.shape
        boxes = boxes.clip(0, (width, height, width, height))
        solid = np.all(boxes[:, :2] < boxes[:, 2:], axis=1)
        detected = choice.detected.cpu().numpy()
        order = sorted(range(len(self.names)), key=lambda i: self.atlas.order(self.names[i]))
        rows = np.array([i for i in order if detected[i] and solid[i]], dtype=np.intp)
        shown = features.take(rows) if self.mode == "faithful" else features.pool(boxes[rows])
        view = image.info.view
        strange = NOT_FRONTAL.format(view=view) if view and view not in FRONTAL_VIEWS else ""
        notes = [
            "; ".join(filter(None, (strange, "" if selected else NOT_SELECTED)))
            for selected in shown.selected
        ]
        return Regions(
            names=tuple(self.names[i] for i in rows),
            boxes=boxes[rows],
            scores=choice.scores.cpu().double().numpy()[rows].clip(0, 1),
            features=shown,
            missing={
                self.names[i]: OUTSIDE if detected[i] else UNLIKE
                for i in order
                if not (detected[i] and solid[i])
            },
            notes=tuple(notes),
        )


@dataclass(frozen=True, slots=True, eq=False)
class RgrgFeatures:
    """One encoded film and what the network reads in N boxes of it.

    film: (C, h, w), the encoder's map of the model frame. readings: vectors (N, D) and the two
    logits (N,), float32.
    """

    net: DetectorNet
    film: Tensor
    placement: Placement
    readings: Readings

    @property
    def vectors(self) -> Tensor:
        """(N, D), what the sentence decoder reads."""
        return self.readings.vectors

    @property
    def selected(self) -> NDArray[np.bool_]:
        """(N,), whether the model would write a sentence for each."""
        return _chosen(self.readings.selection_logits)

    @property
    def abnormal(self) -> NDArray[np.bool_]:
        """(N,), whether each looks abnormal."""
        return _chosen(self.readings.abnormal_logits)

    def pool(self, boxes: NDArray[np.float64]) -> RgrgFeatures:
        """Read the film inside other boxes (M, 4), image frame."""
        placed = self.placement.to_model(boxes.reshape(-1, 4)).clip(0, self.net.layout.side)
        on_film = torch.from_numpy(placed.astype(np.float32)).to(self.film.device)
        with torch.inference_mode():
            return replace(self, readings=self.net.read(self.film[None], [on_film]))

    def take(self, rows: NDArray[np.intp]) -> RgrgFeatures:
        """The given rows."""
        index = torch.from_numpy(np.asarray(rows, dtype=np.int64)).to(self.film.device)
        return replace(self, readings=Readings(*(field[index] for field in self.readings)))


def load_detector(
    folder: str | os.PathLike[str], dtype: DType = "float32", device: str = "cpu"
) -> tuple[Placed[DetectorNet], dict[str, str]]:
    """The network of a folder of weights, ready to use, and the file's SHA-256.

    Its `encode`, `propose`, `choose` and `read`, or a call of it, give boxes, scores, detected,
    region vectors and logits for films (B, 1, side, side) from `model_input`. Raises ConfigError.
    """
    path = Path(folder)
    net = empty_detector(read_config(path), path)
    if choose_device(device).type != "cpu":
        return Placed(net, device, dtype), fill(net, path, role="rgrg")
    narrow = packed_dtype(dtype)
    # the one layer that holds half of the weights; the others become narrow after they are folded
    digests = fill(
        net, path, lambda name: narrow if ".fc6.weight" in name else torch.float32, role="rgrg"
    )
    if can_pack(narrow):
        pack_detector(net, narrow)
    return Placed(net, device), digests


def empty_detector(config: dict[str, object], source: Path) -> DetectorNet:
    """The network of these sizes without weights, on torch's meta device."""
    sizes = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    try:
        layout = DetectorLayout(**sizes)  # type: ignore[arg-type]
        with torch.device("meta"):
            return DetectorNet(layout)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{source} does not describe RGRG's detector: {error}") from error


def model_input(image: Image, placement: Placement) -> Tensor:
    """A film as the network sees it: (1, 1, side, side) float32, padded with black, normalised."""
    placed = placement.place(image.pixels)
    return torch.from_numpy((placed - np.float32(MEAN)) / np.float32(STD))[None, None]


def _chosen(logits: Tensor) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = (logits > CHOSEN_ABOVE).cpu().numpy()
    return chosen
