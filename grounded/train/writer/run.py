"""Trains the writer: the second of the two stages of the sentence generator."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional

from grounded.errors import DataError
from grounded.findings import VOCABULARY
from grounded.generators.neural.writer import END, TOKENIZER, Brief, Terms, Writer, says
from grounded.generators.neural.writer_net import WriterNet
from grounded.language.labeller import Labeller
from grounded.language.templates import RATIO, REGION, SIDE
from grounded.nn.weights import write
from grounded.train.configuration import Beside, Part, RunConfig
from grounded.train.loop import TOTAL, Progress, Turns, decayed, ready, train
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.samples import (
    Sample,
    WriterSamples,
    by_statement,
    hold_out,
    region_of,
)

RATIO_TO_MEASURE = 0.52  # any; sentences that state a ratio are measured with it


@dataclass(frozen=True, kw_only=True)
class WriterConfig(RunConfig):
    """All that a run depends on, beside the reports; see RunConfig for what all runs have.

    phrases: our own sentences, for what reports say too seldom (configs/train/phrases.toml), None
    for the reports alone. vocabulary: tokens at most. length: of a sentence in tokens. held_out:
    the part of the statements that is measured with.
    """

    phrases: Beside | None = None
    vocabulary: int = 1200
    length: int = 64
    width: int = 192
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    held_out: Part = 0.08
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    clip: float = 1.0
    workers: int = 0
    log_every: int = 100
    measure_every: int = 1000


def train_writer(
    phrases: Sequence[Phrase],
    config: WriterConfig,
    folder: Path,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Train, measure on the statements that are held out, fill `folder`; the figures by name.

    folder: gets model.safetensors, config.json, tokenizer.json and what
    `grounded.train.loop.train` writes. Raises DataError when there is nothing to learn from.
    """
    if not phrases:
        raise DataError("no phrases to train a writer on")
    held_apart, held = hold_out(phrases, config.held_out, config.seed)
    progress = progress or Progress()
    progress.say(f"{len(held_apart)} phrases to train on, {len(held)} held out")
    engine = ready(config)
    samples = WriterSamples(held_apart, config.seed)
    writer = new_writer(held_apart, config)
    task = _Words(config, writer, samples, held, Labeller.open(), folder)
    return train(task, config, engine, folder, progress)


def train_tokenizer(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Byte pair encoding of sentences; a blank is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    whole = [AddedToken(text, normalized=False) for text in (END, REGION, SIDE, RATIO)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=whole,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def taught(phrases: Sequence[Phrase]) -> dict[str, tuple[str, ...]]:
    """By finding, the kinds of region that phrases say it of, the most usual first."""
    counts: dict[str, Counter[str]] = {}
    for phrase in phrases:
        for label, _ in phrase.findings:
            counts.setdefault(label, Counter())[phrase.kind] += phrase.count
    return {label: tuple(kind for kind, _ in of.most_common()) for label, of in counts.items()}


def fidelity(
    writer: Writer, phrases: Sequence[Phrase], labeller: Labeller, *, verified: bool = False
) -> float:
    """The part of the phrases' statements that the labeller reads in what the writer writes.

    Each statement counts once, and once more with a ratio if a phrase has one.
    verified: the sentences that do not say it are written again.
    """
    briefs = [
        Brief(region_of(statement.kind), statement.kind, dict(statement.findings), ratio)
        for statement, group in by_statement(phrases).items()
        for ratio in sorted({RATIO_TO_MEASURE if p.ratio else None for p in group}, key=bool)
    ]
    if not briefs:
        return math.nan
    written = writer.write(briefs, verify=labeller if verified else None)
    agreed = [says(w.text, brief, labeller) for w, brief in zip(written, briefs, strict=True)]
    return float(np.mean(agreed))


@torch.inference_mode()
def perplexity(writer: Writer, phrases: Sequence[Phrase]) -> float:
    """Perplexity per token of the phrases, each weighed by its count."""
    total, count = 0.0, 0
    for phrase in phrases:
        ratio = RATIO_TO_MEASURE if phrase.ratio else None
        brief = Brief(phrase.kind, phrase.kind, dict(phrase.findings), ratio)
        tokens = writer.encode([phrase.text])[0].shape[1]
        total += phrase.count * float(writer.log_probability([brief], [phrase.text]))
        count += phrase.count * tokens
    return math.exp(-total / count) if count else math.nan


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """The writer's part of the training loop."""

    config: WriterConfig
    writer: Writer
    samples: WriterSamples
    held: Sequence[Phrase]
    labeller: Labeller
    folder: Path

    name = "writer"

    @property
    def net(self) -> WriterNet:
        return self.writer.net

    def groups(self) -> list[dict[str, Any]]:
        return decayed(self.net)

    def batches(self, turns: Turns) -> Iterable[list[Sample]]:
        return turns.load(self.samples, list)

    def loss(self, net: nn.Module, batch: list[Sample], progress: float) -> Mapping[str, Tensor]:
        writer = self.writer
        conditions = writer.terms.conditions([s.brief for s in batch])
        tokens, targets = writer.encode([sample.template for sample in batch])
        logits = net(conditions.to(writer.net.device), tokens)  # (N, T, V)
        entropy = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=-1
        )
        return {TOTAL: entropy}

    def measure(self, net: WriterNet) -> Mapping[str, float]:
        writer = Writer.of(net, self.writer.terms, self.writer.tokenizer)
        figures = {
            "perplexity": perplexity(writer, self.held),
            "fidelity": fidelity(writer, self.held, self.labeller),
            "fidelity verified": fidelity(writer, self.held, self.labeller, verified=True),
        }
        return {name: round(value, 4) for name, value in figures.items() if not math.isnan(value)}

    def write(self, net: WriterNet) -> None:
        writer = self.writer
        half = {name: value.half().cpu() for name, value in net.state_dict().items()}
        config = {
            "kinds": list(writer.kinds),
            "labels": list(writer.labels),
            "taught": {label: list(kinds) for label, kinds in writer.terms.taught.items()},
            "net": _keywords(self.config, writer.terms, writer.tokenizer),
        }
        write(self.folder, config, half)
        writer.tokenizer.save(str(self.folder / TOKENIZER))


def new_writer(phrases: Sequence[Phrase], config: WriterConfig) -> Writer:
    """A writer with random weights, for the kinds of region and the findings of the phrases."""
    labels = {label for phrase in phrases for label, _ in phrase.findings}
    terms = Terms(
        tuple(sorted({phrase.kind for phrase in phrases})),
        tuple(label for label in VOCABULARY if label in labels),
        taught(phrases),
    )
    tokenizer = train_tokenizer([phrase.text for phrase in phrases], config.vocabulary)
    net = WriterNet(**_keywords(config, terms, tokenizer))
    return Writer.of(net, terms, tokenizer)


def _keywords(config: WriterConfig, terms: Terms, tokenizer: Tokenizer) -> dict[str, Any]:
    """What WriterNet is constructed with."""
    return {
        "kinds": len(terms.kinds),
        "labels": len(terms.labels),
        "vocabulary": tokenizer.get_vocab_size(),
        "width": config.width,
        "layers": config.layers,
        "heads": config.heads,
        "length": config.length,
        "dropout": config.dropout,
    }
