"""The words of a report against those of a reference."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from grounded.errors import InvalidValueError
from grounded.evaluate.text import NAMES, text_scores, tokens

INSTALLED = importlib.util.find_spec("pycocoevalcap") is not None
needs_package = pytest.mark.skipif(not INSTALLED, reason="pycocoevalcap is not installed")
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
WRITTEN = ["The lungs are clear.", "There is a small left pleural effusion on this film."]
REFERENCES = ["The lungs are clear.", "A small left pleural effusion is seen on the film today."]


def test_tokens_are_lower_case_words_and_marks() -> None:
    assert tokens("A 2.5-cm nodule isn't (well) seen.") == [
        "a", "2.5-cm", "nodule", "isn't", "(", "well", ")", "seen", ".",
    ]  # fmt: skip


def test_unequal_numbers_and_nothing_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="got 1 and 2"):
        text_scores(["a"], ["a", "b"])
    with pytest.raises(InvalidValueError, match="at least one"):
        text_scores([], [])


@pytest.mark.skipif(INSTALLED, reason="pycocoevalcap is installed")
def test_without_the_package_every_row_says_what_to_install() -> None:
    scores = text_scores(WRITTEN, REFERENCES)
    assert [score.name for score in scores] == list(NAMES)
    assert all(score.value is None and "grounded[evaluate]" in score.how for score in scores)


@needs_package
def test_without_java_meteor_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    scores = {score.name: score for score in text_scores(WRITTEN, REFERENCES)}
    assert scores["METEOR"].value is None
    assert scores["METEOR"].how == "not computed: Java missing"
    assert scores["BLEU-1"].value is not None
    with pytest.raises(InvalidValueError, match="needs Java"):
        text_scores(WRITTEN, REFERENCES, "ptb")


@needs_package
def test_scores_name_package_version_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    scores = {score.name: score for score in text_scores(WRITTEN, REFERENCES)}
    assert scores["BLEU-4"].how.startswith("pycocoevalcap 1.")
    assert scores["BLEU-4"].how.endswith("words tokens")
    unigrams = scores["BLEU-1"].value
    assert unigrams is not None
    assert unigrams == pytest.approx(13 / 16, abs=0.05)  # 13 of 16 tokens, and brevity


@needs_package
@needs_java
def test_equal_texts_score_highest_and_meteor_is_named() -> None:
    texts = [*WRITTEN, "No pneumothorax is seen. The heart is normal in size."]
    scores = {score.name: score for score in text_scores(texts, texts)}
    assert scores["BLEU-4"].value == pytest.approx(1)
    assert scores["ROUGE-L"].value == pytest.approx(1)
    assert scores["CIDEr"].value == pytest.approx(10)
    assert scores["METEOR"].value == pytest.approx(1)
    assert "METEOR 1.5" in scores["METEOR"].how


@needs_package
def test_an_empty_report_scores_nothing_and_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    scores = {score.name: score.value for score in text_scores(["", ""], REFERENCES)}
    assert scores["BLEU-1"] == pytest.approx(0, abs=1e-6)
    assert scores["ROUGE-L"] == 0
