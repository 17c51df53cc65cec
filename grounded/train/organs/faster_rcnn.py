"""Trains RegionRCNN on the boxes of all regions that follow from the annotated outlines.

Linear: read, hold out, train, measure, write. The films are drawn and changed as for OrganNet.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch
from safetensors.torch import save_file
from torch.utils.data import DataLoader

from grounded.atlas import Atlas
from grounded.data.example import Example, split_by_patient
from grounded.data.outlined import organ_films
from grounded.data.regions import annotated_regions
from grounded.detectors.faster_rcnn.net import RegionRCNN
from grounded.errors import ConfigError
from grounded.nn.weights import CONFIG, WEIGHTS
from grounded.train.augmentation import Strength
from grounded.train.organs.derived import region_targets
from grounded.train.organs.samples import KeptFilm, OrganSamples
from grounded.train.schedule import learning_rate_at

OUTLINED = (1.0, 0.0, 0.0, 0.0)  # of the kinds of films, those with outlines alone


@dataclass(frozen=True)
class FasterRCNNConfig:
    """All that a run depends on, beside the data. See RegionRCNN for backbone to sampled."""

    seed: int = 0
    atlas: str = "chest29"
    backbone: str = "mobilenet_v3_large"
    side: int = 320
    head: int = 1024
    sampled: int = 256
    held_out: float = 0.15
    steps: int = 4000
    batch: int = 8
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    warmup: float = 0.05
    workers: int = 1
    threads: int = 2
    log_every: int = 100
    strength: Strength = field(default_factory=Strength)

    @classmethod
    def of(cls, table: dict[str, Any]) -> FasterRCNNConfig:
        """From a table of keywords, with a sub-table `strength`. Raises ConfigError."""
        values = dict(table)
        try:
            values["strength"] = Strength(**values.get("strength", {}))
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the training configuration does not fit: {error}") from error


def train_faster_rcnn(
    config: FasterRCNNConfig,
    data: Path,
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Train, measure on the held-out films, write weights to `output`; the figures by name.

    data: the folder that holds `chest_anatomy`. say: called with each line of progress.
    """
    outlined = [film for film in organ_films(data) if film.outlines]
    train, held = split_by_patient(outlined, config.held_out, config.seed)
    say(f"{len(train)} films to train on, {len(held)} held out")
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)  # its thread pool does not survive the fork of the loader's workers
    net = RegionRCNN(**net_keywords(config))
    for line in fit(net, config, [KeptFilm.of(film, config.side) for film in train]):
        say(line)
    write_weights(net, config, output)
    figures = measure(output, config, held)
    (output / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    say(json.dumps(figures))
    return figures


def fit(net: RegionRCNN, config: FasterRCNNConfig, films: Sequence[KeptFilm]) -> Iterator[str]:
    """Train the network to the end; a line of text for each log entry."""
    names = Atlas.open(config.atlas).names
    samples = OrganSamples(
        films,
        side=config.side,
        count=config.steps * config.batch,
        seed=config.seed,
        shares=OUTLINED,
        strength=config.strength,
    )
    loader = DataLoader(
        samples, batch_size=config.batch, num_workers=config.workers, collate_fn=list
    )
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    started, sums = time.perf_counter(), dict[str, float]()
    net.train()
    for step, batch in enumerate(loader):
        rate = config.learning_rate * learning_rate_at(step / config.steps, config.warmup)
        for group in optimizer.param_groups:
            group["lr"] = rate
        films_batch = torch.stack([sample.film for sample in batch])
        terms = net.losses(films_batch, [region_targets(sample, names) for sample in batch])
        optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach()) / config.log_every
        if (step + 1) % config.log_every == 0:
            seconds = (time.perf_counter() - started) / (step + 1)
            losses = {name: round(value, 4) for name, value in sums.items()}
            yield json.dumps({"step": step + 1, "seconds_a_step": round(seconds, 3), **losses})
            sums = {}


def write_weights(net: RegionRCNN, config: FasterRCNNConfig, folder: Path) -> None:
    """model.safetensors, and config.json with the constructor's keywords."""
    weights = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    text = json.dumps(net_keywords(config), indent=1) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")


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
    from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
    from grounded.evaluate.detection import region_accuracy

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
