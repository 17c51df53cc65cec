"""The training of the net that knows mirrored films: its samples, and a run of a few steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from grounded.detectors.gate import SideNet
from grounded.errors import ConfigError
from grounded.nn.weights import build, fill, read_config
from grounded.train.gate.sides import SideSamples, SidesConfig, train_sides
from grounded.train.loop import Turns

CHESTS = [np.full((60, 50), 40 + 10 * n, np.uint8) for n in range(4)]


def test_samples_follow_from_seed_and_number() -> None:
    one, other = (SideSamples(CHESTS, 32, 3) for _ in range(2))
    for number in range(20):
        for here, there in zip(one[number], other[number], strict=True):
            torch.testing.assert_close(here, there)


def test_half_of_the_films_are_mirrored() -> None:
    [batch] = SideSamples(CHESTS, 32, 0).loaded(Turns(0, 1, 100))
    assert 30 < batch.mirrored.sum() < 70


def test_the_bright_side_is_where_the_sample_says() -> None:
    film = np.zeros((64, 64), np.uint8)
    film[:, 34:] = np.linspace(120, 250, 30).astype(np.uint8)
    [batch] = SideSamples([film], 32, 0).loaded(Turns(0, 1, 64))
    right_half = batch.film[:, 0, :, 18:].mean((1, 2)) > batch.film[:, 0, :, :14].mean((1, 2))
    assert (right_half == (batch.mirrored == 0)).float().mean() > 0.9


def test_a_run_writes_weights_that_can_be_used(tmp_path: Path) -> None:
    images = tmp_path / "covid_films" / "images"
    images.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), []
    for number in range(20):
        Picture.fromarray(rng.integers(0, 256, (60, 60), np.uint8)).save(images / f"{number}.png")
        rows.append({"file": f"{number}.png", "patient": str(number), "view": "PA"})
    (tmp_path / "covid_films" / "annotations.json").write_text(json.dumps(rows))
    config = SidesConfig(
        side=32, widths=(4, 4, 4, 4), hidden=4, steps=2, batch=8, workers=0, ema=0.9
    )
    figures = train_sides(config, tmp_path, tmp_path / "out")
    assert 0 <= figures["known"] <= 1
    net = build(SideNet, read_config(tmp_path / "out"), tmp_path / "out")
    assert fill(net, tmp_path / "out")


def test_a_configuration_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("sides = 3\n")
    with pytest.raises(ConfigError, match="no key 'sides'"):
        SidesConfig.read(tmp_path / "a.toml")
