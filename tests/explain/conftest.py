"""A neural generator with tiny networks of random weights, and films that it can be asked about."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grounded import Finding, Image, Regions, Sentence
from grounded.chest.names import kind_of
from grounded.detectors.features import EncodedFilm
from grounded.detectors.organs.encoder import Encoder, FilmEncoder
from grounded.generators.neural.finding_net import FILM, VIEW, FindingNet
from grounded.generators.neural.generator import Neural
from grounded.generators.neural.writer import Brief, Written
from grounded.generators.neural.writer_net import WriterNet
from grounded.geometry import Placement
from grounded.nn.weights import bind, sha256, write
from grounded.protocols import Question
from grounded.train.writer.run import train_tokenizer

LABELS = ("Lung Opacity", "Pleural Effusion", VIEW)
KINDS = (FILM, "lung", "lower lung zone")
FEATURES, SIDE, CELLS = len(LABELS), 64, 8
NAMES = ("right lung", "left lung", "right lower lung zone", "left lower lung zone", "spine")
PARTS = ((0.1, 0.1, 0.45, 0.9), (0.55, 0.1, 0.9, 0.9), (0.1, 0.6, 0.45, 0.9), (0.55, 0.6, 0.9, 0.9))
BOXES = np.array([*PARTS, (0.45, 0.0, 0.55, 1.0)])
"""Of NAMES, in parts of the film's width and height."""

Ask = Callable[..., Question]


@pytest.fixture(scope="session")
def neural_weights(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    return write_neural(tmp_path_factory.mktemp("neural"), encoder.sha256)


def write_neural(folder: Path, made_by: str) -> Path:
    """Weights of a neural generator; made_by: the encoder's SHA-256."""
    torch.manual_seed(0)
    sizes = {"labels": list(LABELS), "kinds": list(KINDS)}
    write(folder / "findings", sizes, FindingNet(**sizes).state_dict())  # type: ignore[arg-type]
    calibration = {
        "slope": 1.0,
        "intercept": 0.0,
        "absent": 0.4,
        "present": 0.6,
        "assessed": True,
        "figure": "made up",
    }
    table = json.dumps(dict.fromkeys(LABELS, dict.fromkeys(KINDS, calibration)))
    path = folder / "findings" / "calibration.json"
    path.write_text(table)
    bind(folder / "findings", encoder=made_by, calibration=sha256(path))
    tokenizer = train_tokenizer(["There is an opacity in the <region>."] * 3, 300)
    labels = [*LABELS[:2], "Consolidation"]
    net = {"kinds": 3, "labels": 3, "vocabulary": tokenizer.get_vocab_size()}
    net |= {"width": 16, "layers": 2, "heads": 2}
    taught = {label: list(KINDS) for label in labels}
    config = {"kinds": list(KINDS), "labels": labels, "taught": taught, "net": net}
    write(folder / "writer", config, WriterNet(**net).state_dict())
    tokenizer.save(str(folder / "writer" / "tokenizer.json"))
    return folder


@pytest.fixture
def neural(neural_weights: Path) -> Neural:
    return Neural(neural_weights, words="writer")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder")
    config = {"findings": FEATURES - 1, "side": SIDE, "scale": 0.1, "width": 8}
    torch.manual_seed(0)
    write(folder, config, FilmEncoder(**config).state_dict())  # type: ignore[arg-type]
    return Encoder(folder)


@pytest.fixture
def ask(encoder: Encoder) -> Ask:
    """About a film of noise with the regions NAMES; `film` takes the place of the encoder's map."""

    def make(shape: tuple[int, int] = (91, 50), film: Tensor | None = None) -> Question:
        pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
        if film is None:
            [(encoded, placement)] = encoder.encode([pixels])
            encoding = EncodedFilm(encoded, placement, encoder.sha256, encoder.maps)
        else:
            place = Placement.letterbox(shape, (SIDE, SIDE))
            encoding = EncodedFilm(film, place, encoder.sha256)
        boxes = BOXES * np.tile(shape[::-1], 2)
        regions = Regions(NAMES, boxes, np.ones(len(NAMES)), encoding=encoding)
        return Question.of_film(Image.of(pixels), regions)

    return make


def hot(row: int, column: int, value: float = 1.0) -> Tensor:
    """A map that shows an opacity in one cell."""
    film = torch.zeros(FEATURES, CELLS, CELLS)
    film[0, row, column] = value
    return film


def read(region: str, label: str = "Lung Opacity") -> Sentence:
    """A sentence as the neural generator makes it."""
    text = f"There is an opacity in the {region}."
    finding = Finding(label, "present", region, 0.9)
    kind = kind_of(region) if kind_of(region) in KINDS else KINDS[1]
    brief = Brief(region, kind, {label: "present"})
    written = Written(brief, "There is an opacity in the <region>.")
    return Sentence(text, (region,), "neural", findings=(finding,), written=written)


def measured() -> Sentence:
    return Sentence("The heart is not enlarged.", ("spine",), "measured")
