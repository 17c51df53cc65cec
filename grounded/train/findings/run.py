"""Trains FilmEncoder and FindingNet: the first of the two stages of the sentence generator.

Linear: read the films, find their regions with the shipped detector, hold out, train, measure,
write. Every random choice follows from the configuration's seed and the number of the training
film, so a run that is stopped and resumed sees the same films.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Subset

from grounded.data.example import Example, split_by_patient
from grounded.data.finding_films import finding_films
from grounded.data.outlined import organ_films
from grounded.detectors.organs.detector import OrganDetector
from grounded.evaluate.detection import area_under_curve
from grounded.train.augmentation import Strength
from grounded.train.findings.network import (
    FindingConfig,
    ReadingNet,
    new_layers,
    start_from,
    trunk,
    write_reading,
)
from grounded.train.findings.samples import (
    FindingSample,
    FindingSamples,
    KnownFilm,
    Painting,
    Pairs,
)
from grounded.train.learner import Learner
from grounded.train.schedule import learning_rate_at

CHECKPOINT = "findings.pt"


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The films of a run, held apart by patient."""

    train: list[Example]
    calibration: list[Example]
    held: list[Example]


def split_films(
    data: Path,
    held_out: float = 0.15,
    calibration: float = 0.15,
    seed: int = 0,
    notes: Path | None = None,
) -> Split:
    """All films of which findings are known, by patient.

    held_out: the part that is measured with; 0.15 and seed 0 give the films that the shipped
    detector was measured with. calibration: the part of the rest that is calibrated with. notes:
    see `finding_films`.
    """
    examples = finding_films(data, notes)
    _, held = split_by_patient(organ_films(data), held_out, seed)
    names = {film.name for film in held}
    rest = [e for e in examples if e.name not in names]
    _, second = split_by_patient(rest, calibration, seed + 1)
    apart = {film.name for film in second}
    return Split(
        [e for e in rest if e.name not in apart],
        [e for e in rest if e.name in apart],
        [e for e in examples if e.name in names],
    )


def known_film(example: Example, pairs: Pairs, detector: OrganDetector, side: int) -> KnownFilm:
    """A film with the regions that the detector finds in it."""
    [regions] = detector.detect([example.image()])
    return KnownFilm.of(example, regions, pairs, side)


def finding_loss(logits: Tensor, sample: FindingSample, config: FindingConfig) -> dict[str, Tensor]:
    """Cross-entropy over what is known, each finding with the same weight, and the ranking.

    logits: (B, R, F). The ranking compares, in one film, regions that have a finding with regions
    that do not: whatever all regions of a film share, such as its collection, cannot help there.
    """
    known = sample.known
    valid = torch.isfinite(known) & torch.isfinite(logits)
    target = known.nan_to_num() * (1 - 2 * config.smoothing) + config.smoothing
    each = functional.binary_cross_entropy_with_logits(
        logits.nan_to_num(), target, reduction="none"
    )
    counts = valid.sum(dim=(0, 1))  # (F,)
    by_label = (each * valid).sum(dim=(0, 1)) / counts.clamp(min=1)
    entropy = by_label.sum() / (counts > 0).sum().clamp(min=1)
    ranking = _ranking(logits.nan_to_num(), known, valid)
    return {
        "entropy": entropy,
        "ranking": ranking,
        "total": entropy + config.ranking * ranking,
    }


def _ranking(logits: Tensor, known: Tensor, valid: Tensor) -> Tensor:
    present = valid & (known == 1)
    absent = valid & (known == 0)
    # (B, R, R, F): a region that has the finding against one of the same film that has not
    pairs = present[:, :, None] & absent[:, None]
    margin = functional.softplus(1 - (logits[:, :, None] - logits[:, None]))
    return (margin * pairs).sum() / pairs.sum().clamp(min=1)


@dataclass
class _Run:
    """A run under way."""

    config: FindingConfig
    pairs: Pairs
    learner: Learner[ReadingNet]

    @classmethod
    def begin(cls, config: FindingConfig, pairs: Pairs, output: Path) -> _Run:
        net, smooth = (
            ReadingNet(config, pairs).to(memory_format=torch.channels_last) for _ in range(2)
        )
        start_from(net.encoder, Path(config.start))
        smooth.load_state_dict(net.state_dict())
        optimizer = torch.optim.AdamW(
            [
                {"params": list(trunk(net.encoder)), "scale": 1.0},
                {"params": list(new_layers(net)), "scale": config.head_rate},
            ],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        learner = Learner(net, smooth, optimizer, output, CHECKPOINT, config.ema)
        learner.resume()
        return cls(config, pairs, learner)

    def steps(self, films: Sequence[KnownFilm], apart: Sequence[KnownFilm]) -> Iterator[str]:
        """Train to the end; a line of text for each log entry."""
        config = self.config
        samples = FindingSamples(
            films,
            self.pairs,
            side=config.side,
            count=config.steps * config.batch,
            seed=config.seed,
            real=config.real,
            painting=config.painting,
            strength=config.strength,
        )
        loader = DataLoader(
            Subset(samples, range(self.learner.step * config.batch, len(samples))),
            batch_size=config.batch,
            num_workers=config.workers,
            prefetch_factor=4 if config.workers else None,
        )
        return self.learner.run(
            (FindingSample(*batch) for batch in loader),
            self._one,
            lambda: self._measure(apart),
            steps=config.steps,
            log_every=config.log_every,
            measure_every=config.measure_every,
        )

    def finish(self) -> ReadingNet:
        """Write the weights; the smoothed network."""
        self.learner.save()
        write_reading(self.learner.smooth, self.config, self.learner.folder)
        return self.learner.smooth.eval()

    def _measure(self, apart: Sequence[KnownFilm]) -> dict[str, float]:
        """Write the weights, and measure them."""
        write_reading(self.learner.smooth, self.config, self.learner.folder)
        return measure(self.learner.smooth, apart, self.pairs, self.config)

    def _one(self, batch: FindingSample) -> dict[str, Tensor]:
        config, learner = self.config, self.learner
        learner.net.train()
        films = batch.film.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = learner.net(films, batch.boxes, batch.there)
        terms = finding_loss(logits.float(), batch, config)
        progress = learning_rate_at(learner.step / config.steps, config.warmup)
        learner.learn(terms["total"], config.learning_rate * progress)
        return terms


def train_findings(
    config: FindingConfig,
    films: Sequence[KnownFilm],
    apart: Sequence[KnownFilm],
    pairs: Pairs,
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
    cv2.setNumThreads(1)  # its thread pool does not survive the fork of the loader's workers
    output.mkdir(parents=True, exist_ok=True)
    run = _Run.begin(config, pairs, output)
    for line in run.steps(films, apart):
        say(line)
    return run.finish()


@torch.inference_mode()
def read(
    net: ReadingNet, batches: Sequence[FindingSample]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits and what is known, each (N, R, F)."""
    net.eval()
    logits, known = [], []
    for batch in batches:
        logits.append(net(batch.film, batch.boxes, batch.there).numpy())
        known.append(batch.known.numpy())
    return np.concatenate(logits), np.concatenate(known)


def as_they_are(
    films: Sequence[KnownFilm], pairs: Pairs, config: FindingConfig, *, paint: bool, seed: int = 0
) -> list[FindingSample]:
    """Batches of films unchanged, or with one lesion or more painted into each that is clear."""
    often = 1.0 if paint else 0.0
    painting = Painting(often, config.painting.more, 0.0, config.painting.kinds)
    samples = FindingSamples(
        films,
        pairs,
        side=config.side,
        count=0,
        seed=seed,
        real=0.0,
        painting=painting,
        strength=UNCHANGED,
        jitter=0.0,
    )
    single = [samples.of_film(film, number) for number, film in enumerate(films)]
    batches = [single[i : i + config.batch] for i in range(0, len(single), config.batch)]
    return [FindingSample(*(torch.stack(part) for part in zip(*b, strict=True))) for b in batches]


def measure(
    net: ReadingNet, films: Sequence[KnownFilm], pairs: Pairs, config: FindingConfig
) -> dict[str, float]:
    """The area under the curve by finding: painted into clear films, and in real ones."""
    figures: dict[str, float] = {}
    clear = [film for film in films if film.paintable and not film.real]
    real = [film for film in films if film.real]
    for source, chosen, paint in (("painted", clear, True), ("real", real, False)):
        if not chosen:
            continue
        logits, known = read(net, as_they_are(chosen, pairs, config, paint=paint))
        for column, label in enumerate(pairs.labels):
            scores, truth = known_pairs(logits[..., column], known[..., column])
            if 3 <= truth.sum() <= len(truth) - 3:
                area = area_under_curve(list(scores), list(truth))
                figures[f"{source} {label}"] = round(area, 4)
    return figures


def known_pairs(
    logits: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flat scores and truth where both exist."""
    valid = np.isfinite(logits) & np.isfinite(known)
    return logits[valid], known[valid] == 1


UNCHANGED = Strength(
    crop=0.0, pad=0.0, rotation=0.0, stretch=0.0, extreme=0.0, opacity=0.0, device=0.0,
    letters=0.0, contrast=0.0, local_contrast=0.0, shading=0.0, blur=0.0, noise=0.0, invert=0.0,
    patch=0.0,
)  # fmt: skip
