"""How far a reading is from what is known: by film and reader, by region, by cell, and the view."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from grounded.generators.neural.finding_net import shares
from grounded.train.findings.films import FINE, Batch, Taught
from grounded.train.findings.network import ReadingNet
from grounded.train.findings.truth import LABELS

ENOUGH = 0.4  # the share of a cell that an object has to cover to count in full
SOFT = 0.02  # nobody is surer than that
REGIONS, CELLS, VIEWS = 0.5, 0.7, 0.1  # the weights of the terms beside the film's


def losses(
    net: ReadingNet, maps: Tensor, batch: Batch, trust: Tensor, rare: Tensor, teachers: float = 0.0
) -> dict[str, Tensor]:
    """The terms, and their weighed sum as "total".

    maps: (B, F + 1, h, w). trust: (READERS,) the weight of each reader. rare: (F,) the weight of a
    finding's presence against its absence. teachers: the weight of what they say.
    """
    maps, count = maps.float(), len(LABELS)
    height, width = maps.shape[2:]
    covered = shares(batch.boxes * batch.boxes.new_tensor([width, height] * 2), height, width)
    logits = net.findings(maps, covered, batch.kinds.clamp(min=0))  # (B, R, F + 1)
    film = _readers(net.habits(logits[:, 0, :count]), batch.read, trust, rare)
    regions = _mean(logits[:, 1:, :count], batch.regions[:, 1:], rare)
    cells = _cells(maps[:, :count], batch)
    view = _mean(logits[:, 0, count], batch.view, maps.new_ones(()))
    terms = {"film": film, "regions": regions, "cells": cells, "view": view}
    total = film + REGIONS * regions + CELLS * cells + VIEWS * view
    if batch.taught is not None:
        terms["taught"] = _taught(logits[..., :count], maps[:, :count], batch.taught)
        total = total + teachers * terms["taught"]
    return {**terms, "total": total}


def _entropy(logits: Tensor, target: Tensor, rare: Tensor) -> Tensor:
    """Cross-entropy with presence weighed by `rare`, softened a little."""
    soft = target * (1 - 2 * SOFT) + SOFT
    return functional.binary_cross_entropy_with_logits(
        logits, soft, pos_weight=rare.expand_as(logits), reduction="none"
    )


def _mean(logits: Tensor, target: Tensor, rare: Tensor) -> Tensor:
    valid = torch.isfinite(target)
    each = _entropy(logits, target.nan_to_num(), rare) * valid
    return each.sum() / valid.sum().clamp(min=1)


def _readers(said: Tensor, read: Tensor, trust: Tensor, rare: Tensor) -> Tensor:
    """The mean over films. Radiologists who read a film silence the labels of its report."""
    valid = torch.isfinite(read)
    weight = valid * trust[:, None]
    weight[:, -1] *= ~valid[:, 0]
    each = _entropy(said, read.nan_to_num(), rare) * weight
    return each.sum() / (len(read) * len(LABELS) / 2)


def _taught(logits: Tensor, evidence: Tensor, taught: Taught) -> Tensor:
    """How far film, regions and cells are from what teachers say of them."""

    def apart(said: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        each = functional.binary_cross_entropy_with_logits(
            said, target.nan_to_num(), reduction="none"
        )
        weight = weight.expand_as(each)
        return (each * weight).sum() / weight.sum().clamp(min=1)

    film = apart(logits[:, 0], taught.film, taught.film.isfinite().float())
    beside = taught.regions[:, 1:]
    regions = apart(logits[:, 1:], beside, beside.isfinite().float())
    return film + REGIONS * regions + CELLS * apart(evidence, taught.cells, taught.weights)


def _cells(evidence: Tensor, batch: Batch) -> Tensor:
    """Inside and outside of objects weigh the same where there are any."""
    share = functional.avg_pool2d(batch.cells, FINE)
    weight = functional.avg_pool2d(batch.weights, FINE)
    target = (share / ENOUGH).clamp(max=1)
    each = functional.binary_cross_entropy_with_logits(evidence, target, reduction="none")
    inside, outside = weight * target, weight * (1 - target)
    there = (inside.sum(dim=(2, 3)) > 0.2).float()  # (B, F)
    known = (outside.sum(dim=(2, 3)) > 0).float()
    hit = (each * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp(min=1e-3)
    clear = (each * outside).sum(dim=(2, 3)) / outside.sum(dim=(2, 3)).clamp(min=1e-3)
    return ((hit * there).sum() + (clear * known).sum()) / known.sum().clamp(min=1)
