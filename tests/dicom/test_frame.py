"""Coordinates of a turned film, there and back."""

import numpy as np
import pytest

from grounded import Box
from grounded.dicom.frame import StoredFrame
from grounded.films.raster import _upright

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_pixel_of_the_upright_picture_is_found_in_the_stored_one(orientation: int) -> None:
    stored = np.arange(12, dtype=np.float32).reshape(3, 4)
    shown = _upright(stored, orientation)
    frame = StoredFrame(3, 4, orientation)
    assert frame.shown_shape == shown.shape
    for (row, column), value in np.ndenumerate(shown):
        [[x, y]] = frame.to_stored([[column + 0.5, row + 0.5]])
        assert stored[int(y), int(x)] == value


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_way_back_leads_back(orientation: int) -> None:
    frame = StoredFrame(30, 40, orientation)
    points = np.array([[1.5, 2.25], [0, 0], [20, 29]])
    np.testing.assert_allclose(frame.to_shown(frame.to_stored(points)), points)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_is_laid_as_the_stored_pixels(orientation: int) -> None:
    stored = np.arange(12, dtype=np.float32).reshape(3, 4)
    frame = StoredFrame(3, 4, orientation)
    np.testing.assert_array_equal(frame.pixels_to_stored(_upright(stored, orientation)), stored)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_viewer_that_turns_then_mirrors_shows_the_upright_picture(orientation: int) -> None:
    stored = np.arange(12, dtype=np.float32).reshape(3, 4)
    turns, mirrored = StoredFrame(3, 4, orientation).quarter_turns
    shown = np.rot90(stored, -turns)
    shown = shown[:, ::-1] if mirrored else shown
    np.testing.assert_array_equal(shown, _upright(stored, orientation))


def test_a_box_keeps_its_corners_clockwise_from_the_upper_left() -> None:
    corners = StoredFrame(40, 30, 6).corners(Box(1, 2, 5, 8))
    np.testing.assert_allclose(corners, [[2, 35], [8, 35], [8, 39], [2, 39]])
