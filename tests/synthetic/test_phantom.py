"""Made-up films."""

from itertools import pairwise

import numpy as np
import pytest

from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.errors import InvalidValueError
from grounded.synthetic.phantom import chest_phantom


def test_the_same_seed_gives_the_same_film() -> None:
    first, second, other = chest_phantom(3), chest_phantom(3), chest_phantom(4)
    assert np.array_equal(first.pixels, second.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("ratio", [0.35, 0.5, 0.7])
def test_the_heart_is_as_wide_as_asked_for(ratio: float) -> None:
    assert chest_phantom(1, (200, 260), ratio).cardiothoracic_ratio == pytest.approx(ratio)


def test_the_right_lung_lies_left_in_the_picture_and_the_heart_between() -> None:
    boxes = chest_phantom(0).boxes
    centres = [boxes[name].center[0] for name in (RIGHT_LUNG, HEART, LEFT_LUNG)]
    assert all(a < b for a, b in pairwise(centres))


@pytest.mark.parametrize("shape", [(64, 64), (97, 141), (300, 211)])
def test_masks_fill_their_boxes_to_a_pixel(shape: tuple[int, int]) -> None:
    phantom = chest_phantom(2, shape)
    assert phantom.pixels.shape == shape
    for name, box in phantom.boxes.items():
        mask = phantom.masks[name]
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        assert np.allclose(found, tuple(box), atol=1.5), name


def test_lungs_are_darker_than_what_is_around_them() -> None:
    phantom = chest_phantom(0, noise=0.0)
    lung = phantom.masks[RIGHT_LUNG]
    heart = phantom.masks[HEART]
    assert phantom.pixels[lung & ~heart].mean() < phantom.pixels[heart].mean() - 0.1


def test_a_film_too_small_or_a_heart_too_wide_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="32 x 32"):
        chest_phantom(0, (16, 16))
    with pytest.raises(InvalidValueError, match=r"0\.3\.\.0\.8"):
        chest_phantom(0, cardiothoracic_ratio=0.9)
