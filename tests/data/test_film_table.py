"""Films of one's own: a table with all columns, with each of them missing, and with mistakes."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from grounded.data.film_table import (
    Stated,
    film_table,
    labels_of,
    split_films,
    stated_films,
    write_film_table,
)
from grounded.errors import DataError, MissingExtraError
from grounded.geometry import Box
from grounded.view import View

PARQUET = importlib.util.find_spec("pyarrow") is not None
FULL = {
    "file": "a.png",
    "patient": "p1",
    "view": "ap",
    "split": "train",
    "Pleural Effusion": "present",
    "Pneumothorax": "0",
    "Cardiomegaly": "",
    "Pleural Effusion boxes": "10 20 30 40; 5 5 9 9",
    "Lung Opacity mask": "a_mask.png",
    "report": "A left effusion.",
    "age": "63",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "a_mask.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((64, 64), np.uint8))
    return tmp_path


def table(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "films.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_row_becomes_a_film_with_all_that_is_said_of_it(folder: Path) -> None:
    [film] = film_table(table(folder, FULL))
    assert (film.path, film.patient, film.view, film.split) == (
        *(folder / "a.png", "p1", "AP", "train"),
    )
    assert film.findings == {
        **{"Pleural Effusion": "present", "Pneumothorax": "absent", "Lung Opacity": "present"}
    }
    reading = film.reading("table")
    assert [(mark.label, mark.shape) for mark in reading.marks] == [
        ("Pleural Effusion", Box(10, 20, 30, 40)),
        ("Pleural Effusion", Box(5, 5, 9, 9)),
        ("Lung Opacity", folder / "a_mask.png"),
    ]
    assert reading.located == {"Pleural Effusion", "Lung Opacity", "Pneumothorax"}
    assert (film.report, film.about) == ("A left effusion.", {"age": "63"})
    assert labels_of([film]) == ("Lung Opacity", "Pneumothorax", "Pleural Effusion")


@pytest.mark.parametrize("column", sorted(set(FULL) - {"file"}))
def test_any_column_but_the_file_may_be_missing(folder: Path, column: str) -> None:
    [film] = film_table(table(folder, {k: v for k, v in FULL.items() if k != column}))
    assert film.path == folder / "a.png"
    assert film.patient
    expected = {"Pleural Effusion", "Pneumothorax", "Lung Opacity"}
    expected -= {"Pneumothorax"} if column == "Pneumothorax" else set()
    expected -= {"Lung Opacity"} if column == "Lung Opacity mask" else set()
    assert set(film.findings) == expected


def test_a_table_of_files_alone_says_nothing_of_them(folder: Path) -> None:
    films = film_table(table(folder, {"file": "a.png"}, {"file": "b.png"}))
    assert len({film.patient for film in films}) == 2
    assert all(film.findings == {} and not film.reading("table").marks for film in films)


@pytest.mark.parametrize(
    ("cell", "presence"),
    [
        *(("present", "present"), ("1", "present"), ("1.0", "present"), ("Absent", "absent")),
        *(("0.0", "absent"), ("-1.0", "uncertain"), ("uncertain", "uncertain")),
        *(("", None), ("unknown", None)),
    ],
)
def test_presence_is_a_word_or_a_number(folder: Path, cell: str, presence: str | None) -> None:
    [film] = film_table(table(folder, {"file": "a.png", "pneumothorax": cell}))
    assert film.findings.get("Pneumothorax") == presence


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": ""}, r"films\.csv: line 2: the file is empty"),
        ({"split": "test"}, "line 2: split is train, calibration, held or empty, got 'test'"),
        ({"Pneumothorax": "yes"}, "line 2: Pneumothorax is present, absent.* got 'yes'"),
        ({"Pleural Effusion boxes": "1 2 3"}, "boxes holds x0 y0 x1 y1 in pixels.* got '1 2 3'"),
        ({"Pleural Effusion boxes": "9 9 1 1"}, "boxes holds x0 y0 x1 y1"),
        ({"Pleural Effusion": "absent"}, "line 2: Pleural Effusion is absent and has a place"),
        ({"file": "none.png"}, r"1 of 2 files are missing.*none\.png"),
        ({"Pneumotorax": "1"}, "the column 'Pneumotorax' names no finding; did you mean Pneumoth"),
        ({"Effusions boxes": "1"}, "the column 'Effusions boxes' names no finding"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        film_table(table(folder, FULL | changes))


def test_everything_that_is_wrong_is_said_at_once(folder: Path) -> None:
    wrong = {"file": "a.png", "Edema": "no"}
    with pytest.raises(DataError, match=r"line 2: .*; line 3: .*; and 2 more"):
        film_table(table(folder, *[wrong] * 12))


def test_a_patient_in_two_parts_is_refused(folder: Path) -> None:
    rows = [FULL, FULL | {"file": "b.png", "split": "held"}]
    with pytest.raises(DataError, match="patient 'p1' is in held and train"):
        film_table(table(folder, *rows))


def test_a_table_that_is_missing_empty_or_without_files_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="cannot read the table"):
        film_table(folder / "none.csv")
    (folder / "films.csv").write_text("file\n")
    with pytest.raises(DataError, match="has no rows"):
        film_table(folder / "films.csv")
    with pytest.raises(DataError, match="lacks the column file; it has: film"):
        film_table(table(folder, {"film": "a.png"}))


def test_films_that_are_left_open_are_divided_by_patient(folder: Path) -> None:
    rows = [{"file": "a.png", "patient": f"{n // 2}", "split": ""} for n in range(20)]
    rows.append({"file": "b.png", "patient": "x", "split": "held"})
    films = film_table(table(folder, *rows))
    parts = split_films(films, 0.2, 0.3, seed=0)
    assert [len(parts[part]) for part in ("train", "calibration", "held")] == [10, 4, 7]
    patients = [{film.patient for film in part} for part in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 11
    assert split_films(films[::-1], 0.2, 0.3, seed=0)["held"][::-1] == parts["held"]


def test_films_that_are_written_are_read_as_they_were(folder: Path) -> None:
    corner = np.zeros((64, 64), np.uint8)
    corner[4:9, 2:7] = 255
    cv2.imwrite(str(folder / "a_mask.png"), corner)
    before = film_table(table(folder, FULL, {**FULL, "file": "b.png", "Lung Opacity mask": ""}))
    write_film_table(folder / "again.csv", before)
    after = film_table(folder / "again.csv")
    for one, other in zip(before, after, strict=True):
        assert (one.path, one.patient, one.view) == (other.path, other.patient, other.view)
        assert (one.split, one.report) == (other.split, other.report)
        assert one.findings == other.findings
    shapes = {mark.label: mark.shape for mark in after[0].reading("table").marks}
    assert shapes["Lung Opacity"] == Box(2, 4, 7, 9)


@pytest.mark.skipif(not PARQUET, reason="pyarrow is not installed")
def test_parquet_is_read_like_csv(folder: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    columns = {
        "file": ["a.png", "b.png"],
        "Edema": [1.0, None],
        "Lung Lesion boxes": [[[1, 2, 3, 4]], None],
    }
    parquet.write_table(pyarrow.table(columns), folder / "films.parquet")
    first, second = film_table(folder / "films.parquet")
    assert first.findings == {"Edema": "present", "Lung Lesion": "present"}
    assert second.findings == {}


@pytest.mark.skipif(PARQUET, reason="pyarrow is installed")
def test_parquet_without_its_library_names_the_extra(folder: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"grounded\[train\]"):
        film_table(folder / "films.parquet")


def test_what_is_stated_of_films_to_be_reported_is_read_from_such_a_table(folder: Path) -> None:
    path = table(folder, FULL, {"file": "sub/../b.png", "view": "L", "age": ""})
    assert stated_films(path) == {
        folder / "a.png": Stated(View.AP, 63.0),
        folder / "b.png": Stated(View.LATERAL, None),
    }


def test_films_to_be_reported_need_not_be_there(folder: Path) -> None:
    [file] = stated_films(table(folder, {"file": "not_yet.png"}))
    assert file == folder / "not_yet.png"


def test_what_is_stated_wrongly_is_listed_with_its_line(folder: Path) -> None:
    path = table(
        folder,
        {"file": "a.png", "view": "sideways", "age": ""},
        {"file": "b.png", "view": "PA", "age": "old"},
        {"file": "", "view": "PA", "age": ""},
        {"file": "c.png", "view": "PA", "age": ""},
        {"file": "c.png", "view": "AP", "age": ""},
    )
    with pytest.raises(
        DataError, match=r"line 2: view .*line 3: .*age .*line 4: .*line 6: .*twice"
    ):
        stated_films(path)
