"""The gate's training: its samples, its loss, a run of a few steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from grounded.data.gate_films import gate_films
from grounded.detectors.gate import FilmGate
from grounded.errors import ConfigError, DataError
from grounded.train.gate.run import GateConfig, gate_loss, train_gate
from grounded.train.gate.samples import GateSample, GateSamples, laid
from grounded.train.loop import Turns

CHESTS = [np.full((60, 50), 40 + 10 * n, np.uint8) for n in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty films of as many patients, and a lateral one."""
    images = tmp_path / "covid_films" / "images"
    images.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), []
    for number in range(21):
        name = f"{number}.png"
        Picture.fromarray(rng.integers(0, 256, (60, 60), np.uint8)).save(images / name)
        view = "L" if number == 20 else "PA"
        rows.append({"file": name, "patient": str(number), "view": view})
    (tmp_path / "covid_films" / "annotations.json").write_text(json.dumps(rows))
    return tmp_path


def test_films_of_a_patient_are_never_split(folder: Path) -> None:
    films = gate_films(folder)
    assert sum(film.frontal for film in films) == 20
    assert {film.held_out for film in films} == {True, False}
    assert films == gate_films(folder)


def test_a_folder_without_films_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no frontal films"):
        gate_films(tmp_path)


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (1, (0, -1)), (2, (-1, -1))])
def test_films_are_turned_clockwise(turn: int, corner: tuple[int, int]) -> None:
    film = np.zeros((4, 4), np.float32)
    film[0, 0] = 1
    assert laid(film, False, turn)[corner] == 1


def test_samples_follow_from_seed_and_number() -> None:
    one, other = (GateSamples(CHESTS, [CHESTS], 32, 3) for _ in range(2))
    for number in range(40):
        for here, there in zip(one[number], other[number], strict=True):
            torch.testing.assert_close(here, there, equal_nan=True)


def test_what_is_no_film_teaches_no_sign() -> None:
    samples = GateSamples(CHESTS, [CHESTS], 32, 0)
    [batch] = samples.loaded(Turns(0, 1, 64))
    other = batch.kind == 2
    assert other.any()
    assert (batch.turn[other] == -1).all()
    assert batch.negative[other].isnan().all()
    assert not batch.negative[batch.kind == 0].isnan().any()


def test_the_loss_of_a_right_answer_is_lower() -> None:
    sample = GateSample(
        torch.zeros(1, 1, 8, 8), torch.tensor([0]), torch.tensor([2]), torch.zeros(1)
    )
    right = torch.tensor([[9.0, 0, 0, 0, 0, 9, 0, -9]])
    assert gate_loss(right, sample)["total"] < 0.1 < gate_loss(-right, sample)["total"]


def test_a_run_writes_weights_that_can_be_used(folder: Path, tmp_path: Path) -> None:
    config = GateConfig(
        side=32, widths=(4, 4, 4, 4), hidden=4, steps=2, batch=8, workers=0, measured=1, ema=0.9
    )
    figures = train_gate(config, folder, tmp_path / "out")
    assert 0 <= figures["kind right"] <= 1
    assert FilmGate(tmp_path / "out").weights_sha256


def test_a_configuration_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("sides = 3\n")
    with pytest.raises(ConfigError, match="no key 'sides'"):
        GateConfig.read(tmp_path / "a.toml")
