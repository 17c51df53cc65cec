"""Vectors that were pooled in boxes, and the film to pool more from."""

import numpy as np
import torch

from grounded import Box, Placement, Regions
from grounded.detectors.features import FilmFeatures

PLACEMENT = Placement.letterbox((100, 200), (64, 64))  # the film lies in rows 16 to 48


def ramp() -> torch.Tensor:
    """A map (2, 16, 16) whose channels are the x and y of the model frame at cell centres."""
    centres = (torch.arange(16) + 0.5) * 4
    return torch.stack([centres.expand(16, 16), centres[:, None].expand(16, 16)])


def test_a_box_reads_the_mean_of_what_lies_in_it() -> None:
    boxes = np.array([[50.0, 25, 150, 75], [40, 40, 60, 80]])
    features = FilmFeatures.of(ramp(), PLACEMENT, boxes)
    centres = PLACEMENT.to_model(np.stack([boxes[:, :2], boxes[:, 2:]]).mean(axis=0))
    assert np.allclose(features.vectors.numpy(), centres, atol=1e-4)


def test_a_box_drawn_by_hand_reads_the_same_as_a_found_one() -> None:
    boxes = np.array([[50.0, 25, 150, 75], [40, 40, 60, 80]])
    features = FilmFeatures.of(torch.rand(5, 16, 16), PLACEMENT, boxes)
    regions = Regions(("a", "b"), boxes, np.ones(2), features=features)
    drawn = regions.drawn("marked area", Box(*boxes[1]))
    assert isinstance(drawn.features, FilmFeatures)
    assert torch.equal(drawn.features.vectors[0], features.vectors[1])


def test_rows_are_taken_with_their_regions() -> None:
    boxes = np.array([[50.0, 25, 150, 75], [40, 40, 60, 80], [0, 0, 200, 100]])
    features = FilmFeatures.of(torch.rand(5, 16, 16), PLACEMENT, boxes)
    regions = Regions(("a", "b", "c"), boxes, np.ones(3), features=features)
    taken = regions[["c", "a"]].features
    assert isinstance(taken, FilmFeatures)
    assert torch.equal(taken.vectors, features.vectors[[2, 0]])


def test_no_boxes_give_no_vectors() -> None:
    assert FilmFeatures.of(ramp(), PLACEMENT, np.empty((0, 4))).vectors.shape == (0, 2)
