"""Whether a film is a child's, by its header."""

import pytest
from pydicom.dataset import Dataset

from grounded import Image
from grounded.dicom.read.age import childhood
from grounded.dicom.read.header import Header


@pytest.mark.parametrize(
    ("attributes", "child"),
    [
        ({"PatientAge": "003M"}, True),
        ({"PatientAge": "012D"}, True),
        ({"PatientAge": "015Y"}, True),
        ({"PatientAge": "016Y"}, False),
        ({"PatientAge": "240M"}, False),
        ({"PatientAge": "000Y"}, False),
        ({"PatientBirthDate": "20150601", "StudyDate": "20260101"}, True),
        ({"PatientBirthDate": "19600601", "StudyDate": "20260101"}, False),
        ({"PatientBirthDate": "20150601"}, False),
        ({"BodyPartExamined": "BABYGRAM"}, True),
        ({"SeriesDescription": "Chest pediatric AP"}, True),
        ({"PatientAge": "050Y", "SeriesDescription": "CHILD"}, False),
        ({}, False),
    ],
)
def test_a_child_is_known_by_age_dates_or_words(attributes: dict, child: bool) -> None:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    assert bool(childhood(Header(made))) == child


def test_the_film_of_a_child_says_so_without_a_date(write) -> None:
    info = Image.open(write(PatientBirthDate="20250601", StudyDate="20260101")).info
    assert info.child
    said = " ".join(info.warnings)
    assert "limits for adults are not applied" in said
    assert "2025" not in said


@pytest.mark.parametrize(
    ("born", "taken", "child"),
    [
        ("20100601", "20260531", True),  # the day before the sixteenth birthday
        ("20100601", "20260601", False),
        ("20100615", "20260610", True),
        ("20100501", "20260601", False),
        ("19000101", "19050101", False),  # what some systems write for unknown
        ("19000102", "19050101", True),
        ("20270101", "20260101", False),  # born after the film
        ("18800101", "20260101", False),
        ("20260101", "20260101", True),
    ],
)
def test_dates_give_an_age_in_whole_years(born: str, taken: str, child: bool) -> None:
    made = Dataset()
    made.PatientBirthDate, made.StudyDate = born, taken
    assert bool(childhood(Header(made))) is child


def test_the_words_on_children_are_whole_sentences() -> None:
    made = Dataset()
    made.BodyPartExamined = "BABYGRAM"
    limits = "limits for adults are not applied, and the findings were learnt from adults."
    assert childhood(Header(made)) == (f"The examination is called one of a child: {limits}",)
    made.PatientAge = "003Y"
    assert childhood(Header(made)) == (f"The patient is younger than 16 years: {limits}",)


@pytest.mark.parametrize(
    "keyword", ["BodyPartExamined", "SeriesDescription", "ProtocolName", "StudyDescription"]
)
def test_any_description_may_name_a_child(keyword: str) -> None:
    made = Dataset()
    setattr(made, keyword, "CHEST_INFANT")
    assert childhood(Header(made))


def test_the_words_of_one_description_end_with_it() -> None:
    made = Dataset()
    made.SeriesDescription, made.ProtocolName = "thorax baby", "ap"
    assert childhood(Header(made))
    made.SeriesDescription, made.ProtocolName = "ap", "baby chest"
    assert childhood(Header(made))
    made.SeriesDescription, made.ProtocolName = "thorax ba", "by"
    assert not childhood(Header(made))
