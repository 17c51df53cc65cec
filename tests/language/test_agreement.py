"""The small grammar: right and left, or several zones, in one sentence."""

import pytest

from grounded.atlas import SIDES, Atlas, RegionSpec, Side
from grounded.geometry import Box
from grounded.language.agreement import (
    ZONES,
    Nouns,
    SideAndZone,
    bilateral,
    by_side,
    fill,
    frame,
    join,
    name_places,
    noun_of,
    plural,
    polish,
)
from grounded.language.labeller import Labeller

LABELLER = Labeller.open()
BOTH_SIDES = [
    ("The right lung is clear.", "The lungs are clear."),
    ("Right lung is clear.", "Lungs are clear."),
    ("The right upper lung zone appears clear.", "The upper lung zones appear clear."),
    ("The right costophrenic angle is sharp.", "The costophrenic angles are sharp."),
    ("The right hilar structures are normal.", "The hilar structures are normal."),
    ("The right hemidiaphragm has a smooth contour.", None),
    ("There is no right pleural effusion.", "There is no pleural effusion."),
    ("No right-sided pneumothorax is seen.", "No pneumothorax is seen."),
    ("No pleural effusion on the right.", "No pleural effusion on either side."),
    ("No sign of a nodule on the right.", "No sign of a nodule on either side."),
    ("No focal opacity in the right lung.", "No focal opacity in the lungs."),
    (
        "There is a patchy opacity in the right lower lung zone.",
        "There are patchy opacities in both lower lung zones.",
    ),
    (
        "A nodule is seen in the right apical zone.",
        "Nodules are seen in both apical zones.",
    ),
    (
        "There is an area of consolidation at the right lung base.",
        "There are areas of consolidation at both lung bases.",
    ),
    (
        "There is atelectasis in the right lower lung zone.",
        "There is atelectasis in both lower lung zones.",
    ),
    (
        "Blunting of the right costophrenic angle, suggesting fluid.",
        "Blunting of both costophrenic angles, suggesting fluid.",
    ),
    (
        "Opacity in the right lower lung zone may represent pneumonia.",
        "Opacity in both lower lung zones may represent pneumonia.",
    ),
    (
        "There is a small right pleural effusion.",
        "There are small bilateral pleural effusions.",
    ),
    ("There may be a right pneumothorax.", "There may be bilateral pneumothoraces."),
    ("Possible right pleural effusion.", "Possible bilateral pleural effusions."),
    ("Right pleural effusion is possible.", "Bilateral pleural effusions are possible."),
    ("Mild right basal atelectasis.", "Mild bilateral basal atelectasis."),
    ("There is a small effusion on the right.", "There are small effusions on both sides."),
    ("No evidence of a right apical opacity.", "No evidence of an apical opacity."),
    (
        "The right lower lung zone shows a hazy opacity.",
        "The lower lung zones show hazy opacities.",
    ),
    (
        "A small nodule in the right lower lung zone is suspected.",
        "Small nodules in both lower lung zones are suspected.",
    ),
    (
        "Dense consolidation in the right lower lung zone is suspected.",
        "Dense consolidation in both lower lung zones is suspected.",
    ),
    ("The right lung shows no nodule.", "The lungs show no nodule."),
    ("A tube projects over the right lung.", "Tubes project over both lungs."),
    # no rule fits
    ("Small nodule in the right lower lung zone.", None),
    ("The right lung is well expanded and is clear.", None),
    ("The right costophrenic angle is blunted, which may be a small effusion.", None),
    ("There is a nodule in the right upper lung zone, which measures 2 cm.", None),
    ("The right lung volume is low.", None),
    ("A right, small effusion.", None),
    ("Small right effusion with opacity.", None),
    ("Right effusion which is small.", None),
    ("Right lung: nothing was read here.", None),
    ("The right internal jugular catheter ends in the svc.", None),
    ("There is an effusion on the right with atelectasis.", None),
    ("There is an opacity and a nodule in the right lung.", None),
    ("This is a nodule in the right lung.", None),
]
ZONES_OF_A_SIDE = [
    (
        "There is a hazy opacity in the right mid lung zone.",
        "There is a hazy opacity in the right mid and lower lung zones.",
    ),
    ("The right mid lung zone is clear.", "The right mid and lower lung zones are clear."),
    (
        "There is a nodule in the right mid lung zone.",
        "There are nodules in the right mid and lower lung zones.",
    ),
    (
        "A hazy opacity in the right mid lung zone cannot be excluded.",
        "A hazy opacity in the right mid and lower lung zones cannot be excluded.",
    ),
    (
        "No consolidation is seen in the right lower lung zone.",
        "No consolidation is seen in the right mid and lower lung zones.",
    ),
]


def filled(text: str, *places: SideAndZone) -> str | None:
    framed = frame(text)
    assert framed is not None
    return fill(framed[0], places)


def zone_of(text: str) -> str:
    framed = frame(text)
    assert framed is not None
    return framed[1].zone


@pytest.mark.parametrize(("text", "expected"), BOTH_SIDES)
def test_right_and_left_become_one_sentence(text: str, expected: str | None) -> None:
    zone = zone_of(text)
    assert filled(text, SideAndZone("right", zone), SideAndZone("left", zone)) == expected


@pytest.mark.parametrize(("text", "expected"), ZONES_OF_A_SIDE)
def test_zones_of_one_side_become_one_sentence(text: str, expected: str) -> None:
    assert filled(text, SideAndZone("right", "mid"), SideAndZone("right", "lower")) == expected


def test_all_zones_of_both_lungs_are_named_on_both_sides() -> None:
    text = "There is a faint opacity in the left mid lung zone."
    everywhere = [SideAndZone(side, zone) for side in ("right", "left") for zone in ZONES]
    assert filled(text, *everywhere) == (
        "There are faint opacities in the upper, mid and lower lung zones on both sides."
    )


@pytest.mark.parametrize(
    ("text", "merged"), [pair for pair in BOTH_SIDES + ZONES_OF_A_SIDE if pair[1]]
)
def test_the_one_sentence_says_the_same_findings(text: str, merged: str) -> None:
    assert LABELLER.label(merged) == LABELLER.label(text)


@pytest.mark.parametrize(
    "text", ["The heart is enlarged.", "The left lung is taller than the right.", ""]
)
def test_without_just_one_side_there_is_no_frame(text: str) -> None:
    assert frame(text) is None


def test_a_noun_of_another_atlas_has_its_own_plural() -> None:
    nouns = Nouns({"carpal bones": "carpal bones", "foot": "feet"})
    for text, both in [
        ("The right foot is normal.", "The feet are normal."),
        ("There is a fracture of the right foot.", "There are fractures of both feet."),
        ("The right carpal bones are normal.", "The carpal bones are normal."),
        (
            "There is a fracture of the right carpal bones.",
            "There are fractures of the carpal bones on both sides.",
        ),
    ]:
        framed = frame(text, nouns)
        assert framed is not None
        assert fill(framed[0], [SideAndZone("right"), SideAndZone("left")]) == both


def test_a_region_that_the_atlas_calls_plural_keeps_its_name_for_both_sides() -> None:
    place = Box(0, 0, 1, 1)
    regions = (
        RegionSpec("right toes", Side.RIGHT, "derived", place, plural=True),
        RegionSpec("left toes", Side.LEFT, "derived", place, plural=True),
    )
    nouns = Nouns.of(Atlas("feet", "foot", regions))
    assert nouns.plurals == {"toes": "toes"}


def test_only_a_plural_that_differs_can_mean_both_sides() -> None:
    assert Nouns({"carpal bones": "carpal bones", "foot": "feet"}).said_of_both == ("feet",)


@pytest.mark.parametrize(
    ("region", "noun", "place"),
    [
        ("right mid lung zone", "lung zone", SideAndZone("right", "mid")),
        ("left lung", "lung", SideAndZone("left")),
        ("left apical zone", "apical zone", SideAndZone("left")),
    ],
)
def test_a_region_with_a_counterpart_has_a_noun_and_a_place(
    region: str, noun: str, place: SideAndZone
) -> None:
    assert noun_of(region, Atlas.open("chest29")) == (noun, place)


@pytest.mark.parametrize(
    "region", ["right atrium", "mediastinum", "upper mediastinum", "marked area"]
)
def test_a_region_without_a_counterpart_has_no_noun(region: str) -> None:
    assert noun_of(region, Atlas.open("chest29")) is None


def test_right_and_left_have_the_same_frame() -> None:
    right, left = (frame(f"There is no {side} pleural effusion.") for side in ("right", "left"))
    assert right is not None
    assert left is not None
    assert right[0] == left[0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["right lung"], "the right lung"),
        (["right lung", "left lung"], "both lungs"),
        (["right mid lung zone", "right lower lung zone"], "the right mid and lower lung zones"),
        (["left lower lung zone", "right lower lung zone"], "both lower lung zones"),
        (
            ["right lower lung zone", "left mid lung zone", "left lower lung zone"],
            "the right lower lung zone and the left mid and lower lung zones",
        ),
        (["left lung", "mediastinum"], "the left lung and the mediastinum"),
        (["right hilar structures", "left hilar structures"], "the hilar structures on both sides"),
        (["marked area"], "the marked area"),
    ],
)
def test_regions_are_named_as_in_a_report(names: list[str], words: str) -> None:
    assert name_places(names, Atlas.open("chest29")) == words


def test_words_are_joined_with_commas_and_an_and() -> None:
    assert [join(["a"]), join(["a", "b"]), join(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("patchy opacity", "patchy opacities"),
        ("lung base", "lung bases"),
        ("apex", "apices"),
        ("mass", "masses"),
        ("pneumothorax", "pneumothoraces"),
        ("nodule", "nodules"),
    ],
)
def test_the_last_word_takes_the_plural(one: str, many: str) -> None:
    assert plural(one) == many


def test_only_the_zones_that_words_name_are_zones() -> None:
    names = ("right middle lung zone", "left middle lung zone")
    place = Box(0, 0, 1, 1)
    regions = [RegionSpec(n, s, "derived", place) for n, s in zip(names, SIDES, strict=True)]
    atlas = Atlas("zones", "chest", tuple(regions))
    assert noun_of(names[0], atlas) == ("middle lung zone", SideAndZone(Side.RIGHT))


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("day", "days"),
        ("box", "boxes"),
        ("notch", "notches"),
        ("brush", "brushes"),
        ("hilar structures", "hilar structures"),
        ("hemithorax", "hemithoraces"),
        ("small left hilum", "small left hila"),
    ],
)
def test_the_plural_follows_the_end_of_the_word(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(
    ("noun", "both"),
    [
        ("pleural effusion", "bilateral pleural effusions"),
        ("pneumothorax", "bilateral pneumothoraces"),
        ("pleural thickening", "bilateral pleural thickening"),
        ("Atelectasis", "bilateral Atelectasis"),
        ("mild basal atelectasis", "bilateral mild basal atelectasis"),
    ],
)
def test_what_can_be_counted_is_several_on_both_sides(noun: str, both: str) -> None:
    assert bilateral(noun) == both


def test_several_zones_of_both_sides_are_named_on_both_sides() -> None:
    names = [f"{side} {zone} lung zone" for side in SIDES for zone in ("mid", "upper")]
    assert name_places(names, Atlas.open("chest29")) == (
        "the upper and mid lung zones on both sides"
    )


def test_what_has_no_side_is_named_behind_what_has_one() -> None:
    names = ["svc", "left lung", "marked area", "right apical zone"]
    assert name_places(names, Atlas.open("chest29")) == (
        "the left lung, the right apical zone, the SVC and the marked area"
    )
    assert name_places([], Atlas.open("chest29")) == ""


def test_a_frame_keeps_the_words_around_its_side_in_small_letters() -> None:
    known = frame("An opacity in the Right Mid Lung Zone.")
    assert known is not None
    assert known[1] == SideAndZone(Side.RIGHT, "mid")
    assert (known[0].before, known[0].noun, known[0].after, known[0].nouns) == (
        "An opacity in the ",
        "lung zone",
        ".",
        "lung zones",
    )
    bare = frame("There is a left-sided effusion.")
    assert bare is not None
    assert (bare[0].noun, bare[0].nouns, bare[1]) == ("", "", SideAndZone(Side.LEFT))


def test_zones_of_one_side_have_no_form_where_no_zone_is_named() -> None:
    assert filled("There is a right effusion.", SideAndZone("right", "mid")) is None


def test_by_side_both_sides_share_a_phrase_where_their_zones_are_alike() -> None:
    right, left = SideAndZone("right", "mid"), SideAndZone("left", "mid")
    other = SideAndZone("left", "upper")
    assert by_side([left, right]) == [[right, left]]
    assert by_side([left, right, other]) == [[right], [left, other]]
    assert by_side([left]) == [[left]]
    assert by_side([]) == []


@pytest.mark.parametrize(
    ("text", "polished"),
    [
        ("an B line", "A B line"),  # a single capital is no abbreviation
        ("a PICC and an NG tube", "A PICC and an NG tube"),
        ("A opacity, a  european and a one", "An opacity, a european and a one"),
        ("<region> of a area", "<region> of an area"),
    ],
)
def test_articles_follow_their_sound(text: str, polished: str) -> None:
    assert polish(text) == polished


def test_a_region_that_is_plural_already_keeps_its_name_for_both_sides() -> None:
    plurals = Nouns.of(Atlas.open("chest29")).plurals
    assert plurals["hilar structures"] == "hilar structures"
    assert plurals["costophrenic angle"] == "costophrenic angles"
