"""Films and what is known of them move together."""

import numpy as np
import pytest

from grounded import Box
from grounded.chest.names import LEFT_LUNG
from grounded.detectors.organs.detector import extent
from grounded.synthetic.phantom import chest_phantom
from grounded.train import augmentation as augment
from grounded.train.augmentation import Strength, Window

CONTENT = (slice(0, 64), slice(0, 64))


def test_the_whole_film_in_the_square_is_the_plain_scale() -> None:
    affine, content = Window(Box(0, 0, 128, 128)).to_model(64)
    assert np.allclose(affine, [[0.5, 0, 0], [0, 0.5, 0]])
    assert content == CONTENT


def test_a_window_is_letterboxed() -> None:
    affine, (rows, columns) = Window(Box(10, 0, 60, 100)).to_model(64)
    assert (rows, columns) == (slice(0, 64), slice(16, 48))
    corners = affine[:, :2] @ np.array([[10, 60], [0, 100]]) + affine[:, 2:]
    assert np.allclose(corners, [[16, 48], [0, 64]])


def test_a_warp_keeps_outer_corners() -> None:
    plane = np.zeros((40, 40), np.uint8)
    plane[10:20, 8:32] = 255
    affine = np.array([[2.0, 0, 3.0], [0, 2.0, 5.0]])
    moved = augment.warp(plane, affine, (100, 100)).astype(np.float32) / 255
    assert np.allclose(extent(moved), [19, 25, 67, 45], atol=0.05)


@pytest.mark.parametrize("degrees", [-7.0, 7.0])
def test_a_turned_mask_and_a_turned_box_agree_roughly(degrees: float) -> None:
    phantom = chest_phantom(0, (256, 256))
    affine, _ = Window(Box(0, 0, 256, 256), degrees).to_model(256)
    mask = phantom.masks[LEFT_LUNG].astype(np.uint8) * 255
    turned = extent(augment.warp(mask, affine, (256, 256)).astype(np.float32) / 255)
    box = augment.move_box(phantom.boxes[LEFT_LUNG], affine)
    assert Box(*turned).iou(box) > 0.75  # a box does not know which corner the lung fills


def test_a_moved_box_is_moved_exactly_when_nothing_turns() -> None:
    affine = np.array([[2.0, 0, 3.0], [0, 0.5, -1.0]])
    assert np.allclose(tuple(augment.move_box(Box(4, 8, 10, 20), affine)), (11, 3, 23, 9))


def test_every_change_of_grey_keeps_the_range_and_the_shape() -> None:
    rng = np.random.default_rng(0)
    film = chest_phantom(0, (64, 64)).pixels
    always = Strength(**{name: 1.0 for name in vars(Strength()) if name not in ("crop", "pad")})
    lung = chest_phantom(0, (64, 64)).masks[LEFT_LUNG].astype(np.float32)
    for _ in range(20):
        for changed in (
            augment.contrast(film, always, rng),
            augment.grain(film, always, rng),
            augment.opacity(film, lung, rng),
            augment.device(film, rng),
            augment.letters(film, CONTENT, rng),
            augment.patch(film, CONTENT, rng),
            augment.no_chest(64, rng),
        ):
            assert changed.shape == (64, 64)
            assert changed.dtype == np.float32
            assert changed.min() >= 0
            assert changed.max() <= 1


def test_an_opacity_stays_in_the_lung() -> None:
    phantom = chest_phantom(0, (64, 64), noise=0)
    lung = phantom.masks[LEFT_LUNG].astype(np.float32)
    changed = augment.opacity(phantom.pixels, lung, np.random.default_rng(1))
    assert np.allclose(changed[:, :20], phantom.pixels[:, :20])
    assert not np.allclose(changed, phantom.pixels, atol=0.05)


def test_calmer_is_rarer_but_no_smaller() -> None:
    calm = Strength(noise=0.4, rotation=8.0).times(0.5)
    assert calm.noise == 0.2
    assert calm.rotation == 8.0
