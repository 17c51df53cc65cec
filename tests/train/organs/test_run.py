"""The run: a tiny network on a few phantoms."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import grounded
from grounded.detectors.organs.net import OrganNet
from grounded.errors import ConfigError, DataError
from grounded.synthetic.phantom import chest_phantom, write_phantoms
from grounded.train.augmentation import Strength
from grounded.train.configuration import configured, read_configuration
from grounded.train.loop import Progress
from grounded.train.organs.from_file import train_from_file
from grounded.train.organs.run import DetectorConfig, train_detector

CONFIGS = Path(__file__).parents[3] / "configs" / "train"
TINY = DetectorConfig(
    side=64,
    cache_side=64,
    held_out=0.25,
    widths=(8, 8, 16, 16, 16),
    decoder_width=8,
    features=16,
    steps=4,
    batch=4,
    workers=0,
    threads=1,
    device="cpu",
    log_every=2,
    measure_every=2,
    strength=Strength().times(0.0),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_phantoms(folder / "chest_anatomy", 4, side=64)
    return folder


def test_a_tiny_network_learns_a_few_phantoms(data: Path, tmp_path: Path) -> None:
    config = replace(TINY, steps=80, batch=8, learning_rate=1e-2, measure_every=1000, ema=0.9)
    figures = train_detector(config, data, tmp_path)
    assert figures["phantom right lung iou"] > 0.6
    assert figures["phantom left lung iou"] > 0.6
    assert figures["phantom cardiac silhouette iou"] > 0.5


def test_a_run_writes_weights_log_figures_and_a_preset(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    train_detector(TINY, data, tmp_path, Progress(lines.append))
    net = OrganNet(**json.loads((tmp_path / "config.json").read_text()))
    net.load_state_dict(load_file(tmp_path / "model.safetensors"))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(entry["step"], entry["kind"]) for entry in log] == [
        *((2, "train"), (2, "valid"), (4, "train"), (4, "valid")),
    ]
    assert lines[0] == "3 films to train on, 1 held out"
    assert "phantom left lung iou" in json.loads((tmp_path / "figures.json").read_text())
    report = grounded.load(tmp_path)(chest_phantom(1, (64, 64)).image)
    assert len(report.regions) + len(report.regions.missing) == 29


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(
    data: Path, tmp_path: Path
) -> None:
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    train_detector(TINY, data, through)

    def stop_after_two(done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_detector(TINY, data, stopped, Progress(advance=stop_after_two))
    train_detector(TINY, data, stopped)
    first = load_file(through / "model.safetensors")
    for name, value in load_file(stopped / "model.safetensors").items():
        assert torch.equal(value, first[name]), name


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("organ_net*.toml")), ids=lambda f: f.stem)
def test_the_configurations_that_ship_can_be_read(file: Path) -> None:
    table = read_configuration(file)
    assert table.pop("detector") == "organ_net"
    assert configured(DetectorConfig, table, file).steps == table["steps"]


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


def test_a_second_run_goes_on_from_the_weights_of_the_first(data: Path, tmp_path: Path) -> None:
    train_detector(TINY, data, tmp_path / "one")
    still = replace(TINY, steps=1, learning_rate=0.0, start=tmp_path / "one")
    train_detector(still, data, tmp_path / "two")
    first, second = (load_file(tmp_path / run / "model.safetensors") for run in ("one", "two"))
    assert all(torch.equal(first[name], second[name]) for name in first if "bias" in name)
    with pytest.raises(ConfigError, match="to start from"):
        train_detector(replace(still, start=tmp_path), data, tmp_path / "three")
