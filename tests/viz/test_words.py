import pytest

from grounded import Line, Measurement
from grounded.chest.names import REGIONS
from grounded.viz.words import (
    body_part,
    heat_unit,
    is_normal,
    normal_range,
    quantity,
    short_name,
    tolerance,
)


def measurement(value=0.55, unit="1", normal=(0.4, 0.5), within=0.02):
    return Measurement("size", value, unit, (Line(0, 0, 1, 1),), normal, within)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("right hilar structures", "R hilum"),
        ("left lung", "L lung"),
        ("cardiac silhouette", "heart"),
        ("right atrium", "R atrium"),
        ("svc", "SVC"),
        ("marked area", "marked area"),
        ("right base", "right base"),  # only an alias: a region of another atlas may be named so
    ],
)
def test_region_names_become_short_enough_for_a_film(name, short):
    assert short_name(name) == short


def test_only_regions_of_the_chest_alone_are_called_a_chest():
    assert body_part(["left lung", "spine"]) == "Chest"
    assert body_part(REGIONS) == "Chest"
    assert body_part(["left lung", "patella"]) == ""


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.5234, "1", "0.52"),
        (143.4, "mm", "143 mm"),
        (7.25, "mm", "7.2 mm"),
        (-0.001, "1", "0.00"),
        (16.25, "cm", "16.2 cm"),
        (-3.0, "mm", "-3.0 mm"),
        (12.3, "deg", "12°"),
        (310.6, "{pixels}", "311 px"),
        (2.0, "kg", "2.0 kg"),
        (10.0, "mm", "10 mm"),
        (9.94, "{pixels}", "10 px"),
        (41.6, "%", "42 %"),
    ],
)
def test_quantities_have_their_unit_and_no_more_digits_than_they_deserve(value, unit, words):
    assert quantity(value, unit) == words


def test_a_normal_range_carries_its_unit_once():
    assert normal_range(measurement(220, "mm", (200, 310))) == "200 to 310 mm"


def test_what_is_not_stated_is_empty():
    bare = measurement(normal=None, within=0.0)
    assert (normal_range(bare), tolerance(bare), is_normal(bare)) == ("", "", None)


@pytest.mark.parametrize(
    ("value", "normal"), [(0.39, False), (0.4, True), (0.45, True), (0.5, True), (0.51, False)]
)
def test_a_value_is_normal_within_its_range(value, normal):
    assert is_normal(measurement(value)) is normal


def test_a_range_from_zero_is_an_upper_limit():
    assert normal_range(measurement(normal=(0.0, 0.5))) == "up to 0.50"


@pytest.mark.parametrize(
    ("within", "words"),
    [
        (0.0099, "± 0.01"),
        (0.025, "± 0.025"),
        (0.1234, "± 0.12"),
        (1.234, "± 1.2"),
        (9.9, "± 9.9"),
        (10.4, "± 10"),
        (12.4, "± 12"),
    ],
)
def test_a_tolerance_has_no_more_digits_than_it_deserves(within, words):
    assert tolerance(measurement(within=within)) == words


def test_a_tolerance_is_written_with_its_unit():
    assert tolerance(measurement(220, "mm", None, 8.0)) == "± 8 mm"
    assert tolerance(measurement(2, "kg", None, 8.0)) == "± 8 kg"


def test_both_ends_of_a_normal_range_have_the_digits_of_their_unit():
    assert normal_range(measurement()) == "0.40 to 0.50"


@pytest.mark.parametrize(
    ("method", "unit"),
    [
        ("gradient x activation of the words", "log-probability of the words"),
        ("map of evidence", "log-odds of the finding"),
        ("", ""),
    ],
)
def test_heat_is_in_the_unit_of_what_was_explained(method, unit):
    assert heat_unit(method) == unit
