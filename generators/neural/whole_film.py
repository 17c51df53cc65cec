"""From a film to the log-odds of its findings in one network, so that gradients reach the film."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from grounded.generators.neural.finding_net import FILM, FindingNet, logit_of, shares


class WholeFilm(nn.Module):
    """encoder: films (B, 1, S, S) to maps (B, F + 1, h, w). reader: of these maps.

    labels: the findings to read; slopes, intercepts: their calibration.
    """

    slopes: Tensor
    intercepts: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        reader: FindingNet,
        labels: tuple[str, ...],
        slopes: tuple[float, ...],
        intercepts: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.encoder, self.reader = encoder, reader
        self._labels = labels
        self.register_buffer("slopes", torch.tensor(slopes))
        self.register_buffer("intercepts", torch.tensor(intercepts))

    def forward(self, films: Tensor) -> Tensor:
        """Calibrated log-odds (B, N) of N findings in films in 0..1."""
        maps = self.encoder(films)
        height, width = maps.shape[2:]
        covered = shares(maps.new_tensor([[0, 0, width, height]]), height, width)  # (1, h, w)
        kinds = torch.full((len(maps), 1), self.reader.kinds.index(FILM))
        logits = self.reader(maps, covered.expand(len(maps), 1, -1, -1), kinds)[:, 0]
        found = [logit_of(label, logits, self.reader.labels) for label in self._labels]
        return torch.stack(found, dim=1) * self.slopes + self.intercepts
