from importlib import resources
from pathlib import Path

import pytest
import torch

import grounded
from grounded.config import presets
from grounded.detectors.organs.detector import OrganDetector
from grounded.errors import ConfigError, InvalidValueError

PRESET = """
[detector]
use = "grounded.detectors.atlas_prior:AtlasPrior"
{detector}
[generator]
use = "{generator}"
[explainer]
use = "grounded.explain.places:RegionBoxes"
[composer]
use = "grounded.compose.composer:AnatomicalComposer"
"""
TEMPLATE = "grounded.generators.template:Template"


def preset(folder: Path, detector: str = "", generator: str = TEMPLATE) -> Path:
    file = folder / "preset.toml"
    file.write_text(PRESET.format(detector=detector, generator=generator))
    return file


@pytest.mark.parametrize("name", presets())
def test_every_shipped_preset_loads(name: str) -> None:
    assert grounded.load(name).provenance.preset == name


def test_a_preset_is_a_file_or_its_folder(tmp_path: Path) -> None:
    file = preset(tmp_path)
    assert grounded.load(file).provenance == grounded.load(tmp_path).provenance


def test_an_unknown_preset_lists_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match=r"'mesured'.*baseline, measured, neural"):
        grounded.load("mesured")


def test_an_unknown_keyword_is_named_with_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"AtlasPrior takes no 'atlass'; did you mean 'atlas'"):
        grounded.load(preset(tmp_path, 'atlass = "chest29"'))


def test_a_wrong_value_is_the_constructors_own_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no atlas 'knee'"):
        grounded.load(preset(tmp_path, 'atlas = "knee"'))


def test_a_preset_may_not_run_code_from_elsewhere_unless_trusted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="trust=True"):
        grounded.load(preset(tmp_path, generator="os:PathLike"))
    with pytest.raises(ConfigError, match="trust=True"):
        grounded.load(preset(tmp_path, generator="groundedx.evil:Part"))
    with pytest.raises(ConfigError, match="PathLike"):  # trusted, and still no generator
        grounded.load(preset(tmp_path, generator="os:PathLike"), trust=True)


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ("grounded.generators.nothing:Template", "there is no"),
        ("grounded.generators.template:Nothing", "there is no"),
        ("grounded.generators.template", "module:Class"),
        ("grounded.config:load", "not a class"),
        ("grounded.compose.composer:AnatomicalComposer", "cannot be used as generator"),
    ],
)
def test_a_part_that_is_none_is_refused(tmp_path: Path, generator: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        grounded.load(preset(tmp_path, generator=generator))


def test_a_file_that_is_no_preset_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "preset.toml"
    file.write_text("= nothing")
    with pytest.raises(ConfigError, match="no TOML"):
        grounded.load(file)
    file.write_text("[detector]")
    with pytest.raises(ConfigError, match="tables detector, generator"):
        grounded.load(file)


def test_parts_that_compute_take_the_device_and_the_type_of_the_reporter() -> None:
    reporter = grounded.load("measured", device="cpu", dtype="bfloat16")
    assert isinstance(reporter.detector, OrganDetector)
    assert reporter.detector._net.dtype == torch.bfloat16
    with pytest.raises(InvalidValueError, match="got 'cuda:99'"):
        grounded.load("measured", device="cuda:99")


def test_a_part_keeps_the_device_that_its_preset_names(tmp_path: Path) -> None:
    weights = Path(str(resources.files("grounded.configs"))) / "weights" / "organ_net"
    file = preset(tmp_path, f'weights = "{weights}"\ndevice = "cpu"')
    atlas_prior = "grounded.detectors.atlas_prior:AtlasPrior"
    organs = "grounded.detectors.organs.detector:OrganDetector"
    file.write_text(file.read_text().replace(atlas_prior, organs))
    reporter = grounded.load(tmp_path, device="cuda:99")
    assert isinstance(reporter.detector, OrganDetector)
    assert reporter.detector._net.device.type == "cpu"


def test_a_part_that_is_no_table_is_an_error_of_ours(tmp_path) -> None:
    file = tmp_path / "preset.toml"
    parts = "\n".join(f'{part} = "x"' for part in ("detector", "generator", "explainer"))
    file.write_text(f"{parts}\ncomposer = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"\[detector\] should be a table"):
        grounded.load(file)
