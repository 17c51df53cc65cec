"""Sentences with blanks: filled in for a region, and blanked again."""

from __future__ import annotations

import pytest

from grounded.chest.names import REGIONS, chest_atlas, kind_of, side_of
from grounded.errors import InvalidValueError
from grounded.language.agreement import polish
from grounded.language.templates import blank, fill

CHEST = chest_atlas()


@pytest.mark.parametrize(
    ("region", "side", "kind"),
    [
        ("right lower lung zone", "right", "lower lung zone"),
        ("left lung", "left", "lung"),
        ("trachea", "", "trachea"),
        ("right atrium", "", "right atrium"),
        ("marked area", "", "marked area"),
    ],
)
def test_a_name_has_a_side_and_a_kind(region: str, side: str, kind: str) -> None:
    assert side_of(region) == side
    assert kind_of(region) == kind


@pytest.mark.parametrize(
    ("text", "region", "filled"),
    [
        ("Opacity in the <region>.", "left lung", "Opacity in the left lung."),
        ("There is a <side> effusion.", "right lung", "There is a right effusion."),
        ("There is a <side> effusion.", "marked area", "There is an effusion."),
        ("<side> chest tube in place.", "left lung", "Left chest tube in place."),
        ("A line lies in the <region>.", "svc", "A line lies in the SVC."),
        ("The <region> is clear.", "right apical zone", "The right apical zone is clear."),
    ],
)
def test_blanks_are_filled_in(text: str, region: str, filled: str) -> None:
    assert fill(text, region, CHEST) == filled


def test_a_ratio_has_two_digits() -> None:
    text = "The heart is enlarged (cardiothoracic ratio <ratio>)."
    filled = "The heart is enlarged (cardiothoracic ratio 0.60)."
    assert fill(text, "cardiac silhouette", CHEST, 0.6) == filled


def test_a_missing_ratio_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="needs a ratio"):
        fill("The ratio is <ratio>.", "cardiac silhouette", CHEST)


@pytest.mark.parametrize(
    ("text", "polished"),
    [
        ("there is a opacity.", "There is an opacity."),
        ("There is an patchy  opacity.", "There is a patchy opacity."),
        ("a unilateral effusion.", "A unilateral effusion."),
        ("An NG tube.", "An NG tube."),
        ("<side> effusion.", "<side> effusion."),
        ("", ""),
    ],
)
def test_articles_and_capitals_are_set_right(text: str, polished: str) -> None:
    assert polish(text) == polished


@pytest.mark.parametrize("region", REGIONS)
def test_a_filled_sentence_is_blanked_again(region: str) -> None:
    text = "There is an opacity in the <region>, <ratio> wide."
    assert blank(fill(text, region, CHEST, 0.25), region, CHEST, ratio=True) == text


@pytest.mark.parametrize("region", [name for name in REGIONS if side_of(name)])
def test_a_side_is_blanked_again(region: str) -> None:
    text = "There is a <side> effusion."
    assert blank(fill(text, region, CHEST), region, CHEST) == text


def test_numbers_stay_where_they_are_no_ratios() -> None:
    assert (
        blank("About 0.25 of the left lung.", "left lung", CHEST) == "About 0.25 of the <region>."
    )


def test_a_side_is_blanked_whatever_its_case() -> None:
    assert blank("Left chest tube.", "left lung", CHEST) == "<side> chest tube."


def test_a_name_is_blanked_whatever_its_case() -> None:
    assert blank("Left Lung: clear.", "left lung", CHEST) == "<region>: clear."
