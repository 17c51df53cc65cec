"""The network that writes a sentence of a region: a small GPT-2 behind a prefix of conditions.

Before the first word stand vectors for the kind of region, the status of each finding, and a
measured ratio. GPT-2 reads them like words; its position embeddings say which is which. It does not
see the film: what is there was read before. Tensors only. Decoding goes through
`grounded.nn.decode`.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from grounded.nn.decode import BeamCache, Best, best_of
from grounded.nn.transformer import Attend, Transformer, causal_bias, masked

STATUSES = 4  # of a finding: not said, absent, uncertain, present
RATIOS = tuple(0.36 + 0.02 * step for step in range(20))  # a ratio is encoded by how near each is
RATIO_WIDTH = 0.02


class Conditions(NamedTuple):
    """What N sentences are to say.

    kinds: (N,) which kind of region. statuses: (N, L) 0..3 of each label. ratios: (N,), NaN where
    unknown.
    """

    kinds: Tensor
    statuses: Tensor
    ratios: Tensor

    def to(self, device: torch.device) -> Conditions:
        return Conditions(*(value.to(device) for value in self))


class WriterNet(nn.Module):
    """Conditions and the tokens so far in, logits of the next tokens out.

    kinds, labels, vocabulary: how many there are. length: the longest sentence in tokens, the start
    token included.
    """

    def __init__(
        self,
        kinds: int,
        labels: int,
        vocabulary: int,
        width: int = 192,
        layers: int = 4,
        heads: int = 4,
        length: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.labels, self.length = labels, length
        self.prefix_length = 2 + labels
        self.kind = nn.Embedding(kinds, width)
        self.status = nn.Embedding(labels * STATUSES, width)
        self.ratio = nn.Linear(len(RATIOS), width)
        self.no_ratio = nn.Parameter(torch.zeros(width))
        self.gpt = Transformer(
            vocabulary, self.prefix_length + length, width, layers, heads, dropout
        )
        for embedding in (self.kind, self.status):
            nn.init.normal_(embedding.weight, std=0.02)

    @property
    def device(self) -> torch.device:
        return self.no_ratio.device

    def forward(self, conditions: Conditions, tokens: Tensor) -> Tensor:
        """Logits (N, T, V) after each of the tokens (N, T)."""
        prefix = self.prefix(conditions)  # (N, P, width)
        hidden = self._read(torch.cat([prefix, self.gpt.wte(tokens)], 1))  # (N, P + T, width)
        return functional.linear(hidden[:, prefix.shape[1] :], self.gpt.wte.weight)

    def prefix(self, conditions: Conditions) -> Tensor:
        """What stands before the first word: (N, P, width)."""
        kind = self.kind(conditions.kinds)[:, None]  # (N, 1, width)
        places = STATUSES * torch.arange(self.labels, device=kind.device)
        statuses = self.status(conditions.statuses + places)  # (N, L, width)
        ratios = conditions.ratios[:, None]  # (N, 1)
        known = self.ratio(_bumps(ratios.nan_to_num(0.0)))
        ratio = torch.where(ratios.isnan(), self.no_ratio, known)[:, None]  # (N, 1, width)
        return torch.cat([kind, statuses, ratio], 1)

    def cache(self, conditions: Conditions, beams: int) -> BeamCache:
        """A cache for `decode` with the prefix of N sentences in it, made once for all beams."""
        prefix = self.prefix(conditions)
        cache = BeamCache(
            len(prefix),
            layers=len(self.gpt.h),
            heads=self.gpt.heads,
            width=prefix.shape[2] // self.gpt.heads,
            beams=beams,
            device=prefix.device,
            slots=self.prefix_length + self.length * beams // 2,
        )
        whole = masked(causal_bias(prefix.shape[1], prefix))

        def keeping(layer: int) -> Attend:
            def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
                cache.prefix(layer, key.transpose(1, 2), value.transpose(1, 2))
                return whole(query, key, value)

            return attend

        self.gpt(prefix, _positions(prefix), keeping)
        return cache

    def step(self, tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        """The best next tokens; see `decode.Step`. The beams of a sequence stand side by side."""
        at = torch.tensor([self.prefix_length + position], device=tokens.device)
        hidden = self.gpt(self.gpt.wte(tokens), at, lambda layer: partial(cache.attend, layer))
        return best_of(functional.linear(hidden, self.gpt.wte.weight), best)

    def _read(self, vectors: Tensor) -> Tensor:
        """GPT-2 from the start of the prefix on, over vectors (N, T, width)."""
        dropout = self.gpt.dropout.p if self.training else 0.0
        attend = masked(causal_bias(vectors.shape[1], vectors), dropout)
        hidden: Tensor = self.gpt(vectors, _positions(vectors), lambda layer: attend)
        return hidden


def _positions(vectors: Tensor) -> Tensor:
    return torch.arange(vectors.shape[1], device=vectors.device)


def _bumps(ratios: Tensor) -> Tensor:
    """How near ratios (N, 1) are to each of RATIOS: (N, 20), 1 where they meet."""
    ratios = ratios.clamp(RATIOS[0], RATIOS[-1])
    return torch.exp(-((ratios - ratios.new_tensor(RATIOS)) ** 2) / (2 * RATIO_WIDTH**2))
