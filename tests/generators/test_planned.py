"""What is said of a film, a region and a box of what was read in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from grounded.atlas import Side
from grounded.chest.names import LUNGS
from grounded.findings import Finding, Label, Presence
from grounded.generators.neural.planned import (
    CLEAR,
    SET,
    Stated,
    looked_for,
    of_film,
    of_region,
    undenied,
    with_set,
)
from grounded.report import Sentence


def read(label: str, presence: Presence, *regions: str) -> list[Stated]:
    return [Stated(Finding(label, presence, region, 0.9)) for region in regions]


def texts(sentences: Sequence[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


def nothing_there(*without: str) -> list[Stated]:
    return [x for label in CLEAR if label not in without for x in read(label, "absent", *LUNGS)]


def test_lungs_are_clear_when_all_that_makes_them_clear_is_absent() -> None:
    assert texts(of_film(nothing_there(), LUNGS)) == [
        "The right lung is clear.",
        "The left lung is clear.",
        "No pleural effusion or pneumothorax.",
    ]


@pytest.mark.parametrize("label", CLEAR)
def test_lungs_are_not_clear_when_one_of_it_was_not_looked_for(label: str) -> None:
    said = texts(of_film(nothing_there(label), LUNGS))
    assert not any("clear" in text for text in said)
    assert said[0].startswith("No ")
    assert said[-1].startswith("Not assessed: ")
    assert len(said) == 2


@pytest.mark.parametrize("label", [*CLEAR, "Fibrosis", "Edema", "Emphysema"])
@pytest.mark.parametrize("presence", ["present", "uncertain"])
def test_a_lung_with_something_is_not_clear_and_the_other_is(
    label: str, presence: Presence
) -> None:
    stated = [
        item
        for item in nothing_there()
        if (item.label, item.finding.region) != (label, "left lung")
    ]
    said = texts(of_film([*stated, *read(label, presence, "left lung")], LUNGS))
    assert "The right lung is clear." in said
    assert "The left lung is clear." not in said


def test_an_opacity_of_a_lung_is_told_by_its_zones() -> None:
    regions = ("left lung", "left mid lung zone", "left lower lung zone")
    said = texts(of_film(read("Lung Opacity", "present", *regions), LUNGS))
    assert said[:2] == [
        "Opacity in the left mid lung zone.",
        "Opacity in the left lower lung zone.",
    ]


def test_an_opacity_that_is_in_no_zone_for_sure_is_told_of_the_lung() -> None:
    stated = [
        *read("Lung Opacity", "present", "left lung"),
        *read("Lung Opacity", "uncertain", "left mid lung zone"),
    ]
    assert texts(of_film(stated, LUNGS))[0] == "Opacity in the left lung."


def test_an_effusion_is_told_once_by_its_side() -> None:
    regions = ("left lung", "left lower lung zone", "left costophrenic angle")
    said = texts(of_film(read("Pleural Effusion", "present", *regions), LUNGS))
    assert said[0] == "Left pleural effusion."
    assert sum("effusion" in text for text in said) == 1


def test_a_costophrenic_angle_is_blunted_by_an_effusion() -> None:
    name = "left costophrenic angle"
    [said] = of_region(read("Pleural Effusion", "present", name), "costophrenic angle")
    assert said.text == "The left costophrenic angle is blunted by a pleural effusion."


def test_what_is_absent_in_a_region_is_one_sentence() -> None:
    stated = [*read("Nodule", "absent", "left lung"), *read("Lung Opacity", "absent", "left lung")]
    assert texts(of_region(stated, "lung")) == ["No opacity or nodule in the left lung."]


def test_what_a_reader_sees_takes_the_place_of_its_absence_on_that_side() -> None:
    told: dict[str, dict[str, Presence]] = {"left lower lung zone": {"Lung Opacity": "present"}}
    kept = with_set(nothing_there(), told)
    left = [i for i in kept if i.label == "Lung Opacity" and i.side == "left"]
    assert [(item.origin, item.finding.presence) for item in left] == [(SET, "present")]
    assert "Opacity in the left lower lung zone." in texts(of_film(kept, LUNGS))


def test_what_a_reader_denies_takes_the_place_of_what_was_read_in_the_region() -> None:
    stated = read("Lung Opacity", "present", "left lung", "left mid lung zone", "right lung")
    kept = with_set(stated, {"left lung": {"Lung Opacity": "absent"}})
    assert {(i.finding.region, i.finding.presence) for i in kept} == {
        ("left lung", "absent"),
        ("right lung", "present"),
    }


@pytest.mark.parametrize("region", ["left lung", "left lower lung zone"])
def test_an_effusion_that_a_reader_denies_is_stated_nowhere_on_that_side(region: str) -> None:
    places = ("left lung", "left hemidiaphragm", "left costophrenic angle", "right lung")
    stated = read("Pleural Effusion", "present", *places)
    said = texts(of_film(with_set(stated, {region: {"Pleural Effusion": "absent"}}), LUNGS))
    assert said[:2] == ["Right pleural effusion.", "No left pleural effusion."]


def test_what_a_reader_denies_of_a_zone_is_not_denied_of_its_lung() -> None:
    given = {"left lower lung zone": {"Nodule": "absent"}, "right apical zone": {"Mass": "absent"}}
    said = texts(of_film(with_set(nothing_there("Nodule", "Mass"), given), LUNGS))
    assert "No nodule in the left lower lung zone." in said
    assert "No mass in the right apical zone." in said
    assert not any("nodule" in text and "zone" not in text for text in said)


@pytest.mark.parametrize("label", ["Consolidation", "Atelectasis", "Edema", "Mass"])
def test_beside_what_is_an_opacity_none_is_denied_or_called_unassessed(label: Label) -> None:
    given = {lung: {label: Presence.PRESENT} for lung in LUNGS}
    said = texts(of_film(with_set(nothing_there(), given), LUNGS))
    assert not any("opacit" in text.lower() for text in said if text.startswith("No"))


def test_of_an_effusion_on_one_side_the_other_is_not_left_in_silence() -> None:
    [there] = read("Pleural Effusion", "present", "left lung")
    [doubtful] = read("Pleural Effusion", "absent", "right lung")
    said = texts(of_film([there, replace(doubtful, open=True)], LUNGS))
    assert said[:2] == ["Left pleural effusion.", "Not judged: pleural effusion in the right lung."]


def test_a_set_consolidation_takes_the_place_of_the_absence_of_an_opacity() -> None:
    kept = with_set(nothing_there(), {"left lung": {"Consolidation": "present"}})
    assert not [i for i in kept if i.label == "Lung Opacity" and i.side == "left"]


def test_a_set_finding_has_no_size_and_no_number() -> None:
    for label in ("Pleural Effusion", "Nodule", "Atelectasis"):
        kept = with_set([], {"left lung": {label: "present"}})
        text = of_film(kept, LUNGS)[0].text.lower()
        assert not {"large", "small", "nodules", "effusions"} & set(text.rstrip(".").split())


def test_what_is_too_likely_to_be_denied_is_not_judged() -> None:
    stated = [
        replace(item, open=item.label == "Lung Opacity" and item.side == "left")
        for item in nothing_there()
    ]
    said = texts(of_film(stated, LUNGS))
    assert "The left lung is clear." not in said
    assert "Not judged: opacities in the left lung." in said
    here = [item for item in stated if item.finding.region == "left lung"]
    assert texts(of_region(here, "lung"))[-1] == "Not judged: opacities."


def test_an_effusion_of_a_side_is_not_denied_of_a_place_on_it() -> None:
    effusion, opacity = "Pleural Effusion", "Lung Opacity"
    film = [
        *read(effusion, "uncertain", "right lung"),
        *read(opacity, "present", "right lower lung zone"),
    ]
    here = [
        *read(effusion, "absent", "right costophrenic angle"),
        *read(opacity, "absent", "right apical zone"),
    ]
    assert [item.open for item in undenied(here, film, Side.RIGHT)] == [True, False]
    assert [item.open for item in undenied(here, film, Side.LEFT)] == [False, False]


def test_an_effusion_of_a_side_is_one_of_its_lung() -> None:
    film = read("Pleural Effusion", "uncertain", "left hemidiaphragm")
    film += read("Pleural Effusion", "absent", "left lung")
    kept = undenied(film[1:], film, Side.LEFT)
    assert texts(of_region(kept, "lung")) == ["Possible left pleural effusion."]


def test_blunting_is_not_denied_of_an_angle_of_which_an_effusion_is_not() -> None:
    angle = "left costophrenic angle"
    effusion, blunting = (
        read(label, "absent", angle)[0]
        for label in ("Pleural Effusion", "Blunted Costophrenic Angle")
    )
    doubtful = [replace(effusion, open=True), blunting]
    assert [item.open for item in undenied(doubtful, doubtful, Side.LEFT)] == [True, True]
    denied = [effusion, blunting]
    assert [item.open for item in undenied(denied, denied, Side.LEFT)] == [False, False]


def test_a_reader_who_sees_no_blunting_is_believed_of_that_angle() -> None:
    angle, label = "left costophrenic angle", "Blunted Costophrenic Angle"
    here = read("Pleural Effusion", "present", angle)
    stated = with_set(here, {angle: {label: Presence.ABSENT}})
    [said] = texts(of_region(stated, "costophrenic angle"))
    assert set(looked_for(stated)) == {label, "Pleural Effusion", "Pleural Thickening"}
    assert said == "No blunting of the left costophrenic angle."
    film = with_set(
        read("Pleural Effusion", "present", "left lung", angle), {angle: {label: Presence.ABSENT}}
    )
    said_of_film = texts(of_film(film, LUNGS))
    assert "Left pleural effusion." in said_of_film
    assert "No blunting of the left costophrenic angle." in said_of_film


def test_the_lung_beside_one_in_which_a_reader_sees_something_is_not_judged() -> None:
    stated = [replace(item, open=item.label == "Lung Opacity") for item in nothing_there()]
    set_ = {"left lung": {"Lung Opacity": Presence.PRESENT}}
    said = texts(of_film(with_set(stated, set_), LUNGS))
    assert "Opacity in the left lung." in said
    assert "Not judged: opacities in the right lung." in said


def test_what_cannot_be_judged_on_either_side_names_none() -> None:
    stated = [replace(item, open=item.label == "Lung Opacity") for item in nothing_there()]
    assert "Not judged: opacities." in texts(of_film(stated, LUNGS))


@pytest.mark.parametrize(
    ("label", "region", "text"),
    [
        ("Cardiomegaly", "cardiac silhouette", "No cardiomegaly."),
        ("Emphysema", "left lung", "No emphysema in the left lung."),
        ("Lung Opacity", "left upper lung zone", "No opacity in the left upper lung zone."),
    ],
)
def test_what_a_reader_says_is_absent_is_said(label: Label, region: str, text: str) -> None:
    there = read("Lung Opacity", "present", "left lower lung zone")
    set_ = {region: {label: Presence.ABSENT}}
    said = of_film(with_set([*nothing_there("Lung Opacity"), *there], set_), LUNGS)
    assert texts(said).count(text) == 1
    [sentence] = [item for item in said if item.text == text]
    assert sentence.origin == SET


def test_what_a_reader_denies_of_a_lung_is_said_once() -> None:
    set_ = {"left lung": {"Lung Opacity": Presence.ABSENT}}
    said = texts(of_film(with_set(nothing_there("Nodule"), set_), LUNGS))
    assert len([text for text in said if "opacity" in text.lower()]) == 1


def test_an_opacity_in_all_zones_of_a_lung_is_told_of_the_lung() -> None:
    regions = ("left lung", *(f"left {zone} lung zone" for zone in ("upper", "mid", "lower")))
    said = texts(of_film(read("Lung Opacity", "present", *regions), LUNGS))
    assert said[0] == "Opacity in the left lung."


def test_nothing_is_left_open_in_lungs_that_were_not_found():
    assert of_film([], ()) == []
