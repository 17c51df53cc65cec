"""The examples of the documentation do what it says."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image as Picture

import grounded
from grounded import Box, GroundedReport, Image
from grounded.errors import DataError
from grounded.explain.places import RegionBoxes

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


def example(name: str) -> ModuleType:
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report_with(preset: str, folder: Path, format: str) -> None:
    """The command of the documentation; its output goes to `folder/out`."""
    command = [sys.executable, "-m", "grounded", "report", EXAMPLES / "normal_pa.jpg"]
    command += ["-o", folder / "out", "--trust", "--preset", EXAMPLES / preset, "--format", format]
    paths = os.pathsep.join([str(EXAMPLES), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run([*map(str, command)], check=True, cwd=folder, env=environment)


@pytest.fixture(scope="module")
def film() -> Image:
    pixels = np.full((120, 100), 0.5, np.float32)
    pixels[:, 50:] = 0.9
    return Image.of(pixels, name="half")


@pytest.fixture(scope="module")
def bright(film: Image) -> GroundedReport:
    baseline = grounded.load("baseline")
    generator = example("own_generator").Brightness()
    return replace(baseline, generator=generator, explainer=RegionBoxes())(film)


def test_the_own_exporter_writes_a_line_a_sentence(bright: GroundedReport) -> None:
    table = example("own_exporter").encode(bright).decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["sentence"] for row in rows] == [sentence.text for sentence in bright.sentences]


def test_the_own_generator_sees_which_side_is_lighter(bright: GroundedReport) -> None:
    assert "The left lung is lighter than the film as a whole." in bright.text
    assert "The right lung is darker than the film as a whole." in bright.text
    assert all(sentence.evidence for sentence in bright.sentences)


def test_the_own_generator_runs_from_its_preset(tmp_path: Path) -> None:
    report_with("own_generator.toml", tmp_path, "txt")
    assert "light as the film as a whole." in (tmp_path / "out" / "report.txt").read_text("utf-8")


def test_a_preset_of_ones_own_has_to_be_trusted() -> None:
    with pytest.raises(grounded.GroundedError, match="trust=True"):
        grounded.load(EXAMPLES / "own_generator.toml")


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        for target in _links(page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def _links(text: str) -> list[str]:
    parts = text.split("](")[1:]
    targets = [part.split(")")[0].split("#")[0] for part in parts]
    return [target for target in targets if target and "://" not in target]


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Picture.fromarray(np.full((50, 40), 90, np.uint8)).save(tmp_path / name)
    content = {
        "images": [
            {"id": 1, "file_name": "a.png", "patient": 7},
            {"id": 2, "file_name": "b.png", "patient": 8},
        ],
        "categories": [{"id": 1, "name": "nodule"}, {"id": 2, "name": "effusion"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [3, 4, 10, 20]}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path


def test_the_own_data_set_says_what_is_there_and_what_is_not(coco: Path) -> None:
    first, second = example("own_data_set").our_hospital(coco)
    assert first.findings == {"Lung Lesion": "present", "Pleural Effusion": "absent"}
    [mark] = first.readings[0].marks
    assert (mark.label, mark.shape) == ("Lung Lesion", Box(3, 4, 13, 24))
    assert set(second.findings.values()) == {"absent"}
    assert first.image().shape == (50, 40)


def test_the_own_data_set_lists_films_that_are_missing(coco: Path) -> None:
    (coco / "b.png").unlink()
    with pytest.raises(DataError, match=r"b\.png"):
        example("own_data_set").our_hospital(coco)


def test_the_own_detector_works_with_the_shipped_generator(tmp_path: Path) -> None:
    report_with("own_detector.toml", tmp_path, "json")
    report = GroundedReport.open(tmp_path / "out" / "report.json")
    assert report.regions.names == ("right lung", "left lung")
    right, left = (report.regions[name].box for name in report.regions.names)
    assert right.center[0] < left.center[0]
    assert any(f.label == "Pleural Effusion" for s in report.sentences for f in s.findings)
    assert "detector/encoder/model.safetensors" in report.provenance.weights_sha256


def test_the_own_detector_finds_the_dark_halves_where_they_are() -> None:
    pixels = np.full((200, 180), 0.8, np.float32)
    pixels[40:160, 20:80] = 0.2
    pixels[40:160, 100:160] = 0.2
    [regions] = example("own_detector").DarkLungs().detect([Image.of(pixels)])
    assert regions.boxes == pytest.approx(np.array([[20, 40, 80, 160], [100, 40, 160, 160]]), abs=3)
    assert len(regions.missing) == 27


def test_the_own_detector_says_when_there_is_nothing() -> None:
    [regions] = example("own_detector").DarkLungs().detect([Image.of(np.zeros((64, 64), "f4"))])
    assert len(regions) == 0
    assert "no two dark areas" in regions.missing["left lung"]
