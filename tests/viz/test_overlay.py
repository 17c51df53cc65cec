import time
from dataclasses import replace

import numpy as np
import pytest

from grounded import Image, Regions
from grounded.errors import ReportError
from grounded.viz.canvas import Display
from grounded.viz.overlay import draw_report
from grounded.viz.palette import REGION_COLORS
from grounded.viz.sheet import gutter


def film_part(picture, film):
    view = Display.of(film.shape)
    left = gutter(view.font)
    return picture[: view.shape[0], left : left + view.shape[1]]


def without_regions(report):
    return replace(report, regions=Regions.none(), sentences=())


def resized(report, height, width):
    """The report on a film of another size: each sentence stands on the boxes of its regions."""
    film = Image.of(np.full((height, width), 0.4, np.float32))
    scale = np.array([width / 640, height / 720] * 2)
    regions = Regions(report.regions.names, report.regions.boxes * scale, report.regions.scores)
    sentences = tuple(
        replace(sentence, evidence=tuple(regions[name].box for name in sentence.regions))
        for sentence in report.sentences
    )
    return replace(report, image=film.info, film=film, regions=regions, sentences=sentences)


def test_the_picture_is_rgb_and_larger_than_the_film(drawn):
    picture = draw_report(drawn)
    assert picture.dtype == np.uint8
    assert picture.shape[0] > 720
    assert picture.shape[1] > 640
    assert picture.shape[2] == 3


def test_r_stands_left_of_the_film_and_l_right_of_it(drawn):
    picture, unit = draw_report(drawn), Display.of(drawn.film.shape).font
    wide, high = gutter(unit), round(2.3 * unit)  # of the letters; upright words lie beneath
    right = wide + drawn.film.shape[1]
    assert letter(picture[:high, :wide]) == "R"
    assert letter(picture[:high, right : right + wide]) == "L"


def letter(pixels):
    """ "L" for a letter without ink in its upper right part, else "R"."""
    ink = pixels.max(axis=2) > 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    glyph = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = glyph.shape
    return "R" if glyph[: height // 2, width // 2 :].any() else "L"


def test_the_report_draws_itself(drawn):
    assert np.array_equal(drawn.overlay(), draw_report(drawn))


def test_each_outline_has_its_regions_colour(drawn):
    part = film_part(draw_report(drawn), drawn.film)
    for name, x, y in (("right lung", 80, 360), ("cardiac silhouette", 345, 330)):
        near = part[y - 12 : y + 13, max(x - 12, 0) : x + 13].reshape(-1, 3).astype(int)
        distance = np.abs(near - REGION_COLORS[name]).max(axis=1)
        assert distance.min() <= 8, name


def test_the_films_own_pixels_are_untouched_between_the_drawings(drawn):
    part = film_part(draw_report(drawn), drawn.film)
    grey = np.rint(drawn.film.pixels * 255).astype(np.uint8)
    assert np.array_equal(part[620:700, 30:270, 1], grey[620:700, 30:270])
    assert np.mean(part[:, :, 1] == grey) > 0.85


def test_a_report_without_regions_is_the_plain_film_with_its_margins(drawn):
    part = film_part(draw_report(without_regions(drawn)), drawn.film)
    assert np.array_equal(part[:, :, 0], np.rint(drawn.film.pixels * 255))


def test_the_film_is_not_drawn_in(drawn):
    before = drawn.film.pixels.copy()
    draw_report(drawn)
    assert np.array_equal(drawn.film.pixels, before)


def test_the_same_report_gives_the_same_picture(drawn):
    assert np.array_equal(draw_report(drawn), draw_report(drawn))


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (1, 1), (512, 512), (300, 2400), (2400, 300), (3000, 2500)]
)
def test_films_of_any_shape_can_be_drawn(drawn, height, width):
    picture = draw_report(resized(drawn, height, width))
    view = Display.of((height, width))
    assert picture.shape[0] >= view.shape[0]
    assert picture.shape[1] >= view.shape[1]


def test_the_legend_of_a_wide_film_stands_beneath_it(drawn):
    wide, square = (draw_report(resized(drawn, side, 1600)) for side in (400, 1600))
    assert wide.shape[1] < square.shape[1]
    assert wide.shape[0] > 400 * 1.3


def test_a_region_that_no_sentence_cites_shows_only_its_corners(drawn):
    part = film_part(draw_report(drawn), drawn.film).astype(int)
    cited = replace(drawn.sentences[1], regions=("left lung", "spine"))
    full = film_part(draw_report(replace(drawn, sentences=(cited,))), drawn.film).astype(int)
    color = np.array(REGION_COLORS["spine"])
    side = (slice(200, 320), slice(287, 294))  # the box's left side, away from its corners
    assert np.abs(part[side] - color).max(axis=2).min() > 20
    assert np.abs(full[side] - color).max(axis=2).min() <= 8


def test_a_report_without_film_cannot_be_drawn(drawn):
    with pytest.raises(ReportError, match="without its film"):
        draw_report(replace(drawn, film=None))


def test_a_full_size_film_takes_well_under_a_second_of_work(drawn):
    report = resized(drawn, 2500, 2000)
    draw_report(report)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        draw_report(report)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1.0
