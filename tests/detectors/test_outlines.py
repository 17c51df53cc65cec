"""From maps to boxes."""

import numpy as np
import pytest
import torch

from grounded.detectors.organs.detector import blended, extent, find_outlines
from grounded.detectors.organs.net import OrganNet
from grounded.nn.device import Placed


def soft_square(x0: float, y0: float, x1: float, y1: float, shape: tuple[int, int]) -> np.ndarray:
    """How much of each cell the rectangle covers."""

    def cover(start: float, end: float, count: int) -> np.ndarray:
        cells = np.arange(count)
        return np.clip(np.minimum(cells + 1, end) - np.maximum(cells, start), 0, 1)

    return np.outer(cover(y0, y1, shape[0]), cover(x0, x1, shape[1])).astype(np.float32)


def test_whole_cells_give_their_own_borders() -> None:
    assert np.allclose(extent(soft_square(3, 2, 9, 7, (12, 14))), [3, 2, 9, 7])


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_parts_of_a_cell_count(part: float) -> None:
    box = extent(soft_square(3 + part, 2, 9 + part, 7, (12, 14)))
    assert np.allclose(box, [3 + part, 2, 9 + part, 7], atol=0.26)


def test_an_organ_at_the_border_ends_with_the_film() -> None:
    assert np.allclose(extent(soft_square(0, 0, 14, 5, (12, 14))), [0, 0, 14, 5])


def test_an_empty_map_has_no_box() -> None:
    assert np.isnan(extent(np.zeros((4, 4), np.float32))).all()


def test_a_box_lies_halfway_to_edges_that_agree_and_ignores_others() -> None:
    outline = np.array([10.0, 10, 110, 60])
    edges = np.array([14.0, 9, 190, 62])
    assert np.allclose(blended(outline, edges), [12, 9.5, 110, 61])
    assert np.isnan(blended(np.full(4, np.nan), edges)).all()


@pytest.fixture
def net() -> Placed[OrganNet]:
    torch.manual_seed(1)
    return Placed(OrganNet(64, (4, 8, 8, 8, 16), decoder_width=8, features=12).eval())


def test_no_films_give_no_outlines(net: Placed[OrganNet]) -> None:
    assert find_outlines(net, []) == []


def test_films_of_different_sizes_in_one_batch_equal_singles(net: Placed[OrganNet]) -> None:
    rng = np.random.default_rng(0)
    films = [rng.random(shape, dtype=np.float32) for shape in ((50, 80), (91, 33), (64, 64))]
    together = find_outlines(net, films)
    for film, found in zip(films, together, strict=True):
        [alone] = find_outlines(net, [film])
        assert np.allclose(found.probabilities, alone.probabilities, atol=1e-5)
        assert np.allclose(found.boxes, alone.boxes, atol=1e-3, equal_nan=True)
        assert np.allclose(found.scores, alone.scores, atol=1e-5)


def test_boxes_lie_within_the_film(net: Placed[OrganNet]) -> None:
    film = np.random.default_rng(2).random((50, 81), dtype=np.float32)
    boxes = find_outlines(net, [film])[0].boxes
    seen = boxes[np.isfinite(boxes).all(axis=1)]
    assert (seen >= -2).all()
    assert (seen[:, [0, 2]] <= 83).all()
    assert (seen[:, [1, 3]] <= 52).all()


def test_a_score_below_the_threshold_is_not_found(net: Placed[OrganNet]) -> None:
    film = np.random.default_rng(2).random((64, 64), dtype=np.float32)
    assert len(find_outlines(net, [film])[0].regions(threshold=1.01)) == 0


def test_the_mirror_image_of_a_film_has_the_mirror_image_of_its_outlines(
    net: Placed[OrganNet],
) -> None:
    film = np.random.default_rng(5).random((60, 64), dtype=np.float32)
    [usual] = find_outlines(net, [film])
    [_, mirrored] = find_outlines(net, [film, film[:, ::-1].copy()], mirrored=[False, True])
    swapped = [1, 0, 2, 4, 3]  # lungs, heart, clavicles
    np.testing.assert_array_equal(mirrored.probabilities[swapped][:, :, ::-1], usual.probabilities)
    np.testing.assert_array_equal(mirrored.scores[swapped], usual.scores)
    there = mirrored.boxes[swapped]
    np.testing.assert_allclose(64 - there[:, [2, 0]], usual.boxes[:, [0, 2]], atol=1e-3)
    np.testing.assert_allclose(there[:, [1, 3]], usual.boxes[:, [1, 3]], atol=1e-3)
