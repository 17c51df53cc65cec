"""The one decoding loop: greedy and beam search for all sequences of a batch in one pass.

It knows nothing of text, films or any model. A model gives a `BeamCache`, with what it has to say
before the first token (an image, a prompt) in it, and a `Step`: tokens in, the best next tokens
out. Keys and values are written once and stay where they are when beams change places: all beams of
a sequence share its slots, and a bias says which of them are a beam's own past. A sequence that has
ended leaves the batch.

Shapes: N sequences at the start, of which G are still being decoded; B beams each, b = 1 in the
first step and B afterwards; H heads of width D; S slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 128  # tokens to a block when the best of a large vocabulary are looked for
ROWS = 8  # rows of logits that are looked through at once


class Best(NamedTuple):
    """The k most probable next tokens, best first: both (G, b, k); log_probs natural, float32."""

    log_probs: Tensor
    tokens: Tensor


class Step(Protocol):
    """One step of a model: it writes keys and values into the cache, layer by layer."""

    def __call__(self, tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        """tokens: (G, b), each at `position`, from 0. best: how many next tokens to return.

        A log-probability of -inf forbids a token; a beam with nothing left to say is given up.
        `cache.rows` (G,) says which of the N sequences each row is.
        """
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """One sequence: its tokens without the start and stop tokens.

    log_probs: of each token, and of the stop token if the sequence reached it. score: what beam
    search compared, the sum of the log-probabilities over length ** length_penalty.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    finished: bool
    score: float


class BeamCache:
    """Keys and values of G sequences in slots that all beams of a sequence share, in float32.

    layers, heads, width: of the model's attention. beams: B. slots: room at the start. When it is
    used up, slots that no beam descends from any more are given up before the cache grows.
    """

    def __init__(
        self,
        sequences: int,
        *,
        layers: int,
        heads: int,
        width: int,
        beams: int,
        device: torch.device | str = "cpu",
        slots: int = 32,
    ) -> None:
        shape = (sequences, heads, slots, width)
        self.keys = [torch.empty(shape, device=device) for _ in range(layers)]
        self.values = [torch.empty(shape, device=device) for _ in range(layers)]
        self.rows = torch.arange(sequences, device=device)
        self.beams = beams
        self.used = 0
        # 0 where a beam sees a slot, -inf where it does not
        self.bias = torch.full((sequences, beams, slots), -torch.inf, device=device)

    def __len__(self) -> int:
        """G, the sequences that are still being decoded."""
        return len(self.rows)

    @property
    def room(self) -> int:
        """The slots that there is memory for."""
        return self.bias.shape[2]

    def prefix(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """What every beam sees before its first token: (G, H, P, D) each, the same P everywhere."""
        self.used = keys.shape[2]
        if self.used > self.room:
            raise ValueError(f"a prefix of {self.used} needs as many slots, got {self.room}")
        self.keys[layer][:, :, : self.used] = keys
        self.values[layer][:, :, : self.used] = values
        self.bias[:, :, : self.used] = 0

    def open(self, width: int) -> None:
        """Make slots for the next token of `width` beams; each sees its own past and itself."""
        if self.used + width > self.room:
            self._make_room(width)
        new = slice(self.used, self.used + width)
        self.bias[:, :, new] = -torch.inf
        self.bias[:, range(width), range(new.start, new.stop)] = 0
        self.used += width

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Fill the newest slots of a layer, (G, H, b, D) each; all its slots (G, H, S, D)."""
        count, new = len(self), slice(self.used - keys.shape[2], self.used)
        kept = self.keys[layer][:count], self.values[layer][:count]
        kept[0][:, :, new] = keys
        kept[1][:, :, new] = values
        return kept[0][:, :, : self.used], kept[1][:, :, : self.used]

    def seen(self, width: int) -> Tensor:
        """Which slots the newest tokens of `width` beams see: 0 or -inf, (G, 1, b, S)."""
        return self.bias[:, None, :width, : self.used]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of the newest tokens, (G, b, H, D) each, over all that their beams see."""
        keys, values = self.write(layer, key.transpose(1, 2), value.transpose(1, 2))
        attended = functional.scaled_dot_product_attention(
            query.transpose(1, 2).float(), keys, values, self.seen(query.shape[1])
        )  # (G, H, b, D)
        return attended.transpose(1, 2)

    def branch(self, parents: Tensor) -> None:
        """Beam i goes on from beam parents[:, i] of its sequence: (G, B). No key is moved."""
        used = self.bias[:, :, : self.used]
        used.copy_(used.gather(1, parents[:, :, None].expand(-1, -1, self.used)))

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows (fewer than G) in this order. Rows that keep their place stay."""
        moved = (rows != torch.arange(len(rows), device=rows.device)).nonzero()[:, 0]
        for keys, values in zip(self.keys, self.values, strict=True):
            keys[moved, :, : self.used] = keys[rows[moved], :, : self.used]
            values[moved, :, : self.used] = values[rows[moved], :, : self.used]
        self.rows, self.bias = self.rows[rows], self.bias[rows]

    def _make_room(self, width: int) -> None:
        """Pack the slots that are still seen to the left; more memory if that is not enough."""
        live = (self.bias[:, :, : self.used] == 0).any(1)  # (G, S)
        self.used = int(live.sum(1).max())
        order = live.byte().sort(dim=1, descending=True, stable=True).indices[:, : self.used]
        needed = self.used + width
        room = self.room if 4 * needed <= 3 * self.room else needed * 3 // 2
        for buffers in (self.keys, self.values):
            for layer, buffer in enumerate(buffers):
                buffers[layer] = _repacked(buffer[: len(self)], order, room)
        bias = self.bias.new_full((len(self), self.beams, room), -torch.inf)
        bias[:, :, : self.used] = self.bias.gather(2, order[:, None].expand(-1, self.beams, -1))
        self.bias = bias


def _repacked(buffer: Tensor, order: Tensor, room: int) -> Tensor:
    """The slots `order` (G, S) of a buffer (G, H, slots, D), first in one of `room` slots."""
    _, heads, _, width = buffer.shape
    packed = buffer.new_empty(len(order), heads, room, width)
    index = order[:, None, :, None].expand(-1, heads, -1, width)
    torch.gather(buffer, 2, index, out=packed[:, :, : order.shape[1]])
    return packed


def best_of(logits: Tensor, count: int) -> Best:
    """The `count` best of logits (..., V) with their log-probabilities.

    It never writes a full log-softmax, and finds the best by way of the maxima of blocks: the best
    k lie in the k blocks with the highest maxima. Tokens of equal logits may come in any order.
    """
    flat = logits.reshape(-1, logits.shape[-1])
    if not len(flat):
        count = min(count, logits.shape[-1])
        empty = logits.new_empty(*logits.shape[:-1], count, dtype=torch.float32)
        return Best(empty, empty.long())
    # a few rows at a time, so that what is made of them stays in the processor's cache
    parts = [_best_of(part.float(), count) for part in torch.split(flat, ROWS)]
    shape = logits.shape[:-1]
    return Best(*(torch.cat(field).view(*shape, -1) for field in zip(*parts, strict=True)))


def _best_of(logits: Tensor, count: int) -> Best:
    """`best_of` for rows (R, V) in float32."""
    total = logits.logsumexp(-1, keepdim=True)
    whole = logits.shape[-1] // BLOCK
    if whole <= count:
        values, tokens = logits.topk(min(count, logits.shape[-1]))
        return Best(values - total, tokens)
    blocks = logits[:, : whole * BLOCK].view(-1, whole, BLOCK)
    tops = blocks.amax(-1).topk(count).indices  # (R, k)
    tokens = (tops[..., None] * BLOCK + torch.arange(BLOCK, device=logits.device)).flatten(1)
    rest = torch.arange(whole * BLOCK, logits.shape[-1], device=logits.device)
    tokens = torch.cat([tokens, rest.expand(len(tokens), -1)], 1)
    values, order = logits.gather(1, tokens).topk(count)
    return Best(values - total, tokens.gather(1, order))


def decode(
    step: Step,
    cache: BeamCache,
    *,
    start: int,
    stop: int,
    max_length: int,
    length_penalty: float = 1.0,
) -> list[Decoded]:
    """Decode all sequences of the cache, greedily with one beam, else by beam search.

    Beam search as in the usual libraries: of the 2 B best continuations of a sequence's beams, the
    best B that do not stop go on; those that stop count if they are among the best B. A sequence is
    done when B of its beams have stopped ("early stopping") or at max_length, which counts the
    start token; the best score wins, over a length that counts the start and not the stop token.
    """
    ranked = decode_ranked(
        step,
        cache,
        start=start,
        stop=stop,
        max_length=max_length,
        length_penalty=length_penalty,
    )
    return [candidates[0] for candidates in ranked]


def decode_ranked(
    step: Step,
    cache: BeamCache,
    *,
    start: int,
    stop: int,
    max_length: int,
    length_penalty: float = 1.0,
) -> list[list[Decoded]]:
    """All candidates that `decode` compares, for each sequence, best score first; at least one."""
    search = _Search.begin(cache, start, stop, max_length, length_penalty)
    for position in range(max_length - 1):
        if not len(cache):
            break
        width = 1 if position == 0 else cache.beams
        cache.open(width)
        best = step(search.last(width), position, cache, 2 * cache.beams)
        search.advance(best)
        search.release()
    return search.results()


@dataclass(slots=True)
class _Search:
    """The state of a decoding: what each beam has said, and the sequences that have ended."""

    cache: BeamCache
    stop: int
    max_length: int
    length_penalty: float
    tokens: Tensor  # (G, B, T), the start token first
    log_probs: Tensor  # (G, B, T), 0 for the start token
    scores: Tensor  # (G, B), sums of log_probs
    ended: list[list[Decoded]] = field(default_factory=list)  # for each of the N sequences

    @classmethod
    def begin(
        cls, cache: BeamCache, start: int, stop: int, max_length: int, length_penalty: float
    ) -> _Search:
        shape = (len(cache), cache.beams)
        device = cache.rows.device
        return cls(
            cache,
            stop,
            max_length,
            length_penalty,
            tokens=torch.full((*shape, 1), start, device=device),
            log_probs=torch.zeros(*shape, 1, device=device),
            scores=torch.zeros(shape, device=device),
            ended=[[] for _ in range(len(cache))],
        )

    def last(self, width: int) -> Tensor:
        return self.tokens[:, :width, -1]

    def advance(self, best: Best) -> None:
        """Choose the beams that go on, and note those that stop."""
        width, beams = best.tokens.shape[1], self.cache.beams
        sums = (self.scores[:, :width, None] + best.log_probs).flatten(1)  # (G, b * k)
        sums, order = sums.topk(min(2 * beams, sums.shape[1]))
        parents = order // best.tokens.shape[2]
        tokens = best.tokens.flatten(1).gather(1, order)
        log_probs = best.log_probs.flatten(1).gather(1, order)
        stops = tokens == self.stop
        self._note((stops & sums.isfinite())[:, :beams], parents, log_probs, sums)
        # the best B that do not stop, in their order
        chosen = stops.byte().sort(dim=1, stable=True).indices[:, :beams]
        parents = parents.gather(1, chosen)
        self.scores = sums.gather(1, chosen)
        self.tokens = _extend(self.tokens, parents, tokens.gather(1, chosen))
        self.log_probs = _extend(self.log_probs, parents, log_probs.gather(1, chosen))
        if beams > 1:
            self.cache.branch(parents)

    def release(self) -> None:
        """Let the sequences leave that are done; the last ones take their places.

        Done is what has B ended beams, or one that has ended and no beam that could go on.
        """
        rows, beams = self.cache.rows.tolist(), self.cache.beams
        going = self.scores.isfinite().any(1).tolist()
        done = [
            len(self.ended[row]) >= (beams if goes else 1)
            for row, goes in zip(rows, going, strict=True)
        ]
        if not any(done):
            return
        count = len(done) - sum(done)
        movers = iter([index for index in range(count, len(done)) if not done[index]])
        kept = torch.tensor(
            [next(movers) if done[index] else index for index in range(count)],
            dtype=torch.long,
            device=self.tokens.device,
        )
        self.cache.keep(kept)
        self.tokens, self.log_probs = self.tokens[kept], self.log_probs[kept]
        self.scores = self.scores[kept]

    def results(self) -> list[list[Decoded]]:
        """What ended of each sequence, best first; what is still open ends here."""
        for index, row in enumerate(self.cache.rows.tolist()):
            for beam in range(self.cache.beams):
                if self.scores[index, beam].isfinite() or not self.ended[row]:
                    self.ended[row].append(
                        self._decoded(self.tokens[index, beam], self.log_probs[index, beam], None)
                    )
        return [sorted(ended, key=lambda item: -item.score) for ended in self.ended]

    def _note(self, stops: Tensor, parents: Tensor, log_probs: Tensor, sums: Tensor) -> None:
        for index, rank in stops.nonzero().tolist():
            parent = parents[index, rank]
            row = int(self.cache.rows[index])
            self.ended[row].append(
                self._decoded(
                    self.tokens[index, parent],
                    self.log_probs[index, parent],
                    float(log_probs[index, rank]),
                )
            )

    def _decoded(self, tokens: Tensor, log_probs: Tensor, stop: float | None) -> Decoded:
        said = log_probs[1:].tolist() + ([] if stop is None else [stop])
        score = sum(said) / len(tokens) ** self.length_penalty
        return Decoded(tuple(tokens[1:].tolist()), tuple(said), stop is not None, score)


def _extend(history: Tensor, parents: Tensor, new: Tensor) -> Tensor:
    """Histories (G, B, T) of the parents (G, B), each one longer: (G, B, T + 1)."""
    index = parents[:, :, None].expand(-1, -1, history.shape[2])
    return torch.cat([history.gather(1, index), new[:, :, None]], 2)
