"""Edges of an organ are those of its outline, to a part of a pixel."""

import numpy as np

from grounded import Box, Mask
from grounded.chest.outline import Profile


def test_whole_pixels_give_their_exact_borders() -> None:
    values = np.zeros((20, 30), np.float32)
    values[4:11, 6:25] = 1
    profile = Profile.of(Mask(values, Box(0, 0, 30, 20)))
    assert profile is not None
    assert profile.box == Box(6, 4, 25, 11)


def test_rows_and_columns_are_cut_at_the_middle_of_their_cells() -> None:
    values = np.zeros((10, 10), np.float32)
    values[2:5, 3:5] = 1
    profile = Profile.of(Mask(values, Box(100, 50, 140, 150)))
    assert profile is not None
    assert profile.rows.tolist() == [75, 85, 95]
    assert profile.columns.tolist() == [114, 118]


def test_the_grid_may_be_coarser_than_the_film() -> None:
    values = np.zeros((10, 10), np.float32)
    values[2:5, 3:7] = 1
    profile = Profile.of(Mask(values, Box(100, 50, 140, 150)))
    assert profile is not None
    assert profile.box == Box(112, 70, 128, 100)


def test_a_soft_border_lies_where_the_values_pass_one_half() -> None:
    values = np.array([[0, 0.25, 1, 1, 0.25, 0]], np.float32)
    profile = Profile.of(Mask(values, Box(0, 0, 6, 1)))
    assert profile is not None
    assert np.isclose(profile.left[0], 1.5 + 1 / 3)
    assert np.isclose(profile.right[0], 4.5 - 1 / 3)


def test_an_organ_cut_by_the_grid_ends_with_it() -> None:
    profile = Profile.of(Mask(np.ones((3, 4), np.float32), Box(0, 0, 4, 3)))
    assert profile is not None
    assert profile.box == Box(0, 0, 4, 3)


def test_rows_and_columns_agree_with_the_drawn_outline(masks: dict[str, Mask]) -> None:
    lung = masks["right lung"]
    profile = Profile.of(lung)
    assert profile is not None
    outline = np.concatenate(lung.outlines())
    assert np.allclose(outline.min(axis=0), (profile.box.x0, profile.box.y0))
    assert np.allclose(outline.max(axis=0), (profile.box.x1, profile.box.y1))


def test_a_mask_that_just_reaches_one_half_has_a_profile() -> None:
    profile = Profile.of(Mask(np.full((4, 4), 0.5, np.float32), Box(0, 0, 4, 4)))
    assert profile is not None
    assert profile.box == Box(0.5, 0.5, 3.5, 3.5)


def test_a_mask_below_one_half_has_no_profile() -> None:
    assert Profile.of(Mask(np.full((4, 4), 0.4, np.float32), Box(0, 0, 4, 4))) is None
