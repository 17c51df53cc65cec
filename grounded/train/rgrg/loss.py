"""What the region-guided model is trained to minimise, in three stages.

Tanida et al., CVPR 2023: the detector; with the two heads; everything, with the sentence decoder.
loss = detector + 5 selection + 5 abnormality + 2 language. The detector's part is the sum of Faster
R-CNN's four losses. Heads and decoder learn from the regions that the detector finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import fastrcnn_loss

from grounded.detectors.rgrg.net import DetectorNet, sampling_weights
from grounded.generators.rgrg.net import DecoderNet

Stage = Literal["detector", "heads", "all"]


class RegionBatch(NamedTuple):
    """B films with what is known of their 29 regions; boxes in the model frame.

    films: (B, 1, S, S), normalised. boxes: (B, 29, 4), 0 where not known. known, described,
    abnormal: (B, 29). tokens: (B, 29, T), each sentence between two stop tokens, filled up with
    stop tokens. lengths: (B, 29), of the sentences with both stops; 0 without a sentence.
    """

    films: Tensor
    boxes: Tensor
    known: Tensor
    described: Tensor
    abnormal: Tensor
    tokens: Tensor
    lengths: Tensor

    def to(self, device: torch.device) -> RegionBatch:
        return RegionBatch(*(tensor.to(device, non_blocking=True) for tensor in self))


class _Spoken(NamedTuple):
    """The proposal that speaks for each region, (B, 29, 4), and whether one does, (B, 29)."""

    proposals: Tensor
    detected: Tensor


@dataclass(frozen=True)
class LossWeights:
    """The weights of the four parts. selection_positive, abnormal_positive: how much more a
    positive region counts than a negative one; 0 takes their ratio in the training table."""

    detector: float = 1.0
    selection: float = 5.0
    abnormality: float = 5.0
    language: float = 2.0
    selection_positive: float = 0.0
    abnormal_positive: float = 0.0


class RGRGLosses(nn.Module):
    """The whole model with its losses as `forward`, so that several processes can share it.

    sampled: proposals of a film that the box head learns from. sentences: at most so many a batch
    go through the decoder. Both are drawn at random. Parameters that the stage does not train are
    frozen.
    """

    def __init__(
        self,
        detector: DetectorNet,
        decoder: DecoderNet,
        stage: Stage,
        weights: LossWeights,
        *,
        sampled: int = 512,
        sentences: int = 128,
    ) -> None:
        super().__init__()
        self.detector, self.decoder = detector, decoder
        self.stage, self.weights, self.sentences = stage, weights, sentences
        detector.roi_heads.fg_bg_sampler.batch_size_per_image = sampled
        heads = (detector.dim_reduction, detector.selection, detector.abnormal)
        for part in heads:
            part.requires_grad_(stage != "detector")
        decoder.requires_grad_(stage == "all")

    def forward(self, batch: RegionBatch) -> dict[str, Tensor]:
        """The weighted terms by name, and their sum as "total"."""
        maps = self.detector.encode(batch.films).float()
        terms, spoken = self._detect(maps, batch)
        if self.stage != "detector":
            vectors, head_terms = self._read(maps, spoken, batch)
            terms |= head_terms
            if self.stage == "all":
                chosen = spoken.detected & (batch.lengths > 0)
                terms["language"] = self.weights.language * self._say(vectors, chosen, batch)
        return {**terms, "total": torch.stack(list(terms.values())).sum()}

    def _detect(self, maps: Tensor, batch: RegionBatch) -> tuple[dict[str, Tensor], _Spoken]:
        """Faster R-CNN's losses, and the sampled proposals that speak for the regions."""
        net, heads = self.detector, self.detector.roi_heads
        targets = _targets(batch)
        sizes = [(net.layout.side,) * 2] * len(batch.films)
        with torch.autocast(maps.device.type, enabled=False):  # boxes need float32
            proposals, terms = net.rpn(ImageList(batch.films, sizes), {"0": maps}, targets)
            sampled, _, labels, deltas = heads.select_training_samples(proposals, targets)
        logits, moves = heads.box_predictor(heads.box_head(pooled(net, maps, sampled)))
        classed, moved = fastrcnn_loss(logits.float(), moves.float(), labels, deltas)
        terms = {**terms, "loss_classifier": classed, "loss_box_reg": moved}
        terms = {name: self.weights.detector * value for name, value in terms.items()}
        rows = torch.split(logits.detach().float(), [len(part) for part in sampled])
        pairs = [_speak_for(*pair) for pair in zip(sampled, rows, strict=True)]
        return terms, _Spoken(*map(torch.stack, zip(*pairs, strict=True)))

    def _read(
        self, maps: Tensor, spoken: _Spoken, batch: RegionBatch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        readings = self.detector.read(maps, list(spoken.proposals))
        weights = self.weights
        selection = _binary(
            readings.selection_logits, batch.described, spoken.detected, weights.selection_positive
        )
        abnormal = _binary(
            readings.abnormal_logits, batch.abnormal, spoken.detected, weights.abnormal_positive
        )
        return readings.vectors, {
            "selection": weights.selection * selection,
            "abnormality": weights.abnormality * abnormal,
        }

    def _say(self, vectors: Tensor, chosen: Tensor, batch: RegionBatch) -> Tensor:
        """Mean loss of a token. Without sentences 0, with all gradients, which DDP asks for."""
        rows = chosen.flatten().nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), device=rows.device)[: self.sentences]]
        if not len(rows):
            silent: Tensor = self.decoder(vectors[:1], batch.tokens[0, :1, :1])
            return 0.0 * silent.float().sum()
        lengths = batch.lengths.flatten()[rows]
        tokens = batch.tokens.flatten(0, 1)[rows, : int(lengths.max())]
        return token_losses(self.decoder, vectors[rows], tokens, lengths).mean()


def pooled(net: DetectorNet, maps: Tensor, boxes: list[Tensor]) -> Tensor:
    """The pooled maps (P, C, 8, 8) of all films' boxes (P), as the box head reads them.

    torchvision's backward pass on a CPU takes most of a step; the same sum as two matrix products
    takes little of it.
    """
    if maps.device.type != "cpu":
        sizes = [(net.layout.side,) * 2] * len(maps)
        cells: Tensor = net.roi_heads.box_roi_pool({"0": maps}, boxes, sizes)
        return cells
    parts = []
    for map_, film_boxes in zip(maps, boxes, strict=True):
        down, across = sampling_weights(film_boxes, (map_.shape[1], map_.shape[2]))
        rows = torch.einsum("nyh,chw->ncyw", down, map_)
        parts.append(torch.einsum("ncyw,nxw->ncyx", rows, across))
    return torch.cat(parts)


def token_losses(decoder: DecoderNet, vectors: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
    """Minus the log-probability of each token after the first, of all N sentences in one (M,).

    vectors: (N, D). tokens: (N, T). lengths: (N,), what counts of each sentence.
    """
    logits = decoder(vectors, tokens[:, :-1]).float()  # (N, T - 1, V)
    places = torch.arange(tokens.shape[1] - 1, device=tokens.device)
    counts = places < lengths[:, None] - 1
    return functional.cross_entropy(logits[counts], tokens[:, 1:][counts], reduction="none")


def _speak_for(proposals: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """The proposal that speaks for each region, chosen as DetectorNet.choose does: (P, 4) and
    (P, 30) to (29, 4) and (29,)."""
    probabilities = logits.softmax(-1)[:, 1:]
    own = functional.one_hot(probabilities.argmax(1), probabilities.shape[1])  # (P, 29)
    best = (probabilities * own).argmax(0)
    return proposals[best], own.any(0)


def _targets(batch: RegionBatch) -> list[dict[str, Tensor]]:
    """Targets in torchvision's form; label 0 is the background."""
    return [
        {"boxes": boxes[known], "labels": known.nonzero()[:, 0] + 1}
        for boxes, known in zip(batch.boxes, batch.known, strict=True)
    ]


def _binary(logits: Tensor, truth: Tensor, counts: Tensor, positive: float) -> Tensor:
    """Cross entropy over the regions that count: logits (B * 29,), truth and counts (B, 29)."""
    counted = counts.flatten()
    if not counted.any():
        return 0.0 * logits.float().sum()
    return functional.binary_cross_entropy_with_logits(
        logits.float()[counted],
        truth.flatten()[counted].float(),
        pos_weight=torch.tensor(positive, device=logits.device),
    )
