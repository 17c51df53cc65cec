"""From made-up data to a preset that reports, with the tiny configuration that ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import grounded
from grounded import GroundedReport, Reporter
from grounded.errors import ConfigError
from grounded.generators.neural.finding_reader import CALIBRATION
from grounded.synthetic.collection import write_phantom_data
from grounded.synthetic.phantom import chest_phantom
from grounded.train.findings.truth import LABELS
from grounded.train.generator import GeneratorConfig, train_generator

PAIRS = "[findings.pairs]\n" + "".join(f'"{label}" = ["lung"]\n' for label in LABELS)
CONFIGS = Path(__file__).parent.parent.parent / "configs" / "train"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The preset of a run, and the lines that it said."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    write_phantom_data(folder / "data", films=22, held=2, side=96)
    tiny = GeneratorConfig.read(CONFIGS / "generator_tiny.toml")
    short = replace(
        tiny,
        findings=replace(tiny.findings, rounds=1.0),
        writer=replace(tiny.writer, steps=60),
    )
    return train_generator(short, folder / "data", folder / "out", say=lines.append), lines


@pytest.fixture(scope="module")
def reporter(trained: tuple[Path, list[str]]) -> Reporter:
    return grounded.load(trained[0].parent)


def test_a_run_writes_a_preset_with_its_parts(trained: tuple[Path, list[str]]) -> None:
    preset, lines = trained
    out = preset.parent
    assert lines[0].endswith("films: train")
    for name in ("encoder", "findings", "writer"):
        assert (out / name / "model.safetensors").is_file()
    table = json.loads((out / "findings" / CALIBRATION).read_text())
    assert all(kinds["film"]["figure"] for kinds in table.values())
    assert table["Lung Opacity"].keys() >= {"film", "lung", "apical zone"}


def test_the_preset_reports_a_film_and_every_sentence_is_grounded(reporter: Reporter) -> None:
    report = reporter(chest_phantom(5, (160, 140), cardiothoracic_ratio=0.6).image)
    findings = report.section("findings")
    assert "measured" in {sentence.origin for sentence in findings}
    for sentence in report.sentences:
        assert sentence.evidence
        assert sentence.regions
    assert "Cardiomegaly" in report.scope.assessed
    assert GroundedReport.from_dict(json.loads(json.dumps(report.to_dict()))).to_dict() == (
        report.to_dict()
    )


def test_a_region_can_be_described_and_told_what_to_say(reporter: Reporter) -> None:
    reading = reporter.read(chest_phantom(5, (160, 140)).image)
    [first, *_] = reading.describe("left lower lung zone", findings={"Lung Opacity": "present"})
    assert first.findings[0].presence == "present"
    assert "left" in first.text
    assert first.notes[0].startswith("set by the reader")


@pytest.mark.parametrize("file", ["generator.toml", "generator_tiny.toml"])
def test_the_configurations_that_ship_can_be_read(file: str) -> None:
    config = GeneratorConfig.read(CONFIGS / file)
    assert (Path(config.findings.start) / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'findings'"),
        ("[findings]\n", "does not fit"),
        ("[findings]\nepochs = 1\n[findings.pairs]\n", "epochs"),
        ("[findings.pairs]\n", "names nothing; expected: Lung Opacity"),
        (f"{PAIRS}[statements]\nfalse = 0.1\nsure = 2", "sure"),
        (f"{PAIRS}[writer]\nlayer = 2", "layer"),
        (f'{PAIRS}[statements]\narea = "high"', "area"),
        ("[findings", "cannot read"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        GeneratorConfig.read(path)
