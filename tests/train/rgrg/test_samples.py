"""Samples, sentences as tokens, and batches that processes share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from grounded.chest.names import REGIONS
from grounded.data.example import Example
from grounded.data.region_table import region_example
from grounded.detectors.rgrg.net import MEAN, STD
from grounded.errors import ConfigError
from grounded.train.augmentation import Strength
from grounded.train.rgrg.samples import RegionSamples, Words


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
    sample = RegionSamples([row], words, side=64, longest=20)[0]
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
    batch = samples.collate([samples[0], samples[0]])
    length = int(batch.lengths[0, 2])
    assert batch.tokens.shape == (2, 29, length)
    assert batch.lengths.sum() == 2 * length
    assert (batch.tokens[0, 0] == words.stop).all()


def test_a_draw_is_changed_in_the_same_way_each_time(row: Example, words: Words) -> None:
    changed = Strength(contrast=1.0)
    samples = RegionSamples([row], words, side=64, longest=20, seed=0, strength=changed)
    assert torch.equal(samples[3].film, samples[3].film)
    assert not torch.equal(samples[3].film, samples[4].film)


def test_a_pass_shows_each_row_once(row: Example, words: Words) -> None:
    rows = [replace(row, sentences={REGIONS[n]: "The lung is clear."}) for n in range(5)]
    samples = RegionSamples(rows, words, side=32, longest=20, seed=0)
    shown = [int(samples[number].described.nonzero()) for number in range(10)]
    assert sorted(shown[:5]) == sorted(shown[5:]) == list(range(5))
    assert shown[:5] != shown[5:]
    assert int(samples[3].described.nonzero()) == shown[3]  # whatever was drawn before
