"""The manifest survives a crash at any point."""

import csv
from pathlib import Path

import pytest

from grounded.batch.ledger import LINES, TABLE, Entry, Ledger, Status
from grounded.errors import ReportError

DONE = Entry("S1/a.png", Status.REPORTED, "S1/a", "", "1.2.3", "f" * 64, "e" * 64, 0.25)
FAILED = Entry('odd "name",\n.png', Status.FAILED, reason="cannot be read")


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(DONE)
    ledger.add(FAILED)
    assert list(Ledger(tmp_path, resume=True).entries.values()) == [DONE, FAILED]


def test_the_table_says_the_same(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(DONE)
    ledger.add(FAILED)
    with (tmp_path / TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [DONE.file, FAILED.file]
    assert rows[0]["status"] == "reported"
    assert rows[0]["pixels_sha256"] == "f" * 64


@pytest.mark.parametrize("kept", range(0, 200, 17))
def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path, kept: int) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(DONE)
    whole = len((tmp_path / LINES).read_bytes())
    ledger.add(FAILED)
    path = tmp_path / LINES
    path.write_bytes(path.read_bytes()[: whole + min(kept, 120)])
    again = Ledger(tmp_path, resume=True)
    assert list(again.entries.values()) == [DONE]
    again.add(FAILED)  # and what follows stands on a line of its own
    assert list(Ledger(tmp_path, resume=True).entries.values()) == [DONE, FAILED]


def test_a_line_that_is_no_entry_is_an_error(tmp_path: Path) -> None:
    Ledger(tmp_path).add(DONE)
    path = tmp_path / LINES
    path.write_bytes(b'{"file": 1}\n' + path.read_bytes() + path.read_bytes())
    with pytest.raises(ReportError, match="line 1 of"):
        Ledger(tmp_path, resume=True)


def test_without_resume_the_manifest_starts_anew(tmp_path: Path) -> None:
    Ledger(tmp_path).add(DONE)
    assert not Ledger(tmp_path).entries
    assert (tmp_path / LINES).read_bytes() == b""


def test_the_last_word_on_a_film_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(Entry(DONE.file, Status.FAILED, reason="disk full"))
    ledger.add(DONE)
    assert list(Ledger(tmp_path, resume=True).entries.values()) == [DONE]


@pytest.mark.parametrize(
    ("pixels", "model", "done"),
    [("f" * 64, "e" * 64, True), ("0" * 64, "e" * 64, False), ("f" * 64, "0" * 64, False)],
)
def test_done_is_the_same_pixels_by_the_same_model(
    tmp_path: Path, pixels: str, model: str, done: bool
) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(DONE)
    assert ledger.is_done(DONE.file, pixels, model) is done
    assert not ledger.is_done("other.png", pixels, model)


def test_a_file_name_that_is_no_unicode_survives(tmp_path: Path) -> None:
    odd = Entry("caf\udce9.png", Status.FAILED, reason="caf\udce9.png is broken")
    Ledger(tmp_path).add(odd)
    assert list(Ledger(tmp_path, resume=True).entries.values()) == [odd]


@pytest.mark.parametrize("name", [TABLE, LINES])
def test_a_file_of_the_user_is_not_replaced(tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.write_text("film,mine\n1,2\n3,4\n", encoding="utf-8")
    with pytest.raises(ReportError, match=f"{name} is no"):
        Ledger(tmp_path)
    assert mine.read_text(encoding="utf-8").startswith("film,mine")
