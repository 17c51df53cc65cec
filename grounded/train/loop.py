"""The training loop: the one for all networks.

A network's own part is a `Task`: its batches, its loss, how it is measured and what is written. The
loop adds device, mixed precision, accumulation, several processes, the learning rate's schedule, a
smoothed copy of the weights, checkpoints, the log, curves and progress. What is drawn follows from
the seed and the number of the step, so a run that was stopped ends with the weights of one that was
not.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import cv2
import torch
from torch import Tensor, nn
from torch.optim import AdamW
from torch.utils.data import DataLoader, Dataset

from grounded.errors import ConfigError, DataError, MissingExtraError
from grounded.train.configuration import RunConfig
from grounded.train.engine import Engine, start
from grounded.train.schedule import learning_rate_at

Net = TypeVar("Net", bound=nn.Module)
Batch = TypeVar("Batch")
CHECKPOINT, LOG, FIGURES = "checkpoint.pt", "log.jsonl", "figures.json"
TOTAL = "total"  # the term of a loss that is minimised


@dataclass(frozen=True, slots=True)
class Progress:
    """Who hears of a run. say: each line. advance: the number of finished steps and of all."""

    say: Callable[[str], None] = lambda line: None
    advance: Callable[[int, int], None] = lambda done, of: None


@dataclass(frozen=True, slots=True)
class Turns:
    """The batches that one process of several makes, `first` to `last` of the run.

    Samples are numbered over the whole run and over all processes: the batch of a step holds the
    same numbers whether or not the run was stopped before it.
    """

    first: int
    last: int
    batch: int
    rank: int = 0
    processes: int = 1
    workers: int = 0

    def __len__(self) -> int:
        return max(0, self.last - self.first)

    def __iter__(self) -> Iterator[list[int]]:
        for turn in range(self.first, self.last):
            start = (turn * self.processes + self.rank) * self.batch
            yield list(range(start, start + self.batch))

    def load(
        self, samples: Dataset[Any], collate: Callable[[list[Any]], Any] | None = None
    ) -> Iterable[Any]:
        """The samples of those numbers as batches, made by `workers` processes."""
        return DataLoader(
            samples,
            batch_sampler=self,
            num_workers=self.workers,
            collate_fn=collate,
            prefetch_factor=4 if self.workers else None,
        )


class Task(Protocol[Net, Batch]):
    """What a network brings to its training.

    name: of what is trained; a folder that holds another's checkpoint is refused.
    """

    @property
    def name(self) -> str: ...

    @property
    def net(self) -> Net:
        """The network, whose weights are changed."""
        ...

    def groups(self) -> list[dict[str, Any]]:
        """Parameters in groups for AdamW; `scale` in a group multiplies its learning rate."""
        ...

    def batches(self, turns: Turns) -> Iterable[Batch]: ...

    def loss(self, net: nn.Module, batch: Batch, progress: float) -> Mapping[str, Tensor]:
        """The terms of the loss by name, with their sum as "total".

        net: the network, to be called (it may be wrapped). batch: on the network's device.
        progress: the part of the run that is done, 0..1.
        """
        ...

    def measure(self, net: Net) -> Mapping[str, float]:
        """Figures on films that are not trained on. It is called after `write`."""
        ...

    def write(self, net: Net) -> None:
        """The weights, so that they can be used as they are."""
        ...


def decayed(net: nn.Module) -> list[dict[str, Any]]:
    """All parameters; weight decay leaves offsets and scales alone."""
    trained = [p for p in net.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1]},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def ready(config: RunConfig) -> Engine:
    """Seed and threads for a run, set before its network is made; where it runs."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)  # its thread pool does not survive the fork of the loader's workers
    return start(config.precision, config.device)


def train(
    task: Task[Any, Any],
    config: RunConfig,
    engine: Engine,
    output: Path,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Train to the end, from the checkpoint in `output` if there is one; the last figures.

    output: gets what the task writes, log.jsonl, figures.json, checkpoint.pt and, if asked for,
    curves for TensorBoard. Raises ConfigError for a folder that holds another run, DataError when
    the loss is no number any more.
    """
    output.mkdir(parents=True, exist_ok=True)
    loop = _Loop.begin(task, config, engine, output, progress or Progress())
    loop.run()
    return loop.finish()


@dataclass
class _Loop(Generic[Net, Batch]):
    """A run under way. net: the task's network as the processes share it. kept: the weights that
    are measured and written, which follow the network slowly."""

    task: Task[Net, Batch]
    config: RunConfig
    engine: Engine
    output: Path
    progress: Progress
    net: nn.Module
    kept: Net
    optimizer: torch.optim.Optimizer
    curves: Any
    step: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        task: Task[Net, Batch],
        config: RunConfig,
        engine: Engine,
        output: Path,
        progress: Progress,
    ) -> _Loop[Net, Batch]:
        kept = copy.deepcopy(task.net).to(engine.device) if config.ema else task.net
        made = AdamW(
            task.groups(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        net, optimizer = engine.prepare(task.net, made)
        curves = _curves(output) if config.tensorboard and engine.rank == 0 else None
        loop = cls(task, config, engine, output, progress, net, kept, optimizer, curves)
        loop._resume()
        return loop

    def run(self) -> None:
        """Train to the last step."""
        config, began, first = self.config, time.perf_counter(), self.step
        batches = iter(self.task.batches(self._turns))
        while self.step < config.steps:
            self._learn(batches)
            self.step += 1
            self.progress.advance(self.step, config.steps)
            if self.step % config.log_every == 0 or self.step == config.steps:
                self._log_losses((time.perf_counter() - began) / (self.step - first))
            if self.step % (config.save_every or config.measure_every) == 0:
                self._save()
            if self.step % config.measure_every == 0 and self.step < config.steps:
                self._measured()

    def finish(self) -> dict[str, float]:
        """Save, write and measure what was trained."""
        self._save()
        figures = self._measured()
        if self.engine.rank == 0:
            text = json.dumps(figures, indent=1) + "\n"
            (self.output / FIGURES).write_text(text, encoding="utf-8")
        if self.curves is not None:
            self.curves.close()
        return figures

    @property
    def _turns(self) -> Turns:
        config = self.config
        return Turns(
            self.step * config.accumulate,
            config.steps * config.accumulate,
            config.batch,
            self.engine.rank,
            self.engine.processes,
            config.workers,
        )

    def _learn(self, batches: Iterator[Batch]) -> None:
        """One step of the optimizer."""
        config, engine, progress = self.config, self.engine, self.step / self.config.steps
        rate = config.learning_rate * learning_rate_at(progress, config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        torch.manual_seed(hash((config.seed, self.step, engine.rank)))  # what torch draws
        self.net.train()
        for turn in range(config.accumulate):
            batch = _moved(next(batches), engine.device)
            with engine.together(self.net, turn == config.accumulate - 1):
                terms = self.task.loss(self.net, batch, progress)
                engine.backward(terms[TOTAL] / config.accumulate)
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, 0) + value.detach() / config.accumulate
        engine.step(self.optimizer, self.net, config.clip)
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the smoothed copy towards the network; faster while the run is young."""
        if self.kept is self.task.net:
            return
        decay = min(self.config.ema, (2 + self.step) / (11 + self.step))
        kept, new = ([*net.parameters(), *net.buffers()] for net in (self.kept, self.task.net))
        smoothed = [k for k in kept if k.is_floating_point()]
        torch._foreach_lerp_(smoothed, [n for n in new if n.is_floating_point()], 1 - decay)

    def _measured(self) -> dict[str, float]:
        """Write the weights and measure them, in one process; the others wait."""
        figures: dict[str, float] = {}
        if self.engine.rank == 0:
            self.kept.eval()
            self.task.write(self.kept)
            figures = dict(self.task.measure(self.kept))
            self._log(figures, "valid")
        self.engine.wait()
        return figures

    def _log_losses(self, seconds: float) -> None:
        count = (self.step - 1) % self.config.log_every + 1
        means = {name: round(float(value) / count, 4) for name, value in self.sums.items()}
        self.sums = {}
        if not math.isfinite(means[TOTAL]):
            raise DataError(
                f"the loss is no number after step {self.step}: take a smaller learning_rate, or "
                f'precision = "float32"; the last checkpoint is in {self.output}'
            )
        self._log({"seconds_a_step": round(seconds, 3), **means}, "train")

    def _log(self, entry: Mapping[str, float], kind: str) -> None:
        if self.engine.rank != 0:
            return
        line = json.dumps({"step": self.step, "kind": kind, **entry})
        with (self.output / LOG).open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        if self.curves is not None:
            for name, value in entry.items():
                self.curves.add_scalar(f"{kind}/{name}", value, self.step)
        shown = " ".join(f"{name} {value:.4g}" for name, value in entry.items())
        self.progress.say(f"{kind} step {self.step}: {shown}")

    def _save(self) -> None:
        if self.engine.rank == 0:
            state = {
                "name": self.task.name,
                "step": self.step,
                "net": self.task.net.state_dict(),
                "kept": self.kept.state_dict() if self.kept is not self.task.net else {},
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.engine.scaler_state(),
            }
            part = self.output / f"{CHECKPOINT}.part"  # a run that dies while writing keeps the old
            torch.save(state, part)
            part.replace(self.output / CHECKPOINT)
        self.engine.wait()

    def _resume(self) -> None:
        path = self.output / CHECKPOINT
        if not path.is_file():
            return
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state.get("name") != self.task.name:
            raise ConfigError(
                f"{self.output} holds a run of {state.get('name', 'an older version')!r}; give "
                f"{self.task.name!r} a folder of its own"
            )
        try:
            self.task.net.load_state_dict(state["net"])
            if self.kept is not self.task.net:
                self.kept.load_state_dict(state["kept"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"{path} is of a run with another configuration; take another folder: {error}"
            ) from error
        self.engine.load_scaler(state["scaler"])
        self.step = int(state["step"])


def _moved(batch: Any, device: torch.device) -> Any:
    """The tensors of a batch on a device; what is no tensor, tuple or list stays as it is."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_moved(part, device) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_moved(part, device) for part in batch)
    return batch


def _curves(output: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError(
            "curves need TensorBoard: pip install 'grounded[train]', or set tensorboard = false"
        ) from error
    return SummaryWriter(str(output / "curves"))
