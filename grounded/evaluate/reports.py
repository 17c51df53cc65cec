"""What is compared: reports that were written, and references, paired by the film's name."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grounded.data.region_table import COLUMNS, REPORT_COLUMN, abnormal_regions, read_table
from grounded.errors import DataError, MissingExtraError
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.report import GroundedReport

_ID_KEYS = ("image_id", "image", "id", "dicom_id", "name")
_TEXT_KEYS = (REPORT_COLUMN, "report", "text", "findings")


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A report to be judged.

    text: its findings. regions: those found, None where only the text is known. described,
    abnormal: the regions that a sentence speaks of, and those of which it says something abnormal.
    """

    text: str
    regions: Regions | None = None
    described: frozenset[str] = frozenset()
    abnormal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What it is judged by. text: "" without a report; boxes: None without boxes."""

    text: str
    boxes: Mapping[str, Box] | None = None
    described: frozenset[str] = frozenset()
    abnormal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One film: the report that was written of it, and its reference."""

    image: str
    written: Written
    reference: Reference


def pair(written: Mapping[str, Written], references: Mapping[str, Reference]) -> list[Case]:
    """The films that have both, by name. Raises DataError when no film has both."""
    shared = sorted(written.keys() & references.keys())
    if not shared:
        raise DataError(
            f"no film has both a report and a reference; the reports are of "
            f"{', '.join(sorted(written)[:3])} ..., the references of "
            f"{', '.join(sorted(references)[:3])} ..."
        )
    return [Case(image, written[image], references[image]) for image in shared]


def read_written(path: Path) -> dict[str, Written]:
    """Reports by film name: from a folder of `report.json` files, JSON lines, CSV or Parquet.

    A line is a whole report, as `report.json` has it, or {"image": ..., "report": ...}. Raises
    DataError when there is none, or when two are of one film.
    """
    if path.is_dir():
        files = sorted(path.rglob("report.json"))
        found = [(file.parent.name, json.loads(file.read_text("utf-8"))) for file in files]
    else:
        found = [("", item) for item in _rows(path)]
    if not found:
        raise DataError(f"there is no report in {path}: expected report.json files or JSON lines")
    written: dict[str, Written] = {}
    for folder, item in found:
        name, report = _written(item, folder, path)
        if name in written:
            raise DataError(f"{path} holds two reports of the film {name!r}")
        written[name] = report
    return written


def read_references(path: Path) -> dict[str, Reference]:
    """References by film name: from the table of `grounded data chest-imagenome`, or text alone.

    Text alone is CSV or JSON lines with a film (image_id, image, id) and a report
    (reference_report, report, text, findings). Raises DataError for what cannot be read.
    """
    if path.suffix.lower() != ".csv":
        return {_name(item, path): Reference(_text(item, path)) for item in _objects(path)}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if set(COLUMNS) <= set(reader.fieldnames or ()):
                return _from_table(path)
            return {_name(row, path): Reference(_text(row, path)) for row in reader}
    except OSError as error:
        raise DataError(f"cannot read the references {path}: {error}") from error


def _from_table(path: Path) -> dict[str, Reference]:
    return {
        film.name: Reference(
            " ".join(film.report.split()),
            dict(film.boxes),
            frozenset(film.sentences),
            abnormal_regions(film),
        )
        for film in read_table(path)
    }


def _written(item: Mapping[str, Any], folder: str, path: Path) -> tuple[str, Written]:
    if "schema" not in item:
        return _name(item, path), Written(_text(item, path))
    report = GroundedReport.from_dict(item)
    sentences = report.section("findings")
    return Path(report.image.name).stem or folder, Written(
        " ".join(sentence.text for sentence in sentences),
        report.regions,
        frozenset(name for sentence in sentences for name in sentence.regions),
        frozenset(name for s in sentences if s.abnormal for name in s.regions),
    )


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, CSV or Parquet, with an image and a report; else `_objects`."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        return list(_objects(path))
    try:
        if suffix == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as file:
                return list(csv.DictReader(file))
        import pyarrow.parquet as parquet

        return list(parquet.read_table(path).to_pylist())
    except ImportError as error:
        raise MissingExtraError(f"Parquet needs pyarrow (pip install pyarrow): {error}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the reports {path}: {error}") from error


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file, or of a JSON list."""
    try:
        text = path.read_text(encoding="utf-8")
        listed = text.lstrip().startswith("[")
        items = json.loads(text) if listed else [json.loads(x) for x in text.splitlines() if x]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path} as JSON lines: {error}") from error
    for item in items:
        if not isinstance(item, dict):
            raise DataError(f"{path} should hold one object a line, got {type(item).__name__}")
        yield item


def _name(item: Mapping[str, Any], path: Path) -> str:
    return Path(str(_first(item, _ID_KEYS, path))).stem


def _text(item: Mapping[str, Any], path: Path) -> str:
    return " ".join(str(_first(item, _TEXT_KEYS, path) or "").split())


def _first(item: Mapping[str, Any], keys: tuple[str, ...], path: Path) -> Any:
    for key in keys:
        if key in item:
            return item[key]
    raise DataError(f"{path}: expected one of {', '.join(keys)}, got {', '.join(map(str, item))}")
