"""Reading and writing the training table, from here and from elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from grounded.chest.names import REGIONS
from grounded.data.example import Example
from grounded.data.region_table import (
    COLUMNS,
    abnormal_regions,
    read_table,
    region_example,
    write_table,
)
from grounded.errors import DataError


def _row() -> Example:
    boxes = np.full((29, 4), np.nan, dtype=np.float32)
    boxes[3], boxes[28] = (1, 2, 30, 40), (5, 60, 70, 80.5)
    phrases = ["", "", "", 'Clear, "as before".', *[""] * 25]
    abnormal = np.zeros(29, dtype=np.bool_)
    abnormal[28] = True
    return region_example(
        subject="1",
        study="2",
        image="x",
        path=Path("x.jpg"),
        corners=boxes,
        phrases=phrases,
        abnormal=abnormal,
        report="All's clear.",
    )


def _made_elsewhere(path: Path, **cells: str) -> Path:
    values = {
        "subject_id": "1",
        "study_id": "2",
        "image_id": "x",
        "mimic_image_file_path": "x.jpg",
        "bbox_coordinates": "[[1, 2, 3, 4]]",
        "bbox_labels": "[29]",
        "bbox_phrases": '["Normal."]',
        "bbox_phrase_exists": "[true]",
        "bbox_is_abnormal": "[false]",
    } | cells
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(values)
    return path


def test_a_table_survives_writing_and_reading(tmp_path: Path) -> None:
    row = _row()
    assert write_table(tmp_path / "t.csv", [row], reports=True) == 1
    [back] = read_table(tmp_path / "t.csv")
    assert dict(back.boxes) == dict(row.boxes)
    assert abnormal_regions(back) == abnormal_regions(row) == {REGIONS[28]}
    assert (back.patient, back.about, back.name) == (row.patient, row.about, row.name)
    assert (back.sentences, back.report) == (row.sentences, row.report)
    assert back.path == tmp_path / "x.jpg"


def test_json_lists_for_the_boxed_regions_only_are_read(tmp_path: Path) -> None:
    [row] = read_table(_made_elsewhere(tmp_path / "t.csv"))
    assert row.sentences == {REGIONS[28]: "Normal."}
    assert list(row.boxes) == [REGIONS[28]]
    assert row.regional == {(REGIONS[28], "Abnormal"): "absent"}


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("subject_id,study_id\n1,2\n")
    with pytest.raises(DataError, match="bbox_is_abnormal; it has: subject_id, study_id"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"bbox_labels": "[30]"}, r"line 2: bbox_labels lie in 1\.\.29"),
        ({"bbox_labels": "[1, 2]"}, "2 bbox_labels for 1 bbox_coordinates"),
        ({"bbox_coordinates": "[[3, 2, 1, 4]]"}, "x0 < x1"),
        ({"bbox_phrases": "['a', 'b']"}, "bbox_phrases has 2 values"),
        ({"bbox_is_abnormal": "yes"}, "line 2"),
    ],
)
def test_a_row_that_does_not_fit_is_named(
    tmp_path: Path, cells: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_table(_made_elsewhere(tmp_path / "t.csv", **cells))


def test_an_empty_table_is_an_error(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", [], reports=False)
    with pytest.raises(DataError, match="has no rows"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(DataError, match="cannot read"):
        read_table(tmp_path / "none.csv")
