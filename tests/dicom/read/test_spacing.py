"""Where the millimetres of a film hold."""

import pytest
from pydicom.dataset import Dataset

from grounded.dicom.read.header import Header
from grounded.dicom.read.spacing import Spacing, spacing_of


def spacing(height: int = 2000, width: int = 2000, **attributes: object) -> Spacing:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return spacing_of(Header(made), height, width)


@pytest.mark.parametrize(
    ("attributes", "mm", "kind"),
    [
        ({}, None, "unknown"),
        ({"PixelSpacing": [0.2, 0.2]}, 0.2, "unknown"),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, 0.2, "detector"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.2, 0.2]}, 0.2, "detector"),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.18, 0.18]}, 0.18, "patient"),
        ({"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"}, 0.2, "patient"),
        ({"NominalScannedPixelSpacing": [0.2, 0.2]}, 0.2, "detector"),
    ],
)
def test_calibrated_spacing_is_the_patients_and_the_rest_is_not(attributes, mm, kind) -> None:
    found = spacing(**attributes)
    assert found == Spacing(None if mm is None else (mm, mm), kind)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing"])
def test_the_spacing_of_rows_comes_before_that_of_columns(keyword) -> None:
    found = spacing(**{keyword: [0.3, 0.2]})
    assert found.mm == (0.3, 0.2)
    assert "1.5 times as high as wide" in found.warnings[0]


def test_both_spacings_are_divided_by_the_magnification() -> None:
    found = spacing(ImagerPixelSpacing=[0.3, 0.2], EstimatedRadiographicMagnificationFactor=1.25)
    assert found.mm == pytest.approx((0.24, 0.16))


def test_height_goes_with_the_spacing_of_rows() -> None:
    """0.02 mm a row would make a film 40 mm high of 2000 rows, but only 20 mm of 1000."""
    assert spacing(2000, 1000, PixelSpacing=[0.02, 0.2]).mm == (0.02, 0.2)
    assert spacing(1000, 2000, PixelSpacing=[0.02, 0.2]).mm is None


def test_a_stated_magnification_brings_the_detectors_spacing_to_the_patient() -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=1.25)
    assert found.mm == pytest.approx((0.16, 0.16))
    assert found.kind == "patient"
    assert "1.25" in found.warnings[0]


@pytest.mark.parametrize("values", [[0, 0], [-1, 1], [500, 500]])
def test_a_spacing_that_cannot_be_is_not_used(values) -> None:
    found = spacing(PixelSpacing=values)
    assert found.mm is None
    assert found.warnings == ("PixelSpacing in the header cannot be used.",)


@pytest.mark.parametrize("values", [[0.001, 0.001], [1.5, 1.5]])
def test_a_spacing_that_makes_no_film_is_not_used(values) -> None:
    found = spacing(PixelSpacing=values)
    assert found.mm is None
    assert "it was not used" in found.warnings[0]


@pytest.mark.parametrize(
    "attributes", [{"PixelSpacing": [0.2, 0.25]}, {"PixelAspectRatio": [4, 5]}]
)
def test_pixels_that_are_not_square_are_told(attributes) -> None:
    found = spacing(**attributes)
    assert "not square" in found.warnings[0]
    assert found.aspect == pytest.approx(0.8)
