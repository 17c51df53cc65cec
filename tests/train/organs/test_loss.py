"""What OrganNet is trained to minimise."""

import pytest
import torch

from grounded.detectors.organs.net import OrganOutput
from grounded.train.organs.loss import LossWeights, organ_loss
from grounded.train.organs.samples import OrganSample

SIDE = 32
BOX = (8, 4, 24, 28)
WEIGHTS = LossWeights()


def truth(has_mask: bool = True) -> OrganSample:
    x0, y0, x1, y1 = BOX
    masks = torch.zeros(1, 5, SIDE, SIDE)
    if has_mask:
        masks[:, :, y0:y1, x0:x1] = 1
    boxes = (torch.tensor(BOX, dtype=torch.float32) / SIDE).expand(1, 5, 4).clone()
    ones = torch.ones(1, 5)
    return OrganSample(
        torch.zeros(1, 1, SIDE, SIDE), masks, boxes, ones, ones * has_mask, ones, ones
    )


def answer(box: tuple[int, int, int, int] = BOX, certain: float = 20.0) -> OrganOutput:
    x0, y0, x1, y1 = (value // 2 for value in box)
    logits = torch.full((1, 5, SIDE // 2, SIDE // 2), -certain)
    logits[:, :, y0:y1, x0:x1] = certain
    edges = (torch.tensor(box, dtype=torch.float32) / SIDE).expand(1, 5, 4).clone()
    return OrganOutput(logits, edges, torch.full((1, 5), certain))


@pytest.mark.parametrize("has_mask", [True, False])
def test_the_truth_costs_nothing(has_mask: bool) -> None:
    for name, value in organ_loss(answer(), truth(has_mask), WEIGHTS).items():
        assert float(value) == pytest.approx(0, abs=1e-3), name


@pytest.mark.parametrize("has_mask", [True, False])
def test_a_wrong_place_costs(has_mask: bool) -> None:
    wrong = organ_loss(answer((4, 4, 20, 28)), truth(has_mask), WEIGHTS)
    assert wrong["total"] > 0.5
    assert (wrong["dice"] > 0.1) == has_mask
    assert (wrong["box_profile"] > 0.1) != has_mask


def test_what_is_not_annotated_costs_nothing() -> None:
    nothing = torch.zeros(1, 5)
    unknown = truth()._replace(has_mask=nothing, has_box=nothing, has_presence=nothing)
    assert float(organ_loss(answer((0, 0, 6, 6)), unknown, WEIGHTS)["total"]) == 0


def test_boxes_without_outlines_may_be_missed_by_the_slack() -> None:
    near = answer((6, 4, 26, 28))  # 2 of 16 pixels beside the box on either side
    strict = organ_loss(near, truth(has_mask=False), WEIGHTS)
    slack = organ_loss(near, truth(has_mask=False), WEIGHTS, slack=0.13)
    assert strict["total"] > 0.5
    assert float(slack["total"]) == pytest.approx(0, abs=1e-3)


def test_outlines_know_no_slack() -> None:
    near = answer((6, 4, 26, 28))
    strict = organ_loss(near, truth(), WEIGHTS)["total"]
    assert torch.allclose(organ_loss(near, truth(), WEIGHTS, slack=0.13)["total"], strict)


def test_a_wrong_presence_costs() -> None:
    absent = truth()._replace(present=torch.zeros(1, 5))
    assert organ_loss(answer(), absent, WEIGHTS)["presence"] > 1
