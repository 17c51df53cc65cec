"""The writer: briefs in, sentences out, on a network that learns a toy grammar in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Presence
from grounded.generators.neural.writer import Brief, Words, Writer
from grounded.language.labeller import Labeller
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.run import WriterConfig, train_writer

TINY = WriterConfig(
    vocabulary=300,
    length=40,
    width=32,
    layers=2,
    heads=2,
    dropout=0.0,
    held_out=0.0,
    steps=240,
    batch=20,
    learning_rate=8e-3,
    log_every=1000,
)
SENTENCES: list[tuple[str, str, str, Presence]] = [
    ("lung", "Pneumothorax", "There is a <side> pneumothorax.", "present"),
    ("lung", "Pneumothorax", "No <side> pneumothorax.", "absent"),
    ("lung", "Pneumothorax", "Possible <side> pneumothorax.", "uncertain"),
    ("lower lung zone", "Lung Opacity", "There is an opacity in the <region>.", "present"),
    ("lower lung zone", "Lung Opacity", "No opacity in the <region>.", "absent"),
    ("cardiac silhouette", "Cardiomegaly", "The heart is normal in size.", "absent"),
    ("cardiac silhouette", "Cardiomegaly", "The heart is enlarged.", "present"),
]
RATIO = "The heart is enlarged, with a cardiothoracic ratio of <ratio>."


def toy_phrases() -> list[Phrase]:
    phrases = [
        Phrase(text, kind, ((label, presence),)) for kind, label, text, presence in SENTENCES
    ]
    heart: tuple[tuple[str, Presence], ...] = (("Cardiomegaly", "present"),)
    wet: tuple[tuple[str, Presence], ...] = (("Pleural Effusion", "present"),)
    return [
        *phrases,
        Phrase(RATIO, "cardiac silhouette", heart, ratio=True, count=4),
        Phrase("No <side> effusion.", "costophrenic angle", wet, count=9),  # labelled wrongly
        Phrase("There is a <side> effusion.", "costophrenic angle", wet, count=3),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("writer")
    train_writer(toy_phrases(), TINY, out)
    return out


@pytest.fixture(scope="module")
def writer(folder: Path) -> Writer:
    return Writer(folder)


def lung(presence: Presence, side: str = "right") -> Brief:
    return Brief(f"{side} lung", "lung", {"Pneumothorax": presence})


HEART = Brief("cardiac silhouette", "cardiac silhouette", {"Cardiomegaly": "present"})


def test_the_status_of_a_finding_turns_the_sentence(writer: Writer) -> None:
    briefs = [lung("present"), lung("absent", "left"), lung("uncertain")]
    assert [words.text for words in writer.write(briefs)] == [
        "There is a right pneumothorax.",
        "No left pneumothorax.",
        "Possible right pneumothorax.",
    ]


def test_the_blanks_are_filled_with_the_region_asked_for(writer: Writer) -> None:
    brief = Brief("left lower lung zone", "lower lung zone", {"Lung Opacity": "present"})
    (words,) = writer.write([brief])
    assert words.template == "There is an opacity in the <region>."
    assert words.text == "There is an opacity in the left lower lung zone."


def test_a_ratio_is_stated_only_where_there_is_one(writer: Writer) -> None:
    without, given = writer.write([HEART, replace(HEART, ratio=0.58)])
    assert without.text == "The heart is enlarged."
    assert given.text == "The heart is enlarged, with a cardiothoracic ratio of 0.58."


@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_gives_what_its_briefs_give_one_by_one(writer: Writer, beams: int) -> None:
    briefs = [lung("present"), HEART, lung("absent"), replace(HEART, ratio=0.6)]
    together = writer.write(briefs, beams)
    alone = [writer.write([brief], beams)[0] for brief in briefs]
    assert [words.text for words in together] == [words.text for words in alone]
    for first, second in zip(together, alone, strict=True):
        assert first.log_probs == pytest.approx(second.log_probs, abs=1e-4)


def test_nothing_to_write_gives_nothing(writer: Writer) -> None:
    assert writer.write([], verify=Labeller.open()) == []


def test_a_sentence_that_says_something_else_is_written_again(writer: Writer) -> None:
    brief = Brief("left costophrenic angle", "costophrenic angle", {"Pleural Effusion": "present"})
    assert writer.write([brief])[0].text == "No left effusion."
    words, other = writer.write([brief, HEART], verify=Labeller.open())
    assert words.text == "There is a left effusion."
    assert words.agrees
    assert other.text == writer.write([HEART])[0].text


def test_a_sentence_that_cannot_be_made_to_agree_says_so(writer: Writer) -> None:
    brief = Brief("right lung", "lung", {"Cardiomegaly": "absent", "Lung Opacity": "present"})
    (words,) = writer.write([brief], verify=Labeller.open())
    assert not words.agrees
    assert words.text


def test_the_score_is_the_mean_probability_of_a_token() -> None:
    assert Words("", "", (-1.0, -3.0)).score == pytest.approx(0.1353, abs=1e-4)


def test_the_log_probability_is_that_of_the_written_sentence(writer: Writer) -> None:
    briefs = [lung("present"), HEART]
    written = writer.write(briefs)
    found = writer.log_probability(briefs, [words.template for words in written])
    assert found.tolist() == pytest.approx([sum(w.log_probs) for w in written], abs=1e-3)


def test_a_kind_or_finding_without_words_is_named(writer: Writer) -> None:
    for brief, message in (
        (Brief("x", "lower lung zones", {}), "'lower lung zones'; did you mean 'lower lung zone'"),
        (Brief("x", "lung", {"Pneumothoraces": "absent"}), "did you mean 'Pneumothorax'"),
        (Brief("x", "lung", {"Fracture": "absent"}), "It knows: .*Cardiomegaly"),
        (Brief("x", "lung", {"Pneumothorax": "maybe"}), "got 'maybe'"),  # type: ignore[dict-item]
    ):
        with pytest.raises(InvalidValueError, match=message):
            writer.write([brief])


def test_a_sentence_that_is_too_long_is_refused(writer: Writer) -> None:
    with pytest.raises(InvalidValueError, match="at most 39 tokens"):
        writer.log_probability([HEART], ["The heart " * 30])


def test_the_files_that_were_read_are_named(writer: Writer, folder: Path) -> None:
    assert set(writer.weights_sha256) == {"writer/model.safetensors", "writer/tokenizer.json"}


def test_a_folder_that_is_no_writer_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights"):
        Writer(tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(ConfigError, match=r"tokenizer\.json"):
        Writer(tmp_path)
    Tokenizer.from_str((folder / "tokenizer.json").read_text().replace("<end>", "<fin>")).save(
        str(tmp_path / "tokenizer.json")
    )
    with pytest.raises(ConfigError, match="no token '<end>'"):
        Writer(tmp_path)
