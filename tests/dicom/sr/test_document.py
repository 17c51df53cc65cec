"""A report as a structured report: valid, complete, on the right pixels, and read back."""

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from grounded import Box, GroundedReport, Image, Regions
from grounded.dicom import concepts as say
from grounded.dicom.sr.items import children_of, coded_value, points_of, text_of, value_of, walk
from grounded.dicom.sr.json import from_json
from grounded.errors import MissingExtraError, ReportError
from grounded.export.exporters import exporter


@pytest.fixture
def saved(reported, tmp_path):
    path = tmp_path / "film.sr.dcm"
    reported.save(path)
    return path


def test_it_passes_the_validators(saved, dx, tmp_path, valid) -> None:
    dx().save_as(tmp_path / "film.dcm", enforce_file_format=True)
    valid(saved, beside=(tmp_path / "film.dcm",))


@pytest.mark.parametrize("missing", ["PatientOrientation", "ImagerPixelSpacing"])
def test_a_film_whose_header_says_little_has_one_too(dx, report_of, missing: str) -> None:
    film = dx()
    if missing in film:
        delattr(film, missing)
    written = exporter("sr.dcm")(report_of(Image.open(film)))
    content = highdicom.sr.srread(io.BytesIO(written)).content
    assert content.get_image_measurement_groups()


def test_it_belongs_to_the_patient_and_study_of_the_film(saved) -> None:
    document = pydicom.dcmread(saved)
    assert document.PatientID == "SECRET77"
    assert document.StudyInstanceUID == "1.3.6.1.4.1.99999.77.1"
    assert document.SeriesInstanceUID != "1.3.6.1.4.1.99999.77.2"
    [study] = document.CurrentRequestedProcedureEvidenceSequence
    [series] = study.ReferencedSeriesSequence
    [instance] = series.ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == "1.3.6.1.4.1.99999.77.3"


def test_highdicom_reads_a_group_for_each_sentence_and_region(saved, reported) -> None:
    content = highdicom.sr.srread(saved).content
    sentences = content.get_image_measurement_groups()
    texts = [
        str(item.TextValue)
        for group in sentences
        for item in walk(group[0])
        if item.ValueType == "TEXT" and item.name.meaning == "Comment"
    ]
    assert texts == [sentence.text for sentence in reported.sentences]
    assert [site.topographical_modifier for site in sentences[0].finding_sites] == [None]
    assert sentences[0].finding_sites[0].value.meaning == "Lung"
    assert sentences[0].finding_sites[0].laterality.meaning == "Right"
    regions = content.get_planar_roi_measurement_groups()
    tracked = [group.tracking_identifier for group in regions]
    assert [name for name in tracked if "outline" not in name] == list(reported.regions.names)


def test_only_what_is_there_is_the_finding_of_a_group(saved) -> None:
    groups = highdicom.sr.srread(saved).content.get_image_measurement_groups()
    found = [group.finding_type.meaning if group.finding_type else "" for group in groups]
    assert found == ["Pleural effusion", "", "", "", "Pleural effusion"]


def test_the_geometric_purpose_is_a_modifier_as_the_template_has_it(saved) -> None:
    purposes = [
        item
        for item in walk(pydicom.dcmread(saved))
        if item.ValueType == "CODE" and item.ConceptNameCodeSequence[0].CodeValue == "130400"
    ]
    assert {item.RelationshipType for item in purposes} == {"HAS CONCEPT MOD"}


def test_it_is_unverified_until_a_person_accepts_it(saved, reported, tmp_path, valid) -> None:
    document = pydicom.dcmread(saved)
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    reported.accepted("Rita Reader", "Hospital").save(tmp_path / "accepted.sr.dcm")
    document = pydicom.dcmread(tmp_path / "accepted.sr.dcm")
    assert (document.VerificationFlag, document.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert document.VerifyingObserverSequence[0].VerifyingObserverName == "Reader^Rita"
    valid(tmp_path / "accepted.sr.dcm")


def test_everything_comes_back(saved, reported) -> None:
    again = GroundedReport.from_sr(saved, film=reported.film)
    assert again.to_dict() == reported.to_dict()
    assert again.text == reported.text


def test_an_acceptance_comes_back(reported, tmp_path) -> None:
    accepted = reported.accepted("Rita Reader", "Hospital")
    accepted.save(tmp_path / "a.sr.dcm")
    again = GroundedReport.from_sr(tmp_path / "a.sr.dcm")
    assert again.acceptance.name == "Rita Reader"
    assert again.to_dict() == GroundedReport.from_dict(again.to_dict()).to_dict()


def test_without_private_attributes_outlines_become_masks_again(saved, reported, tmp_path) -> None:
    document = pydicom.dcmread(saved)
    document.remove_private_tags()
    document.save_as(tmp_path / "stripped.sr.dcm")
    again = GroundedReport.from_sr(tmp_path / "stripped.sr.dcm")
    assert [s.text for s in again.sentences] == [s.text for s in reported.sentences]
    np.testing.assert_allclose(again.regions.boxes, reported.regions.boxes, atol=1e-3)
    heart = [
        r.regions["cardiac silhouette"].mask.in_film((80, 100)) > 0.5 for r in (again, reported)
    ]
    assert (heart[0] & heart[1]).sum() / (heart[0] | heart[1]).sum() > 0.95


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_places_lie_on_the_pixels_of_the_stored_film(dx, report_of, tmp_path, orientation) -> None:
    """The box around a spot of the upright picture is around the same spot as it is stored."""
    film = dx()
    pixels = np.zeros((80, 100), np.uint16)
    pixels[60:70, 20:40] = 4095
    film.PixelData = pixels.tobytes()
    stored = Image.open(film)
    quarters = {1: 0, 6: 1, 3: 2, 8: 3}[orientation]
    upright = np.rot90(stored.pixels, -quarters)
    image = Image(
        np.ascontiguousarray(upright),
        replace(stored.info, height=len(upright), width=upright.shape[1], orientation=orientation),
        header=stored.header,
    )
    rows, columns = np.nonzero(upright)
    spot = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    report = report_of(image)
    report = replace(
        report,
        regions=Regions(("right lung",), np.array([tuple(spot)]), np.ones(1)),
        sentences=(replace(report.sentences[0], evidence=(spot,)),),
    )
    report.save(tmp_path / "a.sr.dcm")
    shapes = [i for i in walk(pydicom.dcmread(tmp_path / "a.sr.dcm")) if i.ValueType == "SCOORD"]
    for item in shapes:
        points = points_of(item)
        np.testing.assert_allclose(points.min(axis=0), [20, 60], atol=0.5)
        np.testing.assert_allclose(points.max(axis=0), [40, 70], atol=0.5)
    again = GroundedReport.from_sr(tmp_path / "a.sr.dcm")
    np.testing.assert_allclose(again.regions.boxes, [tuple(spot)], atol=1e-3)


def test_uids_are_new_each_time_or_by_hash_if_asked(reported) -> None:
    write = exporter("sr.dcm")
    assert write(reported) != write(reported)
    assert write(reported, uids="hash") == write(reported, uids="hash")
    other = replace(reported, notice="Another.")
    assert write(reported, uids="hash") != write(other, uids="hash")
    with pytest.raises(ValueError, match="uids is one of"):
        write(reported, uids="old")


def test_a_report_without_anything_to_say_is_valid(reported, tmp_path, valid) -> None:
    empty = replace(reported, sentences=(), regions=Regions.none({"heart": "hidden"}), sites={})
    empty.save(tmp_path / "empty.sr.dcm")
    valid(tmp_path / "empty.sr.dcm")
    again = GroundedReport.from_sr(tmp_path / "empty.sr.dcm")
    assert again.to_dict() == empty.to_dict()


def test_names_in_any_script_are_written_in_unicode(dx, report_of, tmp_path, valid) -> None:
    image = Image.open(dx(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Zoë"))
    report_of(image).save(tmp_path / "a.sr.dcm")
    assert str(pydicom.dcmread(tmp_path / "a.sr.dcm").PatientName) == "Müller^Zoë"


def test_dcmtk_prints_the_sentences(saved, reported) -> None:
    if not shutil.which("dsrdump"):
        pytest.skip("dsrdump is not installed (Debian: dcmtk)")
    printed = subprocess.run(
        ["dsrdump", "+Pl", "+U8", saved], capture_output=True, text=True, check=True
    ).stdout
    for sentence in reported.sentences:
        assert sentence.text in printed
    assert "10/8/40/8/40/60/10/60/10/8" in printed.replace("\\", "/") or "10/8" in printed


@pytest.mark.parametrize("content", [b"nothing", b"[1]", b'[{"@names": []}]', b"\0" * 200])
def test_what_is_no_report_is_refused(tmp_path, content) -> None:
    (tmp_path / "a.sr.dcm").write_bytes(content)
    with pytest.raises(ReportError, match=r"a\.sr\.dcm"):
        GroundedReport.from_sr(tmp_path / "a.sr.dcm")


def test_a_film_is_no_structured_report(dx, tmp_path) -> None:
    dx().save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(ReportError, match="not one that this package wrote"):
        GroundedReport.from_sr(tmp_path / "film.dcm")


def test_json_holds_the_same_document(reported, saved) -> None:
    from grounded.dicom.sr.json import to_json

    document = pydicom.dcmread(saved)
    assert from_json(to_json(document)) == document


def test_json_comes_back_as_the_same_report(reported, tmp_path) -> None:
    reported.save(tmp_path / "film.sr.json")
    again = GroundedReport.from_sr(tmp_path / "film.sr.json", film=reported.film)
    assert again.to_dict() == reported.to_dict()


def test_json_reads_by_business_names(reported, tmp_path) -> None:
    reported.save(tmp_path / "film.sr.json")
    [held] = json.loads((tmp_path / "film.sr.json").read_text(encoding="utf-8"))
    children = {
        name: part for child in held["ImagingMeasurementReport"][-1] for name, part in child.items()
    }
    group = children["ImagingMeasurements"][-1][0]["MeasurementGroup"][-1]
    said = {name: part for item in group for name, part in item.items()}
    assert said["Comment"] == ["There is a small right pleural effusion."]
    assert said["FindingSite"][-1] == [{"Laterality": [*said["FindingSite"][-1][0]["Laterality"]]}]


def test_without_the_extra_the_error_names_it(reported, tmp_path, monkeypatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("grounded.dicom.sr")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError, match=r"grounded\[dicom\]"):
        reported.save(tmp_path / "a.sr.dcm")


def sentence_groups(path: Path) -> list[Dataset]:
    groups = highdicom.sr.srread(path).content.get_image_measurement_groups()
    return [group[0] for group in groups]


def test_the_probability_that_a_sentence_is_right_is_a_number_of_its_group(saved) -> None:
    first, _, third, *_ = sentence_groups(saved)
    [rated] = children_of(first, name=say.PROBABILITY)
    assert value_of(rated) == pytest.approx(87)
    [method] = children_of(rated, name=say.METHOD)
    assert coded_value(method).meaning == "probability that the sentence is right"
    assert text_of(rated, say.POPULATION) == "films of a test, PA"
    assert not children_of(third, name=say.PROBABILITY)
    assert text_of(third, say.UNRATED) == "Cardiomegaly: nobody measured it"


def test_what_claims_nothing_is_neither_normal_nor_abnormal(saved, reported) -> None:
    said = [
        coded_value(children_of(group, name=say.NORMALITY)[0]).meaning
        for group in sentence_groups(saved)
    ]
    assert [item.text[:8] for item in reported.withheld] == ["Withheld"]
    undetermined = "Normality Undetermined"
    assert said == ["Abnormal", undetermined, "Normal", undetermined, "Abnormal"]
