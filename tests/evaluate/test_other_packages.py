"""Figures of other packages on the same inputs, beside ours."""

from __future__ import annotations

import numpy as np
import pytest

from grounded import Box
from grounded.evaluate.calibration import Scored
from grounded.evaluate.detection import average_precision
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.rows import Row, mean_of
from grounded.evaluate.scores import mean_scores, pooled_estimates, pooled_scores
from grounded.evaluate.text import text_scores, tokens

TEXTS = [
    ("the heart is enlarged . small left effusion .", "small left effusion . heart enlarged ."),
    ("no pneumothorax .", "there is no pneumothorax or effusion ."),
    ("clear lungs .", "clear lungs ."),
]


def test_areas_and_f1_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    scores = np.round(0.4 * truth + 0.6 * rng.random(200), 2)
    ours = area_under_roc(scores, truth, [str(i) for i in range(200)])
    assert ours.value == pytest.approx(metrics.roc_auc_score(truth, scores))
    scored = Scored(scores, truth, ("p",) * 200, ("Edema",) * 200)
    assert scored.brier == pytest.approx(metrics.brier_score_loss(truth, scores))
    table, said = rng.random((40, 14)) < 0.2, rng.random((40, 14)) < 0.2
    for ours_of, average in ((pooled_scores, "micro"), (mean_scores, "samples")):
        theirs = metrics.f1_score(table, said, average=average, zero_division=0)
        assert ours_of(table, said).f1 == pytest.approx(theirs)


def test_the_calibration_error_is_that_of_scikit_learns_curve() -> None:
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(1)
    scores = rng.random(500)
    truth = rng.random(500) < scores**2
    patients = tuple(str(n // 2) for n in range(500))
    scored = Scored(scores, truth, patients, ("Edema",) * 500)
    frequency, mean = calibration.calibration_curve(truth, scores, n_bins=10)
    for item in scored.estimates().values():
        assert item.low < item.value < item.high
    points = scored.reliability()
    assert [p[1] for p in points] == pytest.approx(list(frequency))
    assert [p[0] for p in points] == pytest.approx(list(mean))
    assert {name: item.value for name, item in scored.estimates().items()} == {
        "expected calibration error": scored.error,
        "Brier score": scored.brier,
        "area under risk by coverage": scored.area_under_risk,
    }
    gap = sum(abs(f - m) * n for f, m, (_, _, n) in zip(frequency, mean, points, strict=True))
    assert scored.error == pytest.approx(gap / 500)


def test_average_precision_is_what_can_be_counted_by_hand() -> None:
    pytest.importorskip("pycocotools")
    here, there = Box(0, 0, 10, 10), Box(50, 50, 60, 60)
    shifted = Box(0, 0, 10, 8)  # IoU 0.8: found at seven of ten thresholds
    pairs = [
        ([("a", shifted, 0.9), ("b", there, 0.4)], {"a": [here], "b": [here]}),
        ([("c", here, 0.5)], {"b": []}),
    ]
    found = average_precision(pairs)
    assert found is not None
    assert found.by.startswith("pycocotools ")
    assert found.at_half == pytest.approx(0.5)
    assert found.coco == pytest.approx(0.35)
    assert average_precision([([], {"a": []})]) is None


def test_bleu_is_that_of_nltk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # without METEOR's Java
    pytest.importorskip("pycocoevalcap")
    nltk = pytest.importorskip("nltk.translate.bleu_score")
    # nltk counts a 4-gram in texts of three tokens, where there is none
    texts = [*TEXTS[:1], ("the heart is large . left basal opacity .", "left basal opacity seen .")]
    written, references = zip(*texts, strict=True)
    ours = {score.name: score.value for score in text_scores(written, references)}
    true, said = [[tokens(text)] for text in references], [tokens(text) for text in written]
    for n in range(1, 5):
        theirs = nltk.corpus_bleu(true, said, weights=[1 / n] * n)
        assert ours[f"BLEU-{n}"] == pytest.approx(theirs, abs=1e-6)


def test_intervals_are_those_of_scipys_bootstrap() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).gamma(1.0, 2.0, 80)
    rows = [Row(str(n), str(n), {}, (), {"x": float(value)}) for n, value in enumerate(values)]
    ours, _, _ = mean_of(rows, "x")
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)


def test_the_interval_of_f1_is_that_of_scipys_bootstrap() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(4)
    truth = rng.random((120, 5)) < 0.3
    said = truth ^ (rng.random((120, 5)) < 0.2)
    ours = pooled_estimates(truth, said, [str(n) for n in range(120)]).f1

    def f1(rows: np.ndarray, axis: int) -> np.ndarray:
        a, b = truth[rows], said[rows]
        return 2 * (a & b).sum((-1, axis - 1)) / (a.sum((-1, axis - 1)) + b.sum((-1, axis - 1)))

    theirs = stats.bootstrap(
        (np.arange(120),),
        f1,
        n_resamples=2000,
        batch=200,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert ours.value == pytest.approx(pooled_scores(truth, said).f1)
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_rouge_stands_beside_googles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # without METEOR's Java
    pytest.importorskip("pycocoevalcap")
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    written, references = zip(*TEXTS, strict=True)
    [ours] = [s for s in text_scores(written, references) if s.name == "ROUGE-L"]
    assert ours.value == pytest.approx(np.mean(ours.each))
    for (said, true), score in zip(TEXTS, ours.each, strict=True):
        # one table of the longest common subsequence; pycocoevalcap weighs recall (beta 1.2) and
        # keeps marks as tokens, Google's takes F1 of letters alone
        theirs = scorer.score(true, said)["rougeL"]
        assert score == pytest.approx(theirs.fmeasure, abs=0.12)
    assert tokens("Left-sided, 3.2 cm.") == ["left-sided", ",", "3.2", "cm", "."]
