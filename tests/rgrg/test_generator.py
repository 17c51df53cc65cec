"""Sentences from the features of RGRG's detector, and whole reports."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from grounded import Box, Image, Regions, Reporter, load
from grounded.detectors.rgrg.detector import BLANK, RgrgDetector
from grounded.errors import ConfigError, InvalidValueError
from grounded.generators.rgrg import generator as rgrg
from grounded.generators.rgrg.generator import RgrgGenerator, open_tokenizer
from grounded.protocols import Question, SentenceGenerator

Chest = Callable[..., Image]


@pytest.fixture(scope="module")
def reporter(folder: Path) -> Reporter:
    """The converted preset, with token numbers for text and short sentences."""
    preset = folder / "ids.toml"
    text = (folder / "preset.toml").read_text()
    generator = 'weights = "./generator"\ntokenizer = "token-ids"\nmax_length = 10'
    preset.write_text(text.replace('weights = "./generator"', generator))
    return load(preset)


@pytest.fixture(scope="module")
def generator(reporter: Reporter) -> RgrgGenerator:
    assert isinstance(reporter.generator, RgrgGenerator)
    return reporter.generator


def question(reporter: Reporter, film: Image) -> Question:
    [found] = reporter.detector.detect([film])
    return Question.of_film(film, found)


def test_it_fits_the_protocol(generator: RgrgGenerator) -> None:
    assert isinstance(generator, SentenceGenerator)
    assert "4 beams" in generator.name
    assert "Pneumonia" in generator.scope.not_assessed


def test_a_report_has_a_sentence_for_each_selected_region(reporter: Reporter, chest: Chest) -> None:
    asked = question(reporter, chest())
    [sentences] = reporter.generator.describe([asked])
    selected = [
        name
        for name, chosen in zip(asked.found.names, asked.found.features.selected, strict=True)
        if chosen
    ]
    assert selected
    assert [sentence.regions for sentence in sentences] == [(name,) for name in selected]
    assert all(sentence.findings == () for sentence in sentences)


def test_a_region_asked_by_name_is_described_though_not_selected(
    reporter: Reporter, chest: Chest
) -> None:
    reading = reporter.read(chest())
    for name in reading.regions.names:
        assert len(reading.describe(name)) == 1


def test_a_box_drawn_by_hand_is_described(reporter: Reporter, chest: Chest) -> None:
    [sentence] = reporter.read(chest()).describe(Box(20, 20, 90, 100))
    assert sentence.regions == ("marked area",)
    assert sentence.evidence == (Box(20, 20, 90, 100),)


def test_a_batch_of_films_says_what_each_film_says(reporter: Reporter, chest: Chest) -> None:
    asked = [question(reporter, chest(seed)) for seed in range(3)]
    together = reporter.generator.describe(asked)
    alone = [reporter.generator.describe([item])[0] for item in asked]
    assert [[s.text for s in film] for film in together] == [[s.text for s in f] for f in alone]


def test_more_regions_than_one_pass_takes_are_described(
    reporter: Reporter, chest: Chest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [question(reporter, chest(seed)) for seed in range(2)]
    expected = reporter.generator.describe(asked)
    monkeypatch.setattr(rgrg, "AT_ONCE", 2)
    found = reporter.generator.describe(asked)
    assert [[s.text for s in f] for f in found] == [[s.text for s in f] for f in expected]


def test_the_score_is_the_geometric_mean_of_the_tokens(
    generator: RgrgGenerator, reporter: Reporter, chest: Chest
) -> None:
    asked = question(reporter, chest())
    [sentences] = generator.describe([asked])
    chosen = asked.found.features.vectors[np.flatnonzero(asked.found.features.selected)]
    said = rgrg.generate(generator.net, chosen, generator.beams, generator.max_length)
    expected = [math.exp(np.mean(item.log_probs)) for item in said]
    assert [s.score for s in sentences] == pytest.approx(expected)


def test_the_impression_is_what_the_model_calls_abnormal(reporter: Reporter, chest: Chest) -> None:
    asked = question(reporter, chest())
    [sentences] = reporter.generator.describe([asked])
    for sentence in sentences:
        row = asked.found.names.index(sentence.regions[0])
        assert sentence.abnormal == bool(asked.found.features.abnormal[row])
        assert (sentence.impression == sentence.text) == sentence.abnormal


def test_a_sentence_that_was_cut_off_says_so(reporter: Reporter, chest: Chest) -> None:
    [sentences] = reporter.generator.describe([question(reporter, chest())])
    for sentence in sentences:
        whole = len(sentence.text.split()) < 9
        assert whole or sentence.notes == ("cut off at 10 tokens",)


def test_no_region_selected_is_an_empty_report_with_the_reason(
    folder: Path, reporter: Reporter, chest: Chest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grounded.detectors.rgrg.detector.CHOSEN_ABOVE", math.inf)
    report = reporter(chest())
    assert report.sentences == ()
    assert "not selected for a sentence" in report.text


def test_a_blank_film_is_an_empty_report_with_the_reason(reporter: Reporter) -> None:
    report = reporter(Image.of(np.zeros((40, 50), np.float32)))
    assert report.sentences == ()
    assert BLANK in report.text


def test_a_lateral_film_is_reported_with_a_warning(reporter: Reporter, chest: Chest) -> None:
    assert "knows frontal films only" in reporter(chest(view="LL")).text


def test_the_report_says_in_which_mode_regions_were_read(reporter: Reporter, chest: Chest) -> None:
    provenance = reporter(chest()).provenance
    assert "faithful" in provenance.detector
    assert set(provenance.weights_sha256) == {
        "detector/rgrg/model.safetensors",
        "generator/rgrg/model.safetensors",
    }


def test_no_questions_and_empty_films_give_nothing(generator: RgrgGenerator, chest: Chest) -> None:
    assert generator.describe([]) == []
    nothing = Regions.none()
    assert generator.describe([Question.of_film(chest(), nothing)]) == [[]]


def test_features_of_another_detector_are_refused(generator: RgrgGenerator, chest: Chest) -> None:
    found = Regions(("carina",), np.array([[0.0, 0, 9, 9]]), np.ones(1))
    with pytest.raises(InvalidValueError, match="reads the features of RGRG's detector"):
        generator.describe([Question.of_film(chest(), found)])


@pytest.mark.parametrize("named", [True, False])
def test_without_a_tokenizer_the_error_says_how_to_get_it(
    tmp_path: Path, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ConfigError, match="hf download openai-community/gpt2"):
        open_tokenizer(tmp_path if named else None)


VOCABULARY = {"The": 0, "Ġheart": 1, "Ġis": 2, "Ġlarge": 3, ".": 4}


def test_a_whole_tokenizer_on_disk_turns_tokens_to_text(tmp_path: Path) -> None:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=VOCABULARY, merges=[]))
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert open_tokenizer(tmp_path)([0, 1, 2, 3, 4]) == "The heart is large."


def test_words_and_merges_on_disk_turn_tokens_to_text(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text(json.dumps(VOCABULARY))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    assert open_tokenizer(tmp_path)([0, 1, 2, 3, 4]) == "The heart is large."


@pytest.mark.parametrize("keywords", [{"beams": 0}, {"max_length": 1}, {"dtype": "half"}])
def test_a_setting_out_of_range_is_refused(folder: Path, keywords: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError):
        RgrgGenerator(folder / "generator", "token-ids", **keywords)


def test_a_detector_alone_can_be_given_any_generator(folder: Path, chest: Chest) -> None:
    assert RgrgDetector(folder / "detector", mode="grounded").detect([chest()])[0].features
