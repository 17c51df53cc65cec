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
