import numpy as np
import pytest

from grounded import Box, Mask
from grounded.chest.outline import Contour, Edge

from ..generators.conftest import SIDE, Shape, ellipse, mask_of, rectangle, turned

FRAME = Box(0, 0, SIDE, SIDE)


def contour_of(shape: Shape, cell: float = 1.0) -> Contour:
    contour = Contour.of(mask_of(shape, cell), FRAME)
    assert contour is not None
    return contour


@pytest.mark.parametrize("cell", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("offset", [0.0, 0.5, 1.25])
def test_the_extent_of_an_ellipse_is_finer_than_its_grid(cell: float, offset: float) -> None:
    box = contour_of(ellipse(120 + offset, 130 + offset, 50, 40), cell).box
    expected = (70 + offset, 90 + offset, 170 + offset, 170 + offset)
    assert tuple(box) == pytest.approx(expected, abs=0.3 * cell)


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_a_rectangle_between_pixels_keeps_its_width(offset: float) -> None:
    box = contour_of(rectangle(60 + offset, 50, 180 + offset, 200)).box
    assert box.width == pytest.approx(120, abs=0.26)


def test_area_and_centroid_are_those_of_the_shape() -> None:
    contour = contour_of(ellipse(120, 130, 50, 40))
    assert contour.area == pytest.approx(np.pi * 50 * 40, rel=0.002)
    assert contour.centroid == pytest.approx((120, 130), abs=0.05)


def test_a_row_and_a_column_end_at_the_outline() -> None:
    contour = contour_of(ellipse(120, 130, 50, 40))
    assert contour.row(154) == pytest.approx((80, 160), abs=0.3)
    assert contour.column(150) == pytest.approx((98, 162), abs=0.3)


def test_a_row_of_a_coarse_outline_ends_between_its_points() -> None:
    contour = contour_of(ellipse(120, 130, 50, 40), cell=4)
    for y in (154, 155, 156, 157):
        half = 50 * (1 - ((y - 130) / 40) ** 2) ** 0.5
        assert contour.row(y) == pytest.approx((120 - half, 120 + half), abs=0.8)


def test_beside_the_organ_there_is_no_row_and_no_column() -> None:
    contour = contour_of(ellipse(120, 130, 50, 40))
    assert contour.row(20) is None
    assert contour.column(250) is None


@pytest.mark.parametrize(("outward", "corner"), [(-1, (60, 200)), (1, (180, 200))])
def test_the_recess_is_the_lower_outer_corner(outward: int, corner: tuple[float, float]) -> None:
    contour = contour_of(rectangle(60, 50, 180, 200))
    assert contour.points[contour.recess(outward)] == pytest.approx(corner, abs=0.6)


@pytest.mark.parametrize(("outward", "x"), [(-1, 100), (1, 140)])
def test_down_counts_twice_as_much_as_outward_for_the_recess(outward: int, x: float) -> None:
    contour = contour_of(
        lambda x, y: (
            (abs(x - 120) < 60) & (y > 50) & (y < 200 - 0.75 * np.clip(abs(x - 120) - 20, 0, 60))
        )
    )
    assert contour.points[contour.recess(outward)] == pytest.approx((x, 200), abs=1.5)


def test_the_recess_is_found_in_a_tilted_lung() -> None:
    contour = contour_of(turned(rectangle(60, 50, 180, 200), 5, 120, 125))
    tip = contour.points[contour.recess(-1)]
    turn = np.radians(5)
    corner = (
        120 + np.cos(turn) * -60 - np.sin(turn) * 75,
        125 + np.sin(turn) * -60 + np.cos(turn) * 75,
    )
    assert tip == pytest.approx(corner, abs=1)


def test_specks_beside_the_organ_do_not_move_its_edges() -> None:
    mask = mask_of(rectangle(60, 50, 180, 200))
    values = mask.values.copy()
    values[5:8, 240:250] = 1
    contour = Contour.of(Mask(values, mask.extent), FRAME)
    assert contour is not None
    assert contour.box.x1 == pytest.approx(180, abs=0.1)


@pytest.mark.parametrize("size", [0, 5])
def test_an_empty_or_tiny_outline_is_none(size: int) -> None:
    assert Contour.of(mask_of(rectangle(60, 60, 60 + size, 60 + size)), FRAME) is None


def test_a_mask_that_reaches_over_the_film_ends_with_it() -> None:
    values = np.ones((64, 64), np.float32)
    contour = Contour.of(Mask(values, Box(-40, 20, SIDE + 40, 220)), FRAME)
    assert contour is not None
    assert tuple(contour.box) == pytest.approx((0, 20, SIDE, 220), abs=0.1)
    assert [edge for edge in ("left", "right", "upper") if contour.touches(edge, FRAME)] == [  # type: ignore[arg-type]
        "left",
        "right",
    ]


@pytest.mark.parametrize("shape", [rectangle(60, 60, 66, 200), rectangle(60, 60, 200, 66)])
def test_an_outline_that_is_narrow_one_way_is_too_small(shape: Shape) -> None:
    assert Contour.of(mask_of(shape), FRAME) is None


@pytest.mark.parametrize(("width", "measured"), [(7.5, False), (8.5, True)])
def test_an_outline_is_measured_from_eight_cells_on(width: float, measured: bool) -> None:
    contour = Contour.of(mask_of(rectangle(60, 60, 60 + width, 200)), FRAME)
    assert (contour is not None) is measured
    coarse = Contour.of(mask_of(rectangle(60, 60, 60 + 2 * width, 200), cell=2), FRAME)
    assert (coarse is not None) is measured


@pytest.mark.parametrize("edge", ["left", "right", "upper", "lower"])
def test_an_organ_touches_an_edge_to_a_cell_of_its_mask(edge: Edge) -> None:
    for part, touches in ((0.5, True), (1.5, False)):
        x0, x1 = (part if edge == "left" else 60), (SIDE - part if edge == "right" else 180)
        y0, y1 = (part if edge == "upper" else 60), (SIDE - part if edge == "lower" else 180)
        assert contour_of(rectangle(x0, y0, x1, y1)).touches(edge, FRAME) is touches


@pytest.mark.parametrize("edge", ["left", "right", "upper", "lower"])
def test_the_edges_of_a_film_without_its_border_are_those_of_what_is_shown(edge: Edge) -> None:
    shown = Box(60, 50, 180, 200)
    for gap, touches in ((0.5, True), (1.5, False)):
        sides = [shown.x0 + 20, shown.y0 + 20, shown.x1 - 20, shown.y1 - 20]
        row = ["left", "upper", "right", "lower"].index(edge)
        sides[row] = tuple(shown)[row] + (gap if row < 2 else -gap)
        assert contour_of(rectangle(*sides)).touches(edge, shown) is touches


def test_the_apex_is_the_highest_point() -> None:
    contour = contour_of(ellipse(120, 130, 50, 40))
    x, y = contour.apex
    assert (x, y) == (pytest.approx(120, abs=8), pytest.approx(90, abs=0.5))


def test_the_cell_is_the_larger_side_of_one() -> None:
    values = mask_of(ellipse(120, 130, 50, 40)).values
    contour = Contour.of(Mask(values, Box(0, 0, SIDE, 2 * SIDE)), Box(0, 0, SIDE, 2 * SIDE))
    assert contour is not None
    assert contour.cell == 2


def test_of_several_outlines_the_one_of_the_largest_area_counts() -> None:
    small, large = rectangle(20, 20, 60, 60), rectangle(100, 100, 200, 180)
    contour = contour_of(lambda x, y: small(x, y) | large(x, y))
    assert tuple(contour.box) == pytest.approx((100, 100, 200, 180), abs=0.3)
