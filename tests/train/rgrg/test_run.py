"""The region-guided model's three stages, on a few phantoms with narrow networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import grounded
from grounded import Image
from grounded.detectors.rgrg.net import DetectorLayout
from grounded.errors import ConfigError, DataError
from grounded.generators.rgrg.net import DecoderLayout
from grounded.synthetic.collection import write_phantom_tables
from grounded.train.loop import Progress
from grounded.train.rgrg.run import RGRGConfig, train_rgrg

CONFIGS = Path(__file__).parents[3] / "configs" / "train"
TINY = RGRGConfig(
    steps=2,
    batch=2,
    threads=1,
    workers=0,
    longest=24,
    sampled=16,
    measured=2,
    log_every=1,
    save_every=1000,
    vocabulary=300,
    strength=None,
    device="cpu",
    detector=DetectorLayout(
        stages=(1, 1, 1, 1),
        bottleneck=False,
        side=64,
        anchor_sizes=(8, 24),
        anchor_ratios=(1.0,),
        proposals=12,
        head=16,
        features=16,
        classifier=(16, 8),
    ),
    decoder=DecoderLayout(layers=1, width=16, heads=2, features=16),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_phantom_tables(folder, films=4, held=2, side=64)
    return folder


@pytest.fixture(scope="module")
def detector(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first stage, long enough to learn something."""
    output = tmp_path_factory.mktemp("first")
    train_rgrg(replace(TINY, steps=12, log_every=3, learning_rate=2e-3), data, output)
    return output


def _train(config: RGRGConfig, data: Path, output: Path, before: Path | None = None) -> None:
    """Train, and keep the weights alone: checkpoints are large."""
    train_rgrg(config, data, output, start_from=before)
    (output / "checkpoint.pt").unlink()


def _losses(output: Path) -> list[dict[str, float]]:
    lines = (output / "log.jsonl").read_text().splitlines()
    return [entry for line in lines if (entry := json.loads(line))["kind"] == "train"]


def test_the_detector_learns(detector: Path) -> None:
    losses = _losses(detector)
    assert losses[-1]["total"] < 0.6 * losses[0]["total"]
    assert "selection" not in losses[0]
    assert json.loads((detector / "figures.json").read_text())["regions found of 29"] > 0


def test_each_stage_goes_on_from_the_one_before(data: Path, detector: Path, tmp_path: Path) -> None:
    heads, everything = tmp_path / "2", tmp_path / "3"
    _train(replace(TINY, stage="heads"), data, heads, detector)
    _train(replace(TINY, stage="all"), data, everything, heads)
    figures = json.loads((everything / "figures.json").read_text())
    assert "selection" in _losses(heads)[0]
    assert "language" not in _losses(heads)[0]
    assert _losses(everything)[0]["language"] > 0
    assert {"selection F1", "abnormality F1"} <= set(figures)


def test_a_stage_leaves_alone_what_it_does_not_train(
    data: Path, detector: Path, tmp_path: Path
) -> None:
    _train(replace(TINY, stage="heads"), data, tmp_path, detector)
    before = load_file(detector / "generator" / "model.safetensors")
    after = load_file(tmp_path / "generator" / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_output_is_a_preset_that_reports(data: Path, detector: Path) -> None:
    reporter = grounded.load(detector)
    film = sorted((data / "films").iterdir())[0]
    report = reporter(Image.open(film))
    assert len(report.regions) + len(report.regions.missing) == 29


def test_a_run_that_was_stopped_ends_like_one_that_was_not(data: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    config = replace(TINY, stage="all", steps=2, accumulate=2, save_every=1)
    _train(config, data, whole)

    def stop_after_one(step: int, steps: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_rgrg(config, data, parts, progress=Progress(advance=stop_after_one))
    _train(config, data, parts)
    for part in ("detector", "generator"):
        one, other = (load_file(f / part / "model.safetensors") for f in (whole, parts))
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-6)


def test_a_folder_of_another_stage_is_refused(data: Path, detector: Path) -> None:
    with pytest.raises(ConfigError, match="a run of 'RGRG, stage detector'"):
        train_rgrg(replace(TINY, stage="heads"), data, detector)


def test_a_start_without_weights_and_a_table_that_is_missing_are_named(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="output of the stage before"):
        train_rgrg(TINY, data, tmp_path / "a", start_from=tmp_path)
    with pytest.raises(DataError, match=r"train\.csv"):
        train_rgrg(TINY, tmp_path, tmp_path / "b")


def test_bfloat16_trains_too(data: Path, tmp_path: Path) -> None:
    _train(replace(TINY, stage="all", precision="bfloat16"), data, tmp_path)
    assert all(0 < entry["total"] < 1000 for entry in _losses(tmp_path))


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("rgrg_*.toml")), ids=lambda file: file.stem)
def test_the_configurations_that_ship_can_be_read(file: Path) -> None:
    config = RGRGConfig.read(file)
    assert file.stem.endswith(config.stage)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('stage = "last"', "stage: got 'last', expected 'detector', 'heads' or 'all'"),
        ("[detector]\nstage = 1", r"\[detector\] has no key 'stage'; did you mean 'stages'"),
        ("batch = 0", "batch: got 0, expected greater than or equal to 1"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        RGRGConfig.read(path)


def test_films_can_be_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("strength = false")
    assert RGRGConfig.read(path).strength is None
