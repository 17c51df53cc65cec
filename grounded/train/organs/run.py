"""Trains OrganNet on films with outlines, films with boxes, and films of nothing.

Linear: read, hold out, train, measure, write. Every random choice follows from the configuration's
seed and the number of the training film, so a run that is stopped and resumed sees the same films.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from grounded.data.example import Example, split_by_patient
from grounded.data.outlined import organ_films
from grounded.detectors.organs.net import OrganNet
from grounded.detectors.organs.outlines import find_outlines
from grounded.errors import ConfigError
from grounded.evaluate.detection import Pair, ratio_errors, region_accuracy
from grounded.regions import Regions
from grounded.train.augmentation import Strength
from grounded.train.learner import Learner
from grounded.train.organs.loss import LossWeights, organ_loss
from grounded.train.organs.samples import KeptFilm, OrganSample, OrganSamples
from grounded.train.schedule import learning_rate_at

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class DetectorConfig:
    """All that a run depends on, beside the data.

    side: S of the network's input. cache_side: the films are kept with this longest side.
    held_out: the part of each source's patients that is not trained on. shares: how often a film
    with outlines, with boxes only, of no chest, and a made-up one is drawn. ema: decay per step.
    start: a folder of weights to go on from, "" for random ones.
    From the part `settle` of the run on, boxes without outlines count beyond `slack` alone (see
    organ_loss) and films are changed `calm` times as often.
    """

    seed: int = 0
    side: int = 256
    cache_side: int = 320
    held_out: float = 0.15
    widths: tuple[int, ...] = (32, 64, 96, 160, 224)
    decoder_width: int = 32
    features: int = 160
    steps: int = 3000
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: float = 0.05
    ema: float = 0.998
    settle: float = 0.5625
    slack: float = 0.04
    calm: float = 0.6
    shares: tuple[float, ...] = (0.58, 0.32, 0.04, 0.06)
    start: str = ""
    workers: int = 1
    threads: int = 2
    log_every: int = 100
    measure_every: int = 500
    strength: Strength = field(default_factory=Strength)
    loss: LossWeights = field(default_factory=LossWeights)

    @classmethod
    def of(cls, table: dict[str, Any]) -> DetectorConfig:
        """From a table of keywords, with sub-tables `strength` and `loss`. Raises ConfigError."""
        values = dict(table)
        try:
            values["strength"] = Strength(**values.get("strength", {}))
            values["loss"] = LossWeights(**values.get("loss", {}))
            for key in ("widths", "shares"):
                if key in values:
                    values[key] = tuple(values[key])
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the training configuration does not fit: {error}") from error


@dataclass
class _Run:
    """A run under way."""

    config: DetectorConfig
    learner: Learner[OrganNet]

    @classmethod
    def begin(cls, config: DetectorConfig, output: Path) -> _Run:
        net, smooth = (new_net(config) for _ in range(2))
        smooth.load_state_dict(net.state_dict())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in net.parameters() if p.ndim > 1]},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        if config.start:
            weights = _weights_to_start_from(Path(config.start))
            net.load_state_dict(weights)
            smooth.load_state_dict(weights)
        learner = Learner(net, smooth, optimizer, output, CHECKPOINT, config.ema)
        learner.resume()
        return cls(config, learner)

    def steps(self, train: Sequence[Example], held: Sequence[Example]) -> Iterator[str]:
        """Train to the end; a line of text for each log entry."""
        config = self.config
        samples = OrganSamples(
            [KeptFilm.of(example, config.cache_side) for example in train],
            side=config.side,
            count=config.steps * config.batch,
            seed=config.seed,
            shares=config.shares,
            strength=config.strength,
            calm_from=config.settle,
            calm=config.calm,
        )
        remaining = range(self.learner.step * config.batch, len(samples))
        loader = DataLoader(
            Subset(samples, remaining),
            batch_size=config.batch,
            num_workers=config.workers,
            prefetch_factor=4 if config.workers else None,
        )
        return self.learner.run(
            (OrganSample(*sample) for sample in loader),
            self._one,
            lambda: self._measure(held),
            steps=config.steps,
            log_every=config.log_every,
            measure_every=config.measure_every,
        )

    def finish(self, held: Sequence[Example], say: Callable[[str], None]) -> dict[str, float]:
        """Write the weights and the figures on the films that were held out."""
        self.learner.save()
        figures = self._measure(held)
        say(self.learner.log({"step": self.learner.step, **figures}))
        path = self.learner.folder / "figures.json"
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        return figures

    def _measure(self, held: Sequence[Example]) -> dict[str, float]:
        """Write the weights, and measure them."""
        write_weights(self.learner.smooth, self.config, self.learner.folder)
        return measure(self.learner.smooth, held)

    def _one(self, sample: OrganSample) -> dict[str, Tensor]:
        config, learner = self.config, self.learner
        learner.net.train()
        films = sample.film.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            output = learner.net(films)
        settled = learner.step >= config.settle * config.steps
        terms = organ_loss(output, sample, config.loss, config.slack if settled else 0.0)
        progress = learning_rate_at(learner.step / config.steps, config.warmup)
        learner.learn(terms["total"], config.learning_rate * progress)
        return terms


def _weights_to_start_from(folder: Path) -> dict[str, torch.Tensor]:
    if not (folder / WEIGHTS).is_file():
        raise ConfigError(f"no {WEIGHTS} in {folder} to start from")
    weights: dict[str, torch.Tensor] = load_file(folder / WEIGHTS)
    return weights


def read_configuration(path: Path) -> dict[str, Any]:
    """A TOML file's table. Raises ConfigError for a file that is missing or misshapen."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the training configuration {path}: {error}") from error


def train_detector(
    config: DetectorConfig,
    data: Path,
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Train, measure on the held-out films, write `output`; the figures by name.

    data: the folder that holds `chest_anatomy` and, if there is one, `covid_films`. output: gets
    model.safetensors, config.json, log.jsonl, figures.json and checkpoint.pt; a run that finds its
    own checkpoint there goes on from it. say: called with each line of progress.
    """
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)  # its thread pool does not survive the fork of the loader's workers
    train, held = split_by_patient(organ_films(data), config.held_out, config.seed)
    say(f"{len(train)} films to train on, {len(held)} held out")
    output.mkdir(parents=True, exist_ok=True)
    run = _Run.begin(config, output)
    for line in run.steps(train, held):
        say(line)
    return run.finish(held, say)


def net_keywords(config: DetectorConfig) -> dict[str, Any]:
    """What OrganNet is constructed with."""
    return {
        "side": config.side,
        "widths": list(config.widths),
        "decoder_width": config.decoder_width,
        "features": config.features,
    }


def new_net(config: DetectorConfig) -> OrganNet:
    """A network with random weights that follow from torch's seed."""
    net = OrganNet(**net_keywords(config))
    return net.to(memory_format=torch.channels_last)


def write_weights(net: OrganNet, config: DetectorConfig, folder: Path) -> None:
    """model.safetensors in half precision, and config.json with the constructor's keywords."""
    half = {
        name: value.half() if value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }
    save_file({name: value.contiguous() for name, value in half.items()}, folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(net_keywords(config), indent=1) + "\n")


def measure(net: OrganNet, held: Sequence[Example]) -> dict[str, float]:
    """Box IoU and found rate by source and organ, and the cardiothoracic ratio's mean error."""
    net.eval()
    pairs: dict[str, list[Pair]] = {}
    ratios: list[tuple[Regions, float]] = []
    for example in held:
        regions = find_outlines(net, [example.image().pixels])[0].regions()
        pairs.setdefault(example.source, []).append((regions, example.reference_boxes()))
        if example.cardiothoracic_ratio is not None:
            ratios.append((regions, example.cardiothoracic_ratio))
    figures = {
        f"{source} {name} {figure}": round(value, 4)
        for source, of_source in pairs.items()
        for name, accuracy in region_accuracy(of_source).items()
        for figure, value in (("iou", accuracy.mean_iou), ("found", accuracy.found))
    }
    errors = ratio_errors([r for r, _ in ratios], [value for _, value in ratios])
    if errors:
        figures["cardiothoracic ratio error"] = round(float(np.mean(np.abs(errors))), 4)
    return figures
