"""Trains GateNet, with the training loop that all networks share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from grounded.data.gate_films import GateFilm, gate_films
from grounded.detectors.gate import OUTPUTS, GateNet
from grounded.train.configuration import Beside, Count
from grounded.train.gate.samples import GateSample, GateSamples, kept
from grounded.train.gate.task import FilmNetConfig, FilmNetTask, logits_of
from grounded.train.loop import TOTAL, Progress, Turns, ready, train

_NEGATIVE = OUTPUTS - 1  # the last of the outputs, behind three kinds and four turns


@dataclass(frozen=True, kw_only=True)
class GateConfig(FilmNetConfig):
    """pictures: a folder of photographs, for what is no film. measured: batches of films held out
    that are measured on.
    """

    side: Count = 96
    widths: tuple[Count, ...] = (16, 24, 40, 64)
    hidden: Count = 32
    pictures: Beside | None = None
    measured: Count = 20


def train_gate(
    config: GateConfig, data: Path, output: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train on the films of a folder, write the weights to `output`; the last figures by name."""
    engine = ready(config)
    films = gate_films(data, config.pictures)
    task = GateTask(config, films, output, GateNet(**config.net))
    return train(task, config, engine, output, progress)


@dataclass
class GateTask(FilmNetTask[GateConfig, GateNet]):
    """The gate's part of a training run."""

    name: str = "gate"

    def batches(self, turns: Turns) -> Iterable[GateSample]:
        return self._samples(held_out=False).loaded(turns)

    def loss(self, net: nn.Module, batch: GateSample, progress: float) -> Mapping[str, Tensor]:
        return gate_loss(logits_of(net, batch.film), batch)

    def measure(self, net: GateNet) -> Mapping[str, float]:
        """The part of right answers on films held out, changed as in training."""
        right: dict[str, list[float]] = {}
        for batch in self._held:
            with torch.inference_mode():
                logits = net(batch.film).float()
            for name, hits in _right(logits, batch).items():
                right.setdefault(name, []).extend(hits.tolist())
        return {name: round(float(np.mean(hits)), 4) for name, hits in right.items()}

    @cached_property
    def _held(self) -> list[GateSample]:
        turns = Turns(0, self.config.measured, self.config.batch)
        return list(self._samples(held_out=True).loaded(turns))

    def _samples(self, held_out: bool) -> GateSamples:
        films = [film for film in self.films if film.held_out == held_out]
        others: dict[str, list[GateFilm]] = {}
        for film in films:
            if not film.frontal:
                others.setdefault(film.source, []).append(film)
        return GateSamples(
            kept([film for film in films if film.frontal]),
            [kept(group) for group in others.values()],
            self.config.side,
            self.config.seed + held_out,
        )


def gate_loss(logits: Tensor, sample: GateSample) -> dict[str, Tensor]:
    """Cross-entropies of what is known of each picture, and their sum."""
    film = sample.turn >= 0
    terms = {
        "kind": functional.cross_entropy(logits[:, :3], sample.kind, label_smoothing=0.01),
        "turn": functional.cross_entropy(logits[film, 3:_NEGATIVE], sample.turn[film]),
    }
    known = ~sample.negative.isnan()
    terms["negative"] = functional.binary_cross_entropy_with_logits(
        logits[known, _NEGATIVE], sample.negative[known].float()
    )
    return {**terms, TOTAL: torch.stack(list(terms.values())).sum()}


def _right(logits: Tensor, sample: GateSample) -> dict[str, Tensor]:
    film = sample.turn >= 0
    known = ~sample.negative.isnan()
    right = {
        "kind right": logits[:, :3].argmax(1) == sample.kind,
        "turn right": logits[film, 3:_NEGATIVE].argmax(1) == sample.turn[film],
        "negative right": (logits[known, _NEGATIVE] > 0) == (sample.negative[known] > 0.5),
    }
    return {name: hits.float() for name, hits in right.items()}
