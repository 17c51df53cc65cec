"""From made-up data to a preset that reports, with the tiny configuration that ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import grounded
from grounded import GroundedReport, Reporter
from grounded.errors import ConfigError
from grounded.generators.neural.finding_net import COMPOSITES, VIEW
from grounded.generators.neural.finding_reader import CALIBRATION
from grounded.synthetic.collection import write_phantom_data
from grounded.synthetic.phantom import chest_phantom
from grounded.train.findings.truth import LABELS
from grounded.train.generator import GeneratorConfig, train_generator
from grounded.train.loop import Progress

CONFIGS = Path(__file__).parent.parent.parent / "configs" / "train"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The preset of a run, and the lines that it said."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    write_phantom_data(folder / "data", films=24, held=0, side=96)
    tiny = GeneratorConfig.read(CONFIGS / "generator_tiny.toml")
    short = replace(
        tiny,
        findings=replace(tiny.findings, rounds=2.0, device="cpu"),
        writer=replace(tiny.writer, steps=60),
    )
    progress = Progress(lines.append)
    return train_generator(short, folder / "data", folder / "out", progress), lines


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
    assert table.keys() == {*LABELS, *COMPOSITES, VIEW}
    assert "apical zone" not in table["Nodule"]  # it is not read there
    assert all(entry["figure"] for kinds in table.values() for entry in kinds.values())


def test_the_preset_reports_a_film_and_every_sentence_is_grounded(reporter: Reporter) -> None:
    report = reporter(chest_phantom(5, (160, 140), cardiothoracic_ratio=0.6).image)
    findings = report.section("findings")
    assert findings
    for sentence in report.sentences:
        assert sentence.evidence
        assert sentence.regions
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
    assert (config.findings.organs / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"run\.toml does not fit: findings is missing"),
        ("[findings]\n", r"\[findings\] pairs is missing; \[findings\] organs is missing"),
        ("[findings]\nepochs = 1\n[findings.pairs]\n", r"\[findings\] has no key 'epochs'"),
        ("[findings]\nsteps = 3\n", r"\[findings\] has no key 'steps'"),  # rounds says it
        ("[statements]\nsure = 2", r"\[statements\] has no key 'sure'"),
        ("[writer]\nlayer = 2", r"\[writer\] has no key 'layer'; did you mean 'layers'"),
        (
            '[findings]\norgans = "x"\n[findings.pairs]\n"Edema" = ["lung"]',
            r"\[findings.pairs\] names \['Edema'\], expected Lung Opacity",
        ),
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
