"""The writer's run, its tokenizer and its samples, on a toy grammar."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from grounded.errors import DataError
from grounded.findings import Presence
from grounded.generators.neural.writer import Writer
from grounded.language.labeller import Labeller
from grounded.train.loop import Progress
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.run import (
    WriterConfig,
    fidelity,
    perplexity,
    train_tokenizer,
    train_writer,
)
from grounded.train.writer.samples import (
    Sample,
    WriterSamples,
    by_statement,
    hold_out,
    region_of,
)

TINY = WriterConfig(
    vocabulary=300,
    length=40,
    width=32,
    layers=2,
    heads=2,
    held_out=0.1,
    steps=4,
    batch=8,
    learning_rate=1e-2,
    device="cpu",
    log_every=2,
    measure_every=2,
)
STATUSES: tuple[Presence, ...] = ("absent", "uncertain", "present")
WORDS = {"absent": "No", "uncertain": "Possible", "present": "There is a"}
THINGS = {"Pneumothorax": "pneumothorax", "Pleural Effusion": "effusion"}


def drawn_from(samples: WriterSamples, count: int) -> list[Sample]:
    return [samples[number] for number in range(count)]


def toy_phrases(kinds: tuple[str, ...] = ("lung", "apical zone")) -> list[Phrase]:
    """Each finding alone with each status, and both together, in each kind of region."""
    phrases = []
    for kind in kinds:
        for first in STATUSES:
            for label, thing in THINGS.items():
                text = f"{WORDS[first]} <side> {thing}."
                phrases.append(Phrase(text, kind, ((label, first),), count=4))
            for second in STATUSES:
                text = f"{WORDS[first]} <side> pneumothorax; {WORDS[second].lower()} effusion."
                both = (("Pneumothorax", first), ("Pleural Effusion", second))
                phrases.append(Phrase(text, kind, both))
    return phrases


def test_a_tiny_writer_learns_to_say_what_it_is_told(tmp_path: Path) -> None:
    config = replace(TINY, steps=260, batch=24, measure_every=1000, dropout=0.0)
    figures = train_writer(toy_phrases(), config, tmp_path)
    assert figures["fidelity verified"] >= figures["fidelity"] >= 0.5
    assert figures["perplexity"] < 3
    phrases = hold_out(toy_phrases(), 0.1, 0)[0]
    assert fidelity(Writer(tmp_path), phrases, Labeller.open()) > 0.9


def test_a_run_writes_weights_log_and_figures(tmp_path: Path) -> None:
    lines: list[str] = []
    train_writer(toy_phrases(), TINY, tmp_path, Progress(lines.append))
    writer = Writer(tmp_path)
    assert writer.kinds == ("apical zone", "lung")
    assert writer.labels == ("Pneumothorax", "Pleural Effusion")
    assert all(
        value.dtype == torch.float16 for value in load_file(tmp_path / "model.safetensors").values()
    )
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 2, 4, 4]
    assert lines[0] == "27 phrases to train on, 3 held out"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures) == {"perplexity", "fidelity", "fidelity verified"}


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    train_writer(toy_phrases(), TINY, through)

    def stop_after_two(done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_writer(toy_phrases(), TINY, stopped, Progress(advance=stop_after_two))
    train_writer(toy_phrases(), TINY, stopped)
    first = load_file(through / "model.safetensors")
    for name, value in load_file(stopped / "model.safetensors").items():
        assert torch.equal(value, first[name]), name


def test_without_phrases_there_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no phrases"):
        train_writer([], TINY, tmp_path)


def test_the_tokenizer_gives_back_any_sentence_and_keeps_blanks_whole() -> None:
    tokenizer = train_tokenizer([phrase.text for phrase in toy_phrases()], 300)
    for text in ("No <side> effusion.", "<region> is clear; 3 < 4.", "Œdème <ratio>"):
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert tokenizer.encode("<region>").ids == [tokenizer.token_to_id("<region>")]


def test_statements_that_are_held_out_are_made_of_known_parts() -> None:
    train, held = hold_out(toy_phrases(), 0.3, seed=1)
    assert len(train) + len(held) == len(toy_phrases())
    assert held
    assert not by_statement(train).keys() & by_statement(held).keys()
    parts = {(phrase.kind, finding) for phrase in train for finding in phrase.findings}
    assert {(phrase.kind, finding) for phrase in held for finding in phrase.findings} <= parts


def test_rare_statements_are_drawn_by_the_root_of_their_count() -> None:
    often = Phrase("No <side> effusion.", "lung", (("Pleural Effusion", "absent"),), count=900)
    rare = Phrase("A <side> effusion.", "lung", (("Pleural Effusion", "present"),), count=100)
    samples = WriterSamples([often, rare], seed=0)
    drawn = [sample.template for sample in drawn_from(samples, 2000)]
    assert drawn.count(often.text) / 2000 == pytest.approx(0.75, abs=0.03)


def test_a_sample_of_a_number_is_always_the_same() -> None:
    samples, again = (WriterSamples(toy_phrases(), seed=0) for _ in range(2))
    assert samples[7].template == again[7].template
    assert len({samples[number].template for number in range(20)}) > 1


def test_how_large_something_is_is_not_said_where_that_is_not_shown() -> None:
    has: tuple[tuple[str, Presence], ...] = (("Pneumothorax", "present"),)
    phrases = [
        Phrase("A small pneumothorax.", "lung", has, size="small"),
        Phrase("A pneumothorax.", "lung", has),
        Phrase("Patchy opacity.", "lung", (("Lung Opacity", "present"),), variety="patchy"),
    ]
    samples = WriterSamples(phrases, seed=0)
    drawn = {sample.template for sample in drawn_from(samples, 200)}
    # a statement of which nothing plainer is said keeps its words
    assert drawn == {"A pneumothorax.", "Patchy opacity."}


def test_a_ratio_is_given_with_the_sentences_that_state_one() -> None:
    large: tuple[tuple[str, Presence], ...] = (("Cardiomegaly", "present"),)
    phrases = [
        Phrase("Ratio <ratio>.", "cardiac silhouette", large, ratio=True),
        Phrase("The heart is large.", "cardiac silhouette", large),
    ]
    for sample in drawn_from(WriterSamples(phrases, seed=0), 50):
        if "<ratio>" in sample.template:
            assert sample.brief.ratio is not None
            assert sample.brief.ratio >= 0.5
        else:
            assert sample.brief.ratio is None


def test_sentences_with_and_without_a_ratio_are_drawn_as_often() -> None:
    large: tuple[tuple[str, Presence], ...] = (("Cardiomegaly", "present"),)
    phrases = [
        Phrase("Ratio <ratio>.", "cardiac silhouette", large, ratio=True, count=90),
        Phrase("The heart is large.", "cardiac silhouette", large),
    ]
    samples = drawn_from(WriterSamples(phrases, seed=0), 1000)
    stated = [sample.brief.ratio is not None for sample in samples]
    assert np.mean(stated) == pytest.approx(0.5, abs=0.06)


def test_a_region_of_a_kind_has_a_side_where_there_are_two() -> None:
    assert region_of("lower lung zone") == "right lower lung zone"
    assert region_of("cardiac silhouette") == "cardiac silhouette"
    assert region_of("marked area") == "marked area"


def test_the_perplexity_of_nothing_is_no_number(tmp_path: Path) -> None:
    assert train_writer(toy_phrases(), replace(TINY, steps=1, held_out=0), tmp_path) == {}
    assert np.isnan(perplexity(Writer(tmp_path), []))
