"""Figures of boxes and scores."""

import math

import numpy as np
import pytest

from grounded import Box, Regions
from grounded.evaluate.detection import (
    area_under_curve,
    calibration_error,
    ratio_errors,
    region_accuracy,
)

HEART, RIGHT, LEFT = Box(30, 50, 70, 80), Box(0, 0, 40, 80), Box(60, 0, 100, 80)
NAMES = ("cardiac silhouette", "right lung", "left lung")
ALL = dict(zip(NAMES, (HEART, RIGHT, LEFT), strict=True))


def found(*names: str) -> Regions:
    boxes = np.array([tuple(ALL[name]) for name in names]).reshape(-1, 4)
    return Regions(names, boxes, np.ones(len(names)))


def test_a_region_that_was_not_found_counts_as_nothing() -> None:
    accuracy = region_accuracy([(found("left lung"), ALL), (found(*NAMES), ALL)])
    assert accuracy["left lung"].mean_iou == 1
    assert accuracy["right lung"].mean_iou == 0.5
    assert accuracy["right lung"].found == 0.5
    assert accuracy["cardiac silhouette"].count == 2


def test_only_annotated_regions_are_counted() -> None:
    assert region_accuracy([(found(*NAMES), {"left lung": LEFT})]).keys() == {"left lung"}
    assert region_accuracy([]) == {}


def test_only_measurable_ratios_have_errors() -> None:
    assert ratio_errors([found(*NAMES), found("left lung")], [0.35, 0.5]) == pytest.approx([0.05])


def test_scores_that_separate_have_all_the_area() -> None:
    assert area_under_curve([0.9, 0.8, 0.2], [True, True, False]) == 1
    assert area_under_curve([0.5, 0.5], [True, False]) == 0.5
    assert math.isnan(area_under_curve([0.5], [True]))


def test_a_calibrated_score_has_no_error() -> None:
    assert calibration_error([0.75] * 4, [True, True, True, False]) == pytest.approx(0)
    assert calibration_error([1.0] * 4, [False] * 4) == pytest.approx(1)
    assert math.isnan(calibration_error([], []))


def test_weights_decide_what_the_calibration_refers_to() -> None:
    scores, truth = [0.5] * 4, [True, False, False, False]
    assert calibration_error(scores, truth) == pytest.approx(0.25)
    assert calibration_error(scores, truth, weights=[3, 1, 1, 1]) == pytest.approx(0)
    assert math.isnan(calibration_error(scores, truth, weights=[0] * 4))


def test_errors_of_opposite_sign_do_not_cancel() -> None:
    scores, truth = [0.25] * 4 + [0.75] * 4, [True, True, False, False] * 2
    assert calibration_error(scores, truth) == pytest.approx(0.25)
