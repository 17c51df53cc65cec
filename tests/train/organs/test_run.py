"""The run: a tiny network on a few phantoms."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from grounded.detectors.organs.net import OrganNet
from grounded.errors import ConfigError, DataError
from grounded.synthetic.phantom import write_phantoms
from grounded.train.organs.from_file import train_from_file
from grounded.train.organs.run import (
    DetectorConfig,
    read_configuration,
    train_detector,
)
from grounded.train.schedule import learning_rate_at

TINY = DetectorConfig.of(
    {
        "side": 64,
        "cache_side": 64,
        "held_out": 0.25,
        "widths": [8, 8, 16, 16, 16],
        "decoder_width": 8,
        "features": 16,
        "steps": 4,
        "batch": 4,
        "workers": 0,
        "threads": 1,
        "log_every": 2,
        "measure_every": 2,
        "strength": dict.fromkeys(vars(DetectorConfig().strength), 0.0),
    }
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_phantoms(folder / "chest_anatomy", 4, side=64)
    return folder


def test_a_tiny_network_learns_a_few_phantoms(data: Path, tmp_path: Path) -> None:
    config = replace(TINY, steps=110, batch=8, learning_rate=1e-2, measure_every=1000, ema=0.9)
    figures = train_detector(config, data, tmp_path)
    assert figures["phantom right lung iou"] > 0.6
    assert figures["phantom left lung iou"] > 0.6
    assert figures["phantom cardiac silhouette iou"] > 0.5


def test_a_run_writes_weights_log_and_figures(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    train_detector(TINY, data, tmp_path, say=lines.append)
    net = OrganNet(**json.loads((tmp_path / "config.json").read_text()))
    net.load_state_dict(load_file(tmp_path / "model.safetensors"))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 2, 4, 4]
    assert lines[0] == "3 films to train on, 1 held out"
    assert "phantom left lung iou" in json.loads((tmp_path / "figures.json").read_text())


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped(data: Path, tmp_path: Path) -> None:
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    train_detector(TINY, data, through)
    checkpoints: list[str] = []

    def stop_at_two(line: str) -> None:
        checkpoints.append(line)
        if '"step": 2' in line and "iou" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_detector(TINY, data, stopped, say=stop_at_two)
    train_detector(TINY, data, stopped)
    first = load_file(through / "model.safetensors")
    for name, value in load_file(stopped / "model.safetensors").items():
        assert value.float().allclose(first[name].float(), atol=2e-2), name


def test_the_shipped_configuration_is_one() -> None:
    path = Path(__file__).parents[3] / "configs" / "train" / "organ_net.toml"
    table = read_configuration(path)
    assert table.pop("detector") == "organ_net"
    assert DetectorConfig.of(table).side == 256


def test_an_unknown_key_or_detector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for text, message in (
        ("epochs = 3", "epochs"),
        ("[strength]\nflip = 1", "flip"),
        ('detector = "yolo"', "yolo"),
        ("steps = ", "cannot read"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            train_from_file(path, tmp_path, tmp_path / "out")
    with pytest.raises(ConfigError, match="cannot read"):
        train_from_file(tmp_path / "none.toml", tmp_path, tmp_path / "out")


def test_a_folder_without_films_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no annotations\.json"):
        train_detector(TINY, tmp_path, tmp_path / "out")


def test_the_rate_rises_and_falls() -> None:
    assert learning_rate_at(0.0, 0.1) < 0.05
    assert learning_rate_at(0.1, 0.1) == pytest.approx(1, abs=0.01)
    assert learning_rate_at(1.0, 0.1) < 0.01


def test_a_second_run_goes_on_from_the_weights_of_the_first(data: Path, tmp_path: Path) -> None:
    train_detector(TINY, data, tmp_path / "one")
    still = replace(TINY, steps=1, learning_rate=0.0, start=str(tmp_path / "one"))
    train_detector(still, data, tmp_path / "two")
    first, second = (load_file(tmp_path / run / "model.safetensors") for run in ("one", "two"))
    assert all(torch.equal(first[name], second[name]) for name in first if "bias" in name)
    with pytest.raises(ConfigError, match="to start from"):
        train_detector(replace(still, start=str(tmp_path)), data, tmp_path / "three")
