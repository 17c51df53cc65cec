"""FindingNet: what a logit depends on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grounded.generators.neural.finding_net import FindingNet, seen

KINDS = ("lung", "lower lung zone")
D = 4


@pytest.fixture
def net() -> FindingNet:
    torch.manual_seed(0)
    return FindingNet(("Lung Opacity", "Abnormal"), KINDS, features=D, hidden=6, arranged=3).eval()


@pytest.fixture
def by_place() -> FindingNet:
    """Each place says what the map's first channel holds there; nothing else is read."""
    net = FindingNet(("Lung Opacity",), KINDS, features=D, hidden=1).eval()
    with torch.no_grad():
        for value in net.parameters():
            value.zero_()
        net.place.weight[0, 0] = 1
        net.evidence.weight[0, 0] = 1
        net.scale.weight.fill_(1)
        net.sharpness.fill_(10)
    return net


def maps(count: int = 1, seed: int = 1) -> Tensor:
    return torch.rand(count, D, 12, 12, generator=torch.Generator().manual_seed(seed))


def ask(net: FindingNet, maps: Tensor, *boxes: tuple[float, ...], mirrored: bool = False) -> Tensor:
    """Logits (N, F) of boxes (row, x0, y0, x1, y1), all of the first kind."""
    count = len(boxes)
    kinds = torch.zeros(count, dtype=torch.long)
    found: Tensor = net(maps, torch.tensor(boxes), kinds, torch.full((count,), mirrored))
    return found


def test_a_place_in_the_box_counts_and_one_outside_does_not(by_place: FindingNet) -> None:
    box = (0.0, 2.0, 2.0, 6.0, 6.0)
    dark = torch.zeros(1, D, 12, 12)
    inside, outside = dark.clone(), dark.clone()
    inside[0, 0, 3:5, 3:5] = 1
    outside[0, 0, 9, 9] = 1
    none, within, beside = (float(ask(by_place, m, box).detach()) for m in (dark, inside, outside))
    assert within > none + 0.5
    assert beside == pytest.approx(none)


def test_the_strongest_place_counts_rather_than_the_mean(by_place: FindingNet) -> None:
    box = (0.0, 2.0, 2.0, 10.0, 10.0)
    spot, veil = torch.zeros(1, D, 12, 12), torch.zeros(1, D, 12, 12)
    spot[0, 0, 5:7, 5:7] = 1
    veil[0, 0, 2:10, 2:10] = spot[0, 0, 2:10, 2:10].mean()  # the same in sum
    assert ask(by_place, spot, box) > 5 * ask(by_place, veil, box)


@pytest.mark.parametrize("value", [0.0, 0.3, 2.0])
def test_the_smooth_maximum_of_one_value_is_that_value(by_place: FindingNet, value: float) -> None:
    found = ask(by_place, torch.full((1, D, 12, 12), value), (0.0, 1.0, 1.0, 7.0, 9.0))
    assert float(found.detach()) == pytest.approx(value, abs=1e-5)


def test_the_whole_film_is_context_for_each_place(net: FindingNet) -> None:
    first = maps()
    other = first.clone()
    other[:, :, 8:, 8:] += 3
    assert not torch.allclose(net.places(first)[..., :6, :6], net.places(other)[..., :6, :6])


def test_a_left_box_is_read_as_the_mirror_of_a_right_one(net: FindingNet) -> None:
    film = maps()
    right = ask(net, film, (0.0, 1.0, 2.0, 5.0, 9.0))
    left = ask(net, film.flip(3), (0.0, 7.0, 2.0, 11.0, 9.0), mirrored=True)
    assert torch.allclose(right, left, atol=1e-5)
    unturned = ask(net, film.flip(3), (0.0, 7.0, 2.0, 11.0, 9.0))
    assert not torch.allclose(right, unturned, atol=1e-3)


def test_the_kind_of_a_region_matters(net: FindingNet) -> None:
    boxes = torch.tensor([[0.0, 1.0, 2.0, 5.0, 9.0]] * 2)
    lung, zone = net(maps(), boxes, torch.tensor([0, 1]), torch.zeros(2, dtype=torch.bool))
    assert not torch.allclose(lung, zone)


def test_a_batch_gives_what_its_boxes_give_one_by_one(net: FindingNet) -> None:
    films = maps(2)
    boxes = [(0.0, 1.0, 2.0, 5.0, 9.0), (1.0, 0.0, 0.0, 12.0, 12.0), (1.0, 4.5, 3.2, 6.0, 4.4)]
    together = ask(net, films, *boxes)
    assert together.shape == (3, 2)
    for found, (row, *box) in zip(together, boxes, strict=True):
        alone = ask(net, films[int(row)][None], (0.0, *box))
        assert torch.allclose(found, alone[0], atol=1e-5)


def test_no_boxes_give_no_logits(net: FindingNet) -> None:
    none = torch.empty(0)
    assert net(maps(), none.reshape(0, 5), none.long(), none.bool()).shape == (0, 2)


def test_what_is_seen_is_a_grid_row_by_row_and_mirrored_on_the_left() -> None:
    columns = torch.arange(8.0).expand(1, 1, 8, 8)
    boxes = torch.tensor([[0.0, 0.0, 0.0, 8.0, 8.0]] * 2)
    right, left = seen(columns, boxes, torch.tensor([False, True]))
    assert right.shape == (16, 1)
    assert right[:4, 0].tolist() == pytest.approx([0.5, 2.5, 4.5, 6.5])
    assert torch.equal(right[:4], right[4:8])
    assert left[:4, 0].tolist() == pytest.approx(right[:4, 0].flip(0).tolist())
