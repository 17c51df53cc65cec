"""The sentence generator of RGRG (Tanida et al., CVPR 2023): a sentence for each region by GPT-2.

It reads the features of `grounded.detectors.rgrg.detector`. All regions of all films of a batch are
decoded in one pass. The weights come from `grounded convert rgrg`, the tokenizer is GPT-2's.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from torch import Tensor

from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import VOCABULARY, ScoreKind
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet, pack_decoder
from grounded.nn.decode import Decoded, decode
from grounded.nn.device import DType, choose_device, torch_dtype
from grounded.nn.onednn import can_pack, packed_dtype
from grounded.nn.weights import fill, read_config
from grounded.protocols import Question
from grounded.provenance import Scope
from grounded.report import Sentence

Text = Callable[[Sequence[int]], str]

GPT2 = "openai-community/gpt2"
TOKEN_IDS = "token-ids"
AT_ONCE = 32  # regions in one pass; bounds the memory of their keys and values


@runtime_checkable
class RegionReadings(Protocol):
    """The features that this generator reads: N regions, as `grounded.detectors.rgrg.detector`
    makes them.

    vectors: (N, D). selected, abnormal: (N,).
    """

    @property
    def vectors(self) -> Tensor: ...
    @property
    def selected(self) -> NDArray[np.bool_]: ...
    @property
    def abnormal(self) -> NDArray[np.bool_]: ...


class RgrgGenerator:
    """A sentence for each region that the model selects, or for the region that was asked for.

    weights: a folder with config.json and model.safetensors. tokenizer: a folder with GPT-2's
    tokenizer.json, or its vocab.json and merges.txt; without one, GPT-2's from the local Hugging
    Face cache (nothing is downloaded); "token-ids" writes the numbers of the tokens instead of
    text. beams: 1 decodes greedily. max_length: of a sentence in tokens, the start token included.
    device, dtype: see `grounded.nn.device`; bfloat16 is used where the processor can.

    A sentence's score is the geometric mean of its tokens' probabilities, the stop token included.
    What a sentence says is not interpreted here: findings stay empty, `abnormal` is what the
    model's own head said of the region, and the sentences of abnormal regions make the impression.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        tokenizer: str | os.PathLike[str] | None = None,
        beams: int = 4,
        max_length: int = 300,
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        if beams < 1 or max_length < 2:
            raise InvalidValueError(
                f"beams is 1 or more and max_length 2 or more, got {beams} and {max_length}"
            )
        self.beams, self.max_length = beams, max_length
        self.text = open_tokenizer(tokenizer)
        self.net, self.weights_sha256 = load_decoder(weights, dtype, device)
        self.name = f"RGRG sentences, {beams} beams, {dtype}"
        self.scope = Scope(not_assessed=VOCABULARY)

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """For a whole film (`asked` is `found`) the selected regions, else all that are asked."""
        chosen = [_chosen(question) for question in questions]
        vectors = [
            _readings(question).vectors[torch.from_numpy(rows)]
            for question, rows in zip(questions, chosen, strict=True)
            if len(rows)
        ]
        if not vectors:
            return [[] for _ in questions]
        said = iter(generate(self.net, torch.cat(vectors), self.beams, self.max_length))
        return [
            [
                sentence
                for row in rows
                if (sentence := self._sentence(question, int(row), next(said))) is not None
            ]
            for question, rows in zip(questions, chosen, strict=True)
        ]

    def _sentence(self, question: Question, row: int, decoded: Decoded) -> Sentence | None:
        """None where the model says nothing."""
        text = self.text(decoded.tokens).strip()
        if not text:
            return None
        abnormal = bool(_readings(question).abnormal[row])
        return Sentence(
            text=text,
            regions=(question.asked.names[row],),
            origin=self.name,
            score=min(1.0, math.exp(sum(decoded.log_probs) / len(decoded.log_probs))),
            score_kind=ScoreKind.TOKENS,
            abnormal=abnormal,
            impression=text if abnormal else "",
            notes=() if decoded.finished else (f"cut off at {self.max_length} tokens",),
        )


def generate(
    net: DecoderNet, vectors: Tensor, beams: int = 4, max_length: int = 300
) -> list[Decoded]:
    """The tokens for region vectors (N, D); `max_length` counts the start token."""
    stop = net.layout.stop
    device = net.ln_f.weight.device
    with torch.inference_mode():
        return [
            decoded
            for part in torch.split(vectors.to(device), AT_ONCE)
            for decoded in decode(
                net.step, net.cache(part, beams), start=stop, stop=stop, max_length=max_length
            )
        ]


def load_decoder(
    folder: str | os.PathLike[str], dtype: DType = "float32", device: str = "cpu"
) -> tuple[DecoderNet, dict[str, str]]:
    """The network of a folder of weights, ready to use, and the file's SHA-256.

    `generate` gives its tokens for region vectors. Raises ConfigError.
    """
    if dtype == "float16":
        raise InvalidValueError("RGRG's decoder computes in float32 or bfloat16, got 'float16'")
    path, place = Path(folder), choose_device(device)
    cpu = place.type == "cpu"
    kept = packed_dtype(dtype) if cpu else torch_dtype(dtype)
    net = empty_decoder(read_config(path), path)
    digests = fill(net, path, lambda name: kept if _is_matrix(name) else torch.float32, role="rgrg")
    net.to(place)
    if kept == torch.bfloat16 or (cpu and can_pack(kept)):
        pack_decoder(net, kept)
    return net, digests


def empty_decoder(config: dict[str, object], source: Path) -> DecoderNet:
    """The network of these sizes without weights, on torch's meta device."""
    try:
        layout = DecoderLayout(**config)  # type: ignore[arg-type]
        with torch.device("meta"):
            return DecoderNet(layout)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{source} does not describe RGRG's decoder: {error}") from error


def open_tokenizer(source: str | os.PathLike[str] | None) -> Text:
    """Tokens to text by GPT-2's tokenizer; see `RgrgGenerator`.

    Raises ConfigError that says where to get its files when they are not there.
    """
    if source == TOKEN_IDS:
        return lambda tokens: " ".join(map(str, tokens))
    folder = _cached() if source is None else Path(source)
    whole, words, merges = (
        folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt")
    )
    if whole.is_file():
        tokenizer = tokenizers.Tokenizer.from_file(str(whole))
    elif words.is_file() and merges.is_file():
        tokenizer = tokenizers.ByteLevelBPETokenizer(str(words), str(merges))
    else:
        where = "the local Hugging Face cache" if source is None else os.fspath(source)
        raise ConfigError(
            f"GPT-2's tokenizer is not in {where}. Where there is a network, "
            f"`hf download {GPT2} tokenizer.json --local-dir gpt2` gets it (its vocab.json with "
            f"merges.txt will do as well). Then name the folder: `grounded convert rgrg ... "
            f'--tokenizer gpt2`, or tokenizer = "./gpt2" under [generator] in the preset'
        )
    return lambda tokens: str(tokenizer.decode(list(tokens)))


def _cached() -> Path:
    """Where the local Hugging Face cache keeps GPT-2's tokenizer, or a folder without it."""
    from huggingface_hub import try_to_load_from_cache

    for name in (GPT2, "gpt2"):
        for file in ("tokenizer.json", "merges.txt"):
            found = try_to_load_from_cache(name, file)
            if isinstance(found, str):
                return Path(found).parent
    return Path(os.devnull)


def _is_matrix(name: str) -> bool:
    in_block = name.startswith("h.") and name.endswith(".weight") and ".ln_" not in name
    return in_block or name == "wte.weight"


def _chosen(question: Question) -> NDArray[np.intp]:
    """The rows of `asked` to describe."""
    if not len(question.asked):
        return np.empty(0, dtype=np.intp)
    readings = _readings(question)
    if question.whole:
        return np.flatnonzero(readings.selected)
    return np.arange(len(question.asked))


def _readings(question: Question) -> RegionReadings:
    features = question.asked.features
    if not isinstance(features, RegionReadings):
        raise InvalidValueError(
            f"RGRG's generator reads the features of RGRG's detector, got "
            f"{type(features).__name__}; use both in one preset"
        )
    return features
