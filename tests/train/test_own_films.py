"""A generator is trained on with a table of one's own films, here of phantoms, from what ships."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

import grounded
from grounded.compose.confidence import Confidence
from grounded.config import locate
from grounded.data.film_table import film_table, split_films
from grounded.errors import ConfigError, DataError
from grounded.generators.neural.finding_net import FILM
from grounded.generators.neural.finding_reader import CALIBRATION
from grounded.synthetic.collection import write_own_films
from grounded.synthetic.phantom import chest_phantom
from grounded.train.loop import Progress
from grounded.train.own_films import (
    OwnFilmsConfig,
    Start,
    TuningConfig,
    described,
    train_on_own_films,
)

CONFIGS = Path(__file__).parents[2] / "configs" / "train"
SHORT = OwnFilmsConfig(
    findings=TuningConfig(rounds=1.0, batch=8, learning_rate=1e-3, ema=0.8, device="cpu")
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_own_films(folder, 48, side=96)
    return folder / "films.csv"


@pytest.fixture(scope="module")
def tuned(table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The preset of a run, and the lines that it said."""
    lines: list[str] = []
    output = tmp_path_factory.mktemp("tuned")
    preset = train_on_own_films(SHORT, table, locate("neural"), output, Progress(lines.append))
    return preset, lines


def test_the_preset_reports_a_film(tuned: tuple[Path, list[str]]) -> None:
    report = grounded.load(tuned[0].parent)(chest_phantom(5, (96, 96)).image)
    assert report.sentences
    assert all(sentence.evidence for sentence in report.sentences)


def test_the_preset_needs_nothing_beside_its_folder(tuned: tuple[Path, list[str]]) -> None:
    text = tuned[0].read_text()
    assert 'weights = "./detector"' in text
    assert "/" not in text.replace('"./', "")


def test_the_scope_is_what_the_films_held_out_support(tuned: tuple[Path, list[str]]) -> None:
    preset, lines = tuned
    table = json.loads((preset.parent / "findings" / CALIBRATION).read_text())
    stated = {label for label, kinds in table.items() if kinds[FILM]["assessed"]}
    assert stated <= {"Lung Opacity", "Pleural Effusion"}  # the table says nothing of others
    said = {line.split(",")[0]: line for line in lines if "AUROC" in line}
    assert said.keys() == {"Lung Opacity", "Pleural Effusion"}
    for label, line in said.items():
        assert (f"{label}, stated" in line) == (label in stated)


def test_what_the_table_holds_is_said_before_anything_is_trained(
    tuned: tuple[Path, list[str]], table: Path
) -> None:
    parts = split_films(film_table(table), SHORT.calibration, SHORT.held, 0)
    heading = f"train: {len(parts['train'])} films, of these with Lung Opacity "
    assert tuned[1][0].startswith(heading)
    assert [line.split(":")[0] for line in tuned[1][:3]] == ["train", "calibration", "held"]


def test_a_table_that_says_nothing_of_a_finding_is_refused(table: Path) -> None:
    films = [replace(film, readings=()) for film in film_table(table)]
    with pytest.raises(DataError, match="says nothing of a finding that is read: Lung Opacity"):
        described(films, split_films(films, 0.2, 0.2, 0))


def test_each_part_needs_films(table: Path) -> None:
    films = film_table(table)
    with pytest.raises(DataError, match="no films for held: each part needs some"):
        described(films, split_films(films, 0.2, 0.0, 0))


def test_findings_that_the_generator_does_not_read_are_named(table: Path) -> None:
    with table.open(newline="") as file:
        rows = [{**row, "Support Devices": "present"} for row in csv.DictReader(file)]
    other = table.parent / "devices.csv"
    with other.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    films = film_table(other)
    *_, last = described(films, split_films(films, 0.2, 0.2, 0))
    assert last == "not read by this generator: Support Devices"


def test_a_preset_of_another_kind_is_no_start() -> None:
    with pytest.raises(ConfigError, match="is no preset of a neural generator"):
        Start.open(locate("measured"))


def test_the_configuration_that_ships_holds_the_defaults() -> None:
    assert OwnFilmsConfig.read(CONFIGS / "own_films.toml") == OwnFilmsConfig()


def test_the_command_fits_last_how_probable_its_sentences_are_right(
    run, table: Path, tmp_path: Path
) -> None:
    pytest.importorskip("mapie", reason="fitting the confidence needs MAPIE")
    config, out = tmp_path / "short.toml", tmp_path / "own"
    config.write_text('[findings]\nrounds = 0.5\nbatch = 8\ndevice = "cpu"\n', encoding="utf-8")
    status, said, _ = run("train", "generator", config, "--table", table, "-o", out)
    assert status == 0
    assert "confidence.json: --at-most-wrong now withholds by it" in said
    trust = grounded.load(out, wrong=0.05).confidence
    assert isinstance(trust, Confidence)
    assert {known.population for known in trust.fitted.sorts.values()} <= {
        "the films of films.csv that were set aside to calibrate"
    }
