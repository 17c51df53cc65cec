"""The area under the curve with its interval."""

import math

import numpy as np
import pytest

from grounded.evaluate.detection import area_under_curve
from grounded.evaluate.discrimination import area_under_roc


def test_the_area_is_the_part_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.3
    scores = np.round(rng.normal(size=200) + truth, 1)  # with ties
    found = area_under_roc(scores, truth, [str(n) for n in range(200)])
    assert found.value == pytest.approx(area_under_curve(list(scores), list(truth)))
    assert found.low < found.value < found.high


def test_patients_with_many_films_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(rng.random(40) < 0.5, 10)
    scores = np.repeat(rng.normal(size=40), 10) + truth
    apart = area_under_roc(scores, truth, [str(n) for n in range(400)])
    together = area_under_roc(scores, truth, [str(n // 10) for n in range(400)])
    assert together.value == apart.value
    assert together.high - together.low > 2 * (apart.high - apart.low)


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_one_kind_alone_has_no_area(truth: list[bool]) -> None:
    assert math.isnan(area_under_roc([0.1, 0.2], truth, ["a", "b"]).value)
