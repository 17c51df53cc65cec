"""The grey scale in numbers: depths, edges, colours."""

import numpy as np
import pytest

from grounded.errors import UnsuitableImageError
from grounded.films.greyscale import (
    burned_in,
    film_range,
    full_scale,
    grey_of_colour,
    is_grey,
    is_luminance,
    without_edges,
)

NOISE = np.random.default_rng(0).integers(100, 200, (64, 64))


@pytest.mark.parametrize(
    ("most", "white"),
    [
        (255, 255),
        (256, 1023),
        (1023, 1023),
        (1024, 4095),
        (4096, 16383),
        (16384, 32767),
        (32768, 65535),
        (65536, 2**24 - 1),
        (2**24, 2**32 - 1),
        (2**32, 2.0**64 - 1),
    ],
)
def test_white_is_the_smallest_usual_depth_that_holds_the_film(most: int, white: float) -> None:
    values = np.minimum(np.linspace(0, 1.1 * most, 64 * 64), most).astype(np.uint64)
    values = np.random.default_rng(0).permutation(values).reshape(64, 64)
    assert full_scale(values) == white


def test_a_marker_of_two_bits_more_is_white() -> None:
    values = np.random.default_rng(1).integers(600, 1000, (100, 100))
    values[50, 50] = 4000
    assert full_scale(values) == 1023


@pytest.mark.parametrize(("marked", "white"), [(0.005, 4095), (0.02, 65535)])
def test_a_few_brighter_pixels_leave_the_depth_alone(marked: float, white: int) -> None:
    values = np.random.default_rng(1).integers(1500, 4000, (100, 100))
    values.ravel()[5000 : 5000 + int(marked * 10_000)] = 65535
    assert full_scale(values) == white


def test_a_marker_of_less_than_two_bits_more_counts() -> None:
    values = np.random.default_rng(1).integers(9000, 16000, (100, 100))
    values[50, 50] = 32767
    assert full_scale(values) == 32767


def test_an_edge_of_one_value_is_left_out() -> None:
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        values = NOISE.copy()
        values[edge] = 1000
        inside = without_edges(values)
        assert inside.max() < 1000
        assert inside.size == 64 * 63


@pytest.mark.parametrize(("share", "left_out"), [(0.92, True), (0.9, True), (0.88, False)])
def test_nine_tenths_of_an_edge_make_it_one(share: float, left_out: bool) -> None:
    values = np.random.default_rng(0).integers(100, 200, (100, 100))
    values[0, : int(share * 100)] = 1000
    assert bool(without_edges(values).max() < 1000) is left_out


def test_an_edge_may_be_noisy_by_half_a_percent_of_the_range() -> None:
    values = np.random.default_rng(0).integers(100, 600, (100, 100))
    values[0] = 998 + np.arange(100) % 5  # of a range of 900, to 1002
    assert without_edges(values).max() < 998
    values[0] = 980 + np.arange(100) % 25
    assert without_edges(values).size == values.size


@pytest.mark.parametrize(("off", "edge"), [(10, True), (11, False)])
def test_an_edge_keeps_to_its_value_within_half_a_percent_of_the_range(
    off: int, edge: bool
) -> None:
    values = np.random.default_rng(0).integers(1200, 1600, (100, 100))
    values[50, 50:52] = 500, 2500  # the range: 2000
    values[0, ::2], values[0, 1::2] = 1000 - off, 1000 + off
    assert without_edges(values).size == 9900 + 100 * (not edge)


def test_edges_of_different_values_are_left_out_together() -> None:
    values = NOISE.copy()
    values[0], values[-1] = 1000, 2000
    assert without_edges(values).size == 64 * 62


def test_a_tenth_of_a_film_is_enough_without_its_edges() -> None:
    values = np.full((100, 100), 7)
    values[40:60, 40:90] = 20 + np.arange(1000).reshape(20, 50)
    assert without_edges(values).size == 1000
    values[40, 40] = 7
    assert without_edges(values).size == values.size


def test_a_film_that_is_nearly_all_edge_is_kept() -> None:
    values = np.full((100, 100), 7)
    values[40:60, 40:60] = np.arange(400).reshape(20, 20)
    assert without_edges(values).size == values.size


@pytest.mark.parametrize(("share", "low"), [(0.004, -2000), (0.005, -2000), (0.006, 0)])
def test_a_low_value_of_many_pixels_far_from_others_is_padding(share: float, low: int) -> None:
    values = np.random.default_rng(2).integers(0, 1000, (100, 100))
    values.ravel()[:2] = 0, 999
    values.ravel()[5000 : 5000 + int(share * 10_000)] = -2000
    assert film_range(values) == (low, 999)


@pytest.mark.parametrize(("value", "low"), [(-190, -190), (-210, 0)])
def test_padding_lies_a_fifth_of_the_range_below(value: int, low: int) -> None:
    values = np.random.default_rng(2).integers(0, 1001, (100, 100))
    values.ravel()[:2] = 0, 1000
    values.ravel()[5000:5100] = value
    assert film_range(values) == (low, 1000)


@pytest.mark.parametrize(("value", "low"), [(-190, -190), (-200, -200), (-201, 0)])
def test_the_gap_is_measured_from_the_next_value_on(value: int, low: int) -> None:
    values = np.random.default_rng(2).integers(60, 1000, (100, 100))
    values.ravel()[:3] = 0, 50, 1000
    values.ravel()[5000:5100] = value
    assert film_range(values + 500) == (low + 500, 1500)


def test_a_film_s_range_goes_from_its_lowest_to_its_highest_pixel() -> None:
    values = np.random.default_rng(2).permutation(4096).reshape(64, 64)
    assert film_range(values) == (0, 4095)


def test_a_film_of_one_value_has_no_range() -> None:
    assert film_range(np.full((40, 40), 3)) == (3, 3)


@pytest.mark.parametrize("edge", [np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]])
def test_levels_that_fill_an_edge_are_burned_in(edge: tuple[slice, ...]) -> None:
    levels = np.arange(0, 1001, 10)
    places = np.random.default_rng(3).integers(20, 80, (50, 50))
    places[edge] = 100
    assert np.flatnonzero(burned_in(levels, places)).tolist() == [100]


@pytest.mark.parametrize(("film", "burned"), [(4, True), (5, True), (6, False)])
def test_nine_tenths_of_an_edge_make_its_level_burned_in(film: int, burned: bool) -> None:
    places = np.random.default_rng(3).integers(20, 80, (50, 50))
    places[-1] = 100
    places[-1, :film] = 30
    assert burned_in(np.arange(0, 1001, 10), places).any() == burned


def test_the_levels_of_each_edge_are_burned_in() -> None:
    places = np.random.default_rng(3).integers(20, 80, (50, 50))
    places[0], places[:, -1] = 100, 5
    assert np.flatnonzero(burned_in(np.arange(0, 1001, 10), places)).tolist() == [5, 100]


@pytest.mark.parametrize("first", [0, 500])
def test_levels_within_half_a_percent_of_that_of_an_edge_are_burned_in_with_it(first: int) -> None:
    levels = first + np.arange(0, 1001)
    places = np.random.default_rng(3).integers(200, 800, (50, 50))
    places[:, 0] = 900
    places[10:20, 0], places[20:30, 0] = 895, 905
    assert np.flatnonzero(burned_in(levels, places)).tolist() == list(range(895, 906))


@pytest.mark.parametrize(("marked", "grey"), [(0.009, True), (0.012, False)])
def test_a_picture_is_grey_but_for_one_percent_of_its_pixels(marked: float, grey: bool) -> None:
    colour = np.dstack([NOISE] * 3)
    colour.reshape(-1, 3)[: int(marked * 4096)] = (255, 0, 0)
    assert is_grey(colour, 255) is grey


@pytest.mark.parametrize(("apart", "grey"), [(20, True), (21, False)])
def test_channels_are_alike_within_what_jpeg_makes_of_them(apart: int, grey: bool) -> None:
    assert is_grey(np.dstack([NOISE, NOISE + apart, NOISE + 3]), 255) is grey


def test_the_second_and_third_sample_of_a_grey_film_keep_to_the_middle() -> None:
    middle = np.full_like(NOISE, 128)
    assert is_luminance(np.dstack([NOISE, middle, middle + 20]), 8)
    assert not is_luminance(np.dstack([NOISE, middle, middle + 21]), 8)
    assert not is_luminance(np.dstack([NOISE, middle - 21, middle]), 8)
    for flat in (100, 128, 200):
        assert not is_luminance(np.dstack([np.full_like(NOISE, flat), middle, middle]), 8)
    assert is_luminance(np.dstack([NOISE * 16, middle * 16, middle * 16]), 12)


def test_equal_channels_give_that_channel_as_it_is() -> None:
    grey, said = grey_of_colour(np.dstack([NOISE] * 3), what="film", force=False)
    np.testing.assert_array_equal(grey, NOISE)
    assert (grey.dtype, said) == (NOISE.dtype, ())


def test_small_differences_give_the_luminance_without_a_word() -> None:
    colour = np.dstack([NOISE, NOISE + 4, NOISE + 8]).astype(np.uint8)
    grey, said = grey_of_colour(colour, what="film", force=False)
    np.testing.assert_allclose(grey, NOISE + 0.587 * 4 + 0.114 * 8, rtol=1e-5)
    assert said == ()


def test_a_colour_picture_says_how_much_of_it_is_coloured() -> None:
    colour = np.dstack([NOISE, NOISE, NOISE])
    colour[:16, :, 0] = 0
    with pytest.raises(UnsuitableImageError) as error:
        grey_of_colour(colour, what="photo.png", force=False)
    assert str(error.value) == (
        "photo.png: a colour picture (25% of its pixels are coloured); expected a grey film. "
        "Export the film itself, or read its brightness with force (force=True, --force)"
    )
    _, said = grey_of_colour(colour, what="photo.png", force=True)
    assert said == ("A colour picture was read by force: its brightness is shown.",)


def test_a_few_coloured_marks_are_named() -> None:
    colour = np.dstack([NOISE] * 3)
    colour[0, :8] = (200, 0, 0)
    _, said = grey_of_colour(colour, what="film", force=True)
    assert said == ("Coloured marks in the film were brought to grey.",)


def test_colours_in_0_to_1_are_coloured_by_that_scale() -> None:
    colour = np.dstack([NOISE, NOISE + 15, NOISE]).astype(np.float32) / 255
    assert grey_of_colour(colour, what="film", force=False)[1] == ()
    with pytest.raises(UnsuitableImageError):
        grey_of_colour(colour * [1, 1.15, 1], what="film", force=False)
