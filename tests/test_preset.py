"""What a run writes is read as any preset."""

import tomllib
from pathlib import Path

import grounded
from grounded.preset import write_preset

USUAL = {"use": "grounded.detectors.atlas_prior:AtlasPrior"}
TEMPLATE = {"use": "grounded.generators.template:Template"}


def test_a_written_preset_loads(tmp_path: Path) -> None:
    file = write_preset(tmp_path, "Made by a test.", detector=USUAL, generator=TEMPLATE)
    assert file == tmp_path / "preset.toml"
    assert grounded.load(tmp_path).detector.name == grounded.load(file).detector.name


def test_texts_that_need_quoting_come_back(tmp_path: Path) -> None:
    weights = 'a "folder" with \\ and \u00e4'
    file = write_preset(
        tmp_path, "One.\nTwo.", detector={**USUAL, "weights": weights}, generator=TEMPLATE
    )
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# One.\n# Two.\n[detector]\n")
    assert tomllib.loads(text)["detector"]["weights"] == weights
