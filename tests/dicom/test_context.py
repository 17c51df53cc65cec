"""What a film keeps of its header, and what is left of it without the patient."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from grounded import Image
from grounded.dicom.context import context_of, decoded
from grounded.dicom.deidentify import KEY, other_uid
from grounded.errors import InvalidValueError, ReportError
from grounded.export.exporters import export
from grounded.films.child import read_in_child
from grounded.films.source import Source
from grounded.image import BURNED_IN

SECRETS = ("Doe", "Jane", "SECRET77", "ACC4711", "STUDY9", "Referrer", "Hidden", "1960", "20260102",
           "1.3.6.1.4.1.99999.77.1")  # fmt: skip


def test_a_film_keeps_whose_it_is_and_how_it_is_stored(dx) -> None:
    kept = context_of(Image.open(dx()))
    assert kept.PatientID == "SECRET77"
    assert kept.StudyInstanceUID == "1.3.6.1.4.1.99999.77.1"
    assert (kept.Rows, kept.Columns) == (80, 100)
    assert list(kept.PixelSpacing) == [2.0, 2.0]
    assert "PixelData" not in kept


def test_what_is_kept_comes_through_the_child_process(dx, tmp_path) -> None:
    path = tmp_path / "film.dcm"
    dx().save_as(path, enforce_file_format=True)
    image = read_in_child(Source(path.read_bytes(), "film"))
    assert image.header == Image.open(path).header
    np.testing.assert_array_equal(image.pixels, Image.open(path).pixels)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("StudyDate", "yesterday"), ("PatientSex", "FEMALE"), ("PixelSpacing", [2.0])],
)
@pytest.mark.filterwarnings("ignore")
def test_a_value_against_the_rules_is_not_taken_over(dx, keyword, value) -> None:
    kept = context_of(Image.open(dx(**{keyword: value})))
    assert not kept.get(keyword)


def test_a_film_without_an_instance_uid_has_no_context(dx) -> None:
    assert Image.open(dx(StudyInstanceUID=None)).header == b""


def test_a_report_never_holds_what_was_kept(reported) -> None:
    said = str(reported.to_dict())
    assert not [secret for secret in SECRETS[:-1] if secret in said]


def test_an_object_of_a_png_is_refused_with_what_to_do(film) -> None:
    with pytest.raises(ReportError, match="--wrap"):
        context_of(film)


def test_an_object_of_a_report_without_film_is_refused_with_what_to_do() -> None:
    with pytest.raises(ReportError, match=r"film=Image\.open"):
        context_of(None)


def test_an_anonymous_film_keeps_nothing_of_the_patient(dx) -> None:
    image = Image.open(dx(SeriesDescription="Jane's chest", BodyPartExamined="JANE")).anonymous()
    assert not [secret for secret in SECRETS if secret.encode() in image.header]
    kept = decoded(image.header)
    assert kept.PatientIdentityRemoved == "YES"
    assert list(kept.PixelSpacing) == [2.0, 2.0]
    assert image.info.reference is None


def test_films_of_a_study_stay_in_one_study(dx) -> None:
    one, other = (
        decoded(Image.open(dx(SOPInstanceUID=f"1.2.{n}")).anonymous().header) for n in (3, 4)
    )
    assert one.StudyInstanceUID == other.StudyInstanceUID
    assert one.SOPInstanceUID != other.SOPInstanceUID


def test_a_key_gives_the_same_identifiers_in_any_process(monkeypatch) -> None:
    monkeypatch.setenv(KEY, "a long secret")
    assert other_uid("1.2.3") == "2.25.235782119061151972662733719906641750232"
    monkeypatch.setenv(KEY, "another secret")
    assert other_uid("1.2.3") != "2.25.235782119061151972662733719906641750232"


def test_a_key_that_is_easily_guessed_is_refused(monkeypatch) -> None:
    monkeypatch.setenv(KEY, "short")
    with pytest.raises(InvalidValueError, match="at least 8"):
        other_uid("1.2.3")


def test_burned_in_text_is_warned_of_unless_the_header_rules_it_out(dx, film) -> None:
    assert BURNED_IN not in Image.open(dx()).anonymous().info.warnings
    assert BURNED_IN in Image.open(dx(BurnedInAnnotation="YES")).anonymous().info.warnings
    assert BURNED_IN in Image.open(dx(BurnedInAnnotation=None)).anonymous().info.warnings
    assert BURNED_IN in film.anonymous().info.warnings


def test_a_free_text_of_a_table_goes(dx) -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [2, 0, 16], "for Jane"
    item.LUTData = np.array([0, 65535], np.uint16).tobytes()
    item["LUTData"].VR = "OW"
    image = Image.open(dx(VOILUTSequence=[item])).anonymous()
    assert b"Jane" not in image.header


@pytest.mark.parametrize(
    "name", ["sr.dcm", "narrative.sr.dcm", "seg.dcm", "gsps.dcm", "sc.dcm", "pdf.dcm", "fhir.json"]
)
def test_a_name_of_one_word_stands_in_no_warning(dx, report_of, name) -> None:
    """Warnings are errors in these tests, and libraries quote the name in theirs."""
    film = Image.open(dx(PatientName="Zwiebelmann", ReferringPhysicianName="Ward"))
    assert export(report_of(film), name)
