"""GPT-2's blocks (Radford et al., 2019), which both sentence decoders are built from.

What a token attends to is decided by the network around the blocks: it hands each block an
`Attend`, so that one block serves whole sentences, step-by-step decoding, and conditions that
stand before the first word. The names of the parts are those of GPT-2's published weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Attention over the newest tokens' query, key and value, (N, T, heads, width) each."""
Linear = Callable[[int, int], nn.Module]
"""Makes a linear layer from the widths of its input and its output."""


class InputFirst(nn.Module):
    """A linear layer that keeps its weight as GPT-2's published files do: (input, output)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(before, after))
        self.bias = nn.Parameter(torch.zeros(after))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        product = torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight)
        return product.view(*x.shape[:-1], -1)


class Attention(nn.Module):
    """Self-attention with several heads."""

    def __init__(self, width: int, heads: int, linear: Linear = nn.Linear) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = linear(width, 3 * width)
        self.c_proj = linear(width, width)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)) for part in self.c_attn(hidden).chunk(3, -1)
        )
        attended: Tensor = self.c_proj(attend(query, key, value).flatten(-2))
        return attended


class Mlp(nn.Module):
    """The two-layer network behind the attention."""

    def __init__(self, width: int, linear: Linear = nn.Linear) -> None:
        super().__init__()
        self.c_fc = linear(width, 4 * width)
        self.act: nn.Module = nn.GELU(approximate="tanh")
        self.c_proj = linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        changed: Tensor = self.c_proj(self.act(self.c_fc(hidden)))
        return changed


class Block(nn.Module):
    """Attention, then the two-layer network, each on a normalised copy and added to its input."""

    def __init__(
        self, attention: Attention, width: int, linear: Linear = nn.Linear, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = attention
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, linear)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        hidden = hidden + self.dropout(self.attn(self.ln_1(hidden), attend))
        changed: Tensor = hidden + self.dropout(self.mlp(self.ln_2(hidden)))
        return changed


class Transformer(nn.Module):
    """GPT-2 without its vocabulary's logits: vectors of tokens in, hidden vectors out.

    positions: the longest sequence. Weights are drawn as GPT-2 draws them.
    """

    def __init__(
        self,
        vocabulary: int,
        positions: int,
        width: int,
        layers: int,
        heads: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.dropout = heads, nn.Dropout(dropout)
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(positions, width)
        self.h = nn.ModuleList(
            Block(Attention(width, heads, InputFirst), width, InputFirst, dropout)
            for _ in range(layers)
        )
        self.ln_f = nn.LayerNorm(width)
        for embedding in (self.wte, self.wpe):
            nn.init.normal_(embedding.weight, std=0.02)
        for name, weight in self.named_parameters():
            if name.endswith("c_proj.weight"):  # what all layers add up keeps its size
                nn.init.normal_(weight, std=0.02 / (2 * layers) ** 0.5)

    def forward(
        self, vectors: Tensor, positions: Tensor, attend: Callable[[int], Attend]
    ) -> Tensor:
        """Hidden vectors (N, T, width) of vectors (N, T, width) that stand at `positions`.

        positions: (T,), or (1,) for all. attend: the attention of a layer, by its number.
        """
        hidden: Tensor = self.dropout(vectors + self.wpe(positions))
        for layer, block in enumerate(self.h):
            hidden = block(hidden, attend(layer))
        normalised: Tensor = self.ln_f(hidden)
        return normalised


def masked(bias: Tensor | None, dropout: float = 0.0) -> Attend:
    """Attention over whole sequences (N, T, H, D). bias: 0 where a token sees another, else -inf.

    (T, T), or with further dimensions in front; None where everything is seen. dropout: the part of
    the weights that is dropped.
    """

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, bias, dropout)
        return attended.transpose(1, 2)

    return attend


def causal_bias(length: int, like: Tensor) -> Tensor:
    """A token sees itself and what stands before it: (T, T), 0 or -inf, of the type of `like`."""
    return torch.full((length, length), -torch.inf, dtype=like.dtype, device=like.device).triu(1)
