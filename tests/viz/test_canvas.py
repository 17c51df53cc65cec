import numpy as np
import pytest

from grounded import Box, Heatmap, Image, Line
from grounded.viz.canvas import (
    Display,
    draw_ruler,
    film_pixels,
    stroke,
    with_heat,
)

RED = (200, 30, 10)


def black(height=100, width=120):
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("shape", "scale"), [((64, 64), 8), ((30, 64), 8), ((512, 400), 1), ((4000, 3000), 1)]
)
def test_only_small_films_are_enlarged_and_by_a_whole_number(shape, scale):
    view = Display.of(shape)
    assert view.scale == scale
    assert view.shape == (shape[0] * scale, shape[1] * scale)


def test_lettering_and_lines_grow_with_the_film():
    views = [Display.of((side, side)) for side in (512, 1024, 2500, 4000)]
    fonts = [view.font for view in views]
    assert fonts == sorted(set(fonts))
    assert fonts[0] >= 11
    assert fonts[3] / fonts[1] == pytest.approx(4000 / 1024, rel=0.05)
    assert views[3].stroke > views[0].stroke


def test_a_large_film_is_shrunk_without_distortion():
    view = Display.of((2000, 1000), largest=500)
    assert view.shape == (500, 250)


def test_the_film_is_shown_grey_and_is_not_changed():
    film = Image.of(np.linspace(0, 1, 600 * 700, dtype=np.float32).reshape(600, 700))
    pixels = film_pixels(film, Display.of(film.shape))
    pixels[:] = 7
    again = film_pixels(film, Display.of(film.shape))
    assert np.array_equal(again[:, :, 0], np.rint(film.pixels * 255))
    assert np.array_equal(again[:, :, 0], again[:, :, 2])


def test_a_line_has_its_colour_where_it_lies_and_nothing_elsewhere():
    pixels = black() + 255
    stroke(pixels, [np.array([[20.0, 50.0], [100.0, 50.0]])], RED, 3, closed=False)
    assert tuple(pixels[50, 60]) == RED
    assert tuple(pixels[40, 60]) == (255, 255, 255)
    assert tuple(pixels[50, 112]) == (255, 255, 255)


def test_a_line_has_a_dark_casing_so_that_it_shows_on_bone():
    pixels = black() + 255
    stroke(pixels, [np.array([[20.0, 50.0], [100.0, 50.0]])], RED, 3, closed=False)
    assert pixels[45:56, 60].min(axis=1).min() < 40


def test_coordinates_are_outer_corners_of_pixels():
    pixels = black()
    stroke(pixels, [np.array([[0.0, 50.5], [120.0, 50.5]])], RED, 1, closed=False)
    assert pixels[50, 60, 0] > 150
    assert np.allclose(pixels[49, 60], pixels[51, 60], atol=10)


def test_a_dashed_line_has_gaps():
    pixels = black(100, 400)
    stroke(pixels, [np.array([[5.0, 50.5], [395.0, 50.5]])], RED, 2, dashed=True, closed=False)
    row = np.all(pixels[50] == RED, axis=1)
    assert 0.3 < row.mean() < 0.85
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) > 5


def test_a_line_of_no_length_does_no_harm():
    pixels = black()
    stroke(pixels, [np.array([[5.0, 5.0], [5.0, 5.0]])], RED, 2, dashed=True)
    draw_ruler(pixels, Line(50, 50, 50, 50), Display.of((512, 512)))
    assert pixels.max() > 0


def test_a_ruler_has_a_tick_at_each_end():
    pixels = black(512, 512)
    view = Display.of((512, 512))
    draw_ruler(pixels, Line(100, 200, 400, 200), view)
    reach = view.font // 2 - 2
    for x in (100, 400):
        assert pixels[200 - reach, x - 1 : x + 1].max() > 200
    assert pixels[200 - reach, 250].max() == 0


def test_no_heat_leaves_the_picture_as_it_is():
    pixels = np.full((600, 600, 3), 90, np.uint8)
    cold = Heatmap(np.zeros((4, 4), np.float32), Box(0, 0, 600, 600), "made up")
    assert np.array_equal(with_heat(pixels, cold, 1.0, Display.of((600, 600))), pixels)
    assert np.array_equal(with_heat(pixels, cold, 0.0, Display.of((600, 600))), pixels)


def test_heat_is_drawn_in_its_extent_and_not_on_the_given_array():
    pixels = np.full((600, 600, 3), 90, np.uint8)
    hot = Heatmap(np.ones((2, 2), np.float32), Box(100, 200, 300, 400), "made up")
    picture = with_heat(pixels, hot, 1.0, Display.of((600, 600)))
    changed = np.any(picture != 90, axis=2)
    assert np.all(pixels == 90)
    assert np.array_equal(np.flatnonzero(changed.any(axis=0))[[0, -1]], [100, 299])
    assert np.array_equal(np.flatnonzero(changed.any(axis=1))[[0, -1]], [200, 399])


def test_heat_beyond_the_film_is_cut_off():
    pixels = np.full((600, 600, 3), 90, np.uint8)
    hot = Heatmap(np.ones((2, 2), np.float32), Box(-50, -50, 700, 30), "made up")
    assert with_heat(pixels, hot, 1.0, Display.of((600, 600))).shape == (600, 600, 3)


def test_a_weak_heat_stays_weak_on_the_scale_of_the_report():
    pixels = np.zeros((600, 600, 3), np.uint8)
    weak = Heatmap(np.full((2, 2), 0.2, np.float32), Box(0, 0, 600, 600), "made up")
    view = Display.of((600, 600))
    assert with_heat(pixels, weak, 2.0, view).max() < 20
    assert with_heat(pixels, weak, 0.2, view).max() > 150


def test_negative_heat_is_transparent():
    cold = Heatmap(np.array([[-1.0, 0.0], [0.0, 1.0]], np.float32), Box(0, 0, 9, 9), "made up")
    picture = with_heat(np.zeros((513, 513, 3), np.uint8), cold, 1.0, Display.of((9, 9)))
    assert picture[0, 0].max() == 0
    assert picture[-1, -1].max() > 150
