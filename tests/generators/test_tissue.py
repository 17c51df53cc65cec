"""What a box drawn by hand covers, on a made-up film."""

from __future__ import annotations

import numpy as np
import pytest

from grounded import Box
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.generators.neural.tissue import Tissue

from .reading import ZONES, chest

FOUND = chest()[1]


def around(x: float, y: float, half: float) -> Box:
    return Box(x - half, y - half, x + half, y + half)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_box_of_a_few_pixels_is_read_in_its_zone(side: str, zone: str) -> None:
    name = f"{side} {zone}"
    box = Tissue.of(around(*FOUND[name].box.center, 2), FOUND)
    assert box.region == name
    assert box.lung == 1


def test_a_box_over_a_whole_lung_is_read_as_the_lung() -> None:
    assert Tissue.of(FOUND[LEFT_LUNG].box, FOUND).region == LEFT_LUNG


def test_a_box_over_heart_and_lung_is_read_in_the_lung_that_it_covers() -> None:
    heart = FOUND[HEART].box
    tissue = Tissue.of(Box(heart.center[0], heart.y0, heart.x1 + 40, heart.y1), FOUND)
    assert tissue.heart > 0.2
    assert tissue.region.startswith("left")


def test_a_box_over_the_heart_is_read_as_the_heart() -> None:
    assert Tissue.of(around(*FOUND[HEART].box.center, 8), FOUND).region == HEART


def test_boxes_without_lung_are_read_as_nothing() -> None:
    rng = np.random.default_rng(0)
    lungs = [FOUND[name].mask for name in (RIGHT_LUNG, LEFT_LUNG)]
    seen = 0
    for _ in range(400):
        box = around(*rng.uniform(10, 246, 2), rng.uniform(2, 10))
        points = [(x, y) for x in np.linspace(box.x0, box.x1, 9) for y in (box.y0, box.y1)]
        if any(mask and mask.contains(x, y) for mask in lungs for x, y in points):
            continue
        tissue = Tissue.of(box, FOUND)
        seen += tissue.lung == 0
        assert tissue.lung > 0 or "lung" not in tissue.region
    assert seen > 50


def test_a_lung_without_an_outline_counts_by_its_box() -> None:
    boxes = type(FOUND)(FOUND.names, FOUND.boxes, FOUND.scores)
    assert Tissue.of(around(*boxes[RIGHT_LUNG].box.center, 3), boxes).region.startswith("right")
