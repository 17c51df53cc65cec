"""What is compared: reports that were written, and references, paired by the film's name.

Both come from files of anyone: our `report.json`, or a table (CSV, JSON lines, Parquet) with the
columns of docs/evaluation.md; references also from a data set (`references_of`). What a file does
not have stays empty, and the figures that need it are left out.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grounded.data.example import Example
from grounded.data.film_table import (
    BOXES,
    boxes_in_cell,
    extent,
    finding_columns,
    presence_in_cell,
)
from grounded.data.region_table import COLUMNS, REPORT_COLUMN, abnormal_regions, read_table
from grounded.errors import DataError, GroundedError, MissingExtraError
from grounded.evidence import Heatmap, evidence_box
from grounded.findings import Presence, ScoreKind
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence

ID_COLUMNS = ("image_id", "image", "id", "dicom_id", "name", "file")
TEXT_COLUMNS = (REPORT_COLUMN, "report", "text", "findings")
SENTENCES = "sentences"
_FILES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".json")  # left off a name
GROUPS = ("sex", "age", "view", "source")
"""What figures are grouped by, where a column or a data set says it."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A sentence and where it is said to be. point: the strongest place of its heatmap."""

    text: str
    boxes: tuple[Box, ...] = ()
    regions: frozenset[str] = frozenset()
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A report to be judged.

    text: its findings. regions: those found, None where only the text is known. described,
    abnormal: the regions that a sentence speaks of, and those of which it says something abnormal.
    statements: its sentences with their places. scores: the probability that a finding is there.
    boxes: where each finding is, by label, image frame. patient, about: as the file has them.
    """

    text: str
    regions: Regions | None = None
    described: frozenset[str] = frozenset()
    abnormal: frozenset[str] = frozenset()
    statements: tuple[Statement, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    patient: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What it is judged by. text: "" without a report; boxes: None without boxes of regions.

    findings: what readers say of the film, by label; others are unknown. marks: where, by label;
    located: the labels of which marks has every object.
    """

    text: str
    boxes: Mapping[str, Box] | None = None
    described: frozenset[str] = frozenset()
    abnormal: frozenset[str] = frozenset()
    statements: tuple[Statement, ...] = ()
    findings: Mapping[str, Presence] = field(default_factory=dict)
    marks: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    located: frozenset[str] = frozenset()
    patient: str = ""
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One film: the report that was written of it, and its reference."""

    image: str
    written: Written
    reference: Reference

    @property
    def patient(self) -> str:
        """Whose film it is; a film of which nobody says it is a patient of its own."""
        return self.reference.patient or self.written.patient or f"film {self.image}"

    @property
    def about(self) -> dict[str, str]:
        return {**self.written.about, **self.reference.about}


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
    """References by film name: the table of `grounded data chest-imagenome`, or any other.

    A row has a film (image_id, image, id ...) and a report, findings, or both. Raises DataError for
    what cannot be read.
    """
    if path.suffix.lower() == ".csv" and set(COLUMNS) <= set(_heading(path)):
        return references_of(read_table(path))
    return {_name(item, path): _reference(item, path) for item in _rows(path)}


def references_of(films: Iterable[Example]) -> dict[str, Reference]:
    """By film name, what a data set knows of its films."""
    return {film.name: _of_example(film) for film in films}


def _of_example(film: Example) -> Reference:
    marks: dict[str, tuple[Box, ...]] = {}
    for mark in (mark for reading in film.readings for mark in reading.marks):
        if (box := extent(mark.shape)) is not None:
            marks[mark.label] = (*marks.get(mark.label, ()), box)
    statements = [Statement(phrase.text, phrase.boxes) for phrase in film.phrases]
    statements += [
        Statement(text, (film.boxes[name],) if name in film.boxes else (), frozenset({name}))
        for name, text in film.sentences.items()
    ]
    about = {k: str(v) for k, v in {"view": film.view, **film.about}.items() if v != ""}
    return Reference(
        " ".join(film.report.split()),
        dict(film.boxes) or None,
        frozenset(film.sentences),
        abnormal_regions(film),
        tuple(statements),
        film.findings,
        marks,
        frozenset(label for reading in film.readings for label in reading.located),
        film.patient,
        {**about, "source": film.source},
    )


def _written(item: Mapping[str, Any], folder: str, path: Path) -> tuple[str, Written]:
    if "schema" not in item:
        name = _name(item, path)
        row = _Row.of(item, path)
        scores = {label: row.score(column) for column, label in row.columns("").items()}
        known = {label: score for label, score in scores.items() if score is not None}
        return name, Written(
            row.text,
            statements=row.statements,
            scores=known,
            boxes=row.boxes,
            patient=row.patient,
            about=row.about,
        )
    report = GroundedReport.from_dict(item)
    sentences = report.section("findings")
    findings = [(s, f) for s in sentences for f in s.findings if f.presence != Presence.ABSENT]
    boxes: dict[str, tuple[Box, ...]] = {}
    for sentence, finding in findings:
        places = _places(sentence, report.regions)
        boxes[finding.label] = tuple(dict.fromkeys((*boxes.get(finding.label, ()), *places)))
    return Path(report.image.name).stem or folder, Written(
        " ".join(sentence.text for sentence in sentences),
        report.regions,
        frozenset(name for sentence in sentences for name in sentence.regions),
        frozenset(name for s in sentences if s.abnormal for name in s.regions),
        tuple(_statement(sentence, report.regions) for sentence in sentences),
        _probabilities(sentences),
        boxes,
    )


def _statement(sentence: GroundedSentence, regions: Regions) -> Statement:
    places = _places(sentence, regions)
    return Statement(sentence.text, places, frozenset(sentence.regions), _peak(sentence))


def _places(sentence: GroundedSentence, regions: Regions) -> tuple[Box, ...]:
    """The boxes and outlines that a sentence stands on, else those of its regions."""
    own = [evidence_box(item) for item in sentence.evidence if not isinstance(item, Heatmap)]
    named = [regions[name].box for name in sentence.regions if name in regions]
    return tuple(dict.fromkeys(own or named))


def _peak(sentence: GroundedSentence) -> tuple[float, float] | None:
    """Where the first heatmap of a sentence is strongest: the centre of that cell."""
    for item in sentence.evidence:
        if isinstance(item, Heatmap):
            rows, columns = item.values.shape
            row, column = divmod(int(np.argmax(item.values)), columns)
            box = item.extent
            x = box.x0 + (column + 0.5) / columns * box.width
            return x, box.y0 + (row + 0.5) / rows * box.height
    return None


def _probabilities(sentences: Sequence[GroundedSentence]) -> dict[str, float]:
    """By label, how probable it is that the finding is there, where that was calibrated."""
    found: dict[str, float] = {}
    for finding in (finding for sentence in sentences for finding in sentence.findings):
        if finding.score_kind is ScoreKind.PROBABILITY:
            absent = finding.presence == Presence.ABSENT
            score = 1 - finding.score if absent else finding.score
            found[finding.label] = max(score, found.get(finding.label, 0.0))
    return found


def _reference(item: Mapping[str, Any], path: Path) -> Reference:
    row = _Row.of(item, path)
    findings = {label: row.presence(column) for column, label in row.columns("").items()}
    known = {label: presence for label, presence in findings.items() if presence is not None}
    boxes = row.boxes
    known |= dict.fromkeys(boxes, Presence.PRESENT)
    if not (row.text or row.statements or known):
        return Reference("")
    absent = {label for label, presence in known.items() if presence == Presence.ABSENT}
    return Reference(
        row.text,
        statements=row.statements,
        findings=known,
        marks=boxes,
        located=frozenset({*boxes, *(absent if row.columns(BOXES) else ())}),
        patient=row.patient,
        about=row.about,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of anyone's table. where: for messages. named: its columns of findings."""

    cells: Mapping[str, Any]
    where: str
    named: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, item: Mapping[str, Any], path: Path) -> _Row:
        row = cls(item, f"{path}, film {_name(item, path)!r}", finding_columns(path, item))
        if not ({*TEXT_COLUMNS, SENTENCES} & set(item) or row.named):
            raise DataError(
                f"{path}: expected one of {', '.join(TEXT_COLUMNS)}, {SENTENCES} or a column named "
                f"after a finding, got {', '.join(map(str, item))}"
            )
        return row

    def columns(self, what: str) -> dict[str, str]:
        return {column: label for column, (label, kind) in self.named.items() if kind == what}

    def cell(self, column: str) -> str:
        value = self.cells.get(column)
        if value is None or value != value:  # NaN, as pandas has it
            return ""
        return json.dumps(value) if isinstance(value, list | dict) else str(value).strip()

    @property
    def text(self) -> str:
        said = next((self.cell(key) for key in TEXT_COLUMNS if key in self.cells), "")
        return " ".join(said.split()) or " ".join(s.text for s in self.statements)

    @property
    def patient(self) -> str:
        return next((self.cell(key) for key in ("patient", "subject_id") if self.cell(key)), "")

    @property
    def about(self) -> dict[str, str]:
        return {key: self.cell(key) for key in GROUPS if self.cell(key)}

    @property
    def boxes(self) -> dict[str, tuple[Box, ...]]:
        found = {
            label: tuple(self._checked(boxes_in_cell, column))
            for column, label in self.columns(BOXES).items()
        }
        return {label: boxes for label, boxes in found.items() if boxes}

    @property
    def statements(self) -> tuple[Statement, ...]:
        cell = self.cell(SENTENCES)
        if not cell:
            return ()
        try:
            return tuple(
                Statement(
                    str(item["text"]),
                    tuple(Box(*map(float, box)) for box in item.get("boxes") or ()),
                    frozenset(map(str, item.get("regions") or ())),
                )
                for item in json.loads(cell)
            )
        except (ValueError, TypeError, KeyError, AttributeError, GroundedError) as error:
            raise DataError(
                f"{self.where}: {SENTENCES} is a JSON list of objects with text, boxes (x0 y0 x1 "
                f"y1) and regions, got {cell[:80]!r}: {error!r}"
            ) from error

    def presence(self, column: str) -> Presence | None:
        presence: Presence | None = self._checked(presence_in_cell, column)
        return presence

    def score(self, column: str) -> float | None:
        """A probability, or a presence: 1 if the finding is said to be there."""
        cell = self.cell(column)
        try:
            value = float(cell)
        except ValueError:
            presence = self._checked(presence_in_cell, column)
            return {Presence.PRESENT: 1.0, Presence.ABSENT: 0.0}.get(presence) if presence else None
        if not 0 <= value <= 1:
            raise DataError(f"{self.where}: {column} is a probability in 0..1, got {cell!r}")
        return value

    def _checked(self, read: Any, column: str) -> Any:
        try:
            return read(column, self.cell(column))
        except ValueError as error:
            raise DataError(f"{self.where}: {error}") from error


def _heading(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the references {path}: {error}") from error


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, CSV or Parquet, with an image and a report; else `_objects`."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        return list(_objects(path))
    try:
        if suffix == ".csv":
            csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a report may exceed csv's 128 KB
            with path.open(newline="", encoding="utf-8-sig") as file:
                return list(csv.DictReader(file))
        import pyarrow.parquet as parquet

        return list(parquet.read_table(path).to_pylist())
    except ImportError as error:
        raise MissingExtraError(f"Parquet needs pyarrow (pip install pyarrow): {error}") from error
    except (OSError, ValueError, csv.Error) as error:
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
    for key in ID_COLUMNS:
        if key in item:
            name = Path(str(item[key]))
            return name.stem if name.suffix.lower() in _FILES else name.name
    got = ", ".join(map(str, item))
    raise DataError(f"{path}: expected one of {', '.join(ID_COLUMNS)}, got {got}")
