import math

from grounded.audit import Answer, Verdict
from grounded.explain.audit.altering import Place
from grounded.explain.audit.subjects import Claim
from grounded.explain.audit.verdicts import Row, checked, grounding, log_odds
from grounded.findings import Presence
from grounded.geometry import Box

PLACE = Place("an outline", (Box(10, 10, 30, 30),))
CLAIM = Claim(0, "An opacity.", "Lung Opacity", Presence.PRESENT, "right lung", PLACE, "right")


def row_of(**falls: tuple[float, float]) -> Row:
    """Of a claim at 0.8 in the film, 0.8 across too: how far it falls by condition, and across."""
    answers = {"film": Answer(True, 0.8), "across": Answer(True, 0.8), "noise": Answer(False, 0.1)}
    for name, pair in falls.items():
        for before, fall in zip(("", "across, "), pair, strict=True):
            odds = 4 * math.exp(-fall)
            sure = odds / (1 + odds)
            answers[f"{before}{name.replace('_', ' ')}, smooth"] = Answer(sure >= 0.5, sure)
    return answers


def test_a_claim_that_rests_on_its_place_and_its_half_of_the_film_is_supported() -> None:
    row = row_of(own=(1, 0), other=(0, 1), own_half=(2, 0), other_half=(0, 2))
    assert checked(CLAIM, row).verdict == Verdict.SUPPORTED


def test_a_claim_that_falls_more_by_the_other_half_is_not_by_its_region() -> None:
    row = row_of(own=(1, 0), other=(0, 1), own_half=(0, 2), other_half=(2, 0))
    check = checked(CLAIM, row)
    assert check.verdict == Verdict.ELSEWHERE
    assert abs(grounding(check) + 2) < 1e-6


def test_a_half_of_the_film_alone_supports_no_place() -> None:
    row = row_of(own=(0, 0), other=(0, 0), own_half=(2, 0), other_half=(0, 2))
    assert checked(CLAIM, row).verdict == Verdict.ELSEWHERE


def test_where_no_half_is_hidden_the_place_alone_decides() -> None:
    check = checked(CLAIM, row_of(own=(1, 0), other=(0, 1)))
    assert check.verdict == Verdict.SUPPORTED
    assert abs(grounding(check) - 1) < 1e-6


def test_log_odds_are_cut_off() -> None:
    assert log_odds(Answer(True, 1.0)) == log_odds(Answer(True, 0.9999)) < 7
