"""Trains FilmEncoder and FindingNet on films that radiologists, challenges and reports speak of.

Linear: read the films, train, measure on films held apart after each round, write. Every random
choice follows from the configuration's seed and the step, so a run that is stopped and resumed sees
the same films.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grounded.detectors.organs.encoder import STRIDE
from grounded.evaluate.detection import area_under_curve
from grounded.generators.neural.finding_net import shares
from grounded.train.findings.films import FINE, Batch, Known, batch_of, changed
from grounded.train.findings.loss import losses
from grounded.train.findings.network import (
    FindingConfig,
    ReadingNet,
    optimizer_of,
    start_from,
    write_reading,
)
from grounded.train.findings.truth import LABELS, READERS
from grounded.train.learner import Learner
from grounded.train.schedule import learning_rate_at

CHECKPOINT = "findings.pt"
FEWEST = 3  # films with a finding, and without, from which an area is worth a look
RAREST = 4.0  # the most that presence weighs against absence


@dataclass
class _Run:
    """A run under way. rare: (F,) the weight of a finding's presence against its absence."""

    config: FindingConfig
    films: Sequence[Known]
    apart: Sequence[Known]
    learner: Learner[ReadingNet]
    rare: Tensor

    @classmethod
    def begin(
        cls, config: FindingConfig, films: Sequence[Known], apart: Sequence[Known], output: Path
    ) -> _Run:
        net, smooth = (ReadingNet(config).to(memory_format=torch.channels_last) for _ in range(2))
        start_from(net.encoder, config.start)
        read = np.stack([film.read for film in films])
        _begin_with_frequencies(net, read)
        smooth.load_state_dict(net.state_dict())
        optimizer = optimizer_of(net, config)
        learner = Learner(net, smooth, optimizer, output, CHECKPOINT, config.ema)
        learner.resume()
        return cls(config, films, apart, learner, _rarity(read))

    @property
    def steps(self) -> int:
        return max(1, round(self.config.rounds * len(self.films) / self.config.batch))

    def lines(self) -> Iterator[str]:
        """Train to the end; a line of text for each log entry."""
        return self.learner.run(
            self._batches(),
            self._one,
            self._measure,
            steps=self.steps,
            log_every=self.config.log_every,
            measure_every=max(1, len(self.films) // self.config.batch),
        )

    def finish(self) -> str:
        """Write the weights, and measure them; a line of text."""
        self.learner.save()
        return self.learner.log(self._measure())

    def _measure(self) -> dict[str, float]:
        write_reading(self.learner.smooth, self.config, self.learner.folder)
        return measure(self.learner.smooth, self.apart)

    def _batches(self) -> Iterator[Batch]:
        config = self.config
        often = np.array([_often(film, config) for film in self.films])
        cells = config.side // STRIDE * FINE
        for step in range(self.learner.step, self.steps):
            random = np.random.default_rng([config.seed, step])
            size = min(config.batch, len(self.films))
            rows = random.choice(len(often), size, replace=False, p=often / often.sum())
            noise = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
            yield changed(batch_of([self.films[r] for r in rows], cells), config.change, noise)

    def _one(self, batch: Batch) -> dict[str, Tensor]:
        config, learner = self.config, self.learner
        learner.net.train()
        films = batch.films.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            maps = learner.net.encoder(films)
        terms = losses(learner.net, maps, batch, torch.tensor(config.trust), self.rare)
        progress = learning_rate_at(learner.step / self.steps, config.warmup)
        learner.learn(terms["total"], config.learning_rate * progress)
        return terms


def train_findings(
    config: FindingConfig,
    films: Sequence[Known],
    apart: Sequence[Known],
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> ReadingNet:
    """Train and write `output`/encoder and `output`/findings; the network, smoothed.

    apart: films to measure with on the way. A run that finds its own checkpoint in `output` goes on
    from it. say: called with each line of progress.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    output.mkdir(parents=True, exist_ok=True)
    run = _Run.begin(config, films, apart, output)
    for line in run.lines():
        say(line)
    say(run.finish())
    return run.learner.smooth.eval()


def _often(film: Known, config: FindingConfig) -> float:
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
        with torch.autocast("cpu", torch.bfloat16):
            seen = net.encoder(known.films.contiguous(memory_format=torch.channels_last)).float()
        covered = shares(known.boxes * cells, cells, cells)
        logits = net.findings(seen, covered, known.kinds.clamp(min=0)).numpy()
        of_film.append(logits[:, 0])
        regions += [row[: len(film.boxes)] for row, film in zip(logits, chosen, strict=True)]
        maps.append(seen.numpy())
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
