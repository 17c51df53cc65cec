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


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            [0.2, 1.0],
            "The pixel spacing in the header would make this a film of 2000 x 400 mm: it was not "
            "used.",
        ),
        (
            [0.01, 0.2],
            "The pixel spacing in the header would make this a film of 400 x 20 mm: it was not "
            "used.",
        ),
    ],
)
def test_the_words_on_an_impossible_film_give_its_width_and_height(values, words) -> None:
    assert spacing(PixelSpacing=values) == Spacing(None, "unknown", (words,), aspect_of(values))


def aspect_of(values: list[float]) -> float:
    """Beyond five to one a pixel is taken as square."""
    aspect = values[0] / values[1]
    return aspect if 0.2 <= aspect <= 5 else 1.0


@pytest.mark.parametrize(("mm", "used"), [(0.02, True), (0.019, False), (0.5, True), (0.51, False)])
def test_a_film_s_side_is_40_to_1000_millimetres(mm, used) -> None:
    assert (spacing(PixelSpacing=[mm, mm]).mm is not None) is used


@pytest.mark.parametrize(
    ("values", "usable"),
    [([99.9, 99.9], True), ([100, 100], False), ([0.2], False), ([0.2, 0.2, 0.2], False)],
)
def test_a_spacing_is_two_numbers_below_ten_centimetres(values, usable) -> None:
    said = spacing(10, 10, PixelSpacing=values).warnings
    assert (said != ("PixelSpacing in the header cannot be used.",)) is usable


def test_every_spacing_that_cannot_be_used_is_named() -> None:
    found = spacing(
        PixelSpacing=[0, 0], ImagerPixelSpacing=[-1, 1], NominalScannedPixelSpacing=[500, 500]
    )
    assert found.warnings == (
        "PixelSpacing in the header cannot be used.",
        "ImagerPixelSpacing in the header cannot be used.",
        "NominalScannedPixelSpacing in the header cannot be used.",
    )
    assert (found.mm, found.kind, found.aspect) == (None, "unknown", 1.0)


@pytest.mark.parametrize(
    ("factor", "kind"), [(1.0, "detector"), (3.0, "patient"), (3.1, "detector"), (0.5, "detector")]
)
def test_a_magnification_lies_between_one_and_three(factor, kind) -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=factor)
    assert found.kind == kind
    expected = f"Spacing at the detector was divided by a magnification of {factor:.2f}."
    assert found.warnings == ((expected,) if kind == "patient" else ())


@pytest.mark.parametrize(("pixel", "kind"), [(0.2001, "detector"), (0.2003, "patient")])
def test_two_spacings_are_alike_to_a_thousandth(pixel, kind) -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], PixelSpacing=[pixel, pixel])
    assert found.kind == kind


def test_the_spacing_of_the_detector_comes_before_that_of_the_sheet() -> None:
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], NominalScannedPixelSpacing=[0.3, 0.3])
    assert found.mm == (0.2, 0.2)


@pytest.mark.parametrize(
    ("ratio", "aspect"),
    [([100, 101], 1.0), ([100, 102], 100 / 102), ([5, 1], 5), ([6, 1], 1.0), ([1, 5], 0.2),
     ([1, 6], 1.0), ([0, 1], 1.0), ([4, 5, 6], 1.0)],
)  # fmt: skip
def test_an_aspect_of_a_hundredth_to_five_counts(ratio, aspect) -> None:
    found = spacing(PixelAspectRatio=ratio)
    assert found.aspect == pytest.approx(aspect)
    expected = f"Pixels are not square: {aspect:.3g} times as high as wide."
    assert found.warnings == ((expected,) if aspect != 1 else ())


def test_pixels_that_are_not_square_are_named_beside_a_spacing_that_cannot_be() -> None:
    assert spacing(PixelSpacing=[0, 0], PixelAspectRatio=[4, 5]).warnings == (
        "PixelSpacing in the header cannot be used.",
        "Pixels are not square: 0.8 times as high as wide.",
    )
