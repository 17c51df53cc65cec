"""Trains RegionRCNN on the boxes of all regions that follow from the annotated outlines.

The films are drawn and changed as for OrganNet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from grounded.atlas import Atlas
from grounded.data.example import Example, split_by_patient
from grounded.data.outlined import organ_films
from grounded.data.regions import annotated_regions
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.faster_rcnn.net import RegionRCNN, RegionTargets
from grounded.evaluate.detection import region_accuracy
from grounded.nn.weights import write
from grounded.preset import write_preset
from grounded.train.augmentation import Strength
from grounded.train.configuration import Part, RunConfig
from grounded.train.loop import TOTAL, Progress, Turns, ready, train
from grounded.train.organs.derived import region_targets
from grounded.train.organs.samples import KeptFilm, OrganSamples

OUTLINED = (1.0, 0.0, 0.0, 0.0)  # of the kinds of films, those with outlines alone


@dataclass(frozen=True, kw_only=True)
class FasterRCNNConfig(RunConfig):
    """All that a run depends on, beside the data; see RunConfig for what all runs have, RegionRCNN
    for backbone to sampled."""

    atlas: str = "chest29"
    backbone: str = "mobilenet_v3_large"
    side: int = 320
    head: int = 1024
    sampled: int = 256
    held_out: Part = 0.15
    steps: int = 4000
    batch: int = 8
    learning_rate: float = 5e-4
    threads: int = 2
    log_every: int = 100
    strength: Strength = field(default_factory=Strength)


class RegionBatch(NamedTuple):
    """films: (B, 1, S, S). targets: of each film."""

    films: Tensor
    targets: list[RegionTargets]


class _Losses(nn.Module):
    """The network with its losses as `forward`, so that several processes can share it."""

    def __init__(self, net: RegionRCNN) -> None:
        super().__init__()
        self.net = net

    def forward(self, films: Tensor, targets: list[RegionTargets]) -> dict[str, Tensor]:
        terms = self.net.losses(films, targets)
        return {**terms, TOTAL: torch.stack(list(terms.values())).sum()}


class _RegionSamples(Dataset[tuple[Tensor, RegionTargets]]):
    """The samples of OrganNet with the boxes of all regions."""

    def __init__(self, samples: OrganSamples, names: Sequence[str]) -> None:
        self.samples, self.names = samples, names

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> tuple[Tensor, RegionTargets]:
        sample = self.samples[number]
        return sample.film, region_targets(sample, self.names)


@dataclass(frozen=True, slots=True, eq=False)
class _Regions:
    """RegionRCNN's part of the training loop."""

    config: FasterRCNNConfig
    net: _Losses
    films: Sequence[KeptFilm]
    held: Sequence[Example]
    output: Path

    name = "RegionRCNN"

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": list(self.net.parameters())}]

    def batches(self, turns: Turns) -> Iterable[RegionBatch]:
        config = self.config
        samples = OrganSamples(
            self.films,
            side=config.side,
            count=turns.last * turns.batch * turns.processes,
            seed=config.seed,
            shares=OUTLINED,
            strength=config.strength,
        )
        return turns.load(_RegionSamples(samples, Atlas.open(config.atlas).names), _together)

    def loss(self, net: nn.Module, batch: RegionBatch, progress: float) -> Mapping[str, Tensor]:
        terms: Mapping[str, Tensor] = net(batch.films, batch.targets)
        return terms

    def measure(self, net: _Losses) -> Mapping[str, float]:
        return measure(self.output, self.config, self.held)

    def write(self, net: _Losses) -> None:
        write_weights(net.net, self.config, self.output)
        write_preset(
            self.output,
            "Written by `grounded train detector`.",
            detector={
                "use": "grounded.detectors.faster_rcnn.detector:FasterRCNNDetector",
                "weights": "./",
                "atlas": self.config.atlas,
            },
            generator={"use": "grounded.generators.template:Template"},
        )


def train_faster_rcnn(
    config: FasterRCNNConfig, data: Path, output: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train, measure on the held-out films, write a preset to `output`; the figures by name.

    data: the folder that holds `chest_anatomy`. output: see `grounded.train.loop.train`.
    """
    outlined = [film for film in organ_films(data) if film.outlines]
    films, held = split_by_patient(outlined, config.held_out, config.seed)
    progress = progress or Progress()
    progress.say(f"{len(films)} films to train on, {len(held)} held out")
    engine = ready(config)
    net = _Losses(RegionRCNN(**net_keywords(config)))
    kept = [KeptFilm.of(film, config.side) for film in films]
    return train(_Regions(config, net, kept, held, output), config, engine, output, progress)


def _together(samples: list[tuple[Tensor, RegionTargets]]) -> RegionBatch:
    films, targets = zip(*samples, strict=True)
    return RegionBatch(torch.stack(films), list(targets))


def write_weights(net: RegionRCNN, config: FasterRCNNConfig, folder: Path) -> None:
    """model.safetensors, and config.json with the constructor's keywords."""
    weights = {name: value.cpu().contiguous() for name, value in net.state_dict().items()}
    write(folder, net_keywords(config), weights)


def net_keywords(config: FasterRCNNConfig) -> dict[str, Any]:
    """What RegionRCNN is constructed with."""
    return {
        "regions": len(Atlas.open(config.atlas)),
        "side": config.side,
        "backbone": config.backbone,
        "head": config.head,
        "sampled": config.sampled,
    }


def measure(folder: Path, config: FasterRCNNConfig, held: Sequence[Example]) -> dict[str, float]:
    """Box IoU of all regions on films that were not trained on, against the derived boxes."""
    detector = FasterRCNNDetector(folder, config.atlas)
    pairs = []
    for example in held:
        [regions] = detector.detect([example.image()])
        pairs.append((regions, {region.name: region.box for region in annotated_regions(example)}))
    return {
        f"{name} {figure}": round(value, 4)
        for name, accuracy in region_accuracy(pairs).items()
        for figure, value in (("iou", accuracy.mean_iou), ("found", accuracy.found))
    }
