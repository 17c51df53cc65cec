"""Trains OrganNet on films with outlines, films with boxes, and films without a chest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from grounded.data.example import Example, split_by_patient
from grounded.data.outlined import organ_films
from grounded.detectors.organs.detector import find_outlines
from grounded.detectors.organs.net import OrganNet
from grounded.errors import ConfigError
from grounded.evaluate.detection import Pair, ratio_errors, region_accuracy
from grounded.nn.device import Placed
from grounded.nn.weights import WEIGHTS, write
from grounded.preset import write_preset
from grounded.regions import Regions
from grounded.train.augmentation import Strength
from grounded.train.configuration import Beside, Part, RunConfig
from grounded.train.engine import Precision
from grounded.train.loop import Progress, Turns, decayed, ready, train
from grounded.train.organs.loss import LossWeights, organ_loss
from grounded.train.organs.samples import KeptFilm, OrganSample, OrganSamples


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(RunConfig):
    """All that a run depends on, beside the data; see RunConfig for what all runs have.

    side: S of the network's input. cache_side: the films are kept with this longest side.
    held_out: the part of each source's patients that is not trained on. shares: how often a film
    with outlines, with boxes only, without a chest, and a made-up one is drawn. start: a folder of
    weights to go on from. From the part `settle` of the run on, boxes without outlines count beyond
    `slack` alone (see organ_loss) and films are changed `calm` times as often.
    """

    side: int = 256
    cache_side: int = 320
    held_out: Part = 0.15
    widths: tuple[int, ...] = (32, 64, 96, 160, 224)
    decoder_width: int = 32
    features: int = 160
    steps: int = 3000
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    ema: float = 0.998
    precision: Precision = "bfloat16"
    settle: Part = 0.5625
    slack: float = 0.04
    calm: float = 0.6
    shares: tuple[float, float, float, float] = (0.58, 0.32, 0.04, 0.06)
    start: Beside | None = None
    threads: int = 2
    log_every: int = 100
    strength: Strength = field(default_factory=Strength)
    loss: LossWeights = field(default_factory=LossWeights)


@dataclass(frozen=True, slots=True, eq=False)
class _Organs:
    """OrganNet's part of the training loop."""

    config: DetectorConfig
    net: OrganNet
    films: Sequence[KeptFilm]
    held: Sequence[Example]
    output: Path

    name = "OrganNet"

    def groups(self) -> list[dict[str, Any]]:
        return decayed(self.net)

    def batches(self, turns: Turns) -> Iterable[OrganSample]:
        config = self.config
        samples = OrganSamples(
            self.films,
            side=config.side,
            count=turns.last * turns.batch * turns.processes,
            seed=config.seed,
            shares=config.shares,
            strength=config.strength,
            calm_from=config.settle,
            calm=config.calm,
        )
        return turns.load(samples)

    def loss(self, net: nn.Module, batch: OrganSample, progress: float) -> Mapping[str, Tensor]:
        output = net(batch.film.contiguous(memory_format=torch.channels_last))
        slack = self.config.slack if progress >= self.config.settle else 0.0
        return organ_loss(output, batch, self.config.loss, slack)

    def measure(self, net: OrganNet) -> Mapping[str, float]:
        return measure(net, self.held)

    def write(self, net: OrganNet) -> None:
        write_weights(net, self.config, self.output)
        write_preset(
            self.output,
            "Written by `grounded train detector`.",
            detector={
                "use": "grounded.detectors.organs.detector:OrganDetector",
                "weights": "./",
            },
            generator={"use": "grounded.generators.measured.generator:Measured"},
        )


def train_detector(
    config: DetectorConfig, data: Path, output: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train, measure on the held-out films, write a preset to `output`; the figures by name.

    data: the folder that holds `chest_anatomy` and, if there is one, `covid_films`. output: see
    `grounded.train.loop.train`.
    """
    films, held = split_by_patient(organ_films(data), config.held_out, config.seed)
    progress = progress or Progress()
    progress.say(f"{len(films)} films to train on, {len(held)} held out")
    engine = ready(config)
    net = new_net(config)
    if config.start is not None:
        net.load_state_dict(_weights_to_start_from(config.start))
    kept = [KeptFilm.of(example, config.cache_side) for example in films]
    return train(_Organs(config, net, kept, held, output), config, engine, output, progress)


def _weights_to_start_from(folder: Path) -> dict[str, torch.Tensor]:
    if not (folder / WEIGHTS).is_file():
        raise ConfigError(f"no {WEIGHTS} in {folder} to start from")
    weights: dict[str, torch.Tensor] = load_file(folder / WEIGHTS)
    return weights


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
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in net.state_dict().items()
    }
    write(folder, net_keywords(config), half)


def measure(net: OrganNet, held: Sequence[Example]) -> dict[str, float]:
    """Box IoU and found rate by source and organ, and the cardiothoracic ratio's mean error."""
    placed = Placed(net.eval())
    pairs: dict[str, list[Pair]] = {}
    ratios: list[tuple[Regions, float]] = []
    for example in held:
        regions = find_outlines(placed, [example.image().pixels])[0].regions()
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
