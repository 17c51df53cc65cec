"""The boxes of all regions of a chest atlas from annotated outlines: targets and references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from grounded.atlas import REGIONS
from grounded.data.organs import OrganExample
from grounded.detectors import anatomy
from grounded.detectors.organ_net import ORGANS
from grounded.detectors.region_rcnn import RegionTargets
from grounded.detectors.shape import Profile
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.train.organ_samples import OrganSample


def annotated_regions(example: OrganExample) -> Regions:
    """All regions that follow from the outlines of a film, image frame; those have score 1."""
    height, width = example.pixels().shape
    frame = Box(0, 0, width, height)
    masks = {
        organ: Mask(example.mask(organ).astype(np.float32), frame) for organ in example.outlines
    }
    return anatomy.derive(outlined_organs(masks), frame)


def region_targets(sample: OrganSample, names: Sequence[str]) -> RegionTargets:
    """The boxes of all regions that follow from a sample's outlines, model pixels.

    A region is known when all organs that it stands on were outlined, whether they are in the
    film or not.
    """
    outlined = {organ for organ, has in zip(ORGANS, sample.has_mask, strict=True) if has}
    needs = {name: part.needs for name, part in anatomy.PARTS.items()}
    known = [set(needs.get(name, (name,))) <= outlined for name in names]
    regions = _derived(sample, outlined)
    found = [index for index, name in enumerate(names) if name in regions and known[index]]
    boxes = np.array([tuple(regions[names[index]].box) for index in found]).reshape(-1, 4)
    return RegionTargets(
        torch.from_numpy(boxes.astype(np.float32)),
        torch.tensor(found, dtype=torch.int64),
        torch.tensor(known),
    )


def _derived(sample: OrganSample, outlined: set[str]) -> Regions:
    side = sample.masks.shape[-1]
    masks = {
        organ: Mask(values.numpy(), Box(0, 0, side, side))
        for organ, values, present in zip(ORGANS, sample.masks, sample.present, strict=True)
        if organ in outlined and present
    }
    return anatomy.derive(outlined_organs(masks), content(sample.film[0].numpy()))


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


def content(film: NDArray[np.float32]) -> Box:
    """The part of a model's input (S, S) that holds film; the padding is 0 throughout."""
    rows, columns = (np.flatnonzero(film.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return Box(0, 0, film.shape[1], film.shape[0])
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
