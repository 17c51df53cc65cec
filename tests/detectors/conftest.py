"""A chest drawn with polygons: its two lungs are mirror images."""

import cv2
import numpy as np
import pytest

from grounded import Box, Mask, Regions
from grounded.chest.outline import Profile

SIDE = 512
FRAME = Box(0, 0, SIDE, SIDE)
RIGHT_LUNG = [(190, 60), (225, 90), (235, 150), (225, 230), (205, 300), (205, 370)]
RIGHT_LUNG += [(150, 350), (110, 365), (70, 430), (75, 330), (85, 200), (130, 100)]
RIGHT_CLAVICLE = [(90, 75), (230, 105), (230, 118), (90, 88)]
HEART = [(205, 290), (235, 225), (277, 225), (330, 290), (340, 350), (300, 385), (215, 385)]


def drawn(polygon: list[tuple[int, int]], side: int = SIDE) -> Mask:
    values = np.zeros((side, side), np.uint8)
    cv2.fillPoly(values, [np.array(polygon, np.int32)], 1)
    return Mask(values.astype(np.float32), FRAME)


def mirrored(mask: Mask) -> Mask:
    return Mask(mask.values[:, ::-1].copy(), mask.extent)


def organs_of(masks: dict[str, Mask], score: float = 0.9) -> Regions:
    boxes = []
    for mask in masks.values():
        profile = Profile.of(mask)
        assert profile is not None
        boxes.append(tuple(profile.box))
    scores = np.full(len(masks), score)
    return Regions(tuple(masks), np.array(boxes).reshape(-1, 4), scores, tuple(masks.values()))


@pytest.fixture(scope="session")
def masks() -> dict[str, Mask]:
    lung, clavicle = drawn(RIGHT_LUNG), drawn(RIGHT_CLAVICLE)
    return {
        "right lung": lung,
        "left lung": mirrored(lung),
        "cardiac silhouette": drawn(HEART),
        "right clavicle": clavicle,
        "left clavicle": mirrored(clavicle),
    }


@pytest.fixture(scope="session")
def organs(masks: dict[str, Mask]) -> Regions:
    return organs_of(masks)
