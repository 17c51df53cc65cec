"""Where a training runs: one device with torch alone, or several processes through accelerate.

`grounded train ... CONFIG` uses the first. `accelerate launch -m grounded train ... CONFIG` starts
one process a GPU and uses the second (extra `train`). The training loop sees no difference.
"""

from __future__ import annotations

import importlib
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from grounded.errors import MissingExtraError
from grounded.nn.device import choose_device

Precision = Literal["float32", "bfloat16", "float16"]
_ACCELERATE = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


class Engine(Protocol):
    """One of `processes` that share the work; the one of rank 0 writes."""

    device: torch.device
    rank: int
    processes: int

    def prepare(self, net: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """The network as it is to be called: on its device, in the precision of the run."""
        ...

    def together(self, net: nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Gradients are shared between processes in the `last` of several accumulated passes."""
        ...

    def backward(self, loss: Tensor) -> None: ...

    def step(self, optimizer: Optimizer, net: nn.Module, clip: float) -> None: ...

    def wait(self) -> None:
        """Until all processes are here."""
        ...

    def scaler_state(self) -> dict[str, Any]:
        """How float16 gradients are scaled, for a checkpoint; empty for other precisions."""
        ...

    def load_scaler(self, state: dict[str, Any]) -> None: ...


def start(precision: Precision, device: str = "auto") -> Engine:
    """The engine for this process. device: "auto" is a GPU if there is one.

    Raises MissingExtraError when it was launched with others and accelerate is missing.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return _Several(precision, device)
    return _Single(precision, device)


class _Single:
    rank = 0
    processes = 1

    def __init__(self, precision: Precision, device: str) -> None:
        self.device = choose_device(device)
        self.precision = precision
        # float16 gradients underflow without scaling; bfloat16's do not
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "float16")

    def prepare(self, net: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        net.to(self.device)
        if self.precision == "float32":
            return net, optimizer
        dtype = torch.float16 if self.precision == "float16" else torch.bfloat16
        return _Autocast(net, self.device.type, dtype), optimizer

    def together(self, net: nn.Module, last: bool) -> AbstractContextManager[Any]:
        return nullcontext()

    def backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self, optimizer: Optimizer, net: nn.Module, clip: float) -> None:
        self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), clip)
        self.scaler.step(optimizer)
        self.scaler.update()
        optimizer.zero_grad()

    def wait(self) -> None:
        return None

    def scaler_state(self) -> dict[str, Any]:
        return self.scaler.state_dict()

    def load_scaler(self, state: dict[str, Any]) -> None:
        if state:
            self.scaler.load_state_dict(state)


class _Autocast(nn.Module):
    """A network that is called in another precision, as accelerate wraps its networks."""

    def __init__(self, net: nn.Module, device: str, dtype: torch.dtype) -> None:
        super().__init__()
        self.net, self.device, self.dtype = net, device, dtype

    def forward(self, *inputs: Any) -> Any:
        with torch.autocast(self.device, dtype=self.dtype):
            return self.net(*inputs)


class _Several:
    def __init__(self, precision: Precision, device: str) -> None:
        try:
            accelerate: Any = importlib.import_module("accelerate")
        except ImportError as error:
            raise MissingExtraError(
                "training in several processes needs accelerate: pip install 'grounded[train]'"
            ) from error
        self.accelerator: Any = accelerate.Accelerator(
            mixed_precision=_ACCELERATE[precision], cpu=device == "cpu"
        )
        self.device: torch.device = self.accelerator.device
        self.rank: int = self.accelerator.process_index
        self.processes: int = self.accelerator.num_processes

    def prepare(self, net: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        prepared: tuple[nn.Module, Optimizer] = self.accelerator.prepare(net, optimizer)
        return prepared

    def together(self, net: nn.Module, last: bool) -> AbstractContextManager[Any]:
        return nullcontext() if last else self.accelerator.no_sync(net)

    def backward(self, loss: Tensor) -> None:
        self.accelerator.backward(loss)

    def step(self, optimizer: Optimizer, net: nn.Module, clip: float) -> None:
        self.accelerator.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()

    def wait(self) -> None:
        self.accelerator.wait_for_everyone()

    def scaler_state(self) -> dict[str, Any]:
        scaler = self.accelerator.scaler
        return {} if scaler is None else dict(scaler.state_dict())

    def load_scaler(self, state: dict[str, Any]) -> None:
        if state and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state)
