"""Intervals, by hand and by simulation."""

import math

import numpy as np
import pytest

from grounded.evaluate.intervals import Estimate, Rate, interval, redraws


def test_a_rate_has_wilsons_interval() -> None:
    estimate = Rate(9, 10).estimate  # Wilson's formula by hand, z = 1.96
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (0.9, 0.5958, 0.9821), abs=1e-4
    )


def test_a_rate_of_nothing_has_no_value() -> None:
    assert math.isnan(Rate(0, 0).value)
    assert str(Rate(0, 0)) == "-"
    assert Rate(0, 0).to_dict() == {"hits": 0, "count": 0, "value": None, "low": None, "high": None}


def test_every_draw_has_as_many_clusters_as_there_are() -> None:
    drawn = redraws(7, draws=50)
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(drawn, redraws(7, draws=50))


def test_there_is_no_interval_where_most_draws_have_no_value() -> None:
    estimate = interval(0.5, [math.nan, math.nan, 0.5])
    assert estimate.value == 0.5
    assert math.isnan(estimate.low)
    assert str(estimate) == "0.500"


def test_an_estimate_without_value_is_written_as_a_dash_and_as_null() -> None:
    assert str(Estimate.none()) == "-"
    assert Estimate.none().to_dict() == {"value": None, "low": None, "high": None}


def test_an_interval_holds_95_percent_of_the_draws() -> None:
    estimate = interval(0.5, np.linspace(0, 1, 1001))
    assert (estimate.low, estimate.high) == pytest.approx((0.025, 0.975))
