"""Lengths of a film in words: a pixel may be higher than it is wide."""

import pytest

from grounded import Box
from grounded.generators.measured.wording import Lengths
from grounded.image import ImageInfo

from .conftest import SIDE, Shape, chest_of

HIGH = ImageInfo(SIDE, SIDE, spacing_mm=(3.0, 1.5), spacing_kind="patient")  # (row, column)


def test_a_horizontal_length_goes_by_the_columns_and_a_vertical_one_by_the_rows() -> None:
    lengths = Lengths(HIGH)
    assert lengths.across(100) == "15.0 cm"
    assert lengths.down(100) == "30.0 cm"


def test_the_size_of_a_box_is_its_width_by_its_height() -> None:
    assert Lengths(HIGH).size(Box(0, 0, 40, 80)) == "6.0 cm x 24.0 cm"
    unknown = Lengths(ImageInfo(200, 100))
    assert unknown.size(Box(0, 0, 40, 20)) == "40 % of the film's width and 10 % of its height"


@pytest.mark.parametrize(("spacing", "known"), [((9.0, 1.5), True), ((1.5, 9.0), False)])
def test_the_width_of_a_chest_is_judged_by_the_spacing_of_columns(
    chest_shapes: dict[str, Shape], spacing: tuple[float, float], known: bool
) -> None:
    """The chest is 200 pixels wide: 300 mm, or 1800 mm, which is no adult's."""
    info = ImageInfo(SIDE, SIDE, spacing_mm=spacing)
    assert Lengths.of(info, chest_of(chest_shapes)).known is known
