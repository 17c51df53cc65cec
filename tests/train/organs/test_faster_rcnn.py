"""Faster R-CNN learns all regions from the outlines of organs."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from grounded.data.chest_anatomy import chest_anatomy
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.faster_rcnn.net import RegionRCNN
from grounded.errors import ConfigError
from grounded.synthetic.phantom import write_phantoms
from grounded.train.augmentation import Strength
from grounded.train.organs.faster_rcnn import FasterRCNNConfig, fit, net_keywords, write_weights
from grounded.train.organs.samples import KeptFilm

TINY = {"side": 64, "head": 256, "sampled": 48, "batch": 2, "workers": 0, "log_every": 5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chest_anatomy")
    write_phantoms(folder, 2, side=64)
    return folder


def test_it_learns_the_regions_of_two_films(data: Path) -> None:
    as_they_are = dict.fromkeys((f.name for f in fields(Strength)), 0.0)
    table = {**TINY, "backbone": "resnet18", "steps": 20, "learning_rate": 1e-3}
    config = FasterRCNNConfig.of({**table, "strength": as_they_are})
    torch.manual_seed(0)
    net = RegionRCNN(**net_keywords(config))
    kept = [KeptFilm.of(example, config.side) for example in chest_anatomy(data)]
    log = [json.loads(line) for line in fit(net, config, kept)]
    assert [entry["step"] for entry in log] == [5, 10, 15, 20]
    for term in ("loss_classifier", "loss_objectness"):
        assert log[-1][term] < 0.5 * log[0][term]


def test_written_weights_make_a_detector(tmp_path: Path) -> None:
    config = FasterRCNNConfig.of(TINY)
    net = RegionRCNN(**net_keywords(config))
    write_weights(net, config, tmp_path)
    assert FasterRCNNDetector(tmp_path).atlas.name == "chest29"


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        FasterRCNNConfig.of({"stepps": 3})
