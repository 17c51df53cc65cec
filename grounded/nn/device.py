"""Where a network computes, and in which type of number.

What the parts of the flow hand to each other lies on the CPU in float32. A part moves it to its
network's device and back, so that detector and generator need not share a device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

from grounded.errors import InvalidValueError

DType = Literal["float32", "bfloat16", "float16"]
Network = TypeVar("Network", bound=nn.Module)


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto" is a GPU (cuda, then mps) if there is one, else the CPU.

    Raises InvalidValueError for a device that this machine or this build of torch does not have.
    """
    if name == "auto":
        name = "mps" if torch.backends.mps.is_available() else "cpu"
        name = "cuda" if torch.cuda.is_available() else name
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidValueError(
            f'device is "auto" or one of torch\'s that is here, as "cpu" or "cuda:0"; '
            f"got {name!r}: {reason}"
        ) from error
    return device


def torch_dtype(name: DType) -> torch.dtype:
    """torch's type of that name. Raises InvalidValueError for another."""
    if name not in get_args(DType):
        raise InvalidValueError(f"dtype is one of {get_args(DType)}, got {name!r}")
    dtype: torch.dtype = getattr(torch, name)
    return dtype


class Placed(Generic[Network]):
    """A network for reading films, on a device: tensors of the CPU in, tensors of the CPU out.

    device: None leaves the network where it is. dtype: in which products are computed; weights,
    sums and what comes out stay float32. Gradients are followed back to the CPU's tensors. Raises
    InvalidValueError for a device that is not here or a type that is not one of DType.
    """

    def __init__(self, net: Network, device: str | None = None, dtype: DType = "float32") -> None:
        self.dtype = torch_dtype(dtype)
        self.device = next(net.parameters()).device if device is None else choose_device(device)
        self.net = net.to(self.device)

    def __call__(self, *inputs: Tensor | bool) -> Any:
        """What the network gives for the inputs."""
        placed = [x.to(self.device) if isinstance(x, Tensor) else x for x in inputs]
        with self.computing():
            return _on_cpu(self.net(*placed))

    def each(self, films: Tensor) -> Any:
        """What the network gives for films (B, ...), each read by itself, without gradients.

        On a CPU a film's numbers then depend, to the last bit, neither on the films beside it nor
        on how many threads there are: in which order sums are taken follows from both. Films, not
        parts of one, are shared among the threads. Elsewhere the films go through together.
        """
        if self.device.type != "cpu":
            with torch.inference_mode():
                return self(films)
        rows = torch.split(films, 1)
        workers = min(len(rows), torch.get_num_threads())
        if workers < 2:
            return _joined([self._alone(row) for row in rows])
        with ThreadPoolExecutor(workers) as pool:
            return _joined(list(pool.map(self._alone, rows)))

    def _alone(self, film: Tensor) -> Any:
        with one_thread():
            return self(film)

    def computing(self) -> AbstractContextManager[Any]:
        """The context in which the network's own methods compute in `dtype`, in this thread."""
        lower = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype if lower else None, enabled=lower)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inference whose sums are taken in one order, whatever threads torch has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def _joined(outputs: Sequence[Any]) -> Any:
    """The tensors, or named tuples of tensors, of several films as those of a batch."""
    if isinstance(outputs[0], Tensor):
        return torch.cat(list(outputs))
    return type(outputs[0])(*(_joined(parts) for parts in zip(*outputs, strict=True)))


def _on_cpu(output: Any) -> Any:
    """A tensor, or a named tuple of tensors, on the CPU, floats in float32."""
    if isinstance(output, Tensor):
        return output.cpu().float() if output.is_floating_point() else output.cpu()
    return type(output)(*map(_on_cpu, output))
