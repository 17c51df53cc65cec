"""FindingNet: from a film's map of evidence and a region to the log-odds of each finding there.

What is read of a region is a smooth maximum over the cells that it covers, each weighed by the
share of it that is covered, so that a small lesion is not averaged away. A drawn box is a region,
and so is the whole film.

Composites are findings that it did not learn by themselves: each is read from others, as the
strongest of them or as their mean. A costophrenic angle is blunted by fluid, or by thickened
pleura; which of the two, a film often does not tell. Half a chest of which nothing can be named
may still look unlike those in which nothing was found: there the mean of all tells more than the
strongest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from grounded.findings import UNSPECIFIED

FILM = "film"  # the kind of region that covers all cells
VIEW = "AP view"  # the last label: not a finding, but how the film was taken

Values = NDArray[np.float32]


class Composite(NamedTuple):
    """parts: the findings of which one has to be there. kind: of region in which it is read. by:
    which of the parts' logits it is read as. said: when a report says it, so that its scope tells
    what is read from what is said."""

    parts: tuple[str, ...]
    kind: str
    by: Literal["strongest", "mean"]
    said: str


COMPOSITES: Mapping[str, Composite] = {
    "Blunted Costophrenic Angle": Composite(
        ("Pleural Effusion", "Pleural Thickening"),
        "costophrenic angle",
        "strongest",
        "said where nothing of its side explains it",
    ),
    UNSPECIFIED: Composite(
        (
            *("Lung Opacity", "Pleural Effusion", "Pneumothorax", "Atelectasis", "Emphysema"),
            *("Fibrosis", "Pleural Thickening", "Nodule", "Mass", "Calcification", "Fracture"),
        ),
        "lung",
        "mean",
        "said where nothing of its side has a name",
    ),
}


class FindingNet(nn.Module):
    """labels: F findings, and VIEW last. kinds: K kinds of region, FILM first."""

    def __init__(self, labels: Sequence[str], kinds: Sequence[str]) -> None:
        super().__init__()
        if not kinds or kinds[0] != FILM:
            raise ValueError(f"the first kind of region is {FILM!r}, got {list(kinds)[:1]}")
        self.labels, self.kinds = tuple(labels), tuple(kinds)
        self.sharpness = nn.Parameter(torch.full((len(self.labels),), 0.5))
        self.scale = nn.Embedding(len(self.kinds), len(self.labels))
        self.bias = nn.Embedding(len(self.kinds), len(self.labels))
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, maps: Tensor, covered: Tensor, kinds: Tensor) -> Tensor:
        """Log-odds (B, R, F) of R regions in each of B films.

        maps: (B, F, h, w), evidence. covered: (B, R, h, w), the share of each cell that a region
        covers, see `shares`. kinds: (B, R) places in `kinds`.
        """
        sharpness = functional.softplus(self.sharpness)  # (F,)
        weighed = maps.float().flatten(2) * sharpness[:, None]  # (B, F, N)
        parts = covered.flatten(2)  # (B, R, N)
        whole = parts.sum(dim=2, keepdim=True)
        # what lies beside the map is read as the film, so that its logit is finite
        parts = torch.where(whole > 0, parts / whole, 1 / parts.shape[2]).log()
        strongest = torch.logsumexp(weighed[:, None] + parts[:, :, None], dim=3) / sharpness
        logits: Tensor = strongest * self.scale(kinds) + self.bias(kinds)
        return logits


def shares(boxes: Tensor, height: int, width: int) -> Tensor:
    """The share of each cell that boxes (..., 4) cover: (..., height, width).

    boxes: x0 y0 x1 y1 in cells.
    """
    x0, y0, x1, y1 = boxes[..., None].unbind(-2)

    def covered(low: Tensor, high: Tensor, cells: int) -> Tensor:
        edges = torch.arange(cells, dtype=boxes.dtype, device=boxes.device)
        return (torch.minimum(high, edges + 1) - torch.maximum(low, edges)).clamp(min=0)

    return covered(y0, y1, height)[..., :, None] * covered(x0, x1, width)[..., None, :]


def parts_of(label: str) -> tuple[str, ...]:
    """The parts of a composite; of another finding itself."""
    return COMPOSITES[label].parts if label in COMPOSITES else (label,)


def columns_of(label: str, learnt: Sequence[str]) -> list[int]:
    """Where a finding stands among those that were learnt, or the parts of a composite do."""
    return [learnt.index(part) for part in parts_of(label)]


def logit_of(label: str, logits: Tensor, learnt: Sequence[str]) -> Tensor:
    """The logits (...) of one finding, from those of all that were learnt, (..., F)."""
    parts, item = logits[..., columns_of(label, learnt)], COMPOSITES.get(label)
    return parts.mean(dim=-1) if item and item.by == "mean" else parts.amax(dim=-1)


def one_is_there(parts: Values) -> Values:
    """Whether one of P parts is there, (N,), from (N, P) of 1, 0 and NaN.

    It is not there where none is; NaN where that is not known.
    """
    there, known = (parts == 1).any(axis=1), np.isfinite(parts).all(axis=1)
    return np.where(there, 1, np.where(known, 0, np.nan)).astype(np.float32)
