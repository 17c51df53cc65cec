"""Writes a sentence of a region: what is to be said of it in, words out.

The network writes sentences with blanks (`grounded.language.templates`), so that a sentence can
name no other region, side or number than it was given. What a sentence says can be checked by the
labeller: one that does not say what it should is written again, with more attempts to choose
from.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from grounded.chest.names import chest_atlas
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Finding, Presence, label_of
from grounded.generators.neural.writer_net import Conditions, WriterNet
from grounded.language.additions import beyond
from grounded.language.labeller import Labeller
from grounded.language.templates import RATIO
from grounded.language.templates import fill as fill_in
from grounded.nn.decode import BeamCache, Best, Decoded, decode_ranked
from grounded.nn.device import DType, Placed
from grounded.nn.weights import build, fill, read_config

TOKENIZER = "tokenizer.json"
END = "<end>"  # the token that begins, ends and fills up a sentence
ODD = 0.01  # a token this much less probable than the best is not written
AGAIN = 8  # beams for a sentence that has to be written again
AT_ONCE = 64  # sentences in one pass; bounds the memory of their keys and values
_RATIO, _RATIO_WORDS = "{:.2f}", ("with", "cardiothoracic", "ratio")  # of a measured one
_STATUS: Mapping[Presence, int] = {Presence.ABSENT: 1, Presence.UNCERTAIN: 2, Presence.PRESENT: 3}


@dataclass(frozen=True, slots=True, eq=False)
class Brief:
    """What is to be said of one region.

    region: its full name, "right lower lung zone". kind: the name without the side, "lower lung
    zone". findings: the status of each finding that the sentence speaks of. ratio: a measured one
    that it may state.
    """

    region: str
    kind: str
    findings: Mapping[str, Presence]
    ratio: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What a sentence was written from, and its words with blanks as the network wrote them."""

    brief: Brief
    template: str


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence that was written.

    text: for the reader. template: as the network wrote it, with blanks. log_probs: of each token,
    the one that ends the sentence included. agrees: False if the sentence was checked and does not
    say what it should, and no other attempt did.
    """

    text: str
    template: str
    log_probs: tuple[float, ...]
    agrees: bool = True

    @property
    def score(self) -> float:
        """The geometric mean of the tokens' probabilities."""
        return math.exp(math.fsum(self.log_probs) / max(1, len(self.log_probs)))


@dataclass(frozen=True, slots=True)
class Terms:
    """The kinds of region and the findings that a writer has words for, in its own order.

    taught: by finding, the kinds of region that it was taught to say it of, the most usual first.
    """

    kinds: tuple[str, ...]
    labels: tuple[str, ...]
    taught: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def kind_for(self, label: str, kind: str) -> str:
        """The kind to write of: itself, or the most usual one where a finding is not said of it.

        Raises InvalidValueError for a finding that there are no words for.
        """
        kinds = self.taught.get(self.labels[_index(self.labels, label, "finding")], ())
        return kind if kind in kinds or not kinds else kinds[0]

    def conditions(self, briefs: Sequence[Brief]) -> Conditions:
        """What the network is conditioned on.

        Raises InvalidValueError for a kind, a finding or a status that there are no words for.
        """
        return Conditions(
            torch.tensor([_index(self.kinds, b.kind, "kind of region") for b in briefs]),
            torch.tensor([self._statuses(brief.findings) for brief in briefs]),
            torch.tensor([math.nan if b.ratio is None else b.ratio for b in briefs]),
        )

    def _statuses(self, findings: Mapping[str, Presence]) -> list[int]:
        statuses = [0] * len(self.labels)
        for label, presence in findings.items():
            if presence not in _STATUS:
                raise InvalidValueError(
                    f"a finding is one of {', '.join(Presence)}; got {presence!r} for {label!r}"
                )
            statuses[_index(self.labels, label, "finding")] = _STATUS[presence]
        return statuses


class Writer:
    """Writes from a folder of weights: config.json, model.safetensors, tokenizer.json.

    device, dtype: see `grounded.nn.device`. kinds, labels: what it has words for. Raises
    ConfigError for a folder that cannot be used.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        folder = Path(weights)
        config = read_config(folder)
        try:
            taught = {label: tuple(kinds) for label, kinds in config["taught"].items()}
            terms = Terms(tuple(config["kinds"]), tuple(config["labels"]), taught)
            net = build(WriterNet, config["net"], folder)
        except (KeyError, AttributeError) as error:
            raise ConfigError(f"{folder} does not describe a writer: no {error}") from error
        digests = fill(net, folder, role="writer")
        self.tokenizer, digest = _open_tokenizer(folder / TOKENIZER)
        self._placed, self.terms = Placed(net, device, dtype), terms
        self.weights_sha256 = {**digests, f"writer/{TOKENIZER}": digest}

    @classmethod
    def of(cls, net: WriterNet, terms: Terms, tokenizer: Tokenizer) -> Writer:
        """A writer of parts that are in memory, as while it is trained."""
        writer = cls.__new__(cls)
        writer._placed, writer.terms, writer.tokenizer = Placed(net), terms, tokenizer
        writer.weights_sha256 = {}
        return writer

    @property
    def net(self) -> WriterNet:
        return self._placed.net

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.terms.kinds

    @property
    def labels(self) -> tuple[str, ...]:
        return self.terms.labels

    def write(
        self, briefs: Sequence[Brief], beams: int = 1, verify: Labeller | None = None
    ) -> list[Words]:
        """A sentence for each brief, all in one pass; greedily with one beam.

        verify: checks that a sentence says what it should, and nothing else. Those that do not
        are written again with AGAIN beams, and the most probable that does is taken.
        """
        if beams < 1:
            raise InvalidValueError(f"beams is 1 or more, got {beams}")
        written = [attempts[0] for attempts in self._attempts(briefs, beams)]
        if verify is None:
            return written
        again = [
            row
            for row, (brief, words) in enumerate(zip(briefs, written, strict=True))
            if not says(words.text, brief, verify)
        ]
        attempts = self._attempts([briefs[row] for row in again], AGAIN)
        for row, others in zip(again, attempts, strict=True):
            written[row] = next(
                (words for words in others if says(words.text, briefs[row], verify)),
                replace(written[row], agrees=False),
            )
        return written

    def log_probability(self, briefs: Sequence[Brief], templates: Sequence[str]) -> Tensor:
        """How probable the network finds sentences with blanks: (N,), natural.

        Raises InvalidValueError for a sentence that is too long.
        """
        conditions = self.terms.conditions(briefs).to(self.net.device)
        tokens, targets = self.encode(templates)
        with self._placed.computing():
            logits = self.net(conditions, tokens)  # (N, T, V)
        losses = functional.cross_entropy(
            logits.float().transpose(1, 2), targets, ignore_index=-1, reduction="none"
        )
        return -losses.sum(1).cpu()

    def encode(self, templates: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Tokens that are read and those that should follow them: (N, T) both, -1 for none."""
        end = _token(self.tokenizer, END)
        rows = [[end, *self.tokenizer.encode(text).ids, end] for text in templates]
        longest = max(map(len, rows), default=2)
        if longest > self.net.length + 1:
            raise InvalidValueError(
                f"a sentence has at most {self.net.length - 1} tokens, got {longest - 2}"
            )
        tokens = torch.full((len(rows), longest - 1), end)
        targets = torch.full_like(tokens, -1)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids) - 1] = torch.tensor(ids[:-1])
            targets[row, : len(ids) - 1] = torch.tensor(ids[1:])
        return tokens.to(self.net.device), targets.to(self.net.device)

    def _attempts(self, briefs: Sequence[Brief], beams: int) -> Iterator[list[Words]]:
        """What the beams wrote for each brief, the best first."""
        for first in range(0, len(briefs), AT_ONCE):
            part = briefs[first : first + AT_ONCE]
            for brief, ranked in zip(part, self._decode(part, beams), strict=True):
                yield [self._words(brief, decoded) for decoded in ranked]

    @torch.inference_mode()
    def _decode(self, briefs: Sequence[Brief], beams: int) -> list[list[Decoded]]:
        conditions = self.terms.conditions(briefs).to(self.net.device)
        end, ratio = (_token(self.tokenizer, text) for text in (END, RATIO))
        unknown = conditions.ratios.isnan()  # (N,)

        def step(tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
            """The network's step without what cannot be said, and what nobody would say."""
            found = self.net.step(tokens, position, cache, best + 1)
            forbidden = (found.tokens == ratio) & unknown[cache.rows][:, None, None]
            log_probs, order = found.log_probs.masked_fill(forbidden, -torch.inf).topk(best)
            odd = log_probs < log_probs[..., :1] + math.log(ODD)
            return Best(log_probs.masked_fill(odd, -torch.inf), found.tokens.gather(2, order))

        with self._placed.computing():
            return decode_ranked(
                step,
                self.net.cache(conditions, beams),
                start=end,
                stop=end,
                max_length=self.net.length,
            )

    def _words(self, brief: Brief, decoded: Decoded) -> Words:
        template = self.tokenizer.decode(list(decoded.tokens), skip_special_tokens=False).strip()
        text = fill_in(template, brief.region, chest_atlas(), brief.ratio)
        return Words(text, template, decoded.log_probs)


def says(text: str, brief: Brief, labeller: Labeller) -> bool:
    """Whether the labeller reads in a sentence what the brief holds, and nothing else, and no word
    of it adds to that."""
    if {f.label: f.presence for f in labeller.label(text)} != dict(brief.findings):
        return False
    findings = [
        Finding(label_of(label), said, brief.region) for label, said in brief.findings.items()
    ]
    known = _RATIO.format(brief.ratio) if brief.ratio is not None else ""
    added = beyond(text.replace(known, "") if known else text, findings, chest_atlas())
    return not set(added) - set(_RATIO_WORDS if known else ())


def _index(known: tuple[str, ...], name: str, what: str) -> int:
    if name in known:
        return known.index(name)
    near = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise InvalidValueError(
        f"the writer has no words for the {what} {name!r}; {hint}It knows: {', '.join(known)}"
    )


def _open_tokenizer(path: Path) -> tuple[Tokenizer, str]:
    """The tokenizer and its file's SHA-256."""
    try:
        data = path.read_bytes()
        tokenizer = Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"cannot read the writer's tokenizer {path}: {error}") from error
    for text in (END, RATIO):
        _token(tokenizer, text)
    return tokenizer, hashlib.sha256(data).hexdigest()


def _token(tokenizer: Tokenizer, text: str) -> int:
    token = tokenizer.token_to_id(text)
    if token is None:
        raise ConfigError(f"this is no writer's tokenizer: it has no token {text!r}")
    return token
