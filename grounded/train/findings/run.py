"""Trains FilmEncoder and FindingNet on films that radiologists, challenges and reports speak of.

Linear: read the films, train, measure on films held apart after each round, write. Every random
choice follows from the configuration's seed and the step, so a run that is stopped and resumed sees
the same films.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from grounded.detectors.organs.encoder import STRIDE
from grounded.evaluate.detection import area_under_curve
from grounded.generators.neural.finding_net import shares
from grounded.train.findings.films import FINE, Batch, Known, batch_of, changed
from grounded.train.findings.loss import losses
from grounded.train.findings.network import (
    FindingConfig,
    LearningConfig,
    ReadingNet,
    begin_with_photographs,
    freeze,
    groups_of,
    load_reading,
    write_reading,
)
from grounded.train.findings.truth import LABELS, READERS
from grounded.train.loop import Progress, Turns, ready, train

FEWEST = 3  # films with a finding, and without, from which an area is worth a look
RAREST = 4.0  # the most that presence weighs against absence


@dataclass(frozen=True, slots=True, eq=False)
class _Findings:
    """The reader's part of the training loop. rare: (F,) the weight of a finding's presence against
    its absence."""

    config: FindingConfig
    net: ReadingNet
    films: Sequence[Known]
    apart: Sequence[Known]
    output: Path
    rare: Tensor

    name = "findings"

    def groups(self) -> list[dict[str, Any]]:
        return groups_of(self.net, self.config)

    def batches(self, turns: Turns) -> Iterator[Batch]:
        config = self.config
        often = np.array([_often(film, config) for film in self.films])
        cells = config.side // STRIDE * FINE
        for numbers in turns:
            step = numbers[0] // turns.batch
            random = np.random.default_rng([config.seed, step])
            size = min(config.batch, len(self.films))
            rows = random.choice(len(often), size, replace=False, p=often / often.sum())
            noise = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
            yield changed(batch_of([self.films[r] for r in rows], cells), config.change, noise)

    def loss(self, net: nn.Module, batch: Batch, progress: float) -> Mapping[str, Tensor]:
        maps = net(batch.films.contiguous(memory_format=torch.channels_last))
        trust = maps.new_tensor(self.config.trust, dtype=torch.float32)
        teachers = self.config.teachers.weight if self.config.teachers is not None else 0.0
        return losses(self.net, maps, batch, trust, self.rare.to(maps.device), teachers)

    def measure(self, net: ReadingNet) -> Mapping[str, float]:
        return measure(net, self.apart)

    def write(self, net: ReadingNet) -> None:
        write_reading(net, self.config, self.output)


def new_reading(config: FindingConfig, films: Sequence[Known]) -> ReadingNet:
    """A network that begins with how often readers report a finding."""
    net = ReadingNet(config)
    if config.photographs:
        begin_with_photographs(net.encoder, config)
    freeze(net, config)
    _begin_with_frequencies(net, np.stack([film.read for film in films]))
    return net


def train_findings(
    config: FindingConfig,
    films: Sequence[Known],
    apart: Sequence[Known],
    output: Path,
    *,
    start: Path | None = None,
    progress: Progress | None = None,
) -> ReadingNet:
    """Train and write `output`/encoder and `output`/findings; the network as it was written.

    apart: films to measure with on the way. start: a folder of such weights to go on from, in place
    of new ones. output: see `grounded.train.loop.train`.
    """
    run = config.over(len(films))
    engine = ready(run)
    net = load_reading(config, start) if start is not None else new_reading(config, films)
    rare = _rarity(np.stack([film.read for film in films]))
    net = net.to(memory_format=torch.channels_last)
    train(_Findings(config, net, films, apart, output, rare), run, engine, output, progress)
    return load_reading(config, output).eval()


def _often(film: Known, config: LearningConfig) -> float:
    spoken = np.asarray(np.isfinite(film.read).any(axis=1))  # by reader
    if spoken[0]:
        return config.outlined
    return config.read if spoken[1:3].any() or film.cells is not None else 1.0


def _counts(read: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many films have each finding, and have not, by reader: (READERS, F) both."""
    there: NDArray[np.int64] = np.equal(read, 1).astype(np.int64).sum(axis=0)
    absent: NDArray[np.int64] = np.equal(read, 0).astype(np.int64).sum(axis=0)
    return there, absent


def _rarity(read: NDArray[np.float32]) -> Tensor:
    """The root of how much more often a finding is absent, by the first reader who speaks of it."""
    there, absent = _counts(read)  # (READERS, F)
    first = np.argmax(there > 0, axis=0, keepdims=True)
    ratio = (np.take_along_axis(absent, first, 0) + 1) / (np.take_along_axis(there, first, 0) + 1)
    return torch.from_numpy(np.sqrt(ratio[0]).clip(1, RAREST)).float()


@torch.no_grad()
def _begin_with_frequencies(net: ReadingNet, read: NDArray[np.float32]) -> None:
    """Begin with how often each reader reports each finding."""
    there, absent = _counts(read)
    odds = torch.from_numpy(np.log((there + 1) / (absent + 1))).float()  # (READERS, F)
    net.habits.offset.copy_(odds - odds[:1])
    faint = -2.0  # most cells show nothing
    bias = net.encoder.evidence.bias
    if bias is not None:
        bias.fill_(faint)
    net.findings.bias.weight[:, : len(LABELS)] = odds[0] - faint / 2


class Looked(NamedTuple):
    """What a network reads in N films.

    film: (N, F + 1) log-odds. regions: of each film's regions, the film first, (R, F + 1). maps:
    (N, F + 1, h, w), evidence.
    """

    film: NDArray[np.float32]
    regions: list[NDArray[np.float32]]
    maps: NDArray[np.float32]


@torch.inference_mode()
def look(net: ReadingNet, films: Sequence[Known], batch: int = 32) -> Looked:
    """What is read in films as they are."""
    net.eval()
    cells = net.encoder.side // STRIDE
    of_film, regions, maps = [], [], []
    for start in range(0, len(films), batch):
        chosen = films[start : start + batch]
        known = batch_of(chosen, cells * FINE)
        device = next(net.parameters()).device
        with torch.autocast(device.type, torch.bfloat16):
            films_there = known.films.to(device, memory_format=torch.channels_last)
            seen = net.encoder(films_there).float()
        covered = shares(known.boxes * cells, cells, cells)
        kinds = known.kinds.clamp(min=0).to(device)
        logits = net.findings(seen, covered.to(device), kinds).cpu().numpy()
        of_film.append(logits[:, 0])
        regions += [row[: len(film.boxes)] for row, film in zip(logits, chosen, strict=True)]
        maps.append(seen.cpu().numpy())
    return Looked(np.concatenate(of_film), regions, np.concatenate(maps))


def measure(net: ReadingNet, films: Sequence[Known]) -> dict[str, float]:
    """Areas under the curve by reader and finding, by region, and of the view; their mean."""
    looked = look(net, films)
    read = np.stack([film.read for film in films])
    view = _area(looked.film[:, -1], np.array([film.view for film in films], np.float32))
    figures = {"view": view}
    for column, label in enumerate(LABELS):
        for row, reader in enumerate(READERS):
            figures[f"{reader} {label}"] = _area(looked.film[:, column], read[:, row, column])
        known = np.concatenate([film.regions[:, column] for film in films])
        logits = np.concatenate([rows[:, column] for rows in looked.regions])
        figures[f"region {label}"] = _area(logits, known)
    figures = {name: round(value, 4) for name, value in figures.items() if np.isfinite(value)}
    first = [value for name, value in figures.items() if name.startswith(READERS[0])]
    return {**figures, "mean": round(float(np.mean(first)), 4)} if first else figures


def _area(scores: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """The area under the curve of what is known; NaN for too few of one kind."""
    valid = np.isfinite(truth)
    there = truth[valid] == 1
    if min(there.sum(), len(there) - there.sum()) < FEWEST:
        return float("nan")
    return area_under_curve(list(scores[valid]), list(there))
