"""Report text of the Indiana University collection (Demner-Fushman et al., JAMIA 2016), no films.

Folder: `indiana_reports.csv` (uid, MeSH, findings, impression) and `sentences_by_region.json`
(lists `train`, `val` and `test` of reports with an id `CXR<uid>_IM-<n>`). Terms: CC BY-NC-ND 4.0,
so the text may be learned from and measured with, and not be passed on.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grounded.errors import DataError
from grounded.language.labeller import sentences

Split = Literal["train", "val", "test"]

_REPORTS = "indiana_reports.csv"
_SPLITS = "sentences_by_region.json"
_NUMBER = re.compile(r"CXR(\d+)")
_RUN_ON = re.compile(r"(?<=[a-z])\s*\.+\s*(?=[A-Z])")  # "effusion.Heart", "seen.. Heart"


@dataclass(frozen=True, slots=True)
class TextReport:
    """One report: its sentences as written, and the MeSH terms that indexers gave it."""

    uid: str
    split: Split
    sentences: tuple[str, ...]
    mesh: tuple[str, ...] = ()


def iu_text(folder: Path) -> list[TextReport]:
    """All reports of the folder that have text, by uid.

    The given validation and test reports keep their split; every other report is for training. What
    was taken apart by region elsewhere is read from the whole report, which says the same words in
    their order. Raises DataError when a file is missing or is not as expected.
    """
    split_of = _splits(folder / _SPLITS)
    reports = [_report(row, split_of) for row in _rows(folder / _REPORTS)]
    kept = [report for report in reports if report.sentences]
    if not kept:
        raise DataError(f"{folder / _REPORTS} has no report with text")
    return sorted(kept, key=lambda report: int(report.uid))


def _report(row: dict[str, str], split_of: dict[str, Split]) -> TextReport:
    found = [piece for field in ("findings", "impression") for piece in _pieces(row[field] or "")]
    mesh = tuple(term.strip() for term in (row["MeSH"] or "").split(";") if term.strip())
    return TextReport(row["uid"], split_of.get(row["uid"], "train"), tuple(found), mesh)


def _pieces(text: str) -> Iterator[str]:
    for sentence in sentences(_RUN_ON.sub(". ", text)):
        if any(letter.isalpha() for letter in sentence):
            yield sentence


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the reports {path}: {error}") from error
    needed = {"uid", "MeSH", "findings", "impression"}
    if missing := needed - set(rows[0] if rows else ()):
        raise DataError(f"{path} lacks the columns {sorted(missing)}")
    if odd := [row["uid"] for row in rows if not (row["uid"] or "").isdigit()]:
        raise DataError(f"{path} has the uid {odd[0]!r}; expected a number")
    return rows


def _splits(path: Path) -> dict[str, Split]:
    """The split of each uid that is not for training."""
    try:
        data: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
        held: tuple[Split, ...] = ("val", "test")
        return {_uid(str(row["id"]), path): split for split in held for row in data[split]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot read the splits of the reports from {path}: {error!r}") from error


def _uid(identifier: str, path: Path) -> str:
    match = _NUMBER.match(identifier)
    if match is None:
        raise DataError(f"{path} has the id {identifier!r}; expected CXR<uid>_IM-<n>")
    return match[1]
