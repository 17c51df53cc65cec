"""A network that learns, with its smoothed copy: what training runs share.

The weights that are kept are those of the copy, which follows the network slowly. A run writes a
line of JSON for each log entry, and a checkpoint from which it goes on if it was stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)
Batch = TypeVar("Batch")
LOG = "log.jsonl"
CLIP = 5.0  # the largest norm of the gradient


@dataclass
class Learner(Generic[Network]):
    """A run under way.

    folder: gets the log and the checkpoint of that name. ema: how slowly the copy follows, a decay
    per step. step: the steps that were taken.
    """

    net: Network
    smooth: Network
    optimizer: torch.optim.Optimizer
    folder: Path
    checkpoint: str
    ema: float
    step: int = 0

    def learn(self, loss: Tensor, rate: float) -> None:
        """One step. rate: the learning rate, for each group times its `scale` if it has one."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        self._follow()

    def run(
        self,
        batches: Iterable[Batch],
        one: Callable[[Batch], Mapping[str, Tensor]],
        measure: Callable[[], Mapping[str, float]],
        *,
        steps: int,
        log_every: int,
        measure_every: int,
    ) -> Iterator[str]:
        """Learn from all batches; a line for each log entry.

        one: learns from a batch and gives its losses. measure: called every so often before the
        end, after the state was saved. steps: of the whole run.
        """
        sums: dict[str, float] = {}
        started, first = time.perf_counter(), self.step
        for batch in batches:
            for name, value in one(batch).items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            if self.step % log_every == 0 or self.step == steps:
                count = (self.step - 1) % log_every + 1
                losses = {name: round(value / count, 4) for name, value in sums.items()}
                seconds = (time.perf_counter() - started) / (self.step - first)
                yield self.log({"step": self.step, "seconds_a_step": round(seconds, 3), **losses})
                sums = {}
            if self.step % measure_every == 0 and self.step < steps:
                self.save()
                yield self.log({"step": self.step, **measure()})

    def log(self, entry: Mapping[str, float]) -> str:
        line = json.dumps(dict(entry))
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        return line

    def save(self) -> None:
        """Write the checkpoint."""
        state = {
            "step": self.step,
            "net": self.net.state_dict(),
            "smooth": self.smooth.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, self.folder / self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        path = self.folder / self.checkpoint
        if not path.is_file():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.smooth.load_state_dict(state["smooth"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = int(state["step"])

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the smoothed copy towards the network; faster while the run is young."""
        decay = min(self.ema, (1 + self.step) / (10 + self.step))
        kept, new = ([*net.parameters(), *net.buffers()] for net in (self.smooth, self.net))
        smoothed = [k for k in kept if k.is_floating_point()]
        torch._foreach_lerp_(smoothed, [n for n in new if n.is_floating_point()], 1 - decay)
