"""The losses and weights of the region-guided model."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from grounded.detectors.rgrg.net import DetectorLayout, DetectorNet
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.train.rgrg.loss import LossWeights, RegionBatch, RGRGLosses, pooled, token_losses

LAYOUT = DetectorLayout(
    stages=(1, 1, 1, 1), bottleneck=False, side=64, anchor_sizes=(16,), anchor_ratios=(1.0,),
    proposals=8, head=16, features=16, classifier=(16, 8),
)  # fmt: skip
DECODER = DecoderLayout(layers=1, width=16, heads=2, vocabulary=40, features=16, stop=0)


def _batch(count: int = 2) -> RegionBatch:
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 29, 2, generator=generator) * 30
    tokens = torch.randint(1, 40, (count, 29, 6), generator=generator)
    tokens[..., 0] = tokens[..., -1] = 0
    described = torch.arange(29).expand(count, -1) % 2 == 0
    return RegionBatch(
        films=torch.randn(count, 1, 64, 64, generator=generator),
        boxes=torch.cat([corners, corners + 20], -1),
        known=torch.ones(count, 29, dtype=torch.bool),
        described=described,
        abnormal=torch.arange(29).expand(count, -1) % 5 == 0,
        tokens=tokens,
        lengths=described * 6,
    )


def _losses(stage: str, **weights: float) -> RGRGLosses:
    torch.manual_seed(0)
    positive = {"selection_positive": 1.0, "abnormal_positive": 1.0}
    return RGRGLosses(
        DetectorNet(LAYOUT),
        DecoderNet(DECODER),
        stage,  # type: ignore[arg-type]
        LossWeights(**(positive | weights)),
        sampled=16,
    )


@pytest.mark.parametrize(
    ("stage", "terms"),
    [
        ("detector", set()),
        ("heads", {"selection", "abnormality"}),
        ("all", {"selection", "abnormality", "language"}),
    ],
)
def test_each_stage_has_its_terms_and_total_is_their_sum(stage: str, terms: set[str]) -> None:
    faster_rcnn = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}
    result = _losses(stage)(_batch())
    assert set(result) == faster_rcnn | terms | {"total"}
    parts = torch.stack([value for name, value in result.items() if name != "total"])
    torch.testing.assert_close(result["total"], parts.sum())


def test_the_published_weights_are_the_default() -> None:
    weights = LossWeights()
    assert (weights.detector, weights.selection, weights.abnormality, weights.language) == (
        1, 5, 5, 2,
    )  # fmt: skip


def test_a_weight_scales_its_term() -> None:
    torch.manual_seed(1)
    one = _losses("all", language=1.0)(_batch())["language"]
    torch.manual_seed(1)
    two = _losses("all", language=2.0)(_batch())["language"]
    torch.testing.assert_close(2 * one, two)


def test_only_what_a_stage_trains_gets_gradients() -> None:
    losses = _losses("heads")
    losses(_batch())["total"].backward()
    assert all(p.grad is None for p in losses.decoder.parameters())
    assert all(p.grad is not None for p in losses.detector.selection.parameters())


def test_films_without_boxes_and_sentences_cost_only_what_they_can() -> None:
    batch = _batch()
    bare = batch._replace(
        known=torch.zeros_like(batch.known), lengths=torch.zeros_like(batch.lengths)
    )
    result = _losses("all")(bare)
    assert torch.isfinite(result["total"])
    assert result["language"] == 0


def test_a_tokens_loss_ignores_what_fills_up() -> None:
    torch.manual_seed(0)
    decoder = DecoderNet(DECODER).eval()
    vectors, tokens = torch.randn(1, 16), torch.tensor([[0, 5, 6, 0]])
    filled = torch.tensor([[0, 5, 6, 0, 0, 0]])
    short = token_losses(decoder, vectors, tokens, torch.tensor([4]))
    torch.testing.assert_close(short, token_losses(decoder, vectors, filled, torch.tensor([4])))
    logits = decoder(vectors, tokens[:, :-1])[0]
    torch.testing.assert_close(
        short, functional.cross_entropy(logits, tokens[0, 1:], reduction="none")
    )


def test_pooling_on_the_cpu_equals_torchvisions() -> None:
    torch.manual_seed(0)
    net = DetectorNet(LAYOUT)
    maps = torch.randn(2, LAYOUT.channels, 2, 2, requires_grad=True)
    boxes = [torch.tensor([[3.0, 5.0, 40.0, 61.0]]), torch.tensor([[10.0, 0.0, 12.0, 30.0]])]
    own = pooled(net, maps, boxes)
    theirs = net.roi_heads.box_roi_pool({"0": maps}, boxes, [(64, 64)] * 2)
    torch.testing.assert_close(own, theirs, rtol=1e-4, atol=1e-5)
    weights = torch.randn_like(own)
    [mine] = torch.autograd.grad((own * weights).sum(), maps)
    [other] = torch.autograd.grad((theirs * weights).sum(), maps)
    torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
