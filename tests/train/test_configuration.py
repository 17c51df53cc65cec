"""Training configurations: what is read, and what is said of a file that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grounded.errors import ConfigError
from grounded.train.augmentation import Strength
from grounded.train.configuration import Beside, RunConfig, configured, read_configuration


@dataclass(frozen=True, kw_only=True)
class Run(RunConfig):
    widths: tuple[int, ...] = (8, 8)
    start: Beside | None = None
    kinds: Mapping[str, float] = field(default_factory=dict)
    strength: Strength = field(default_factory=Strength)


def read(folder: Path, text: str) -> Run:
    path = folder / "run.toml"
    path.write_text(text)
    return configured(Run, read_configuration(path), path)


def test_a_file_becomes_a_configuration_and_the_rest_is_as_it_was(tmp_path: Path) -> None:
    run = read(tmp_path, "widths = [1, 2, 3]\nlearning_rate = 1\n[strength]\ncrop = 0.5")
    assert run == Run(widths=(1, 2, 3), learning_rate=1.0, strength=Strength(crop=0.5))


def test_a_relative_path_starts_from_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, 'start = "../weights"').start == tmp_path / "../weights"
    assert read(tmp_path, 'start = "/weights"').start == Path("/weights")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('steps = "many"', r"run\.toml does not fit: steps: got 'many', expected a valid integer"),
        ("steps = 2.5", r"steps: got 2\.5, expected a valid integer"),
        ("steps = 0", "steps: got 0, expected greater than or equal to 1"),
        ('batch = "3"', "batch: got '3', expected a valid integer"),
        ("ema = 1.0", r"ema: got 1\.0, expected less than 1"),
        ('precision = "half"', "precision: got 'half', expected 'float32', 'bfloat16' or"),
        ("tensorboard = 1", "tensorboard: got 1, expected a valid boolean"),
        ("learning_rates = 1", "has no key 'learning_rates'; did you mean 'learning_rate'"),
        ("zzz = 1", "has no key 'zzz'; it has: seed, steps"),
        ("[strength]\ncrops = 1", r"\[strength\] has no key 'crops'; did you mean 'crop'"),
        ('[strength]\ncrop = "a"', r"\[strength\] crop: got 'a', expected a valid number"),
        ('[kinds]\na = "b"', r"\[kinds\] a: got 'b', expected a valid number"),
        ("widths = [1, 2.5]", r"\[widths\] 1: got 2\.5, expected a valid integer"),
        ("steps = ", "cannot read"),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_expected(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"steps.*; batch.*; has no key 'epochs'"):
        read(tmp_path, 'steps = "many"\nbatch = -1\nepochs = 3')


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        read_configuration(tmp_path / "none.toml")
