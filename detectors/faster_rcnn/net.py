"""RegionRCNN: torchvision's Faster R-CNN that gives one best box a region. Model frame only."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import (
    BackboneWithFPN,
    mobilenet_backbone,
    resnet_fpn_backbone,
)
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList

BACKBONES = ("mobilenet_v3_large", "resnet18", "resnet34", "resnet50")
SIZES = (0.06, 0.12, 0.25, 0.45, 0.85)  # of anchors, as parts of the side
RATIOS = (0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 5.0)  # height over width: from hemidiaphragm to spine
MEAN, DEVIATION = 0.5, 0.25


class RegionOutput(NamedTuple):
    """What RegionRCNN says of B films about R regions.

    boxes: (B, R, 4) x0 y0 x1 y1, model pixels. scores: (B, R) in 0..1, the softmax of the box's own
    proposal. features: (B, D, h, w), the finest map of the pyramid.
    """

    boxes: Tensor
    scores: Tensor
    features: Tensor


class RegionTargets(NamedTuple):
    """What is known of one film: boxes (N, 4) in model pixels, labels (N,) from 0, and of which
    regions the film is annotated at all, known (R,) bool."""

    boxes: Tensor
    labels: Tensor
    known: Tensor


class RegionRCNN(nn.Module):
    """The network. regions: R. side: S of its square input. backbone: one of BACKBONES.

    head: the width of the layers that classify a box. sampled: the proposals of a film that the
    loss looks at. No weights are downloaded.
    """

    def __init__(
        self,
        regions: int = 29,
        side: int = 320,
        backbone: str = "mobilenet_v3_large",
        head: int = 1024,
        sampled: int = 256,
    ) -> None:
        super().__init__()
        if backbone not in BACKBONES or side % 32:
            raise ValueError(
                f"backbone is one of {BACKBONES} and side a multiple of 32, "
                f"got {backbone!r} and {side}"
            )
        self.regions, self.side = regions, side
        body, levels = _backbone(backbone)
        self.parts = FasterRCNN(
            body,
            rpn_anchor_generator=_anchors(levels, side),
            rpn_pre_nms_top_n_train=1000,
            rpn_post_nms_top_n_train=500,
            rpn_pre_nms_top_n_test=500,
            rpn_post_nms_top_n_test=300,
            box_batch_size_per_image=sampled,
            box_positive_fraction=0.5,  # 29 regions crowd one film
            box_head=TwoMLPHead(body.out_channels * 7 * 7, head),
            box_predictor=FastRCNNPredictor(head, regions + 1),  # the background comes first
        )

    def forward(self, films: Tensor) -> RegionOutput:
        """Films (B, 1, S, S) to the best box of each region."""
        images, maps = self._encode(films)
        proposals, _ = self.parts.rpn(images, maps)
        logits, deltas = self._classify(maps, proposals, images)
        decoded = self.parts.roi_heads.box_coder.decode(deltas, proposals)  # (P, R + 1, 4)
        counts = [len(of_film) for of_film in proposals]
        chosen = [
            self._best(scores, boxes)
            for scores, boxes in zip(
                torch.split(logits.softmax(dim=1), counts),
                torch.split(decoded, counts),
                strict=True,
            )
        ]
        return RegionOutput(
            torch.stack([boxes for boxes, _ in chosen]),
            torch.stack([scores for _, scores in chosen]),
            next(iter(maps.values())),
        )

    def losses(self, films: Tensor, targets: list[RegionTargets]) -> dict[str, Tensor]:
        """The terms of the loss for films (B, 1, S, S); the network must be in training mode."""
        images, maps = self._encode(films)
        wanted = [{"boxes": t.boxes, "labels": t.labels + 1} for t in targets]
        proposals, terms = self.parts.rpn(images, maps, wanted)
        heads = self.parts.roi_heads
        proposals, _, labels, goals = heads.select_training_samples(proposals, wanted)
        logits, deltas = self._classify(maps, proposals, images)
        unknown = torch.cat(
            [
                functional.pad(~t.known, (1, 0)).expand(len(of_film), -1)
                for t, of_film in zip(targets, proposals, strict=True)
            ]
        )
        logits = logits.masked_fill(unknown, -1e4)  # an unannotated region is no background
        flat = torch.cat(labels)
        terms["loss_classifier"] = functional.cross_entropy(logits, flat)
        terms["loss_box_reg"] = _box_loss(deltas, flat, torch.cat(goals))
        return dict(terms)

    def _encode(self, films: Tensor) -> tuple[ImageList, dict[str, Tensor]]:
        grey = ((films - MEAN) / DEVIATION).expand(-1, 3, -1, -1)
        maps: dict[str, Tensor] = self.parts.backbone(grey)
        return ImageList(grey, [(self.side, self.side)] * len(films)), maps

    def _classify(
        self, maps: dict[str, Tensor], proposals: list[Tensor], images: ImageList
    ) -> tuple[Tensor, Tensor]:
        heads = self.parts.roi_heads
        pooled = heads.box_roi_pool(maps, proposals, images.image_sizes)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        return logits, deltas

    def _best(self, scores: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """For each region the box of the proposal that is surest of it: (R, 4) and (R,)."""
        if not len(scores):
            return boxes.new_zeros((self.regions, 4)), scores.new_zeros(self.regions)
        best, rows = scores[:, 1:].max(dim=0)
        columns = torch.arange(1, self.regions + 1, device=rows.device)
        return boxes[rows, columns].clamp(0, self.side), best


def _backbone(name: str) -> tuple[BackboneWithFPN, int]:
    if name == "mobilenet_v3_large":
        body = mobilenet_backbone(
            backbone_name=name,
            weights=None,
            fpn=True,
            norm_layer=nn.BatchNorm2d,
            trainable_layers=6,
        )
        return body, 3
    body = resnet_fpn_backbone(
        backbone_name=name, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    return body, 5


def _anchors(levels: int, side: int) -> AnchorGenerator:
    """All sizes on every level of a short pyramid, one size a level on a long one."""
    sizes = tuple(round(size * side) for size in SIZES)
    of_level = tuple((size,) for size in sizes) if levels == len(sizes) else (sizes,) * levels
    return AnchorGenerator(of_level, (RATIOS,) * levels)


def _box_loss(deltas: Tensor, labels: Tensor, goals: Tensor) -> Tensor:
    """Smooth L1 over the boxes of the true classes, as in torchvision's Fast R-CNN head."""
    positive = torch.where(labels > 0)[0]
    of_class = deltas.reshape(len(labels), -1, 4)[positive, labels[positive]]
    loss = functional.smooth_l1_loss(of_class, goals[positive], beta=1 / 9, reduction="sum")
    return loss / max(labels.numel(), 1)
