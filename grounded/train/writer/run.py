"""Trains the writer: the second of the two stages of the sentence generator.

Linear: hold out statements, make a tokenizer, train, measure, write. Every random choice follows
from the configuration's seed and the number of the step, so a run that is stopped and resumed sees
the same samples.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional

from grounded.errors import ConfigError, DataError
from grounded.findings import VOCABULARY
from grounded.generators.neural.writer import END, TOKENIZER, Brief, Terms, Writer, says
from grounded.generators.neural.writer_net import WriterNet
from grounded.language.labeller import Labeller
from grounded.language.templates import RATIO, REGION, SIDE
from grounded.nn.weights import write
from grounded.train.schedule import learning_rate_at
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.samples import (
    Sample,
    Sight,
    WriterSamples,
    by_statement,
    hold_out,
    region_of,
)

CHECKPOINT = "writer.pt"
RATIO_TO_MEASURE = 0.52  # any; sentences that state a ratio are measured with it


@dataclass(frozen=True)
class WriterConfig:
    """All that a run depends on, beside the phrases and the bank.

    vocabulary: tokens at most. length: of a sentence in tokens. held_out: the part of the
    statements that is measured with. sight: what is shown of the region a sentence speaks of.
    """

    seed: int = 0
    vocabulary: int = 1200
    length: int = 64
    width: int = 192
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    held_out: float = 0.08
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup: float = 0.05
    threads: int = 1
    device: str = "cpu"
    log_every: int = 100
    measure_every: int = 1000
    sight: Sight = field(default_factory=Sight)

    @classmethod
    def of(cls, table: dict[str, Any]) -> WriterConfig:
        """From a table of keywords, with a sub-table `sight`. Raises ConfigError."""
        try:
            return cls(**{**table, "sight": Sight(**table.get("sight", {}))})
        except TypeError as error:
            raise ConfigError(f"the writer's configuration does not fit: {error}") from error


def train_writer(
    phrases: Sequence[Phrase],
    bank: Bank | None,
    config: WriterConfig,
    folder: Path,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Train, measure on the statements that are held out, fill `folder`; the figures by name.

    bank: what is seen in regions; without one, the writer learns to write from what it is told
    alone. folder: gets model.safetensors, config.json, tokenizer.json, log.jsonl, figures.json and
    a checkpoint; a run that finds its own checkpoint there goes on from it. say: called with each
    line of progress. Raises DataError when there is nothing to learn from.
    """
    if not phrases:
        raise DataError("no phrases to train a writer on")
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    train, held = hold_out(phrases, config.held_out, config.seed)
    say(f"{len(train)} phrases to train on, {len(held)} held out")
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run.begin(train, bank, config, folder)
    for line in run.steps(WriterSamples(train, bank, config.sight, config.seed), held):
        say(line)
    return run.finish(held, say)


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

    Each statement counts once, and once more with a ratio if a phrase has one; nothing is seen.
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
    """Of a token of the phrases, each as often as it counts; nothing is seen."""
    total, count = 0.0, 0
    for phrase in phrases:
        ratio = RATIO_TO_MEASURE if phrase.ratio else None
        brief = Brief(phrase.kind, phrase.kind, dict(phrase.findings), ratio)
        tokens = writer.encode([phrase.text])[0].shape[1]
        total += phrase.count * float(writer.log_probability([brief], [phrase.text]))
        count += phrase.count * tokens
    return math.exp(-total / count) if count else math.nan


@dataclass
class _Run:
    """A run under way: the writer, the optimizer, the step reached."""

    config: WriterConfig
    folder: Path
    writer: Writer
    optimizer: torch.optim.Optimizer
    labeller: Labeller
    step: int = 0

    @classmethod
    def begin(
        cls, phrases: Sequence[Phrase], bank: Bank | None, config: WriterConfig, folder: Path
    ) -> _Run:
        labels = {label for phrase in phrases for label, _ in phrase.findings}
        terms = Terms(
            tuple(sorted({phrase.kind for phrase in phrases})),
            tuple(label for label in VOCABULARY if label in labels),
            taught(phrases),
        )
        tokenizer = train_tokenizer([phrase.text for phrase in phrases], config.vocabulary)
        features = bank.features if bank is not None and len(bank) else 0
        net = WriterNet(**_keywords(config, terms, tokenizer, features)).to(config.device)
        groups: list[dict[str, Any]] = [
            {"params": [p for p in net.parameters() if p.ndim > 1]},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(
            groups, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        writer = Writer.of(net, terms, tokenizer)
        run = cls(config, folder, writer, optimizer, Labeller.open())
        if (folder / CHECKPOINT).is_file():
            run._resume()
        return run

    def steps(self, samples: WriterSamples, held: Sequence[Phrase]) -> Iterator[str]:
        """Train to the end; a line of text for each log entry."""
        config = self.config
        started, first, losses = time.perf_counter(), self.step, 0.0
        while self.step < config.steps:
            losses += self._one(samples.batch(self.step, config.batch))
            if self.step % config.log_every == 0 or self.step == config.steps:
                count = (self.step - 1) % config.log_every + 1
                seconds = (time.perf_counter() - started) / (self.step - first)
                entry = {"step": self.step, "seconds_a_step": round(seconds, 3)}
                yield self._log({**entry, "loss": round(losses / count, 4)})
                losses = 0.0
            if self.step % config.measure_every == 0 and self.step < config.steps:
                self._save()
                yield self._log({"step": self.step, **self._figures(held)})

    def finish(self, held: Sequence[Phrase], say: Callable[[str], None]) -> dict[str, float]:
        """Write the weights and the figures on the statements that were held out."""
        self._save()
        figures = self._figures(held)
        say(self._log({"step": self.step, **figures}))
        (self.folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
        return figures

    def _one(self, samples: Sequence[Sample]) -> float:
        config, net = self.config, self.writer.net
        rate = config.learning_rate * learning_rate_at(self.step / config.steps, config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(config.seed * 1_000_003 + self.step)  # of the dropout, for a resumed run
        net.train()
        loss = self._loss(samples)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    def _loss(self, samples: Sequence[Sample]) -> Tensor:
        writer = self.writer
        conditions = writer.terms.conditions([s.brief for s in samples], writer.features)
        tokens, targets = writer.encode([sample.template for sample in samples])
        logits = writer.net(conditions.to(writer.net.device), tokens)  # (N, T, V)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    def _figures(self, held: Sequence[Phrase]) -> dict[str, float]:
        self.writer.net.eval()
        figures = {
            "perplexity": perplexity(self.writer, held),
            "fidelity": fidelity(self.writer, held, self.labeller),
            "fidelity verified": fidelity(self.writer, held, self.labeller, verified=True),
        }
        known = {name: value for name, value in figures.items() if not math.isnan(value)}
        return {name: round(value, 4) for name, value in known.items()}

    def _log(self, entry: dict[str, float]) -> str:
        line = json.dumps(entry)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        return line

    def _save(self) -> None:
        writer = self.writer
        half = {name: value.half().cpu() for name, value in writer.net.state_dict().items()}
        config = {
            "kinds": list(writer.kinds),
            "labels": list(writer.labels),
            "taught": {label: list(kinds) for label, kinds in writer.terms.taught.items()},
            "net": _keywords(self.config, writer.terms, writer.tokenizer, writer.features),
        }
        write(self.folder, config, half)
        writer.tokenizer.save(str(self.folder / TOKENIZER))
        state = {
            "step": self.step,
            "net": writer.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, self.folder / CHECKPOINT)

    def _resume(self) -> None:
        state = torch.load(self.folder / CHECKPOINT, weights_only=True)
        self.writer.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])


def _keywords(
    config: WriterConfig, terms: Terms, tokenizer: Tokenizer, features: int
) -> dict[str, Any]:
    """What WriterNet is constructed with."""
    return {
        "kinds": len(terms.kinds),
        "labels": len(terms.labels),
        "vocabulary": tokenizer.get_vocab_size(),
        "features": features,
        "width": config.width,
        "layers": config.layers,
        "heads": config.heads,
        "length": config.length,
        "dropout": config.dropout,
    }
