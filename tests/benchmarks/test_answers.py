"""Whether answers are right, and of their own region."""

import math

import pytest
from own.answers import CHANCE, Answer, clinical, own_or_other

from grounded.findings import Presence

OPACITY, EFFUSION = "Lung Opacity", "Pleural Effusion"


def answer(
    region: str, said: Presence | None, there: bool, film: str = "a", label: str = OPACITY
) -> Answer:
    return Answer(film, region, "", {label: said} if said else {}, {label: there})


def test_findings_said_to_be_present_are_pooled() -> None:
    found = clinical(
        [
            answer("right lung", "present", True),
            answer("left lung", "present", False),
            answer("right lung", None, True, film="b"),
            answer("left lung", "absent", False, film="b"),
        ],
        {},
    )
    assert found.counts == (1, 1, 1)
    assert (found.precision.value, found.recall.value, found.f1.value) == (0.5, 0.5, 0.5)
    assert (found.silent.hits, found.silent.count) == (1, 4)


def test_what_is_not_known_does_not_count() -> None:
    unknown = Answer("a", "right lung", "", {OPACITY: "present"}, {EFFUSION: False})
    assert clinical([unknown], {}).counts == (0, 0, 0)
    assert clinical([], {}).counts == (0, 0, 0)


def test_an_answer_that_fits_its_own_region_alone_is_specific() -> None:
    found = own_or_other(
        [answer("right lung", "present", True), answer("left lung", "absent", False)], {}
    )
    assert found.score.value == 1
    assert (found.own.hits, found.own.count) == (2, 2)


def test_the_same_answer_for_all_regions_scores_at_chance() -> None:
    same = [
        answer("right lung", "present", True),
        answer("left lung", "present", False),
        answer("right lower lung zone", "present", True),
    ]
    assert own_or_other(same, {}).score.value == CHANCE


def test_an_answer_that_says_neither_counts_half() -> None:
    found = own_or_other(
        [answer("right lung", None, True), answer("left lung", "uncertain", False)], {}
    )
    assert found.score.value == CHANCE
    assert found.silent.hits == found.silent.count == 2


def test_regions_of_different_films_and_alike_regions_are_not_compared() -> None:
    answers = [
        answer("right lung", "present", True),
        answer("left lung", "present", True),
        answer("left lung", "absent", False, film="b"),
    ]
    found = own_or_other(answers, {})
    assert found.own.count == 0
    assert math.isnan(found.score.value)


def test_swapped_answers_score_nothing() -> None:
    found = own_or_other(
        [answer("right lung", "absent", True), answer("left lung", "present", False)], {}
    )
    assert found.score.value == pytest.approx(0)
