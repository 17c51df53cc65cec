"""Precision, recall and F1, by hand."""

import numpy as np
import pytest

from grounded.evaluate.scores import mean_scores, pooled_scores

TRUTH = [[1, 1, 0], [0, 0, 1]]
SAID = [[1, 0, 1], [0, 0, 1]]


def test_pooled_scores_count_all_entries_together() -> None:
    assert pooled_scores(TRUTH, SAID) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_mean_scores_average_the_rows() -> None:
    assert mean_scores(TRUTH, SAID) == pytest.approx((0.75, 0.75, 0.75))


def test_a_part_of_nothing_is_zero() -> None:
    assert pooled_scores([0, 0], [0, 0]) == (0, 0, 0)
    assert mean_scores(np.zeros((0, 3)), np.zeros((0, 3))) == (0, 0, 0)
