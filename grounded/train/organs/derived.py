"""The boxes of all regions of the chest atlas as training targets, from a sample's outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from grounded.chest import derive as anatomy
from grounded.chest.names import ORGANS
from grounded.data.regions import outlined_organs
from grounded.detectors.faster_rcnn.net import RegionTargets
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.train.organs.samples import OrganSample


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


def content(film: NDArray[np.float32]) -> Box:
    """The part of a model's input (S, S) that holds film; the padding is 0 throughout."""
    rows, columns = (np.flatnonzero(film.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return Box(0, 0, film.shape[1], film.shape[0])
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
