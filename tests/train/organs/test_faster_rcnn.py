"""Faster R-CNN learns all regions from the outlines of organs."""

import json
from pathlib import Path

import pytest

import grounded
from grounded.synthetic.phantom import chest_phantom, write_phantoms
from grounded.train.augmentation import Strength
from grounded.train.configuration import configured, read_configuration
from grounded.train.organs.faster_rcnn import FasterRCNNConfig, train_faster_rcnn

CONFIG = Path(__file__).parents[3] / "configs" / "train" / "faster_rcnn.toml"
TINY = FasterRCNNConfig(
    backbone="resnet18",
    side=64,
    head=64,
    sampled=32,
    held_out=0.34,
    steps=15,
    batch=2,
    learning_rate=1e-3,
    workers=0,
    threads=1,
    device="cpu",
    log_every=5,
    strength=Strength().times(0.0),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on two phantoms wrote."""
    folder = tmp_path_factory.mktemp("rcnn")
    write_phantoms(folder / "data" / "chest_anatomy", 3, side=64)
    train_faster_rcnn(TINY, folder / "data", folder / "out")
    return folder / "out"


def test_it_learns_the_regions_of_two_films(trained: Path) -> None:
    lines = (trained / "log.jsonl").read_text().splitlines()
    log = [entry for entry in map(json.loads, lines) if entry["kind"] == "train"]
    assert [entry["step"] for entry in log] == [5, 10, 15]
    assert log[-1]["loss_classifier"] < 0.9 * log[0]["loss_classifier"]
    assert log[-1]["loss_objectness"] < 0.7 * log[0]["loss_objectness"]


def test_what_is_written_is_a_preset(trained: Path) -> None:
    report = grounded.load(trained)(chest_phantom(1, (64, 64)).image)
    assert report.provenance.detector == "faster r-cnn"


def test_the_configuration_that_ships_can_be_read() -> None:
    table = read_configuration(CONFIG)
    assert table.pop("detector") == "faster_rcnn"
    assert configured(FasterRCNNConfig, table, CONFIG).backbone == "resnet18"
