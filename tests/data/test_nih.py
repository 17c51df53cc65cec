"""The NIH films: who says what of them, and which part each patient belongs to."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from grounded.data.example import Example
from grounded.data.nih import GOOGLE, RADIOLOGISTS, RSNA, TEXT, nih_films, part_of
from grounded.errors import DataError
from grounded.geometry import Box

SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]


def write_film(folder: Path, **values: Any) -> Path:
    """A data set of one film."""
    (folder / "films_128").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "films_128" / "a.png"), np.zeros((8, 8), np.uint8))
    row = {
        "file": "films_128/a.png",
        "patient": 3,
        "age": "40",
        "sex": "F",
        "view": "AP",
        "text_labels": [],
        "radiologist_objects": None,
        **values,
    }
    (folder / "annotations.json").write_text(json.dumps([row]))
    return folder


def read_film(folder: Path, **values: Any) -> Example:
    [film] = nih_films(write_film(folder, **values))
    return film


def test_a_film_carries_what_figures_are_grouped_by(tmp_path: Path) -> None:
    film = read_film(tmp_path)
    assert (film.patient, film.view) == ("3", "AP")
    assert film.about == {"age": 40.0, "sex": "F", "resolution": 128.0}


@pytest.mark.parametrize("age", ["012D", "018M", "15"])
def test_children_are_left_out(tmp_path: Path, age: str) -> None:
    assert nih_films(write_film(tmp_path, age=age)) == []


def test_labels_of_reports_are_translated(tmp_path: Path) -> None:
    said = read_film(tmp_path, text_labels=["Infiltration", "Hernia"]).reading(TEXT).findings
    assert (said["Lung Opacity"], said["Edema"]) == ("present", "absent")
    assert "Fracture" not in said  # no report label speaks of it


def test_radiologists_know_all_that_they_looked_for(tmp_path: Path) -> None:
    objects = [{"label": "Effusion", "polygon": SQUARE}]
    reading = read_film(tmp_path, radiologist_objects=objects).reading(RADIOLOGISTS)
    assert reading.findings["Pleural Effusion"] == "present"
    assert reading.findings["Mass"] == "absent"
    assert "Edema" not in reading.findings
    [mark] = reading.marks
    assert np.array_equal(mark.shape, SQUARE)
    assert {"Lung Opacity", "Pleural Effusion"} <= reading.located


def test_who_outlined_fibrosis_says_nothing_of_opacity(tmp_path: Path) -> None:
    objects = [{"label": "Fibrosis", "polygon": SQUARE}]
    reading = read_film(tmp_path, radiologist_objects=objects).reading(RADIOLOGISTS)
    assert "Lung Opacity" not in reading.findings


def test_a_film_that_nobody_read_has_no_radiologists_reading(tmp_path: Path) -> None:
    assert read_film(tmp_path).reading(RADIOLOGISTS).findings == {}
    empty = read_film(tmp_path, radiologist_objects=[]).reading(RADIOLOGISTS)
    assert set(empty.findings.values()) == {"absent"}


def test_a_challenge_speaks_of_opacities_alone(tmp_path: Path) -> None:
    rsna = {"class": "Lung Opacity", "opacity_boxes": [[1, 2, 3, 4]]}
    reading = read_film(tmp_path, rsna=rsna).reading(RSNA)
    assert reading.findings == {"Lung Opacity": "present"}
    assert reading.marks[0].shape == Box(1, 2, 3, 4)


def test_a_nodule_or_mass_is_neither_for_certain(tmp_path: Path) -> None:
    said = {"Airspace opacity": "NO", "Pneumothorax": "NO", "Fracture": "YES"}
    google = [{**said, "Nodule or mass": "YES", "set": "val"}]
    reading = read_film(tmp_path, google=google).reading(GOOGLE)
    assert reading.findings["Fracture"] == "present"
    assert "Nodule" not in reading.findings
    google[0]["Nodule or mass"] = "NO"
    assert read_film(tmp_path, google=google).reading(GOOGLE).findings["Mass"] == "absent"


def test_the_part_of_a_patient_never_changes() -> None:
    parts = [part_of(str(number)) for number in range(2000)]
    assert parts[:4] == [part_of(str(number)) for number in range(4)]
    assert 0.12 < parts.count("held") / 2000 < 0.18
    assert 0.10 < parts.count("calibration") / 2000 < 0.16


def test_a_missing_film_is_named(tmp_path: Path) -> None:
    write_film(tmp_path)
    (tmp_path / "films_128" / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png"):
        nih_films(tmp_path)
