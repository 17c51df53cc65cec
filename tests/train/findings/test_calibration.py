"""From logits to probabilities, fitted on scores whose distribution is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from grounded.generators.neural.finding_reader import read_calibrations
from grounded.train.findings.calibration import FEWEST, fitted, platt, raw, write_calibrations
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import RegionScore, Source

PAIRS = Pairs.of({"Lung Opacity": ["lung"], "Cardiomegaly": ["cardiac silhouette"]})


def scores(
    mean: float,
    count: int,
    truth: bool,
    source: Source = "clear",
    label: str = "Lung Opacity",
    seed: int = 0,
) -> list[RegionScore]:
    """Logits around a mean, with a standard deviation of 1."""
    logits = np.random.default_rng([seed, truth]).normal(mean, 1, count)
    return [RegionScore("film", source, "lung", label, float(x), truth) for x in logits]


def test_the_logistic_function_behind_the_scores_is_found() -> None:
    # two normal distributions at 0 and 2: the log-odds are 2 x - 2
    slope, intercept = platt([*scores(2, 4000, True), *scores(0, 4000, False)])
    assert slope == pytest.approx(2, abs=0.15)
    assert intercept == pytest.approx(-2, abs=0.2)


def test_present_and_absent_weigh_the_same_however_many_there_are() -> None:
    slope, intercept = platt([*scores(2, 400, True), *scores(0, 12000, False)])
    assert slope == pytest.approx(2, abs=0.3)
    assert -intercept / slope == pytest.approx(1, abs=0.1)  # even odds lie in the middle


def test_each_source_weighs_the_same() -> None:
    few, many = scores(0, 300, False, "described"), scores(1, 9000, False, "clear", seed=1)
    mixed = platt([*scores(3, 3000, True), *few, *many])
    even = [*scores(0, 3000, False, "described"), *scores(1, 3000, False, "clear", seed=1)]
    assert mixed == pytest.approx(platt([*scores(3, 3000, True), *even]), abs=0.2)


def test_scores_that_tell_apart_completely_stay_finite() -> None:
    slope, intercept = platt([*scores(20, 20, True), *scores(-20, 20, False)])
    assert 0 < slope < 10
    assert math.isfinite(intercept)


def test_scores_that_point_the_wrong_way_say_next_to_nothing() -> None:
    slope, _ = platt([*scores(0, 200, True), *scores(2, 200, False)])
    assert slope == 1e-3


def test_real_films_are_fitted_on_where_there_are_enough() -> None:
    real = [*scores(2, FEWEST, True, "described"), *scores(0, 60, False)]
    painted = scores(9, 500, True, "painted")
    [with_painted, alone] = [
        fitted(rows, PAIRS, absent=0.3, present=0.7)["Lung Opacity"]
        for rows in ([*real, *painted], real)
    ]
    assert with_painted == alone


def test_painted_films_help_where_there_are_too_few_real_ones() -> None:
    real = [*scores(2, FEWEST - 1, True, "described"), *scores(0, 60, False)]
    painted = scores(2, 500, True, "painted")
    made = fitted([*real, *painted], PAIRS, absent=0.2, present=0.8)["Lung Opacity"]
    assert made.figure == "not measured"
    assert (made.absent, made.present) == (0.2, 0.8)
    assert made.probability(3) > 0.8 > 0.2 > made.probability(-1)
    assert not made.assessed


def test_a_finding_with_too_few_scores_keeps_its_logits() -> None:
    made = fitted(scores(2, 500, True), PAIRS, absent=0.3, present=0.7)
    assert made == raw(PAIRS)
    assert made["Cardiomegaly"].figure == "not calibrated"
    assert made["Cardiomegaly"].probability(0) == 0.5


def test_what_is_written_is_what_the_reader_reads(tmp_path: Path) -> None:
    rows = [*scores(2, 50, True), *scores(0, 50, False)]
    made = fitted(rows, PAIRS, absent=0.3, present=0.7)
    path = tmp_path / "calibration.json"
    write_calibrations(path, made)
    assert read_calibrations(path, PAIRS.labels) == made
