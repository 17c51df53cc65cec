"""The shipped atlas, and atlases of one's own."""

from pathlib import Path

import pytest

from grounded import Box
from grounded.atlas import Atlas, RegionSpec, Side
from grounded.errors import ConfigError, InvalidValueError, RegionError

CHEST_IMAGENOME = {
    *(
        f"{side} {part}"
        for side in ("right", "left")
        for part in (
            "lung",
            "upper lung zone",
            "mid lung zone",
            "lower lung zone",
            "hilar structures",
            "apical zone",
            "costophrenic angle",
            "hemidiaphragm",
            "clavicle",
        )
    ),
    "trachea",
    "spine",
    "aortic arch",
    "mediastinum",
    "upper mediastinum",
    "svc",
    "cardiac silhouette",
    "cavoatrial junction",
    "right atrium",
    "carina",
    "abdomen",
}


@pytest.fixture(scope="module")
def chest29() -> Atlas:
    return Atlas.open("chest29")


def test_the_chest_atlas_has_the_29_regions_of_chest_imagenome(chest29: Atlas) -> None:
    assert set(chest29.names) == CHEST_IMAGENOME
    assert len(chest29) == 29


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("heart", "cardiac silhouette"),
        ("Superior Vena Cava", "svc"),
        ("left base", "left lower lung zone"),
        ("RLL zone", "right lower lung zone"),
        ("right cp angle", "right costophrenic angle"),
        ("aortic knob", "aortic arch"),
        ("diaphragm right", "right hemidiaphragm"),
        ("right hilum", "right hilar structures"),
        ("left_lung", "left lung"),
    ],
)
def test_what_people_type_finds_the_region(chest29: Atlas, typed: str, meant: str) -> None:
    assert chest29[typed].name == meant


@pytest.mark.parametrize("word", ["lung", "hilum", "clavicle", "base", "diaphragm"])
def test_a_word_that_could_mean_either_side_finds_nothing(chest29: Atlas, word: str) -> None:
    assert word not in chest29


def test_an_unknown_name_suggests_a_near_one(chest29: Atlas) -> None:
    with pytest.raises(RegionError, match="did you mean 'heart'"):
        chest29["hart"]


def test_every_region_lies_in_the_film(chest29: Atlas) -> None:
    film = Box(0, 0, 1, 1)
    for region in chest29:
        assert region.usual_place.clip(film) == region.usual_place, region.name


def test_the_patients_right_lies_on_the_left_of_the_picture(chest29: Atlas) -> None:
    for region in chest29:
        if region.paired_side == "right":
            opposite = chest29[chest29.counterpart(region.name)]
            assert region.usual_place.center[0] < opposite.usual_place.center[0]


def test_a_region_knows_what_holds_it_and_its_side(chest29: Atlas) -> None:
    assert chest29.ancestors("right apex") == ("right upper lung zone", "right lung")
    assert chest29.ancestors("mediastinum") == ()
    sides = [chest29.side(name) for name in ("left cp angle", "trachea", "marked area")]
    assert sides == ["left", "unpaired", "unpaired"]


def test_right_and_left_regions_share_their_kind(chest29: Atlas) -> None:
    for region in chest29:
        other = chest29.counterpart(region.name)
        if other:
            assert chest29.kind(other) == region.kind
            assert {region.side, chest29.side(other)} == {"right", "left"}
            assert chest29.counterpart(other) == region.name


@pytest.mark.parametrize("name", ["right atrium", "trachea", "svc", "marked area"])
def test_what_is_one_of_its_kind_has_no_counterpart_and_needs_no_side(
    chest29: Atlas, name: str
) -> None:
    assert chest29.counterpart(name) == ""
    assert chest29.paired_side(name) == ""
    assert chest29.kind(name) == name


def test_side_and_kind_are_what_the_atlas_says_however_a_region_is_named() -> None:
    place = Box(0, 0, 1, 1)
    knees = Atlas(
        "knees",
        "knee",
        (
            RegionSpec("femur D", "right", "annotated", place, kind="femur"),
            RegionSpec("femur S", "left", "annotated", place, kind="femur"),
            RegionSpec("right angle ruler", "unpaired", "annotated", place),
        ),
    )
    assert knees.counterpart("femur D") == "femur S"
    assert knees.kind("femur S") == "femur"
    assert knees.paired_side("femur S") == "left"
    assert knees.kind("right angle ruler") == "right angle ruler"
    assert knees.paired_side("right angle ruler") == ""


def test_two_regions_of_one_kind_and_side_are_refused() -> None:
    place = Box(0, 0, 1, 1)
    pair = (
        RegionSpec("a", "right", "derived", place, kind="bone"),
        RegionSpec("b", "right", "derived", place, kind="bone"),
    )
    with pytest.raises(InvalidValueError, match="two regions of"):
        Atlas("twice", "knee", pair)


def test_parents_that_go_round_in_a_circle_end() -> None:
    place = Box(0, 0, 1, 1)
    pair = (
        RegionSpec("a", "unpaired", "derived", place, parent="b"),
        RegionSpec("b", "unpaired", "derived", place, parent="a"),
    )
    assert Atlas("round", "chest", pair).ancestors("a") == ("b", "a")


def test_what_is_derived_tells_how_and_what_is_annotated_does_not(chest29: Atlas) -> None:
    for region in chest29:
        assert bool(region.derivation) == (region.source == "derived"), region.name


def test_the_codes_are_those_of_pydicoms_dictionaries(chest29: Atlas) -> None:
    from pydicom.sr.codedict import codes

    known = {
        (code.value, code.meaning)
        for code in (getattr(codes.SCT, keyword) for keyword in codes.SCT.dir())
    }
    coded = [region.code for region in chest29 if region.code is not None]
    assert len(coded) >= 20
    for code in coded:
        assert (code.value, code.meaning) in known
    assert chest29["cavoatrial junction"].code is None


def test_an_atlas_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "knee.toml"
    file.write_text(
        'name = "knee"\nbody_part = "knee"\n[regions.patella]\nside = "unpaired"\n'
        'source = "annotated"\nusual_place = [0.3, 0.3, 0.6, 0.6]\n'
    )
    assert Atlas.open(file).names == ("patella",)


def test_a_missing_atlas_names_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match="chest29"):
        Atlas.open("chest28")


def test_an_alias_of_two_regions_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.toml"
    region = 'side = "unpaired"\nsource = "annotated"\nusual_place = [0, 0, 1, 1]\n'
    file.write_text(
        f'name = "twice"\nbody_part = "knee"\n[regions.a]\n{region}aliases = ["x"]\n'
        f'[regions.b]\n{region}aliases = ["x"]\n'
    )
    with pytest.raises(ConfigError, match="names 'x' twice"):
        Atlas.open(file)


@pytest.mark.parametrize("side", ["right", "left", "unpaired"])
def test_a_side_is_a_word_of_its_own_kind(side: str) -> None:
    region = RegionSpec("rib", side, "derived", Box(0, 0, 1, 1))
    assert region.side is Side(side)
    assert f"{region.side} rib" == f"{side} rib"
