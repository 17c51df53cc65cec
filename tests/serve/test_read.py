"""A film is posted, and its findings come back; nothing is kept."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from grounded.errors import InvalidValueError
from grounded.serve import run

from .conftest import Start, png


def dicom(**attributes: object) -> bytes:
    made = pydicom.Dataset()
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = "1.2.1", "1.2.2", "1.2.3"
    made.PatientName, made.PatientID, made.Modality = "Doe^Jane", "SECRET77", "DX"
    made.BodyPartExamined, made.ViewPosition = "CHEST", "PA"
    made.Rows = made.Columns = 300
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = np.tile(np.linspace(0, 4095, 300), (300, 1)).astype(np.uint16).tobytes()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_the_findings_of_a_dicom_film_come_back_with_its_identifiers(start: Start) -> None:
    answer = start().post("/api/read", content=dicom())
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert (read["study_uid"], read["instance_uid"], read["view"]) == ("1.2.1", "1.2.3", "PA")
    assert (read["width"], read["height"]) == (300, 300)
    assert read["sentences"]
    assert all(len(box) == 4 for sentence in read["sentences"] for box in sentence["boxes"])


def test_the_findings_of_a_picture_come_back(start: Start) -> None:
    read = start().post("/api/read", params={"view": "AP"}, content=png()).json()
    assert (read["study_uid"], read["view"]) == ("", "AP")
    assert {finding["sentence"] for finding in read["findings"]} <= set(
        range(1, len(read["sentences"]) + 1)
    )


def test_a_film_becomes_a_structured_report(start: Start) -> None:
    pytest.importorskip("highdicom")
    answer = start().post("/api/read/sr.dcm", content=dicom())
    assert answer.headers["content-type"] == "application/dicom"
    made = pydicom.dcmread(io.BytesIO(answer.content))
    assert (made.Modality, made.StudyInstanceUID) == ("SR", "1.2.1")


def test_without_identifiers_none_comes_back(start: Start) -> None:
    client = start()
    read = client.post("/api/read", params={"deidentify": True}, content=dicom())
    assert read.json()["instance_uid"] == ""
    whole = client.post("/api/read/json", params={"deidentify": True}, content=dicom())
    for secret in ("SECRET77", "Doe", "1.2.3"):
        assert f'"{secret}' not in read.text + whole.text


def test_nothing_is_kept_of_a_film_that_is_only_read(start: Start) -> None:
    client = start()
    client.post("/api/read", content=png())
    assert client.get("/api/sessions").json()["total"] == 0
    assert not list(client.room.store.films.iterdir())


@pytest.mark.parametrize("path", ["/api/read", "/api/read/json"])
def test_what_is_no_film_is_refused_in_words(start: Start, path) -> None:
    answer = start().post(path, content=b"nothing")
    assert answer.status_code == 422
    assert answer.json()["can_force"] is False


def test_a_film_of_a_foot_is_read_if_that_is_meant(start: Start) -> None:
    client, foot = start(), dicom(BodyPartExamined="FOOT")
    refused = client.post("/api/read", content=foot)
    assert (refused.status_code, refused.json()["can_force"]) == (422, True)
    assert client.post("/api/read", params={"force": True}, content=foot).status_code == 200


def test_a_format_that_is_not_installed_is_named(start: Start) -> None:
    answer = start().post("/api/read/docx", content=png())
    assert answer.status_code == 422
    assert "docx" in answer.json()["detail"]


def test_without_the_key_nothing_is_read(start: Start) -> None:
    answer = start().post("/api/read", content=png(), headers={"authorization": "Bearer no"})
    assert answer.status_code == 401


def test_programs_can_be_given_a_key_that_stays(monkeypatch) -> None:
    monkeypatch.setenv(run.KEY, "a-key-that-is-long-enough")
    assert run.key() == "a-key-that-is-long-enough"
    monkeypatch.setenv(run.KEY, "short")
    with pytest.raises(InvalidValueError, match="at least 24"):
        run.key()
    monkeypatch.delenv(run.KEY)
    assert run.key() != run.key()
