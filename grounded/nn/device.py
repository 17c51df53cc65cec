"""Where a network computes, and in which type of number.

What the parts of the flow hand to each other lies on the CPU in float32. A part moves it to its
network's device and back, so that detector and generator need not share a device.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
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

    def computing(self) -> AbstractContextManager[Any]:
        """The context in which the network's own methods compute in `dtype`, in this thread."""
        lower = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype if lower else None, enabled=lower)


def _on_cpu(output: Any) -> Any:
    """A tensor, or a named tuple of tensors, on the CPU, floats in float32."""
    if isinstance(output, Tensor):
        return output.cpu().float() if output.is_floating_point() else output.cpu()
    return type(output)(*map(_on_cpu, output))
