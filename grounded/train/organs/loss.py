"""What OrganNet is trained to minimise; what was not annotated costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from grounded.detectors.organs.net import OrganOutput
from grounded.train.organs.samples import OrganSample


@dataclass(frozen=True)
class LossWeights:
    """The weight of each term.

    profile: the outline's shadow on the two axes against the box's; box_profile: the same where
    only a box was drawn. outside: outline logits outside of a box that was drawn without outline.
    """

    cross_entropy: float = 1.0
    dice: float = 1.0
    profile: float = 0.3
    box_profile: float = 0.5
    outside: float = 0.3
    edge: float = 5.0
    overlap: float = 1.0
    presence: float = 0.3


def organ_loss(
    output: OrganOutput, sample: OrganSample, weights: LossWeights, slack: float = 0.0
) -> dict[str, Tensor]:
    """The weighted terms by name, and their sum as "total". Both in the model frame, batched.

    slack: how far an organ may end from a box that was drawn without outline, as part of the box's
    size, at no cost: such boxes are drawn less exactly, and to another convention.
    """
    logits = output.mask_logits.float()
    side = logits.shape[-1]
    has_mask, has_box = sample.has_mask, sample.has_box
    only_box = has_box * (1 - has_mask)
    masks = functional.avg_pool2d(sample.masks, sample.masks.shape[-1] // side)
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    organ = has_mask * has_box  # in the film, with an outline

    size = (sample.boxes[..., 2:] - sample.boxes[..., :2]).repeat(1, 1, 2)  # (B, 5, 4)
    margin = slack * size * only_box[..., None]
    outwards = margin * margin.new_tensor([-1, -1, 1, 1])
    x_outer, y_outer = _shadows(sample.boxes + outwards, side)  # (B, 5, S)
    profile = _shadow_loss(
        logits,
        _shadows(sample.boxes, side),
        (x_outer, y_outer),
        _shadows(sample.boxes - outwards, side),
    )
    outside = functional.softplus(logits) * (1 - y_outer[..., :, None] * x_outer[..., None, :])

    distance, overlap = _box_terms(output.edges.float(), sample.boxes, margin)
    presence = functional.binary_cross_entropy_with_logits(
        output.presence_logits.float(), sample.present, reduction="none"
    )
    terms = {
        "cross_entropy": weights.cross_entropy * 4 * _mean(entropy.mean(dim=(2, 3)), has_mask),
        "dice": weights.dice * _mean(_dice_loss(logits, masks), organ),
        "profile": weights.profile * _mean(profile, organ),
        "box_profile": weights.box_profile * _mean(profile, only_box),
        "outside": weights.outside * 4 * _mean(outside.mean(dim=(2, 3)), only_box),
        "edge": weights.edge * _mean(distance, has_box),
        "overlap": weights.overlap * _mean(1 - overlap, organ if slack else has_box),
        "presence": weights.presence * _mean(presence, sample.has_presence),
    }
    return {**terms, "total": torch.stack(list(terms.values())).sum()}


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """One minus the soft Dice coefficient of each organ: (B, 5)."""
    probability = logits.sigmoid()
    shared = (probability * masks).sum(dim=(2, 3))
    return 1 - (2 * shared + 1) / (probability.sum(dim=(2, 3)) + masks.sum(dim=(2, 3)) + 1)


def _shadows(boxes: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """How much of each of `side` columns and rows lies in boxes (B, 5, 4): two of (B, 5, S)."""
    cells = torch.arange(side, device=boxes.device, dtype=boxes.dtype)
    start, end = boxes[..., :2, None] * side, boxes[..., 2:, None] * side  # (B, 5, 2, 1)
    inside = (torch.minimum(cells + 1, end) - torch.maximum(cells, start)).clamp(0, 1)
    return inside[:, :, 0], inside[:, :, 1]


def _shadow_loss(
    logits: Tensor,
    shadows: tuple[Tensor, Tensor],
    outer: tuple[Tensor, Tensor],
    inner: tuple[Tensor, Tensor],
) -> Tensor:
    """Cross entropy between the largest logit of each column and row and the box's shadow: (B, 5).

    Columns and rows between the outer and the inner shadow do not count.
    """
    loss = logits.new_zeros(logits.shape[:2])
    for axis, shadow, widest, narrowest in zip((2, 3), shadows, outer, inner, strict=True):
        entropy = functional.binary_cross_entropy_with_logits(
            logits.amax(dim=axis), shadow, reduction="none"
        )
        loss = loss + (entropy * (1 - (widest - narrowest).clamp(0, 1))).mean(dim=2)
    return loss


def _box_terms(edges: Tensor, boxes: Tensor, margin: Tensor) -> tuple[Tensor, Tensor]:
    """Mean edge distance beyond a margin, and overlap, of boxes (B, 5, 4) and boxes: (B, 5)."""
    beyond = ((edges - boxes).abs() - margin).clamp(min=0)
    distance = functional.smooth_l1_loss(
        beyond, torch.zeros_like(beyond), beta=0.01, reduction="none"
    ).mean(dim=2)
    low = torch.maximum(edges[..., :2], boxes[..., :2])
    high = torch.minimum(edges[..., 2:], boxes[..., 2:])
    shared = (high - low).clamp(min=0).prod(dim=2)
    area = (edges[..., 2:] - edges[..., :2]).clamp(min=0).prod(dim=2)
    truth = (boxes[..., 2:] - boxes[..., :2]).prod(dim=2)
    return distance, shared / (area + truth - shared).clamp(min=1e-6)
