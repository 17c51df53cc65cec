"""A film whose map says plainly what is in it, and a FindingNet that reads it so.

The map has a channel for each finding; a region's logit is the largest value of the channel in its
box, so it can be set by hand which findings a region has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grounded import Box, Image, Regions
from grounded.detectors.features import EncodedFilm
from grounded.generators.neural.finding_net import FILM, VIEW, FindingNet
from grounded.generators.neural.finding_reader import CALIBRATION, Calibration
from grounded.geometry import Placement
from grounded.nn.weights import bind, parameters, sha256, write
from grounded.protocols import Question
from grounded.synthetic.collection import phantom_regions
from grounded.synthetic.phantom import Phantom, chest_phantom
from grounded.train.findings.calibration import write_calibrations

SIDE, CELLS = 256, 64
ENCODER = "0123456789abcdef"  # in the place of the SHA-256 of one
LABELS = ("Lung Opacity", "Pneumothorax", "Support Devices", VIEW)
ZONES = ("upper lung zone", "mid lung zone", "lower lung zone")
KINDS = (FILM, "lung", *ZONES, "trachea")
READ = {  # in which kinds of region a finding is read; pneumothorax is read and not assessed
    "Lung Opacity": (FILM, "lung", *ZONES),
    "Pneumothorax": (FILM, "lung"),
    "Support Devices": (FILM, "trachea"),
    VIEW: (FILM,),
}
PRESENT, OPEN = 2.0, 1.0  # values of the map; 0 is absent


def finding_net() -> FindingNet:
    """A logit is the largest value of the finding's channel in the box, or nearly."""
    net = FindingNet(LABELS, KINDS).eval().requires_grad_(False)
    net.sharpness.fill_(200)
    return net


def calibrations() -> dict[str, dict[str, Calibration]]:
    return {
        label: {
            kind: Calibration(
                8.0, -8.0, 0.3, 0.7, label in ("Lung Opacity", "Support Devices"), f"of {label}"
            )
            for kind in kinds
        }
        for label, kinds in READ.items()
    }


def write_findings(folder: Path) -> None:
    net = finding_net()
    write(folder, {"labels": list(LABELS), "kinds": list(KINDS)}, parameters(net))
    write_calibrations(folder / CALIBRATION, calibrations())
    bind(folder, encoder=ENCODER, calibration=sha256(folder / CALIBRATION))


@cache
def chest(ratio: float = 0.45) -> tuple[Phantom, Regions]:
    phantom = chest_phantom(1, (SIDE, SIDE), cardiothoracic_ratio=ratio)
    return phantom, phantom_regions(phantom)


def map_with(found: Regions, values: Mapping[tuple[str, str], float]) -> Tensor:
    """A map (D, h, w) with a value of a finding in the inner half of a region, each way."""
    film = torch.zeros(len(LABELS), CELLS, CELLS)
    for (region, label), value in values.items():
        box = found[region].box
        x, y = (round(at * CELLS / SIDE) for at in box.center)
        dx, dy = (max(round(size / 4 * CELLS / SIDE), 1) for size in (box.width, box.height))
        film[LABELS.index(label), y - dy : y + dy, x - dx : x + dx] = value
    return film


def question(
    about: str | Box | None = None,
    values: Mapping[tuple[str, str], float] | None = None,
    *,
    ratio: float = 0.45,
    told: Mapping[str, Any] | None = None,
) -> Question:
    """About a film as a whole, one of its regions, or a box drawn in it.

    told: what a reader has set, by region and label for a film, by label for a region.
    """
    phantom, found = chest(ratio)
    placement = Placement.letterbox((SIDE, SIDE), (SIDE, SIDE))
    found = replace(found, encoding=EncodedFilm(map_with(found, values or {}), placement, ENCODER))
    image = Image.of(phantom.pixels, view="PA")
    if about is None:
        return replace(Question.of_film(image, found), findings=told or {})
    asked = found.drawn("marked area", about) if isinstance(about, Box) else found[[about]]
    return Question(image, found, asked, {asked.names[0]: told} if told else {})


def without_map(of: Question) -> Question:
    return replace(of, found=replace(of.found, encoding=None))
