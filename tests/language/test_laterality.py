"""Which side the words of a sentence speak of."""

import pytest

from grounded.language.mentions import names_a_side, sides_named, words_for_both


@pytest.mark.parametrize(
    ("sentence", "sides"),
    [
        ("Small left pleural effusion.", {"left"}),
        ("Right-sided chest tube.", {"right"}),
        ("The left lung is taller than the right.", {"left", "right"}),
        ("Opacity in the lingula.", {"left"}),
        ("RLL consolidation.", {"right"}),
        ("Middle lobe atelectasis.", {"right"}),
        ("The heart is not enlarged.", set()),
        ("The mediastinum is shifted to the left.", set()),
        ("Leftward deviation of the trachea.", set()),
        ("The heart lies 4 % left of the centre.", set()),
        ("The opacity extends to the left base.", {"left"}),
        ("Bright opacities.", set()),
    ],
)
def test_sides_are_named_by_words_not_by_directions(sentence: str, sides: set[str]) -> None:
    assert sides_named(sentence) == sides


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("The mediastinum is shifted to the left.", True),
        ("Leftward deviation of the trachea.", True),
        ("Opacity in the lingula.", True),
        ("The lungs are clear.", False),
        ("A bright opacity, as was left unsaid in an upright film.", True),  # rather too often
    ],
)
def test_a_direction_tells_right_from_left_as_well(sentence: str, named: bool) -> None:
    assert names_a_side(sentence) is named


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The lungs are clear.", "lungs"),
        ("Bilateral pleural effusions.", "bilateral"),
        ("Bibasilar atelectasis.", "bibasilar"),
        ("Both costophrenic angles are sharp.", "both"),
        ("The hemidiaphragms are flattened.", "hemidiaphragms"),
        ("Neither costophrenic angle is blunted.", "neither"),
        ("The lung is clear.", ""),
        ("Opacity in the right mid and lower lung zones.", ""),
        ("Both the mid and lower zones of the right lung are opaque.", ""),
        ("No pleural effusion.", ""),
    ],
)
def test_words_for_both_sides_are_found(sentence: str, words: str) -> None:
    assert words_for_both(sentence) == words


def test_plurals_of_another_body_part_mean_both_sides_unless_a_side_is_named() -> None:
    plurals = ("femurs", "feet")
    assert words_for_both("The femurs are intact.", plurals) == "femurs"
    assert words_for_both("The femurs on the right are intact.", plurals) == ""
    assert words_for_both("The femurs are intact.") == ""
    assert words_for_both("No fracture.", plurals) == ""
