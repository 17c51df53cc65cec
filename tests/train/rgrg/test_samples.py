"""Samples, sentences as tokens, and batches that processes share."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from grounded.data.example import Example
from grounded.data.region_table import region_example
from grounded.detectors.rgrg.net import MEAN, STD
from grounded.errors import ConfigError
from grounded.train.augmentation import Strength
from grounded.train.rgrg.samples import RegionSamples, SharedBatches, Words


@pytest.fixture
def row(tmp_path: Path) -> Example:
    """A film twice as wide as high, half grey, with one region and one sentence."""
    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.full((50, 100), 128, dtype=np.uint8))
    boxes = np.full((29, 4), np.nan, dtype=np.float32)
    boxes[2] = (10, 20, 30, 40)
    phrases = ["", "", "The lung is clear.", *[""] * 26]
    return region_example(
        subject="1",
        study="1",
        image="film",
        path=path,
        corners=boxes,
        phrases=phrases,
        abnormal=np.zeros(29, dtype=bool),
    )


@pytest.fixture
def words(row: Example, tmp_path: Path) -> Words:
    return Words.trained([row], 280, tmp_path / "tokenizer")


def test_a_sample_is_placed_and_normalised_with_its_boxes(row: Example, words: Words) -> None:
    sample = RegionSamples([row], words, side=64, longest=20)[0, 0]
    assert sample.film.shape == (1, 64, 64)
    assert sample.film[0, 0, 0] == pytest.approx(-MEAN / STD)  # padding
    assert sample.film[0, 32, 32] == pytest.approx((128 / 255 - MEAN) / STD, abs=1e-5)
    np.testing.assert_allclose(sample.boxes[2], [6.4, 28.8, 19.2, 41.6], rtol=1e-5)
    assert sample.known.nonzero().tolist() == [[2]]
    assert sample.described.nonzero().tolist() == [[2]]


def test_sentences_come_back_from_their_tokens(words: Words) -> None:
    ids = words.ids("The lung is clear.", 50)
    assert ids[0] == ids[-1] == words.stop
    assert words.text(ids) == "The lung is clear."
    assert words.ids("", 50) == ()
    assert len(words.ids("The lung is clear." * 9, 8)) == 8


def test_the_tokenizer_opens_with_transformers_too(words: Words, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tmp_path / "tokenizer"))
    ids = words.ids("The lung is clear.", 50)
    assert tokenizer.decode(list(ids), skip_special_tokens=True) == "The lung is clear."


def test_a_folder_without_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        Words(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="is no tokenizer"):
        Words(tmp_path)


def test_a_batch_fills_sentences_up_with_stops(row: Example, words: Words) -> None:
    samples = RegionSamples([row], words, side=64, longest=20)
    batch = samples.collate([samples[0, 0], samples[0, 1]])
    length = int(batch.lengths[0, 2])
    assert batch.tokens.shape == (2, 29, length)
    assert batch.lengths.sum() == 2 * length
    assert (batch.tokens[0, 0] == words.stop).all()


def test_a_draw_is_changed_in_the_same_way_each_time(row: Example, words: Words) -> None:
    samples = RegionSamples([row], words, side=64, longest=20, strength=Strength(contrast=1.0))
    assert torch.equal(samples[0, 3].film, samples[0, 3].film)
    assert not torch.equal(samples[0, 3].film, samples[0, 4].film)


def _batches(first: int, last: int, rank: int = 0, processes: int = 1) -> list[list[int]]:
    batches = SharedBatches(5, 2, seed=0, first=first, last=last, rank=rank, processes=processes)
    return [[row for row, _ in batch] for batch in batches]


def test_an_epoch_shows_each_row_once() -> None:
    drawn = [row for batch in _batches(0, 5) for row in batch]
    assert sorted(drawn[:5]) == sorted(drawn[5:]) == list(range(5))
    assert drawn[:5] != drawn[5:]


def test_processes_share_what_one_would_see() -> None:
    alone = _batches(0, 4)
    shared = [_batches(0, 2, rank, 2) for rank in (0, 1)]
    assert [shared[0][0], shared[1][0], shared[0][1], shared[1][1]] == alone


def test_batches_can_start_in_the_middle() -> None:
    assert _batches(3, 6) == _batches(0, 6)[3:]
