"""Tables of anyone: what is read in them, and that what does not fit is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grounded import Box, GroundedReport
from grounded.cli.app import app
from grounded.errors import DataError
from grounded.evaluate.report_table import bare_name, left_alone, read_items
from grounded.evaluate.reports import pair, read_references, read_written
from grounded.evaluate.tables import evaluate_files

FINE = "image_id,report\na,The lungs are clear.\nb,Left pleural effusion.\n"


def _file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "empty": ("t.csv", "", "has no rows"),
    "heading alone": ("t.csv", "image_id,report\n", "has no rows"),
    "empty lines": ("t.jsonl", "\n  \n", "has no rows"),
    "no film": ("t.csv", "film,report\na,x\n", "expected one of image_id"),
    "a film without name": ("t.csv", "image_id,report\n,x\n", "a row has no image_id"),
    "nothing to judge": ("t.csv", "image_id,words\na,x\n", "or a column named after a finding"),
    "a finding spelt wrongly": ("t.csv", "id,Pleural Efusion\na,1\n", "mean Pleural Effusion"),
    "a column twice": ("t.csv", "id,report,report\na,x,y\n", "column report twice"),
    "a column twice by case": ("t.csv", "id,report,Report\na,x,y\n", "column report twice"),
    "semicolons": ("t.csv", "image_id;report\na;x\n", "expected commas"),
    "tabs": ("t.csv", "image_id\treport\na\tx\n", "expected commas"),
    "a comma without quotes": ("t.csv", "id,report\na,no effusion, clear\n", "line 2: 3 cells"),
    "a line cut short": ("t.csv", "id,report\na\n", "line 2: 1 cells, fewer"),
    "a quote without end": ("t.csv", 'id,report\na,"x\n', "cannot read"),
    "not UTF-8": ("t.csv", b"id,report\na,Caf\xe9\n", "byte 15.*CSV UTF-8"),
    "UTF-16": ("t.csv", FINE.encode("utf-16"), "not in UTF-8"),
    "JSON not UTF-8": ("t.jsonl", b'{"id":"a","report":"\xe9"}', "not in UTF-8"),
    "JSON cut short": ("t.jsonl", '{"id":"a","report":"x"}\n{"id":', "line 2"),
    "JSON of numbers": ("t.json", "[1, 2]", "one object a line, got int"),
    "a spreadsheet": ("t.xlsx", b"PK\x03\x04", "tables may also be CSV"),
    "a film twice": ("t.csv", "id,report\nS1/a.dcm,x\nS2/a.dcm,y\n", "two (reports|references)"),
    "parts of the film": (
        "t.csv",
        "id,Edema boxes\na,0.1 0.1 0.9 0.9\n",
        "within the first pixel.*pixels of the film, not in parts",
    ),
    "left of the film": ("t.csv", "id,Edema boxes\na,-9 5 -2 9\n", "outside of the film"),
    "a sentence's box": (
        "t.jsonl",
        '{"id":"a","sentences":[{"text":"x","boxes":[1,2,3,4]}]}',
        "a box is a list of four numbers",
    ),
    "no size": ("t.csv", "id,report,width,height\na,x,wide,9\n", "width and height are pixels"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("read", [read_written, read_references])
def test_what_does_not_fit_is_named(tmp_path: Path, what: str, read) -> None:
    name, content, message = BROKEN[what]
    with pytest.raises(DataError, match=message) as error:
        [item.size for item in read(_file(tmp_path / name, content)).values()]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", ["a comma without quotes", "not UTF-8", "JSON cut short"])
def test_a_broken_table_ends_the_command_in_one_line(tmp_path: Path, what: str) -> None:
    name, content, _ = BROKEN[what]
    broken, fine = _file(tmp_path / name, content), _file(tmp_path / "fine.csv", FINE)
    for tables in ((broken, fine), (fine, broken)):
        result = CliRunner().invoke(app, ["evaluate", *map(str, tables)])
        assert isinstance(result.exception, DataError)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"schema": 1}'])
def test_a_broken_report_in_a_folder_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").mkdir()
    _file(tmp_path / "a" / "report.json", content)
    with pytest.raises(DataError, match=r"a.report\.json"):
        read_written(tmp_path)


def test_a_folder_and_a_report_are_no_reference(tmp_path: Path, report: GroundedReport) -> None:
    with pytest.raises(DataError, match="--reader"):
        read_references(tmp_path)
    path = _file(tmp_path / "report.json", json.dumps(report.to_dict()))
    with pytest.raises(DataError, match="a reference is a table"):
        read_references(path)


def test_one_report_alone_is_read(tmp_path: Path, report: GroundedReport) -> None:
    path = _file(tmp_path / "report.json", json.dumps(report.to_dict(), indent=2))
    [(name, written)] = read_written(path).items()
    assert name == "film"
    assert written.size == (report.image.width, report.image.height)


def test_columns_are_found_in_any_case_and_cells_of_other_programs_are_empty(
    tmp_path: Path,
) -> None:
    path = _file(tmp_path / "t.csv", "\ufeffImage_ID, Report ,Sex,Patient\na.PNG,nan,F,None\n")
    written = read_written(path)["a"]
    assert (written.text, written.about, written.patient) == ("", {"sex": "F"}, "")


def test_what_is_left_alone_is_said(tmp_path: Path) -> None:
    path = _file(tmp_path / "t.csv", "id,report,Effusion,Edema,Age\na,x,1,0,50\n")
    assert left_alone(read_items(path)) == ["Effusion"]
    found = evaluate_files(path, _file(tmp_path / "r.csv", FINE))
    assert found.notes == ("columns of t.csv that nothing is read from: Effusion",)
    assert "note: columns of t.csv" in found.text


def test_a_report_and_a_reference_that_say_nothing_are_counted(tmp_path: Path) -> None:
    silent = _file(tmp_path / "s.csv", "id,report\na,\nb,Clear.\n")
    fine = _file(tmp_path / "f.csv", FINE)
    assert "1 of 2 reports are empty" in evaluate_files(silent, fine).text
    assert "1 of 2 references say nothing" in evaluate_files(fine, silent).text


def test_a_box_outside_of_a_film_of_known_size_is_refused(tmp_path: Path) -> None:
    table = "id,Edema boxes,width,height\na,{},100,50\n"
    inside = read_written(_file(tmp_path / "i.csv", table.format("10 10 120 60")))
    outside = read_written(_file(tmp_path / "o.csv", table.format("10 60 90 70")))
    reference = read_references(_file(tmp_path / "r.csv", FINE))
    assert pair(inside, reference)[0].written.boxes == {"Edema": (Box(10, 10, 120, 60),)}
    with pytest.raises(DataError, match="outside of the film 'a' of 100 x 50 pixels"):
        pair(outside, reference)


def test_a_finding_that_is_absent_has_no_place(tmp_path: Path) -> None:
    path = _file(tmp_path / "t.csv", "id,Edema,Edema boxes\na,0,1 2 3 4\n")
    with pytest.raises(DataError, match="Edema is absent and has a place"):
        read_references(path)


def test_the_dots_of_a_uid_are_no_ending() -> None:
    assert [bare_name(n) for n in ("S1/1.2.840.10", "S1/a.DCM", "a.b.png")] == [
        "1.2.840.10",
        "a",
        "a.b",
    ]
