"""Trains the region-guided model (Tanida et al., CVPR 2023) in three stages, each a configuration.

Linear: read the table, build or load the networks, train, measure, write a preset. A run that finds
its own checkpoint goes on from it. What is drawn, and in which order, follows from the seed and the
number of the step, so a run that was stopped gives the weights of one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from grounded.data.example import Example, checked
from grounded.data.region_table import abnormal_regions, read_table
from grounded.detectors.rgrg.net import DetectorLayout, DetectorNet
from grounded.errors import ConfigError, MissingExtraError
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.train.augmentation import Strength
from grounded.train.engine import Engine, Precision, start
from grounded.train.organs.run import read_configuration
from grounded.train.rgrg.loss import STAGES, LossWeights, RegionBatch, RGRGLosses, Stage
from grounded.train.rgrg.measure import measure
from grounded.train.rgrg.samples import RegionSamples, SharedBatches, Words
from grounded.train.rgrg.start import load_backbone, load_gpt2, load_stage, write_preset
from grounded.train.schedule import learning_rate_at

CHECKPOINT, LOG, FIGURES = "checkpoint.pt", "log.jsonl", "figures.json"
_TABLES = {"detector": DetectorLayout, "decoder": DecoderLayout, "loss": LossWeights}


@dataclass(frozen=True)
class RGRGConfig:
    """All that a run depends on, beside the data.

    stage: what is trained. start: the output folder of the stage before, "" for none. steps: of
    the optimizer; each takes `accumulate` batches of `batch` films in every process. longest: of a
    sentence in tokens. sampled: proposals of a film that the box head learns from. sentences: at
    most so many of a batch that the decoder learns from. warmup: part of the steps. limit: rows
    of the training table, 0 for all; measured: rows of the validation table. tokenizer: a folder
    with GPT-2's tokenizer.json; "" trains one of `vocabulary` tokens on the table. backbone: a file
    with torchvision's ResNet weights; gpt2: a folder with a GPT-2 of the decoder's sizes; both only
    where no stage came before. device: "" takes a GPU if there is one.
    """

    stage: Stage = "detector"
    start: str = ""
    seed: int = 0
    steps: int = 1000
    batch: int = 16
    accumulate: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    clip: float = 5.0
    precision: Precision = "float32"
    device: str = ""
    threads: int = 2
    workers: int = 2
    longest: int = 100
    sampled: int = 512
    sentences: int = 128
    limit: int = 0
    measured: int = 500
    log_every: int = 50
    save_every: int = 500
    measure_every: int = 2000
    tensorboard: bool = False
    tokenizer: str = ""
    vocabulary: int = 1000
    backbone: str = ""
    gpt2: str = ""
    strength: Strength | None = field(default_factory=Strength)
    loss: LossWeights = field(default_factory=LossWeights)
    detector: DetectorLayout = field(default_factory=DetectorLayout)
    decoder: DecoderLayout = field(default_factory=DecoderLayout)

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ConfigError(f"stage is one of {', '.join(STAGES)}, got {self.stage!r}")
        if min(self.steps, self.batch, self.accumulate, self.sentences, self.log_every) < 1:
            raise ConfigError("steps, batch, accumulate, sentences and log_every are 1 or more")
        if self.longest < 3:
            raise ConfigError(f"longest is 3 or more, got {self.longest}")

    @classmethod
    def read(cls, path: Path) -> RGRGConfig:
        """From TOML. Raises ConfigError for a missing file or a key that it does not take."""
        return cls.of(read_configuration(path))

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> RGRGConfig:
        """From keywords, with sub-tables strength (or false), loss, detector and decoder."""
        values = dict(table)
        try:
            for key, kind in _TABLES.items():
                values[key] = kind(**_tuples(values.get(key, {})))
            strength = values.get("strength", {})
            values["strength"] = None if strength is False else Strength(**strength)
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the training configuration does not fit: {error}") from error


def train_rgrg(
    config: RGRGConfig,
    data: Path,
    output: Path,
    *,
    start_from: Path | None = None,
    films: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    advance: Callable[[int, int], None] = lambda step, steps: None,
) -> dict[str, float]:
    """Train one stage, measure it, write a preset to `output`; the figures by name.

    data: the folder with train.csv and valid.csv. start_from: in place of the configuration's
    `start`. films: what relative film paths start from (default: the tables' folder).
    output: gets preset.toml with its parts' folders, log.jsonl, figures.json, checkpoint.pt and,
    if asked for, curves for TensorBoard. say: called with each line of the log. advance: with the
    number of finished steps and of all.
    """
    if start_from is not None:
        config = replace(config, start=str(start_from))
    torch.set_num_threads(config.threads)
    engine = start(config.precision, config.device)
    rows = read_table(data / "train.csv", films=films, limit=config.limit or None)
    valid = read_table(data / "valid.csv", films=films, limit=config.measured)
    checked([*rows, *valid])
    if engine.rank == 0:
        output.mkdir(parents=True, exist_ok=True)
        say(f"{len(rows)} films to train on, {len(valid)} to measure with, on {engine.device}")
    run = _Run.begin(config, rows, output, engine)
    for line in run.steps(rows, valid, advance):
        if engine.rank == 0:
            say(line)
    return run.finish(valid, say)


@dataclass(eq=False)
class _Run:
    config: RGRGConfig
    output: Path
    engine: Engine
    words: Words
    losses: RGRGLosses  # the network itself
    net: nn.Module  # the same, as the processes share it
    optimizer: Any
    curves: Any
    step: int = 0

    @classmethod
    def begin(
        cls, config: RGRGConfig, rows: Sequence[Example], output: Path, engine: Engine
    ) -> _Run:
        torch.manual_seed(config.seed)
        words = _words(config, rows, output, engine)
        losses = new_losses(config, rows, words)
        trained = [p for p in losses.parameters() if p.requires_grad]
        optimizer: Any = torch.optim.AdamW(
            trained, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        checkpoint = _checkpoint(output / CHECKPOINT, config)
        if checkpoint is not None:
            losses.load_state_dict(checkpoint["net"])
        net, optimizer = engine.prepare(losses, optimizer)
        if checkpoint is not None:
            optimizer.load_state_dict(checkpoint["optimizer"])
        curves = _curves(output) if config.tensorboard and engine.rank == 0 else None
        step = checkpoint["step"] if checkpoint is not None else 0
        return cls(config, output, engine, words, losses, net, optimizer, curves, step)

    def steps(
        self,
        rows: Sequence[Example],
        valid: Sequence[Example],
        advance: Callable[[int, int], None],
    ) -> Iterator[str]:
        """Train to the end; a line of text for each log entry."""
        config, began, first = self.config, time.perf_counter(), self.step
        sums: dict[str, float] = {}
        batches = iter(self._loader(rows))
        while self.step < config.steps:
            for name, value in self._one(batches).items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            advance(self.step, config.steps)
            if self.step % config.log_every == 0:
                seconds = (time.perf_counter() - began) / (self.step - first)
                means = {name: round(value / config.log_every, 4) for name, value in sums.items()}
                sums = {}
                yield self._log({"seconds_a_step": round(seconds, 3), **means}, "train")
            if self.step % config.measure_every == 0 and self.step < config.steps:
                if self.engine.rank == 0:
                    yield self._log(self._measure(valid), "valid")
                self.engine.wait()
            if self.step % config.save_every == 0:
                self._save()
        self._save()

    def finish(self, valid: Sequence[Example], say: Callable[[str], None]) -> dict[str, float]:
        """Measure, and write what `grounded report --preset` reads."""
        if self.engine.rank != 0:
            return {}
        figures = self._measure(valid)
        (self.output / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        say(self._log(figures, "valid"))
        write_preset(self.losses.detector, self.losses.decoder, self.output)
        if self.curves is not None:
            self.curves.close()
        return figures

    def _one(self, batches: Iterator[RegionBatch]) -> dict[str, float]:
        """One step of the optimizer; the mean terms of its batches."""
        config, engine = self.config, self.engine
        rate = config.learning_rate * learning_rate_at(self.step / config.steps, config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.net.train()
        torch.manual_seed(hash((config.seed, self.step, engine.rank)))  # what torch draws
        sums: dict[str, float] = {}
        for turn in range(config.accumulate):
            batch = next(batches).to(engine.device)
            with engine.together(self.net, turn == config.accumulate - 1):
                with engine.autocast():
                    terms: dict[str, Tensor] = self.net(batch)
                engine.backward(terms["total"] / config.accumulate)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / config.accumulate
        engine.step(self.optimizer, self.net, config.clip)
        return sums

    def _loader(self, rows: Sequence[Example]) -> DataLoader[Any]:
        config = self.config
        samples = RegionSamples(
            rows,
            self.words,
            side=config.detector.side,
            longest=config.longest,
            seed=config.seed,
            strength=config.strength,
        )
        batches = SharedBatches(
            len(rows),
            config.batch,
            seed=config.seed,
            first=self.step * config.accumulate,
            last=config.steps * config.accumulate,
            rank=self.engine.rank,
            processes=self.engine.processes,
        )
        return DataLoader(
            samples,
            batch_sampler=batches,
            num_workers=config.workers,
            collate_fn=samples.collate,
        )

    def _measure(self, valid: Sequence[Example]) -> dict[str, float]:
        samples = RegionSamples(
            valid, self.words, side=self.config.detector.side, longest=self.config.longest
        )
        return measure(self.losses, samples, self.config.batch, self.engine.device)

    def _log(self, entry: Mapping[str, float], kind: str) -> str:
        if self.engine.rank == 0:
            line = json.dumps({"step": self.step, "kind": kind, **entry})
            with (self.output / LOG).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        if self.curves is not None:
            for name, value in entry.items():
                self.curves.add_scalar(f"{kind}/{name}", value, self.step)
        shown = " ".join(f"{name} {value:.4g}" for name, value in entry.items())
        return f"{kind} step {self.step}: {shown}"

    def _save(self) -> None:
        if self.engine.rank == 0:
            content = {
                "stage": self.config.stage,
                "step": self.step,
                "net": self.losses.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            }
            whole = (
                self.output / f"{CHECKPOINT}.part"
            )  # a run that dies while writing keeps the old
            torch.save(content, whole)
            whole.replace(self.output / CHECKPOINT)
        self.engine.wait()


def new_losses(config: RGRGConfig, rows: Sequence[Example], words: Words) -> RGRGLosses:
    """The networks of a configuration, filled from the stage before or from pretrained parts."""
    layout = replace(config.decoder, vocabulary=words.size, stop=words.stop)
    detector, decoder = DetectorNet(config.detector), DecoderNet(layout)
    nn.init.normal_(decoder.wte.weight, std=0.02)  # GPT-2's; it is also the output layer
    if config.start:
        load_stage(detector, decoder, Path(config.start))
    else:
        if config.backbone:
            load_backbone(detector, Path(config.backbone))
        if config.gpt2:
            load_gpt2(decoder, Path(config.gpt2))
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
    before = Path(config.start) / "tokenizer"
    if engine.rank == 0 and not own.is_dir():
        if config.tokenizer or (config.start and before.is_dir()):
            _copy(Path(config.tokenizer) if config.tokenizer else before, own)
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


def _checkpoint(path: Path, config: RGRGConfig) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if content["stage"] != config.stage:
        raise ConfigError(
            f"{path.parent} holds a run of the stage {content['stage']!r}; "
            f"give the stage {config.stage!r} a folder of its own"
        )
    return content


def _curves(output: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError(
            "curves need TensorBoard: pip install 'grounded[train]', or set tensorboard = false"
        ) from error
    return SummaryWriter(str(output / "curves"))


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
