"""The network of RGRG's sentence decoder: GPT-2 with pseudo self-attention.

Tanida et al., CVPR 2023, section 3.4; pseudo self-attention: Ziegler et al., "Encoder-Agnostic
Adaptation for Conditional Language Generation", 2019. In each layer, one key and one value made of
the region's feature vector stand before those of the words, and every word sees them. Tensors only.

**Positions.** GPT-2 adds the row of `wpe` for a token's position. The published code looked the
position up in the token table `wte` instead, and its weights were trained that way: position 3 adds
the embedding of token 3. The network does the same; `wpe` is in the published file and unused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from grounded.nn.decode import BeamCache, Best, best_of
from grounded.nn.onednn import NarrowLinear, PackedLinear, Vocabulary, can_pack
from grounded.nn.transformer import Attend, Attention, Block, masked


@dataclass(frozen=True, slots=True)
class DecoderLayout:
    """The sizes of the network; the defaults are the published ones, GPT-2 medium's.

    features: of a region's vector. stop: the token that begins, ends and fills up a sentence.
    """

    layers: int = 24
    width: int = 1024
    heads: int = 16
    vocabulary: int = 50257
    features: int = 1024
    stop: int = 50256


class PseudoSelfAttention(Attention):
    """Self-attention with one image key and value before those of the words."""

    def __init__(self, layout: DecoderLayout) -> None:
        super().__init__(layout.width, layout.heads)
        self.uk: nn.Module = nn.Linear(layout.width, layout.width)
        self.uv: nn.Module = nn.Linear(layout.width, layout.width)

    def image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The image key and value of N regions: (N, heads, 1, width of a head) each."""
        key, value = self.uk(images), self.uv(images)
        return (
            key.unflatten(-1, (self.heads, 1, -1)),
            value.unflatten(-1, (self.heads, 1, -1)),
        )


class ImageBlock(Block):
    """GPT-2's block with pseudo self-attention."""

    attn: PseudoSelfAttention

    def __init__(self, layout: DecoderLayout) -> None:
        super().__init__(PseudoSelfAttention(layout), layout.width)


class DecoderNet(nn.Module):
    """Region vectors and the tokens so far in, logits of the next tokens out."""

    def __init__(self, layout: DecoderLayout | None = None) -> None:
        super().__init__()
        self.layout = layout = layout or DecoderLayout()
        self.feature_space_transformation_nn = nn.Sequential(
            nn.Linear(layout.features, layout.width),
            nn.ReLU(),
            nn.Linear(layout.width, layout.width),
        )
        self.wte = nn.Embedding(layout.vocabulary, layout.width)
        self.h = nn.ModuleList(ImageBlock(layout) for _ in range(layout.layers))
        self.ln_f = nn.LayerNorm(layout.width)
        self.fast_head: Vocabulary | None = None  # stands for the product with wte

    @property
    def blocks(self) -> list[ImageBlock]:
        return [cast(ImageBlock, block) for block in self.h]

    def forward(self, vectors: Tensor, tokens: Tensor) -> Tensor:
        """Logits (N, T, V) after each of the tokens (N, T), for region vectors (N, features)."""
        images = self.feature_space_transformation_nn(vectors)
        count = tokens.shape[1]
        # each word sees the image, itself and what stands before it
        sees = torch.ones(count, count + 1, dtype=torch.bool, device=tokens.device).tril(1)
        positions = torch.arange(count, device=tokens.device)
        hidden = self.wte(tokens) + self.wte(positions)  # (N, T, width)
        for block in self.blocks:
            hidden = block(hidden, _after(block.attn.image(images), sees))
        return functional.linear(self.ln_f(hidden), self.wte.weight)

    def cache(self, vectors: Tensor, beams: int) -> BeamCache:
        """A cache with the image keys and values of N regions, made once for all beams."""
        images = self.feature_space_transformation_nn(vectors)
        layout = self.layout
        cache = BeamCache(
            len(vectors),
            layers=layout.layers,
            heads=layout.heads,
            width=layout.width // layout.heads,
            beams=beams,
            device=images.device,
        )
        for layer, block in enumerate(self.blocks):
            cache.prefix(layer, *block.attn.image(images))
        return cache

    def step(self, tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        """The best next tokens; see `decode.Step`."""
        hidden = self.wte(tokens).float() + self.wte.weight[position].float()  # (G, b, width)
        for layer, block in enumerate(self.blocks):
            hidden = block(hidden, partial(cache.attend, layer))
        hidden = self.ln_f(hidden)
        if self.fast_head is not None:
            return self.fast_head.best(hidden, best)
        return best_of(functional.linear(hidden, self.wte.weight), best)


def pack_decoder(net: DecoderNet, dtype: torch.dtype = torch.float32) -> None:
    """Make a loaded network fast, in place; it cannot be trained any more.

    dtype: of the matrices. What is summed up from layer to layer, attention, and the
    log-probabilities that are compared stay float32. On a CPU the matrices are laid out as oneDNN
    wants them.
    """
    net.eval()
    packed = net.wte.weight.device.type == "cpu" and can_pack(dtype)
    for block in net.blocks:
        block.attn.c_attn = _product(block.attn.c_attn, dtype, packed)
        block.attn.c_proj = _product(block.attn.c_proj, dtype, packed)
        block.attn.uk = NarrowLinear(block.attn.uk, dtype)
        block.attn.uv = NarrowLinear(block.attn.uv, dtype)
        block.mlp.c_fc = _product(block.mlp.c_fc, dtype, packed, gelu=packed)
        block.mlp.act = nn.Identity() if packed else block.mlp.act
        block.mlp.c_proj = _product(block.mlp.c_proj, dtype, packed)
    if dtype == torch.bfloat16:
        net.fast_head = Vocabulary(net.wte.weight, packed=packed)
        net.wte.weight = nn.Parameter(net.fast_head.table, requires_grad=False)


def _product(
    linear: nn.Module, dtype: torch.dtype, packed: bool, *, gelu: bool = False
) -> nn.Module:
    if packed:
        return PackedLinear(linear, dtype, "gelu" if gelu else "none")
    return NarrowLinear(linear, dtype)


def _after(image: tuple[Tensor, Tensor], sees: Tensor) -> Attend:
    """Attention over whole sentences (N, T, H, D) with the image's key and value before them."""
    whole = masked(sees)

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys = torch.cat([image[0].transpose(1, 2), key], 1)  # (N, 1 + T, H, D)
        values = torch.cat([image[1].transpose(1, 2), value], 1)
        return whole(query, keys, values)

    return attend
