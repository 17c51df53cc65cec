"""Products with the weights of a layer, a convolution or a vocabulary, laid out once for the CPU.

oneDNN lays a weight matrix out anew in every call unless it is handed over in its own order. These
modules hand it over so, with float32 accumulation in either precision. They cannot be trained.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from grounded.nn.decode import Best, best_of
from grounded.nn.device import DType, torch_dtype

ROWS = 128  # the number of rows that the layout is chosen for; others work too


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this CPU and this build of torch multiply packed weights in `dtype`."""
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    operators = ("_linear_pointwise", "_convolution_pointwise")
    if not available or not all(hasattr(torch.ops.mkldnn, name) for name in operators):
        return False
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def packed_dtype(name: DType) -> torch.dtype:
    """The type that weights are packed in: bfloat16 if asked for and can be, else float32.

    Raises InvalidValueError for a name that is not one of DType.
    """
    dtype = torch_dtype(name)
    return dtype if dtype == torch.bfloat16 and can_pack(dtype) else torch.float32


class PackedLinear(nn.Module):
    """A linear layer, with GPT-2's GELU (by tanh) behind it where asked for.

    The input is converted to `dtype`, and so is what comes out.
    """

    def __init__(
        self, linear: Any, dtype: torch.dtype, activation: Literal["none", "gelu"] = "none"
    ) -> None:
        super().__init__()
        self.dtype = dtype
        self.activation = activation
        self.algorithm = "tanh" if activation == "gelu" else ""
        self.bias = linear.bias.detach().to(dtype)
        self.weight = _packed(linear.weight.detach().to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(self.dtype), self.weight, self.bias, self.activation, [], self.algorithm
        )
        return out


class NarrowLinear(nn.Module):
    """A linear layer whose input is converted to the type of its weights first."""

    def __init__(self, linear: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.linear = linear.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x.to(self.linear.weight.dtype))
        return out


class PackedConvolution(nn.Module):
    """A convolution, its folded normalisation and its ReLU as one oneDNN call.

    side: of the square input that the weights are laid out for; other inputs work, more slowly.
    """

    def __init__(
        self,
        convolution: nn.Conv2d,
        norm: nn.Module | None,
        side: int,
        dtype: torch.dtype,
        *,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.side_out = (side - 1) // convolution.stride[0] + 1
        if isinstance(norm, nn.BatchNorm2d):
            convolution = fuse_conv_bn_eval(convolution, norm)
        self.dtype = dtype
        self.activation = "relu" if relu else "none"
        self.shape = (
            [int(n) for n in convolution.padding],
            [int(n) for n in convolution.stride],
            [int(n) for n in convolution.dilation],
            1,
        )
        bias = convolution.bias
        self.bias = None if bias is None else bias.detach().to(dtype)
        weight = convolution.weight.detach().to(dtype)
        size = [1, weight.shape[1], side, side]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.shape, size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.to(self.dtype), self.weight, self.bias, *self.shape, self.activation, [], ""
        )
        return out

    def add_to(self, other: Tensor, x: Tensor) -> Tensor:
        """relu(other + convolution(x)), written over `other`."""
        out: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            other, x, self.weight, self.bias, *self.shape, "add", 1.0, "relu", [], None
        )
        return out


class Vocabulary(nn.Module):
    """The best next tokens by bfloat16 products, the best of them again in float32.

    Two things keep bfloat16's eight bits of mantissa from deciding. The mean row is taken from all
    rows, which moves all logits by the same number: the softmax stays, and what is left to round is
    small. And the logits of a shortlist are computed again in float32 before they are compared.

    table: (V, width), the token embeddings. spare: how much longer the shortlist is than what is
    asked for.
    """

    table: Tensor
    center: Tensor
    weight: Tensor

    def __init__(self, table: Tensor, *, packed: bool, spare: int = 4) -> None:
        super().__init__()
        table = table.detach()
        self.register_buffer("table", table.bfloat16())
        self.register_buffer("center", table.mean(0, dtype=torch.float32))
        # in parts: the whole table in float32 would be the peak of the memory in use
        parts = torch.split(table, 4096)
        weight = torch.cat([(part.float() - self.center).bfloat16() for part in parts])
        self.register_buffer("weight", _packed(weight) if packed else weight)
        self.packed = packed
        self.spare = spare

    def best(self, hidden: Tensor, count: int) -> Best:
        """For hidden (G, b, width) float32, the `count` best tokens and their log-probabilities."""
        logits = self._logits(hidden.bfloat16())
        rough = best_of(logits, count + self.spare)
        rows = self.table[rough.tokens].float()  # (G, b, k, width)
        exact = (rows @ hidden[..., None])[..., 0] - hidden @ self.center[:, None]  # (G, b, k)
        first = logits.gather(-1, rough.tokens).float()
        total = first[..., :1] - rough.log_probs[..., :1]
        # the shortlist's share of the sum, before and after
        change = (exact - total).exp().sum(-1) - (first - total).exp().sum(-1)
        total = total + change.clamp(min=-0.999).log1p()[..., None]
        log_probs, order = (exact - total).topk(min(count, exact.shape[-1]))
        return Best(log_probs, rough.tokens.gather(-1, order))

    def _logits(self, hidden: Tensor) -> Tensor:
        if not self.packed:
            return functional.linear(hidden, self.weight)
        out: Tensor = torch.ops.mkldnn._linear_pointwise(hidden, self.weight, None, "none", [], "")
        return out


def _packed(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    return packed
