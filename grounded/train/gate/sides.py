"""Trains SideNet: each upright film against its own mirror image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from grounded.data.gate_films import gate_films
from grounded.detectors.gate import SideNet, gate_film
from grounded.train import augmentation as augment
from grounded.train.augmentation import Strength
from grounded.train.configuration import Count
from grounded.train.gate.samples import Kept, changed, kept, laid
from grounded.train.gate.task import FilmNetConfig, FilmNetTask, logits_of
from grounded.train.loop import TOTAL, Progress, Turns, ready, train

_STRENGTH = Strength(crop=0.12, pad=0.12, rotation=10, extreme=0.0, invert=0.0)
_MARKED = 0.3  # of the films get letters, and as many lose a corner: marks of side may be missing
_CORNER = 0.3  # of a side, at most


@dataclass(frozen=True, kw_only=True)
class SidesConfig(FilmNetConfig):
    """All that a run depends on, beside the data. side, widths, hidden: see SideNet."""

    side: Count = 128
    widths: tuple[Count, ...] = (16, 32, 64, 96)
    hidden: Count = 48


class SideSample(NamedTuple):
    """film (1, S, S); mirrored: 0 or 1."""

    film: Tensor
    mirrored: Tensor


def train_sides(
    config: SidesConfig, data: Path, output: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train on the films of a folder, write the weights to `output`; the last figures by name."""
    engine = ready(config)
    films = [film for film in gate_films(data) if film.frontal]
    task = SidesTask(config, films, output, SideNet(**config.net))
    return train(task, config, engine, output, progress)


@dataclass
class SidesTask(FilmNetTask[SidesConfig, SideNet]):
    """The part of a training run that is SideNet's."""

    name: str = "sides"

    def batches(self, turns: Turns) -> Iterable[SideSample]:
        films = kept([film for film in self.films if not film.held_out], self._kept_side)
        return SideSamples(films, self.config.side, self.config.seed).loaded(turns)

    def loss(self, net: nn.Module, batch: SideSample, progress: float) -> Mapping[str, Tensor]:
        logits = logits_of(net, batch.film)
        return {TOTAL: functional.binary_cross_entropy_with_logits(logits, batch.mirrored)}

    def measure(self, net: SideNet) -> Mapping[str, float]:
        """How films held out, as they are, and so their mirror images, are known."""
        with torch.inference_mode():
            odds = torch.cat([net(films) for films in torch.split(self._held, 64)]).float()
        return {"known": round(float((odds < 0).float().mean()), 4)}

    @property
    def _kept_side(self) -> int:
        return self.config.side * 5 // 4

    @cached_property
    def _held(self) -> Tensor:
        films = kept([film for film in self.films if film.held_out], self._kept_side)
        shown = [
            gate_film(np.asarray(film / 255, dtype=np.float32), self.config.side) for film in films
        ]
        return torch.from_numpy(np.stack(shown))[:, None]


class SideSamples(Dataset[SideSample]):
    """Sample n of a run: what is drawn and how it is changed follow from seed and n."""

    def __init__(self, films: Sequence[Kept], side: int, seed: int) -> None:
        self.films, self.side, self.seed = films, side, seed

    def loaded(self, turns: Turns) -> Iterator[SideSample]:
        """The samples of these turns in batches."""
        return (SideSample(*batch) for batch in turns.load(self))

    def __getitem__(self, number: int) -> SideSample:
        rng = np.random.default_rng([self.seed, number])
        film = self.films[int(rng.integers(len(self.films)))]
        window = augment.random_window(film.shape, _STRENGTH, rng)
        mirrored = bool(rng.random() < 0.5)
        lain = laid(changed(film, window, self.side, rng), mirrored, 0)
        whole = slice(0, self.side)
        if rng.random() < _MARKED:  # letters that say nothing of how the film lies
            lain = augment.letters(lain, (whole, whole), rng)
        if rng.random() < _MARKED:
            lain = _without_corner(lain, rng)
        shown = gate_film(lain, self.side)
        return SideSample(torch.from_numpy(shown)[None], torch.tensor(float(mirrored)))


def _without_corner(film: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """A film whose upper corners are blank, where marks of side mostly are."""
    film = film.copy()
    height, width = (int(part) for part in rng.uniform(0.05, _CORNER, 2) * film.shape[0])
    grey = rng.choice([0.0, float(film.mean())])
    film[:height, :width] = grey
    film[:height, film.shape[1] - width :] = grey
    return film
