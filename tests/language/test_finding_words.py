"""Findings in a radiologist's words: the labeller reads back what was meant."""

from __future__ import annotations

import pytest

from grounded.chest.names import REGIONS, chest_atlas
from grounded.errors import InvalidValueError
from grounded.findings import Presence
from grounded.language.finding_words import FindingWords, is_sided
from grounded.language.labeller import Labeller

WORDS, ATLAS, LABELLER = FindingWords.open(), chest_atlas(), Labeller.open()
SAID = [
    (label, region)
    for label in WORDS.terms
    for region in REGIONS
    if label in WORDS.belonging(ATLAS.kind(region))
]


@pytest.mark.parametrize("presence", ["present", "uncertain", "absent"])
def test_the_labeller_reads_back_every_finding_of_every_region(presence: Presence) -> None:
    for label, region in SAID:
        text = WORDS.say(label, presence, region, ATLAS)
        said = {finding.label: finding.presence for finding in LABELLER.label(text)}
        assert said.get(label) == presence, text


def test_a_side_is_named_and_only_its_own() -> None:
    for label, region in SAID:
        text = WORDS.say(label, "present", region, ATLAS).lower()
        for side in ("right", "left"):
            named = side in text.split()
            assert not named or ATLAS.side(region) == side, text


@pytest.mark.parametrize(
    ("label", "presence", "region", "text"),
    [
        ("Lung Opacity", "uncertain", "left lung", "Possible opacity in the left lung."),
        ("Lung Opacity", "present", "right hilar structures", "Right hilar opacity."),
        ("Fracture", "absent", "left clavicle", "No fracture of the left clavicle."),
        ("Fracture", "present", "left lung", "Left rib fracture."),
        ("Pneumothorax", "present", "right apical zone", "Right apical pneumothorax."),
        ("Pleural Effusion", "present", "marked area", "Pleural effusion in the marked area."),
    ],
)
def test_findings_are_worded(label: str, presence: Presence, region: str, text: str) -> None:
    assert WORDS.say(label, presence, region, ATLAS) == text


def test_absences_are_listed() -> None:
    assert (
        WORDS.deny(["Nodule", "Mass"], "left lung", ATLAS) == "No nodule or mass in the left lung."
    )
    assert WORDS.deny_in_film(["Pleural Effusion", "Pneumothorax"]) == (
        "No pleural effusion or pneumothorax."
    )


def test_three_are_listed_with_commas_and_a_rib_is_named_where_one_can_be_meant() -> None:
    labels = ["Nodule", "Fracture", "Pneumothorax"]
    assert WORDS.deny_in_film(labels) == "No nodule, rib fracture or pneumothorax."
    assert WORDS.named("Fracture", "lung") == "rib fracture"
    assert WORDS.named("Fracture", "clavicle") == "fracture"


def test_what_was_not_assessed_is_listed() -> None:
    assert WORDS.not_assessed(["Nodule", "Pneumothorax"]) == (
        "Not assessed: nodules and pneumothorax."
    )
    assert WORDS.not_assessed([]) == "Not assessed."


def test_a_finding_without_words_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no words for the finding 'Pleuritis'"):
        WORDS.say("Pleuritis", "present", "left lung", ATLAS)


def test_one_denial_is_that_of_its_finding_and_several_name_the_place() -> None:
    assert WORDS.deny(["Nodule"], "left lung", ATLAS) == "No nodule in the left lung."
    labels = ["Blunted Costophrenic Angle", "Pleural Effusion"]
    assert WORDS.deny(labels, "left costophrenic angle", ATLAS).endswith(
        "at the left costophrenic angle."
    )


def test_a_fracture_that_is_denied_in_a_lung_is_one_of_a_rib() -> None:
    assert WORDS.deny(["Nodule", "Fracture"], "left lung", ATLAS) == (
        "No nodule or rib fracture in the left lung."
    )


def test_what_cannot_be_judged_is_listed() -> None:
    assert WORDS.not_judged(["Lung Opacity", "Nodule"]) == "Not judged: opacities and nodules."
    assert WORDS.not_judged(["Nodule"], "left lung") == "Not judged: nodules in the left lung."


def test_two_things_in_one_name_are_two_in_a_list() -> None:
    said = WORDS.not_assessed(["Tracheal Deviation", "Support Devices"])
    assert said == "Not assessed: tracheal deviation, tubes and lines."


def test_a_finding_without_words_is_named_by_its_label() -> None:
    assert WORDS.named("No Finding", "lung") == "no finding"


def test_the_error_of_a_finding_without_words_lists_those_that_have_some() -> None:
    with pytest.raises(InvalidValueError) as error:
        WORDS.term("Pleuritis")
    assert str(error.value) == (
        f"there are no words for the finding 'Pleuritis'; there are for: {', '.join(WORDS.terms)}"
    )


def test_what_is_denied_twice_is_listed_once() -> None:
    assert WORDS.deny_in_film(["Nodule", "Nodule"]) == "No nodule."


def test_a_box_drawn_by_hand_can_hold_every_finding() -> None:
    assert WORDS.say("Cardiomegaly", "absent", "marked area", ATLAS) == (
        "No cardiomegaly in the marked area."
    )


def test_findings_belong_to_kinds_of_regions_and_are_sided_or_not() -> None:
    assert "Cardiomegaly" in WORDS.belonging("cardiac silhouette")
    assert "Cardiomegaly" not in WORDS.belonging("lung")
    assert is_sided(WORDS.term("Pleural Effusion"))
    assert not is_sided(WORDS.term("Lung Opacity"))
