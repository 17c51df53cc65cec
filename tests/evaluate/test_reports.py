"""Reading reports and references, and pairing them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grounded import GroundedReport
from grounded.data.region_table import region_example, write_table
from grounded.errors import DataError
from grounded.evaluate.reports import Reference, Written, pair, read_references, read_written


def _lines(path: Path, *items: object) -> Path:
    path.write_text("\n".join(json.dumps(item) for item in items), encoding="utf-8")
    return path


def test_a_folder_of_reports_is_read_by_film(tmp_path: Path, report: GroundedReport) -> None:
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "report.json").write_text(json.dumps(report.to_dict()))
    written = read_written(tmp_path)["film"]
    assert written.text == "The lungs are of equal height. The heart is not enlarged."
    assert written.described == {"right lung", "left lung", "cardiac silhouette"}
    assert written.abnormal == set()
    assert written.regions is not None
    assert len(written.regions) == 3


def test_json_lines_hold_reports_or_plain_text(tmp_path: Path, report: GroundedReport) -> None:
    path = _lines(tmp_path / "r.jsonl", report.to_dict(), {"image": "b.jpg", "report": "Clear."})
    written = read_written(path)
    assert set(written) == {"film", "b"}
    assert written["b"].text == "Clear."
    assert written["b"].regions is None


def test_two_reports_of_one_film_are_refused(tmp_path: Path) -> None:
    item = {"image": "b", "report": "Clear."}
    with pytest.raises(DataError, match="two reports of the film 'b'"):
        read_written(_lines(tmp_path / "r.jsonl", item, item))


def test_an_empty_folder_and_a_broken_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no report"):
        read_written(tmp_path)
    (tmp_path / "r.jsonl").write_text("{")
    with pytest.raises(DataError, match="as JSON lines"):
        read_written(tmp_path / "r.jsonl")
    with pytest.raises(DataError, match="expected one of image_id"):
        read_written(_lines(tmp_path / "s.jsonl", {"film": "b", "report": ""}))


def test_references_come_from_the_training_table(tmp_path: Path) -> None:
    boxes = np.full((29, 4), np.nan, dtype=np.float32)
    boxes[0] = (1, 2, 3, 4)
    phrases = ("Clear.", *[""] * 28)
    row = region_example(
        subject="1",
        study="2",
        image="a",
        path=Path("a.jpg"),
        corners=boxes,
        phrases=phrases,
        abnormal=np.eye(29, dtype=bool)[1],
        report="All.",
    )
    write_table(tmp_path / "test.csv", [row], reports=True)
    reference = read_references(tmp_path / "test.csv")["a"]
    assert reference.boxes is not None
    assert list(reference.boxes) == ["right lung"]
    assert reference.described == {"right lung"}
    assert reference.abnormal == {"right upper lung zone"}
    assert reference.text == "All."


def test_references_may_be_text_alone(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("image_id,reference_report\na.dcm,Lungs  are\tclear.\n")
    assert read_references(tmp_path / "r.csv")["a"].text == "Lungs are clear."
    path = _lines(tmp_path / "r.jsonl", {"id": "a", "findings": "Clear."})
    assert read_references(path)["a"].boxes is None


def test_films_are_paired_by_name() -> None:
    cases = pair({"b": Written("x"), "a": Written("y")}, {"a": Reference("z"), "c": Reference("")})
    assert [(case.image, case.written.text) for case in cases] == [("a", "y")]
    with pytest.raises(DataError, match="no film has both"):
        pair({"b": Written("x")}, {"a": Reference("z")})
