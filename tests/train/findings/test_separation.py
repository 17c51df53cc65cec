"""Areas under the curve with intervals, on made-up scores."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from grounded.evaluate.detection import area_under_curve
from grounded.train.findings.scores import RegionScore
from grounded.train.findings.separation import separation


def score(film: str, logit: float, truth: bool) -> RegionScore:
    return RegionScore(film, "described", "right lung", "Lung Opacity", logit, truth)


def noisy(films: int, shift: float, seed: int = 0) -> list[RegionScore]:
    """Each film with six regions; those with the finding lie higher by `shift`."""
    rng = np.random.default_rng(seed)
    truth = [bool(value) for value in rng.random(films * 6) < 0.4]
    return [
        score(f"film {n // 6}", float(rng.normal(shift * there)), there)
        for n, there in enumerate(truth)
    ]


def area(scores: Sequence[RegionScore]) -> float:
    return area_under_curve([s.logit for s in scores], [s.truth for s in scores])


def test_the_area_is_that_of_all_pairs() -> None:
    scores = noisy(20, 1.0)
    assert separation(scores, {}).overall.value == pytest.approx(area(scores))


def test_the_interval_holds_the_area_and_shrinks_with_more_films() -> None:
    few, many = separation(noisy(10, 1.0), {}).overall, separation(noisy(160, 1.0), {}).overall
    for estimate in (few, many):
        assert estimate.low < estimate.value < estimate.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_the_interval_is_that_of_drawing_films_again_one_by_one() -> None:
    scores = noisy(12, 1.0)
    films = [[s for s in scores if s.film == f"film {n}"] for n in range(12)]
    rng = np.random.default_rng(5)
    areas = [area([s for n in rng.integers(12, size=12) for s in films[n]]) for _ in range(800)]
    estimate = separation(scores, {}).overall
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.03)


def test_what_all_regions_of_a_film_share_does_not_help_within_films() -> None:
    scores = [
        *(score("ill", 5.0, True) for _ in range(5)),
        score("ill", 5.0, False),
        *(score("well", 0.0, False) for _ in range(5)),
        score("well", 0.0, True),
    ]
    found = separation(scores, {})
    assert found.overall.value > 0.8
    assert found.within_film.value == 0.5
    assert found.films == 2


def test_pairs_of_different_films_do_not_count_within_films() -> None:
    scores = [score("a", 1, True), score("a", 0, False), score("b", 9, False), score("b", 10, True)]
    assert separation(scores, {}).within_film.value == 1
    assert separation(scores, {}).overall.value == 0.75


def test_films_of_one_patient_are_drawn_together() -> None:
    scores = noisy(40, 1.0)
    patients = {s.film: f"patient {int(s.film.split()[1]) % 4}" for s in scores}
    apart, together = separation(scores, {}).overall, separation(scores, patients).overall
    assert apart.value == together.value
    assert (apart.low, apart.high) != (together.low, together.high)


def test_one_kind_alone_has_no_area() -> None:
    found = separation([score("a", 1.0, True)], {})
    assert math.isnan(found.overall.value)
    assert math.isnan(found.within_film.value)
    assert math.isnan(separation([], {}).overall.value)
