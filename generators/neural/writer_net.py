"""The network that writes a sentence of a region: a small GPT-2 behind a prefix of conditions.

Before the first word stand vectors for the kind of region, the status of each finding, a measured
ratio, and what is seen in the region's box: the cells of a grid of PLACES. GPT-2 (Radford et al.,
2019) as `transformers` has it reads them as it reads words; its position embeddings say which is
which. Tensors only. Decoding goes through `grounded.nn.decode`: GPT-2 is handed that loop's
cache in the place of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.gpt2.configuration_gpt2 import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Model

from grounded.nn.decode import BeamCache, Best, best_of

_CACHE = "cache" if "cache" in signature(GPT2Model.forward).parameters else "past_key_values"
"""What GPT-2 calls its cache: the name changed with transformers 5.24."""
PLACES = 16  # a grid of 4 x 4 in the region's box, row by row
STATUSES = 4  # of a finding: not said, absent, uncertain, present
RATIOS = tuple(0.36 + 0.02 * step for step in range(20))  # a ratio is told by how near it is
RATIO_WIDTH = 0.02


class Conditions(NamedTuple):
    """What N sentences are to say.

    kinds: (N,) which kind of region. statuses: (N, L) 0..3 of each label. ratios: (N,), NaN where
    unknown. seen: (N, PLACES, D), or (N, PLACES, 0) for a network without eyes; sees: (N,) whether
    that counts.
    """

    kinds: Tensor
    statuses: Tensor
    ratios: Tensor
    seen: Tensor
    sees: Tensor

    def to(self, device: torch.device) -> Conditions:
        return Conditions(*(value.to(device) for value in self))


class WriterNet(nn.Module):
    """Conditions and the tokens so far in, logits of the next tokens out.

    kinds, labels, vocabulary: how many there are. features: D of what is seen; 0 for a network that
    sees nothing. length: the longest sentence in tokens, the start token included.
    """

    def __init__(
        self,
        kinds: int,
        labels: int,
        vocabulary: int,
        features: int = 0,
        width: int = 192,
        layers: int = 4,
        heads: int = 4,
        length: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.labels, self.features, self.length = labels, features, length
        self.prefix_length = 2 + labels + (PLACES if features else 0)
        self.kind = nn.Embedding(kinds, width)
        self.status = nn.Embedding(labels * STATUSES, width)
        self.ratio = nn.Linear(len(RATIOS), width)
        self.no_ratio = nn.Parameter(torch.zeros(width))
        if features:
            self.look = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
            self.nothing_seen = nn.Parameter(torch.zeros(width))
        self.gpt = GPT2Model(
            GPT2Config(
                vocab_size=vocabulary,
                n_positions=self.prefix_length + length,
                n_embd=width,
                n_layer=layers,
                n_head=heads,
                resid_pdrop=dropout,
                embd_pdrop=dropout,
                attn_pdrop=dropout,
                use_cache=False,
                bos_token_id=None,
                eos_token_id=None,
            )
        )
        for embedding in (self.kind, self.status):
            nn.init.normal_(embedding.weight, std=0.02)

    @property
    def device(self) -> torch.device:
        return self.no_ratio.device

    def forward(self, conditions: Conditions, tokens: Tensor) -> Tensor:
        """Logits (N, T, V) after each of the tokens (N, T)."""
        told = self.prefix(conditions)  # (N, P, width)
        hidden = self._read(torch.cat([told, self.gpt.wte(tokens)], 1))  # (N, P + T, width)
        return functional.linear(hidden[:, told.shape[1] :], self.gpt.wte.weight)

    def prefix(self, conditions: Conditions) -> Tensor:
        """What stands before the first word: (N, P, width)."""
        kind = self.kind(conditions.kinds)[:, None]  # (N, 1, width)
        places = STATUSES * torch.arange(self.labels, device=kind.device)
        statuses = self.status(conditions.statuses + places)  # (N, L, width)
        ratios = conditions.ratios[:, None]  # (N, 1)
        known = self.ratio(_bumps(ratios.nan_to_num(0.0)))
        ratio = torch.where(ratios.isnan(), self.no_ratio, known)[:, None]  # (N, 1, width)
        told = [kind, statuses, ratio]
        if self.features:
            seen = self.look(conditions.seen)  # (N, PLACES, width)
            told.append(torch.where(conditions.sees[:, None, None], seen, self.nothing_seen))
        return torch.cat(told, 1)

    @torch.no_grad()
    def attention(self, conditions: Conditions, tokens: Tensor) -> Tensor:
        """How much each of the tokens looks at what is seen: (N, T, PLACES), of all that it reads.

        The mean over layers and heads. The network has to be one that sees.
        """
        told = self.prefix(conditions)
        vectors = torch.cat([told, self.gpt.wte(tokens)], 1)  # (N, P + T, width)
        usual = self.gpt.config._attn_implementation
        self.gpt.set_attn_implementation("eager")  # the only one that gives its weights
        try:
            weights: tuple[Tensor, ...] = self._run(vectors, weights=True).attentions
        finally:
            self.gpt.set_attn_implementation(usual)
        mean = torch.stack(weights).mean(dim=(0, 2))  # (N, P + T, P + T)
        return mean[:, told.shape[1] :, told.shape[1] - PLACES : told.shape[1]]

    def cache(self, conditions: Conditions, beams: int) -> BeamCache:
        """A cache for `decode` with the prefix of N sentences in it, made once for all beams."""
        config, told = self.gpt.config, self.prefix(conditions)
        cache = BeamCache(
            len(told),
            layers=config.n_layer,
            heads=config.n_head,
            width=config.n_embd // config.n_head,
            beams=beams,
            device=told.device,
            slots=self.prefix_length + self.length * beams // 2,
        )

        def keep(layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
            cache.prefix(layer, keys, values)
            return keys, values

        self._read(told, slots=_Slots(keep))
        return cache

    def step(self, tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        """The best next tokens; see `decode.Step`. The beams of a sequence stand side by side."""
        hidden: Tensor = self.gpt(
            inputs_embeds=self.gpt.wte(tokens),  # (G, b, width)
            position_ids=torch.full_like(tokens[:1], self.prefix_length + position),
            attention_mask=cache.seen(tokens.shape[1]),
            **{_CACHE: _Slots(cache.write)},
        ).last_hidden_state
        return best_of(functional.linear(hidden, self.gpt.wte.weight), best)

    def _read(self, vectors: Tensor, slots: _Slots | None = None) -> Tensor:
        """GPT-2 from the start of the prefix on, over vectors (N, T, width)."""
        hidden: Tensor = self._run(vectors, slots).last_hidden_state
        return hidden

    def _run(self, vectors: Tensor, slots: _Slots | None = None, *, weights: bool = False) -> Any:
        """The same with all that GPT-2 gives. weights: of its attention as well."""
        positions = torch.arange(vectors.shape[1], device=vectors.device)
        later = positions > positions[:, None]  # (T, T)
        bias = torch.zeros_like(later, dtype=vectors.dtype).masked_fill(later, -torch.inf)
        return self.gpt(
            inputs_embeds=vectors,
            position_ids=positions[None],
            attention_mask=bias[None, None],
            **{_CACHE: slots},
            output_attentions=weights,
        )


def _bumps(ratios: Tensor) -> Tensor:
    """How near ratios (N, 1) are to each of RATIOS: (N, 20), 1 where they meet."""
    ratios = ratios.clamp(RATIOS[0], RATIOS[-1])
    return torch.exp(-((ratios - ratios.new_tensor(RATIOS)) ** 2) / (2 * RATIO_WIDTH**2))


class _Slots:
    """What GPT-2 takes for a cache of its library: it hands over keys and values, layer by layer.

    keep: is given the layer, the keys and the values, (N, H, T, D) each; returns all keys and
    values that are attended to, under the bias that the model was given.
    """

    def __init__(self, keep: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
        self.keep = keep

    def update(
        self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Versions of the library differ in what else they hand over; none of it is needed here."""
        return self.keep(layer, keys, values)

    def get_seq_length(self) -> int:
        """Asked by older versions of the library, which then use the positions that are given."""
        return 0
