"""A small network that reads opacities in the halves of a film, and films with an opacity."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from grounded import Finding, Image, ReadFinding, Regions, Reporter, Sentence
from grounded.atlas import Atlas
from grounded.compose.composer import AnatomicalComposer
from grounded.explain.places import RegionBoxes
from grounded.protocols import Question
from grounded.provenance import Scope

SIDE, CELLS = 96, 8
LUNGS = ("right lung", "left lung")
BOXES = np.array([[8.0, 12.0, 44.0, 84.0], [52.0, 12.0, 88.0, 84.0]])
LABEL = "Lung Opacity"


class TwoLungs:
    """Finds a lung in each half of every film."""

    name, weights_sha256 = "two lungs", {}  # type: tuple[str, Mapping[str, str]]

    def __init__(self) -> None:
        self.atlas = Atlas.open("chest29")

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        return [Regions(LUNGS, BOXES, np.ones(2)) for _ in images]


class Brightness:
    """Its network weighs the grey of 8 x 8 cells; that of each lung counts for its own opacity."""

    name, scope = "brightness", Scope({LABEL: "made up"})
    weights_sha256: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.net = nn.Linear(CELLS * CELLS, len(LUNGS))
        weight = torch.zeros(len(LUNGS), CELLS, CELLS)
        weight[0, 1:7, 1:4] = weight[1, 1:7, 4:7] = 2.0
        with torch.no_grad():
            self.net.weight.copy_(weight.flatten(1))
            self.net.bias.fill_(-2.0 * 18 * 0.4)

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        return [tuple(self._read(question)) for question in questions]

    def _read(self, question: Question) -> list[ReadFinding]:
        grey = cv2.resize(
            np.array(question.image.pixels), (CELLS, CELLS), interpolation=cv2.INTER_AREA
        )
        with torch.no_grad():
            logits = self.net(torch.from_numpy(grey).flatten())
        sure = torch.sigmoid(logits).tolist()
        return [
            ReadFinding(LABEL, name, p, "present" if p >= 0.5 else "absent", stated=True)
            for name, p in zip(LUNGS, sure, strict=True)
            if name in question.asked
        ]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        return [
            [self._sentence(item) for item in question.read or self._read(question)]
            for question in questions
        ]

    def _sentence(self, item: ReadFinding) -> Sentence:
        words = "An opacity" if item.presence == "present" else "No opacity"
        finding = Finding(LABEL, item.presence, item.region, 0.9)
        text = f"{words} in the {item.region}."
        return Sentence(text, (item.region,), "brightness", findings=(finding,))


def film_of(*opaque: str, seed: int = 0) -> Image:
    """A film of grey lungs with noise, and an opacity in the given ones."""
    rng = np.random.default_rng(seed)
    pixels = 0.3 + 0.02 * rng.standard_normal((SIDE, SIDE))
    for name, (x0, y0, x1, y1) in zip(LUNGS, BOXES.astype(int), strict=True):
        pixels[y0:y1, x0:x1] -= 0.05
        if name in opaque:
            top = int(rng.integers(y0 + 4, y1 - 44))
            pixels[top : top + 44, x0 + 3 : x1 - 3] += 0.45
    return Image.of(np.clip(pixels, 0, 1).astype(np.float32), name=f"film {seed}", view="PA")


@pytest.fixture
def reporter() -> Reporter:
    return Reporter(TwoLungs(), Brightness(), RegionBoxes(), AnatomicalComposer(), "brightness")
