from itertools import combinations

import numpy as np
import pytest

from grounded.viz.palette import (
    BLACK,
    REGION_COLORS,
    WHITE,
    contrast,
    heat_table,
    hexadecimal,
    ink_on,
    luminance,
    region_colors,
)

# Machado, Oliveira, Fernandes (IEEE TVCG 2009), severity 1.0, on linear RGB.
COLOR_BLIND = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
ORGANS = ("right lung", "left lung", "cardiac silhouette", "mediastinum", "spine")


def linear(color):
    value = np.array(color) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB of linear sRGB under D65."""
    to_xyz = np.array(
        [
            [0.4124, 0.3576, 0.1805],
            [0.2126, 0.7152, 0.0722],
            [0.0193, 0.1192, 0.9505],
        ]
    )
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_all_29_regions_have_a_colour_of_their_own():
    assert len(REGION_COLORS) == 29
    assert len(set(REGION_COLORS.values())) == 29


def test_every_colour_stands_out_from_a_dark_film():
    assert min(contrast(color, BLACK) for color in REGION_COLORS.values()) >= 4.5


def test_text_on_every_colour_has_the_contrast_that_wcag_asks_for():
    assert min(contrast(color, ink_on(color)) for color in REGION_COLORS.values()) >= 4.5


@pytest.mark.parametrize("kind", COLOR_BLIND)
@pytest.mark.parametrize(("one", "other"), list(combinations(ORGANS, 2)))
def test_organs_differ_for_colour_blind_readers(kind, one, other):
    seen = [lab(np.array(COLOR_BLIND[kind]) @ linear(REGION_COLORS[name])) for name in (one, other)]
    assert np.linalg.norm(seen[0] - seen[1]) > 15


def test_a_region_without_a_colour_of_its_own_always_gets_the_same_one():
    alone = region_colors(["marked area"])
    assert region_colors(["spine", "marked area"])[1:] == alone


def test_regions_of_another_atlas_differ_in_colour():
    names = [f"bone {number}" for number in range(30)]
    assert len(set(region_colors(names))) == 30


def test_more_regions_than_colours_are_drawn_all_the_same():
    names = [f"bone {number}" for number in range(40)]
    assert len(region_colors(names)) == 40


def test_the_heat_scale_only_gets_lighter():
    table = heat_table()
    levels = [luminance(tuple(int(value) for value in row)) for row in table]
    assert table.shape == (256, 3)
    assert np.all(np.diff(levels) > -1e-3)
    assert tuple(table[0]) == (0, 34, 78)
    assert tuple(table[-1]) == (254, 232, 56)


def test_colours_are_written_as_css_writes_them():
    assert hexadecimal((0, 158, 115)) == "#009e73"


def test_contrast_of_black_and_white_is_21():
    assert contrast(BLACK, WHITE) == pytest.approx(21)
