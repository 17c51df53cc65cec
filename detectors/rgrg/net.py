"""The network of RGRG's detector: a Faster R-CNN that gives one box, or none, to each region.

Tanida et al., "Interactive and Explainable Region-guided Radiology Report Generation", CVPR 2023,
sections 3.1 and 3.2. The parts are torchvision's: a ResNet-50 with a one-channel first convolution,
its last map only (no pyramid), the proposal network and the two-layer head. Tensors only; boxes are
x0 y0 x1 y1 in the model frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.ops import MultiScaleRoIAlign, clip_boxes_to_image

from grounded.chest.names import REGIONS

POOLED = 8  # cells along each side of a pooled region
SAMPLES = 2  # along each side of a cell, when a region is pooled
STRIDE = 32  # pixels of the film to one cell of the map, along each axis
MEAN, STD = 0.471, 0.302  # of the films (0..1) that the published weights were trained on
CHOSEN_ABOVE = -1.0  # logits above this count as selected, or as abnormal


@dataclass(frozen=True, slots=True)
class DetectorLayout:
    """The sizes of the network; the defaults are the published ones.

    stages: blocks in each of ResNet's four stages; bottleneck: whether they are bottleneck blocks.
    side: of the square input, pixels. proposals: kept before and after the suppression of
    overlaps. head, features: widths of the box head and of a region's feature vector.
    """

    stages: tuple[int, int, int, int] = (3, 4, 6, 3)
    bottleneck: bool = True
    side: int = 512
    anchor_sizes: tuple[int, ...] = (20, 40, 60, 80, 100, 120, 140, 160, 180, 300)
    anchor_ratios: tuple[float, ...] = (
        *(0.2, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        *(1.0, 1.3, 1.5, 2.1, 2.6, 3.0, 5.0, 8.0),
    )
    proposals: int = 1000
    head: int = 1024
    features: int = 1024
    classifier: tuple[int, int] = (512, 128)

    @property
    def channels(self) -> int:
        """Channels of the last map: 2048 with bottleneck blocks."""
        return 512 * (Bottleneck if self.bottleneck else BasicBlock).expansion  # type: ignore[no-any-return]


class Choice(NamedTuple):
    """For B films, the proposal that stands for each of the 29 regions.

    proposals, boxes: (B, 29, 4), before and after the regression of the region's own box.
    scores: (B, 29), 0 where a region is not detected. detected: (B, 29).
    """

    proposals: Tensor
    boxes: Tensor
    scores: Tensor
    detected: Tensor


class Readings(NamedTuple):
    """What the network reads in N boxes. vectors: (N, D). The two logits: (N,)."""

    vectors: Tensor
    selection_logits: Tensor
    abnormal_logits: Tensor


class DetectorNet(nn.Module):
    """Films (B, 1, side, side), normalised, to maps; maps to boxes; boxes to readings.

    The three steps are apart so that a film is encoded once and read in any box.
    """

    def __init__(self, layout: DetectorLayout | None = None) -> None:
        super().__init__()
        self.layout = layout = layout or DetectorLayout()
        self.backbone = _backbone(layout)
        self.rpn = _proposal_network(layout)
        self.roi_heads = _box_heads(layout)
        self.dim_reduction = nn.Linear(layout.channels, layout.features)
        self.selection = _classifier(layout)
        self.abnormal = _classifier(layout)
        self.fast_head: nn.Module | None = None  # stands for pooling and box head; see rgrg_fast

    def encode(self, films: Tensor) -> Tensor:
        """The maps (B, C, side / 32, side / 32)."""
        maps: Tensor = self.backbone(films)
        return maps

    def propose(self, maps: Tensor) -> list[Tensor]:
        """The boxes (P, 4) in each film that are worth a look, best first."""
        proposals: list[Tensor] = self.rpn(self._image_list(maps), {"0": maps})[0]
        return proposals

    def classify(self, maps: Tensor, proposals: list[Tensor]) -> tuple[Tensor, Tensor]:
        """For all films' proposals (P): logits (P, 30) and box regressions (P, 30 * 4)."""
        if self.fast_head is not None:
            hidden = self.fast_head(maps, proposals)  # (P, head)
        else:
            sizes = self._image_list(maps).image_sizes
            pooled = self.roi_heads.box_roi_pool({"0": maps}, proposals, sizes)  # (P, C, 8, 8)
            hidden = self.roi_heads.box_head(pooled)
        logits, deltas = self.roi_heads.box_predictor(hidden)
        return logits, deltas

    def choose(self, maps: Tensor, proposals: list[Tensor]) -> Choice:
        """One proposal and one box for each region (section 3.1 of the paper)."""
        logits, deltas = self.classify(maps, proposals)
        decoded: Tensor = self.roi_heads.box_coder.decode(deltas.float(), proposals)  # (P, 30, 4)
        decoded = clip_boxes_to_image(decoded, (self.layout.side, self.layout.side))
        counts = [len(p) for p in proposals]
        rows = zip(
            proposals,
            torch.split(decoded, counts),
            torch.split(logits.float(), counts),
            strict=True,
        )
        return Choice(*map(torch.stack, zip(*(_choose(*row) for row in rows), strict=True)))

    def read(self, maps: Tensor, boxes: list[Tensor]) -> Readings:
        """What stands in boxes (N, 4) of each film; the readings of all films in one."""
        means = torch.cat([_mean(*pair) for pair in zip(maps, boxes, strict=True)])  # (N, C)
        vectors = self.dim_reduction(means)  # (N, D)
        return Readings(vectors, self.selection(vectors)[:, 0], self.abnormal(vectors)[:, 0])

    def forward(self, films: Tensor) -> tuple[Choice, Readings]:
        """The published pass: a region is read where its proposal lies. Readings: (B * 29, ...)."""
        maps = self.encode(films)
        choice = self.choose(maps, self.propose(maps))
        return choice, self.read(maps, list(choice.proposals))

    def _image_list(self, maps: Tensor) -> Any:
        side = self.layout.side
        return ImageList(maps.new_empty(len(maps), 1, side, side), [(side, side)] * len(maps))


def sampling_weights(boxes: Tensor, cells: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """RoIAlign as two small matrices: how much each row, and each column, of a map counts.

    For boxes (N, 4) on a map of (h, w) cells: (N, 8, h) and (N, 8, w). A pooled value is the sum of
    the map times both; it equals torchvision's roi_align with 8 x 8 cells, two samples a side and
    aligned=False, which is the same sum, bilinear and therefore separable.
    """
    height, width = cells
    across = _axis_weights(boxes[:, 0] / STRIDE, boxes[:, 2] / STRIDE, width)
    down = _axis_weights(boxes[:, 1] / STRIDE, boxes[:, 3] / STRIDE, height)
    return down, across


def _axis_weights(low: Tensor, high: Tensor, cells: int) -> Tensor:
    """(N, 8, cells) for the extents low to high (N,), in cells."""
    length = (high - low).clamp(min=1.0)
    count = POOLED * SAMPLES
    parts = (torch.arange(count, device=low.device) + 0.5) / count
    places = low[:, None] + length[:, None] * parts  # (N, 16)
    inside = (places >= -1) & (places <= cells)
    places = places.clamp(0, cells - 1)[:, :, None]
    near = (1 - (places - torch.arange(cells, device=low.device)).abs()).clamp(min=0)
    weights = (near * inside[:, :, None]).view(-1, POOLED, SAMPLES, cells)
    return weights.mean(2)


def _mean(map_: Tensor, boxes: Tensor) -> Tensor:
    """The mean (N, C) of each box's 8 x 8 pooled values of one map (C, h, w)."""
    down, across = sampling_weights(boxes, (map_.shape[1], map_.shape[2]))
    weights = down.mean(1)[:, :, None] * across.mean(1)[:, None]  # (N, h, w)
    return weights.flatten(1) @ map_.flatten(1).T


def _choose(
    proposals: Tensor, decoded: Tensor, logits: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Choice's four fields for one film.

    Each proposal speaks only for the region that it resembles most; each region takes the proposal
    that speaks for it with the highest probability. A region that no proposal speaks for is not
    detected; its score is 0 and it takes the first proposal, which keeps the shapes.
    """
    regions = len(REGIONS)
    if not len(proposals):
        nothing = proposals.new_zeros(regions, 4)
        none = torch.zeros(regions, dtype=torch.bool, device=proposals.device)
        return nothing, nothing, proposals.new_zeros(regions), none
    probabilities = logits.softmax(-1)[:, 1:]  # (P, 29)
    own = nn.functional.one_hot(probabilities.argmax(1), regions)  # (P, 29)
    scores, best = (probabilities * own).max(0)
    order = torch.arange(regions, device=best.device)
    return proposals[best], decoded[best, order + 1], scores, own.any(0)


def _backbone(layout: DetectorLayout) -> nn.Sequential:
    resnet = ResNet(Bottleneck if layout.bottleneck else BasicBlock, list(layout.stages))
    resnet.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return nn.Sequential(*list(resnet.children())[:-2])


def _proposal_network(layout: DetectorLayout) -> nn.Module:
    anchors = AnchorGenerator((layout.anchor_sizes,), (layout.anchor_ratios,))
    count = len(layout.anchor_sizes) * len(layout.anchor_ratios)
    network: nn.Module = RegionProposalNetwork(
        anchors,
        RPNHead(layout.channels, count),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=256,
        positive_fraction=0.5,
        pre_nms_top_n={"training": 2 * layout.proposals, "testing": layout.proposals},
        post_nms_top_n={"training": 2 * layout.proposals, "testing": layout.proposals},
        nms_thresh=0.7,
    )
    return network


def _box_heads(layout: DetectorLayout) -> Any:
    classes = len(REGIONS) + 1
    return RoIHeads(
        MultiScaleRoIAlign(["0"], POOLED, sampling_ratio=2),
        TwoMLPHead(layout.channels * POOLED**2, layout.head),
        FastRCNNPredictor(layout.head, classes),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=512,
        positive_fraction=0.25,
        bbox_reg_weights=None,
        score_thresh=0.05,
        nms_thresh=0.5,
        detections_per_img=100,
    )


def _classifier(layout: DetectorLayout) -> nn.Sequential:
    wide, narrow = layout.classifier
    return nn.Sequential(
        nn.Linear(layout.features, wide),
        nn.ReLU(),
        nn.Linear(wide, narrow),
        nn.ReLU(),
        nn.Linear(narrow, 1),
    )
