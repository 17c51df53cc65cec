"""The collection of report text, on a folder made here."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from grounded.data.iu_text import iu_text
from grounded.errors import DataError


def _folder(path: Path, reports: dict[str, str], **held: list[str]) -> Path:
    with (path / "indiana_reports.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "MeSH", "findings", "impression"])
        writer.writerows([uid, "normal; Lung", text, ""] for uid, text in reports.items())
    splits = {
        split: [{"id": f"CXR{uid}_IM-0007"} for uid in held.get(split, [])]
        for split in ("train", "val", "test")
    }
    (path / "sentences_by_region.json").write_text(json.dumps(splits), encoding="utf-8")
    return path


def test_reports_keep_their_split_and_the_rest_is_for_training(tmp_path: Path) -> None:
    texts = {"12": "Clear.", "2": "Heart is big.", "7": "No fluid."}
    reports = iu_text(_folder(tmp_path, texts, val=["7"], test=["12"]))
    found = [(report.uid, report.split) for report in reports]
    assert found == [("2", "train"), ("7", "val"), ("12", "test")]


def test_sentences_that_run_into_each_other_are_told_apart(tmp_path: Path) -> None:
    [report] = iu_text(_folder(tmp_path, {"1": "No fluid.Heart is big.. Lungs look fine."}))
    assert report.sentences == ("No fluid.", "Heart is big.", "Lungs look fine.")


def test_the_terms_of_a_report_are_kept(tmp_path: Path) -> None:
    [report] = iu_text(_folder(tmp_path, {"1": "Clear."}))
    assert report.mesh == ("normal", "Lung")


def test_a_report_without_text_is_left_out(tmp_path: Path) -> None:
    assert len(iu_text(_folder(tmp_path, {"1": "", "2": "Clear."}))) == 1


def test_a_folder_without_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no report with text"):
        iu_text(_folder(tmp_path, {"1": ""}))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sentences_by_region\.json"):
        iu_text(tmp_path)


def test_an_odd_identifier_is_an_error(tmp_path: Path) -> None:
    _folder(tmp_path, {"1": "Clear."})
    odd = {"train": [], "val": [{"id": "film 7"}], "test": []}
    (tmp_path / "sentences_by_region.json").write_text(json.dumps(odd), encoding="utf-8")
    with pytest.raises(DataError, match="film 7"):
        iu_text(tmp_path)


def test_a_missing_column_is_an_error(tmp_path: Path) -> None:
    _folder(tmp_path, {"1": "Clear."})
    (tmp_path / "indiana_reports.csv").write_text("uid,findings\n1,Clear.\n", encoding="utf-8")
    with pytest.raises(DataError, match="MeSH"):
        iu_text(tmp_path)
