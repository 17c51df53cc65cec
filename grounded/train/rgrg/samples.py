"""Training samples of the region-guided model, from the table of films and regions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from grounded.chest.names import REGIONS
from grounded.data.example import Example
from grounded.data.region_table import abnormal_regions
from grounded.detectors.rgrg.net import MEAN, STD
from grounded.errors import ConfigError
from grounded.geometry import Box, Placement
from grounded.train import augmentation as augment
from grounded.train.augmentation import Strength
from grounded.train.rgrg.loss import RegionBatch

TOKENIZER = "tokenizer.json"
_NOWHERE = Box(0, 0, 1, 1)
END = "<|endoftext|>"  # GPT-2's only special token: it begins, ends and fills up a sentence


class RegionSample(NamedTuple):
    """One film; see RegionBatch. sentences: 29, with both stop tokens, empty without a sentence."""

    film: Tensor
    boxes: Tensor
    known: Tensor
    described: Tensor
    abnormal: Tensor
    sentences: tuple[tuple[int, ...], ...]


class Words:
    """Text to token ids and back, by the `tokenizer.json` of a folder (GPT-2's, or one's own)."""

    def __init__(self, folder: Path) -> None:
        path = folder / TOKENIZER
        if not path.is_file():
            raise ConfigError(
                f"no {TOKENIZER} in {folder}: expected the folder of GPT-2's tokenizer; without "
                f"`tokenizer` in the configuration a small one is trained on the table"
            )
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ConfigError(f"{path} is no tokenizer: {error}") from error
        stop = self._tokenizer.token_to_id(END)
        if stop is None:
            raise ConfigError(f"the tokenizer {path} has no token {END!r}")
        self.stop: int = stop
        self.size: int = self._tokenizer.get_vocab_size()

    @classmethod
    def trained(cls, rows: Sequence[Example], size: int, folder: Path) -> Words:
        """Train a byte-level BPE of at most `size` tokens on the phrases, and write it to `folder`.

        The folder can be opened as a tokenizer of the transformers library too.
        """
        tokenizer = tokenizers.ByteLevelBPETokenizer()
        phrases = (phrase for row in rows for phrase in row.sentences.values())
        tokenizer.train_from_iterator(
            phrases, vocab_size=size, special_tokens=[END], show_progress=False
        )
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(folder / TOKENIZER))
        about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END}
        (folder / "tokenizer_config.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        return cls(folder)

    def ids(self, text: str, longest: int) -> tuple[int, ...]:
        """stop, the text, stop; at most `longest` tokens, of which the last is a stop."""
        if not text:
            return ()
        inner = self._tokenizer.encode(text, add_special_tokens=False).ids
        return (self.stop, *inner[: longest - 2], self.stop)

    def text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()


class RegionSamples(Dataset[RegionSample]):
    """Samples by number: each pass over the rows in another order, each film changed anew.

    seed: None takes the rows in their order. strength: None leaves the films as they are.
    """

    def __init__(
        self,
        rows: Sequence[Example],
        words: Words,
        *,
        side: int,
        longest: int,
        seed: int | None = None,
        strength: Strength | None = None,
    ) -> None:
        self.rows, self.words = rows, words
        self.side, self.longest = side, longest
        self.seed, self.strength = seed, strength
        self._pass, self._order = -1, np.arange(len(rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> RegionSample:
        row = self.rows[self._row(number)]
        pixels = row.image().pixels
        placement = Placement.letterbox((pixels.shape[0], pixels.shape[1]), (self.side,) * 2)
        film = placement.place(pixels)
        if self.strength is not None:
            rng = np.random.default_rng([self.seed or 0, number])
            inner = np.ascontiguousarray(film[placement.content])
            film[placement.content] = _changed(inner, self.strength, rng)
        corners = [tuple(row.boxes.get(region, _NOWHERE)) for region in REGIONS]
        known = np.array([region in row.boxes for region in REGIONS])
        boxes = placement.to_model(corners).astype(np.float32)
        boxes[~known] = 0
        phrases = [row.sentences.get(region, "") for region in REGIONS]
        abnormal = abnormal_regions(row)
        return RegionSample(
            film=torch.from_numpy((film - np.float32(MEAN)) / np.float32(STD))[None],
            boxes=torch.from_numpy(boxes),
            known=torch.from_numpy(known),
            described=torch.tensor([bool(phrase) for phrase in phrases]),
            abnormal=torch.tensor([region in abnormal for region in REGIONS]),
            sentences=tuple(self.words.ids(phrase, self.longest) for phrase in phrases),
        )

    def _row(self, number: int) -> int:
        """Which row a sample shows: every row once a pass."""
        turn, place = divmod(number, len(self.rows))
        if self.seed is not None and turn != self._pass:
            order = np.random.default_rng([self.seed, turn]).permutation(len(self.rows))
            self._pass, self._order = turn, order
        return int(self._order[place])

    def collate(self, samples: Sequence[RegionSample]) -> RegionBatch:
        """A batch; sentences are filled up with stop tokens to the longest."""
        lengths = torch.tensor([[len(ids) for ids in s.sentences] for s in samples])
        longest = max(2, int(lengths.max()))
        tokens = torch.full((len(samples), len(REGIONS), longest), self.words.stop)
        for row, sample in enumerate(samples):
            for region, ids in enumerate(sample.sentences):
                tokens[row, region, : len(ids)] = torch.tensor(ids, dtype=torch.int64)
        return RegionBatch(
            films=torch.stack([sample.film for sample in samples]),
            boxes=torch.stack([sample.boxes for sample in samples]),
            known=torch.stack([sample.known for sample in samples]),
            described=torch.stack([sample.described for sample in samples]),
            abnormal=torch.stack([sample.abnormal for sample in samples]),
            tokens=tokens,
            lengths=lengths,
        )


def _changed(
    film: NDArray[np.float32], strength: Strength, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Another contrast and grain; boxes stay where they are."""
    return np.clip(augment.grain(augment.contrast(film, strength, rng), strength, rng), 0, 1)
