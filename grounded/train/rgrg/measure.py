"""What a stage of the region-guided model has learned, on films that it was not trained on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.ops import box_iou

from grounded.chest.names import REGIONS
from grounded.detectors.rgrg.net import CHOSEN_ABOVE
from grounded.evaluate.scores import pooled_scores
from grounded.train.rgrg.loss import RegionBatch, RGRGLosses, token_losses
from grounded.train.rgrg.samples import RegionSamples


@torch.inference_mode()
def measure(
    losses: RGRGLosses, samples: RegionSamples, batch: int, device: torch.device
) -> dict[str, float]:
    """Regions found of 29, mean IoU (a region that is not found counts 0), and, as far as the stage
    trains them, F1 of selection and abnormality and the mean loss of a sentence's token."""
    losses.eval()
    loader = DataLoader(samples, batch_size=batch, collate_fn=samples.collate)
    parts = [_measured(losses, films.to(device)) for films in loader]
    found, overlaps, truth, said, spoken = (
        torch.cat([part[place] for part in parts]) for place in range(5)
    )
    figures = {
        f"regions found of {len(REGIONS)}": float(found.float().sum(1).mean()),
        "mean IoU": float(overlaps.mean()),
    }
    if losses.stage != "detector":
        for place, name in enumerate(("selection", "abnormality")):
            scores = pooled_scores(truth[..., place].numpy(), said[..., place].numpy())
            figures[f"{name} precision"] = scores.precision
            figures[f"{name} recall"] = scores.recall
            figures[f"{name} F1"] = scores.f1
    if losses.stage == "all" and len(spoken):
        figures["loss of a token"] = float(spoken.mean())
    return {name: round(value, 4) for name, value in figures.items()}


def _measured(
    losses: RGRGLosses, batch: RegionBatch
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """found (B, 29), IoU of known regions (K,), truth and said (B, 29, 2), token losses (M,)."""
    net = losses.detector
    choice, readings = net(batch.films)
    shape = batch.known.shape
    pairs = box_iou(choice.boxes.float().flatten(0, 1), batch.boxes.flatten(0, 1)).diagonal()
    overlaps = (pairs.view(shape) * choice.detected)[batch.known]
    logits = torch.stack([readings.selection_logits, readings.abnormal_logits], -1).view(*shape, 2)
    said = (logits.float() > CHOSEN_ABOVE) & choice.detected[..., None]
    truth = torch.stack([batch.described, batch.abnormal], -1)
    spoken = torch.empty(0)
    rows = (choice.detected & (batch.lengths > 0)).flatten().nonzero()[:, 0]
    if losses.stage == "all" and len(rows):
        tokens, lengths = batch.tokens.flatten(0, 1)[rows], batch.lengths.flatten()[rows]
        spoken = token_losses(losses.decoder, readings.vectors[rows], tokens, lengths).cpu()
    return choice.detected.cpu(), overlaps.cpu(), truth.cpu(), said.cpu(), spoken
