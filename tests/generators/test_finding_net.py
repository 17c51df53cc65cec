"""Regions read from a map of evidence."""

import pytest
import torch
from torch import Tensor

from grounded.generators.neural.finding_net import FILM, VIEW, FindingNet, shares

LABELS = ("Lung Opacity", VIEW)


@pytest.fixture
def net() -> FindingNet:
    torch.manual_seed(0)
    return FindingNet(LABELS, (FILM, "lung")).eval().requires_grad_(False)


def read(net: FindingNet, maps: Tensor, box: list[float]) -> float:
    covered = shares(torch.tensor([[box]]), *maps.shape[2:])
    return float(net(maps, covered, torch.zeros(1, 1, dtype=torch.long))[0, 0, 0])


def spot(row: int, column: int) -> Tensor:
    maps = torch.full((1, 2, 8, 8), -3.0)
    maps[0, 0, row, column] = 5.0
    return maps


def test_a_cell_is_covered_by_the_share_that_lies_in_the_box() -> None:
    covered = shares(torch.tensor([0.5, 1.0, 2.25, 2.0]), 3, 4)
    expected = torch.zeros(3, 4)
    expected[1] = torch.tensor([0.5, 1.0, 0.25, 0.0])
    assert torch.allclose(covered, expected)


def test_a_region_is_read_from_its_own_cells_alone(net: FindingNet) -> None:
    inside, outside = [0.0, 0.0, 4.0, 4.0], [4.0, 4.0, 8.0, 8.0]
    assert read(net, spot(1, 1), inside) > 0 > read(net, spot(1, 1), outside)


def test_a_map_that_is_the_same_everywhere_reads_so_in_any_box(net: FindingNet) -> None:
    maps = torch.full((1, 2, 8, 8), 1.5)
    for box in ([0.0, 0.0, 8.0, 8.0], [2.2, 3.1, 2.4, 3.3]):
        assert read(net, maps, box) == pytest.approx(1.5, abs=1e-4)


def test_a_small_lesion_is_not_averaged_away(net: FindingNet) -> None:
    assert read(net, spot(3, 3), [0.0, 0.0, 8.0, 8.0]) > -1.0  # the mean is -2.9


def test_a_box_beside_the_map_has_a_finite_reading(net: FindingNet) -> None:
    assert torch.isfinite(torch.tensor(read(net, spot(1, 1), [9.0, 9.0, 10.0, 10.0])))


def test_films_of_a_batch_are_read_one_by_one(net: FindingNet) -> None:
    maps = torch.randn(3, 2, 8, 8)
    covered = shares(torch.rand(3, 4, 4).cumsum(2) * 2, 8, 8)
    kinds = torch.tensor([[0, 1, 1, 0]] * 3)
    together = net(maps, covered, kinds)
    for row in range(3):
        alone = net(maps[row : row + 1], covered[row : row + 1], kinds[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_the_first_kind_of_region_is_the_film() -> None:
    with pytest.raises(ValueError, match="film"):
        FindingNet(LABELS, ("lung",))
