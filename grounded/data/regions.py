"""The boxes of all regions of the chest atlas, from the outlines that a film was annotated with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from grounded.chest.derive import derive
from grounded.chest.names import REGIONS
from grounded.chest.outline import Profile
from grounded.data.example import Example
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.regions import Regions


def annotated_regions(example: Example) -> Regions:
    """All regions that follow from the outlines of a film, image frame; those have score 1."""
    height, width = example.image().shape
    frame = Box(0, 0, width, height)
    masks = {
        organ: Mask(example.mask(organ).astype(np.float32), frame) for organ in example.outlines
    }
    return derive(outlined_organs(masks), frame)


def outlined_organs(masks: Mapping[str, Mask]) -> Regions:
    """Organs of score 1 with the extents of their outlines; empty masks are left out."""
    profiles = {organ: Profile.of(mask) for organ, mask in masks.items()}
    boxes = {organ: tuple(profile.box) for organ, profile in profiles.items() if profile}
    return Regions(
        tuple(boxes),
        np.array(list(boxes.values())).reshape(-1, 4),
        np.ones(len(boxes)),
        tuple(masks[organ] for organ in boxes),
    )


def region_boxes(regions: Regions) -> NDArray[np.float64]:
    """(R, 4) in the order of REGIONS, image frame, NaN for a region that was not found."""
    boxes = np.full((len(REGIONS), 4), np.nan)
    for row, name in enumerate(REGIONS):
        if name in regions:
            boxes[row] = tuple(regions[name].box)
    return boxes
