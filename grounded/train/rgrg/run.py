"""Trains the region-guided model (Tanida et al., CVPR 2023), each of its stages by a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn

from grounded.data.example import Example, checked
from grounded.data.region_table import abnormal_regions, read_table
from grounded.detectors.rgrg.net import DetectorLayout, DetectorNet
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.train.augmentation import Strength
from grounded.train.configuration import (
    Beside,
    Count,
    Part,
    RunConfig,
    configured,
    read_configuration,
)
from grounded.train.engine import Engine
from grounded.train.loop import Progress, Turns, ready, train
from grounded.train.rgrg.loss import LossWeights, RegionBatch, RGRGLosses, Stage
from grounded.train.rgrg.measure import measure
from grounded.train.rgrg.samples import RegionSamples, Words
from grounded.train.rgrg.start import load_backbone, load_gpt2, load_stage, write_stage


@dataclass(frozen=True, kw_only=True)
class RGRGConfig(RunConfig):
    """All that a run depends on, beside the data; see RunConfig for what all runs have.

    stage: what is trained. start: the output folder of the stage before. longest: of a sentence in
    tokens. sampled: proposals of a film that the box head learns from. sentences: at most so many
    of a batch that the decoder learns from. limit: rows of the training table, 0 for all; measured:
    rows of the validation table. tokenizer: a folder with GPT-2's tokenizer.json; None trains one
    of `vocabulary` tokens on the table. backbone: a file with torchvision's ResNet weights; gpt2: a
    folder with a GPT-2 of the decoder's sizes; both only where no stage came before. strength:
    false in the file leaves the films as they are.
    """

    stage: Stage = "detector"
    start: Beside | None = None
    warmup: Part = 0.02
    threads: int = 2
    workers: int = 2
    longest: Annotated[int, Field(ge=3)] = 100
    sampled: int = 512
    sentences: Count = 128
    limit: int = 0
    measured: int = 500
    measure_every: int = 2000
    save_every: int = 500
    tokenizer: Beside | None = None
    vocabulary: int = 1000
    backbone: Beside | None = None
    gpt2: Beside | None = None
    strength: Strength | None = field(default_factory=Strength)
    loss: LossWeights = field(default_factory=LossWeights)
    detector: DetectorLayout = field(default_factory=DetectorLayout)
    decoder: DecoderLayout = field(default_factory=DecoderLayout)

    @classmethod
    def read(cls, path: Path) -> RGRGConfig:
        """From TOML. Raises ConfigError for a file that is missing or does not fit."""
        table = read_configuration(path)
        if table.get("strength") is False:
            table["strength"] = None
        return configured(cls, table, path)


def train_rgrg(
    config: RGRGConfig,
    data: Path,
    output: Path,
    *,
    start_from: Path | None = None,
    films: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Train one stage, measure it, write a preset to `output`; the figures by name.

    data: the folder with train.csv and valid.csv. start_from: in place of the configuration's
    `start`. films: what relative film paths start from (default: the tables' folder). output: gets
    preset.toml with its parts' folders, and what `grounded.train.loop.train` writes.
    """
    if start_from is not None:
        config = replace(config, start=start_from)
    engine, progress = ready(config), progress or Progress()
    rows = read_table(data / "train.csv", films=films, limit=config.limit or None)
    valid = read_table(data / "valid.csv", films=films, limit=config.measured)
    checked([*rows, *valid])
    if engine.rank == 0:
        output.mkdir(parents=True, exist_ok=True)
        progress.say(f"{len(rows)} films to train on, {len(valid)} to measure with")
    words = _words(config, rows, output, engine)
    net = new_losses(config, rows, words)
    task = _RegionGuided(config, net, rows, valid, words, engine, output)
    return train(task, config, engine, output, progress)


@dataclass(frozen=True, slots=True, eq=False)
class _RegionGuided:
    """The region-guided model's part of the training loop."""

    config: RGRGConfig
    net: RGRGLosses
    rows: Sequence[Example]
    valid: Sequence[Example]
    words: Words
    engine: Engine
    output: Path

    @property
    def name(self) -> str:
        return f"RGRG, stage {self.config.stage}"

    def groups(self) -> list[dict[str, Any]]:
        return [{"params": [p for p in self.net.parameters() if p.requires_grad]}]

    def batches(self, turns: Turns) -> Iterable[RegionBatch]:
        config = self.config
        samples = RegionSamples(
            self.rows,
            self.words,
            side=config.detector.side,
            longest=config.longest,
            seed=config.seed,
            strength=config.strength,
        )
        return turns.load(samples, samples.collate)

    def loss(self, net: nn.Module, batch: RegionBatch, progress: float) -> Mapping[str, Tensor]:
        terms: Mapping[str, Tensor] = net(batch)
        return terms

    def measure(self, net: RGRGLosses) -> Mapping[str, float]:
        samples = RegionSamples(
            self.valid, self.words, side=self.config.detector.side, longest=self.config.longest
        )
        return measure(net, samples, self.config.batch, self.engine.device)

    def write(self, net: RGRGLosses) -> None:
        write_stage(net.detector, net.decoder, self.output)


def new_losses(config: RGRGConfig, rows: Sequence[Example], words: Words) -> RGRGLosses:
    """The networks of a configuration, filled from the stage before or from pretrained parts."""
    layout = replace(config.decoder, vocabulary=words.size, stop=words.stop)
    detector, decoder = DetectorNet(config.detector), DecoderNet(layout)
    nn.init.normal_(decoder.wte.weight, std=0.02)  # GPT-2's; it is also the output layer
    if config.start is not None:
        load_stage(detector, decoder, config.start)
    else:
        if config.backbone:
            load_backbone(detector, config.backbone)
        if config.gpt2:
            load_gpt2(decoder, config.gpt2)
    weights = _balanced(config.loss, rows)
    return RGRGLosses(
        detector,
        decoder,
        config.stage,
        weights,
        sampled=config.sampled,
        sentences=config.sentences,
    )


def _balanced(weights: LossWeights, rows: Sequence[Example]) -> LossWeights:
    """Positive weights that were left open become the table's ratio of negatives to positives."""
    known = sum(len(row.boxes) for row in rows)
    described = sum(len(row.boxes.keys() & row.sentences.keys()) for row in rows)
    abnormal = sum(len(row.boxes.keys() & abnormal_regions(row)) for row in rows)
    return replace(
        weights,
        selection_positive=weights.selection_positive or (known - described) / max(described, 1),
        abnormal_positive=weights.abnormal_positive or (known - abnormal) / max(abnormal, 1),
    )


def _words(config: RGRGConfig, rows: Sequence[Example], output: Path, engine: Engine) -> Words:
    """The configuration's tokenizer, the one of the stage before, or a new one; in `output`."""
    own = output / "tokenizer"
    before = config.start / "tokenizer" if config.start is not None else None
    if engine.rank == 0 and not own.is_dir():
        source = config.tokenizer or (before if before is not None and before.is_dir() else None)
        if source is not None:
            _copy(source, own)
        else:
            Words.trained(rows, config.vocabulary, own)
    engine.wait()
    return Words(own)


def _copy(source: Path, target: Path) -> None:
    Words(source)  # says what is wrong with it, if anything is
    target.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"):
        if (source / name).is_file():
            (target / name).write_bytes((source / name).read_bytes())
