"""A PNG becomes a DICOM film of a given patient, with the same greys."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from grounded import Image
from grounded.dicom.wrap.film import Patient, wrap, wrapped
from grounded.errors import ConfigError, InvalidValueError


@pytest.mark.parametrize("white", [255, 65535])
def test_it_is_read_back_with_the_same_greys(tmp_path, valid, white) -> None:
    levels = np.random.default_rng(0).integers(0, white + 1, (300, 260))
    image = Image.of(levels / np.float32(white), spacing_mm=(1.0, 0.5), view="AP")
    path = tmp_path / "film.dcm"
    path.write_bytes(wrap(image, Patient("P1", "Doe^Jane", "19600101", "F")))
    valid(path)
    again = Image.open(path)
    np.testing.assert_allclose(again.pixels, image.pixels, atol=1e-4)
    assert again.info.spacing_mm == (1.0, 0.5)
    assert again.info.view == "AP"
    assert pydicom.dcmread(path).PatientID == "P1"


def test_a_report_of_it_can_be_any_object(film, report_of, tmp_path, valid) -> None:
    image, data = wrapped(film, Patient("P1"))
    assert data
    assert image.info.name == film.info.name
    report_of(image).save(tmp_path / "film.sr.dcm")
    valid(tmp_path / "film.sr.dcm")


def test_a_dicom_film_stays_as_it_is(dx) -> None:
    image = Image.open(dx())
    assert wrapped(image, Patient("P1")) == (image, b"")


@pytest.mark.parametrize(
    "values", [{"id": " "}, {"id": "1", "sex": "female"}, {"id": "1", "birth_date": "1.1.1960"}]
)
def test_a_patient_against_the_rules_is_refused(values) -> None:
    with pytest.raises(InvalidValueError):
        Patient(**values)


def test_a_patient_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "patient.toml"
    path.write_text('id = "P1"\nname = "Doe^Jane"\n', encoding="utf-8")
    assert Patient.read(path) == Patient("P1", "Doe^Jane")
    path.write_text('id = "P1"\nnmae = "Doe^Jane"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="nmae"):
        Patient.read(path)
