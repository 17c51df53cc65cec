import numpy as np
import pytest

from grounded import Box, Placement
from grounded.errors import InvalidValueError
from grounded.geometry import union


@pytest.mark.parametrize(
    "corners", [(0, 0, 0, 1), (0, 0, 1, 0), (2, 0, 1, 1), (0, 0, float("nan"), 1)]
)
def test_a_box_without_area_is_refused(corners: tuple[float, ...]) -> None:
    with pytest.raises(InvalidValueError, match="a box needs"):
        Box(*corners)


def test_iou_of_half_overlapping_boxes_is_a_third() -> None:
    assert Box(0, 0, 2, 1).iou(Box(1, 0, 3, 1)) == pytest.approx(1 / 3)


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert Box(0, 0, 1, 1).iou(Box(1, 0, 2, 1)) == 0


def test_boxes_that_lie_apart_do_not_overlap() -> None:
    assert Box(0, 0, 2, 2).overlap(Box(0, 5, 2, 7)) == 0
    assert Box(0, 0, 2, 2).overlap(Box(5, 0, 7, 2)) == 0


def test_the_overlap_is_width_times_height() -> None:
    assert Box(0, 0, 4, 6).overlap(Box(1, 2, 9, 9)) == 3 * 4


@pytest.mark.parametrize(
    ("x", "y", "inside"),
    [
        (2, 4, True),
        (1, 2, True),  # the upper left corner belongs to the box
        (3, 4, False),
        (2, 6, False),
        (0, 4, False),
        (2, 1, False),
        (9, 4, False),
        (2, 9, False),
    ],
)
def test_a_box_holds_its_left_and_upper_edges_alone(x: float, y: float, inside: bool) -> None:
    assert Box(1, 2, 3, 6).contains(x, y) is inside


def test_the_union_holds_all_boxes() -> None:
    assert union([Box(0, 5, 1, 6), Box(3, 2, 4, 3), Box(1, 3, 2, 4)]) == Box(0, 2, 4, 6)


def test_the_union_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no boxes"):
        union([])


def test_a_box_outside_of_the_film_cannot_be_clipped() -> None:
    assert Box(-5, -5, 5, 5).clip(Box(0, 0, 10, 10)) == Box(0, 0, 5, 5)
    with pytest.raises(InvalidValueError, match="outside"):
        Box(20, 0, 30, 5).clip(Box(0, 0, 10, 10))


def test_a_sliver_inside_of_the_film_is_kept() -> None:
    assert Box(-5, 0, 0.25, 1).clip(Box(0, 0, 10, 10)) == Box(0, 0, 0.25, 1)


SHAPES = [(512, 512), (2991, 2992), (100, 37), (37, 100), (1, 500), (256, 256)]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_placement_round_trips(shape: tuple[int, int]) -> None:
    placement = Placement.letterbox(shape, (256, 256))
    boxes = np.random.default_rng(0).uniform(0, min(shape), (20, 4))
    assert placement.to_image(placement.to_model(boxes)) == pytest.approx(boxes)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_corners_of_the_film_are_the_corners_of_the_content(shape: tuple[int, int]) -> None:
    placement = Placement.letterbox(shape, (256, 256))
    rows, columns = placement.content
    corners = placement.to_model([[0, 0, shape[1], shape[0]]])[0]
    assert corners == pytest.approx([columns.start, rows.start, columns.stop, rows.stop])
    assert 0 <= rows.start < rows.stop <= 256
    assert 0 <= columns.start < columns.stop <= 256


def test_a_film_is_placed_without_a_half_pixel_shift() -> None:
    film = np.zeros((512, 512), np.float32)
    film[100:300, 50:150] = 1  # the box 50, 100, 150, 300
    placed = Placement.letterbox(film.shape, (256, 256)).place(film)
    assert placed[50:150, 25:75].min() == 1
    assert placed.sum() == 100 * 50


def test_enlarging_keeps_the_outer_corners() -> None:
    film = np.zeros((64, 64), np.float32)
    film[:, :32] = 1
    placed = Placement.letterbox(film.shape, (256, 256)).place(film)
    assert placed.mean() == pytest.approx(0.5)  # the edge stays in the middle


def test_padding_is_air() -> None:
    film = np.ones((100, 50), np.float32)
    placed = Placement.letterbox(film.shape, (200, 200)).place(film)
    assert placed[:, :50].max() == placed[:, 150:].max() == 0
    assert placed[:, 50:150].min() == 1


def test_points_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"points \(N, 2\)"):
        Placement.letterbox((10, 10), (5, 5)).to_model([1.0, 2.0])


@pytest.mark.parametrize(
    "shapes", [((0, 9), (9, 9)), ((9, 0), (9, 9)), ((9, 9), (0, 9)), ((9, 9), (9, 0))]
)
def test_a_film_without_pixels_cannot_be_placed(shapes) -> None:
    with pytest.raises(InvalidValueError, match="cannot place"):
        Placement.letterbox(*shapes)


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1)])
def test_a_film_as_thin_as_a_hair_keeps_one_pixel(shape: tuple[int, int]) -> None:
    rows, columns = Placement.letterbox(shape, (64, 64)).content
    assert min(rows.stop - rows.start, columns.stop - columns.start) == 1


@pytest.mark.parametrize(("shape", "padding"), [((100, 50), (50, 0)), ((50, 100), (0, 50))])
def test_padding_is_the_same_on_both_sides(
    shape: tuple[int, int], padding: tuple[int, int]
) -> None:
    assert Placement.letterbox(shape, (200, 200)).offset == padding


def test_the_extent_is_the_film_with_its_padding() -> None:
    assert Placement.letterbox((100, 50), (200, 200)).extent() == Box(-25, 0, 75, 100)


def test_what_shrinks_is_averaged_and_what_grows_is_interpolated() -> None:
    stripes = np.tile(np.array([1, 0, 0, 0], np.float32), (64, 16))
    shrunk = Placement.letterbox(stripes.shape, (16, 16)).place(stripes)
    assert np.allclose(shrunk, 0.25)
    step = np.repeat(np.array([[0, 1]], np.float32), 2, axis=0)
    grown = Placement.letterbox(step.shape, (8, 8)).place(step)
    assert grown[0, 3] == pytest.approx(0.375)
    step = np.tile(np.array([0, 0, 1, 1], np.float32), (4, 1))
    twice = Placement.letterbox(step.shape, (8, 8)).place(step)
    assert twice[0, 3] == pytest.approx(0.25)


def test_a_film_of_the_networks_size_is_placed_as_it_is() -> None:
    film = np.random.default_rng(0).random((8, 8), dtype=np.float32)
    placed = Placement.letterbox((8, 8), (8, 8)).place(film)
    assert placed.dtype == np.float32
    assert np.array_equal(placed, film)


def test_a_wide_film_is_padded_above_and_below() -> None:
    placed = Placement.letterbox((50, 100), (200, 200)).place(np.ones((50, 100), np.float32))
    assert placed[:50].max() == placed[150:].max() == 0
    assert placed[50:150].min() == 1


def test_points_and_boxes_are_taken_and_nothing_between() -> None:
    placement = Placement.letterbox((10, 10), (5, 5))
    assert placement.to_model([[2, 4]]).tolist() == [[1, 2]]
    with pytest.raises(InvalidValueError, match=r"points \(N, 2\)"):
        placement.to_model([[1.0, 2.0, 3.0]])


PART = Box(20, 10, 60, 90)  # of a film 100 high and 80 wide


def test_a_part_of_a_film_fills_the_networks_input() -> None:
    film = np.zeros((100, 80), np.float32)
    film[10:90, 20:60] = 1
    placed = Placement.letterbox(film.shape, (80, 80), content=PART).place(film)
    assert placed[:, 20:60].min() == 1
    assert placed[:, :20].max() == placed[:, 60:].max() == 0


def test_points_of_a_part_keep_the_frame_of_the_whole_film() -> None:
    placement = Placement.letterbox((100, 80), (40, 40), content=PART)
    assert placement.to_model([tuple(PART)]).tolist() == [[10, 0, 30, 40]]
    assert placement.to_image([[10, 0, 30, 40]]).tolist() == [list(PART)]
    rows, columns = placement.content
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, 40, 10, 30)


def test_a_part_is_rounded_to_whole_pixels_inside_of_the_film() -> None:
    placement = Placement.letterbox((100, 80), (40, 40), content=Box(-5, 9.6, 60.2, 200))
    assert placement.shown == (0, 10, 60, 100)


def test_a_part_outside_of_the_film_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="outside"):
        Placement.letterbox((100, 80), (40, 40), content=Box(85, 0, 95, 10))


def test_pixels_that_are_higher_than_wide_become_square() -> None:
    placement = Placement.letterbox((50, 100), (200, 200), aspect=2.0)
    assert placement.scale == (2, 4)
    assert placement.offset == (0, 0)


def test_pixels_higher_than_wide_become_square() -> None:
    placement = Placement.letterbox((50, 100), (200, 200), aspect=2.0)
    assert placement.scale == (2.0, 4.0)
    assert placement.offset == (0, 0)
