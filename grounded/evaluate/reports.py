"""What is compared: reports that were written, and references, paired by the film's name.

Both come from files of anyone: our `report.json`, or a table (CSV, JSON lines, Parquet) with the
columns of docs/evaluation.md; references also from a data set (`references_of`). What a file does
not have stays empty, and the figures that need it are left out.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from grounded.data.example import Example
from grounded.data.film_table import BOXES, extent
from grounded.data.region_table import COLUMNS, abnormal_regions, read_table
from grounded.errors import DataError, GroundedError
from grounded.evaluate.report_table import (
    Item,
    Statement,
    TableRow,
    bare_name,
    film_name,
    left_alone,
    read_items,
)
from grounded.evidence import Heatmap, evidence_box
from grounded.findings import Presence, ScoreKind
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence

LIKELY = 0.5
"""From which probability on a report without words states a finding."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A report to be judged.

    text: its findings. regions: those found, None where only the text is known. described,
    abnormal: the regions that a sentence speaks of, and those of which it says something abnormal.
    statements: its sentences with their places. scores: the probability that a finding is there.
    boxes: where each finding is, by label, image frame. patient, about: as the file has them.
    findings: what is stated where the file has no words at all, by label; None where words say it.
    size: (width, height) of the film, where it is known.
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
    findings: Mapping[str, Presence] | None = None
    size: tuple[int, int] | None = None

    @property
    def places(self) -> tuple[Box, ...]:
        """All boxes of findings and of sentences."""
        said = (box for statement in self.statements for box in statement.boxes)
        return (*(box for boxes in self.boxes.values() for box in boxes), *said)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What it is judged by. text: "" without a report; boxes: None without boxes of regions.

    findings: what readers say of the film, by label; others are unknown. marks: where, by label;
    located: the labels of which marks has every object. size: (width, height) of the film, where
    it is known.
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
    size: tuple[int, int] | None = None

    @property
    def silent(self) -> bool:
        """Whether nothing is known by which a report could be judged."""
        return not (self.text or self.findings or self.statements or self.boxes)

    @property
    def boxed(self) -> bool:
        """Whether a place can be judged by it."""
        return bool(self.marks or self.located or any(item.boxes for item in self.statements))

    @property
    def digest(self) -> str:
        """Twelve characters that stand for all that reports are judged by. Two runs can be compared
        only where they are the same."""
        said = [(item.text, list(map(tuple, item.boxes))) for item in self.statements]
        known = sorted((label, str(presence)) for label, presence in self.findings.items())
        marks = sorted((label, list(map(tuple, boxes))) for label, boxes in self.marks.items())
        whole = repr((self.text, said, known, marks, sorted(self.located)))
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


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
    """The films that have both, by name.

    Raises DataError when no film has both, and for boxes outside of films of known size.
    """
    shared = sorted(written.keys() & references.keys())
    if not shared:
        raise DataError(
            f"no film has both a report and a reference; the reports are of {_some(written)}, "
            f"the references of {_some(references)}"
        )
    cases = [Case(image, written[image], references[image]) for image in shared]
    for case in cases:
        _check_places(case)
    return cases


def _some(names: Iterable[str]) -> str:
    first = sorted(names)
    return f"{', '.join(first[:3])}{' ...' if len(first) > 3 else ''}"


def _check_places(case: Case) -> None:
    """Raises DataError for a box that lies outside of the film, where its size is known."""
    size = case.written.size or case.reference.size
    if size is None:
        return
    width, height = size
    marks = (box for boxes in case.reference.marks.values() for box in boxes)
    for box in (*case.written.places, *marks):
        if box.x0 >= width or box.y0 >= height:
            corners = " ".join(f"{value:g}" for value in box)
            raise DataError(
                f"the box {corners} lies outside of the film {case.image!r} of {width} x {height} "
                f"pixels; boxes are in pixels of the film as it is stored"
            )


def read_written(path: Path) -> dict[str, Written]:
    """Reports by film name: from a folder of `report.json` files, one of them, JSON lines, CSV or
    Parquet.

    A line is a whole report, as `report.json` has it, or {"image": ..., "report": ...}. Raises
    DataError when there is none, when two are of one film, and for what cannot be read.
    """
    if path.is_dir():
        files = sorted(path.rglob("report.json"))
        if not files:
            raise DataError(f"there is no report.json in {path} or below it")
        found = [(file, item) for file in files for item in read_items(file)]
    else:
        found = [(path, item) for item in read_items(path)]
    written: dict[str, Written] = {}
    for file, item in found:
        name, report = _written(item, file)
        if name in written:
            raise DataError(
                f"{path} holds two reports of the film {name!r}; films are told apart by their "
                f"names without folder and ending"
            )
        written[name] = report
    return written


def read_references(path: Path) -> dict[str, Reference]:
    """References by film name: the table of `grounded data chest-imagenome`, or any other.

    A row has a film (image_id, image, id ...) and a report, findings, or both. Raises DataError for
    what cannot be read, and when two rows are of one film.
    """
    if _is_of_regions(path):
        return references_of(read_table(path))
    references: dict[str, Reference] = {}
    for item in read_items(path):
        if "schema" in item:
            raise DataError(
                f"{path} is a report.json, which is judged, not judged by; a reference is a table "
                f"of texts or findings, or a data set"
            )
        name = film_name(item, path)
        if name in references:
            raise DataError(f"{path} holds two references of the film {name!r}")
        references[name] = _reference(item, path)
    return references


def references_of(films: Iterable[Example]) -> dict[str, Reference]:
    """By film name, what a data set knows of its films. Raises DataError for a name twice."""
    references: dict[str, Reference] = {}
    for film in films:
        if film.name in references:
            raise DataError(f"the data set has two films of the name {film.name!r}")
        references[film.name] = _of_example(film)
    return references


def columns_left_alone(path: Path) -> list[str]:
    """The columns of a table from which nothing was read; none of a folder."""
    return [] if path.is_dir() or _is_of_regions(path) else left_alone(read_items(path))


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


def _written(item: Item, path: Path) -> tuple[str, Written]:
    if "schema" not in item:
        row = TableRow.of(item, path)
        scores = {label: row.score(column) for column, label in row.columns("").items()}
        known = {label: score for label, score in scores.items() if score is not None}
        return row.name, Written(
            row.text,
            statements=row.statements,
            scores=known,
            boxes=row.boxes,
            patient=row.patient,
            about=row.about,
            findings=None if row.worded else _stated_by(known, row.boxes),
            size=row.size,
        )
    try:
        report = GroundedReport.from_dict(item)
    except GroundedError as error:
        raise DataError(f"{path}: {error}") from error
    sentences = report.section("findings")
    findings = [(s, f) for s in sentences for f in s.findings if f.presence != Presence.ABSENT]
    boxes: dict[str, tuple[Box, ...]] = {}
    for sentence, finding in findings:
        places = _places(sentence, report.regions)
        boxes[finding.label] = tuple(dict.fromkeys((*boxes.get(finding.label, ()), *places)))
    return bare_name(report.image.name) or path.parent.name, Written(
        " ".join(sentence.text for sentence in sentences),
        report.regions,
        frozenset(name for sentence in sentences for name in sentence.regions),
        frozenset(name for s in sentences if s.abnormal for name in s.regions),
        tuple(_statement(sentence, report.regions) for sentence in sentences),
        _probabilities(sentences),
        boxes,
        about={"view": str(report.image.view)} if report.image.view else {},
        size=(report.image.width, report.image.height),
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


def _stated_by(
    scores: Mapping[str, float], boxes: Mapping[str, tuple[Box, ...]]
) -> dict[str, Presence]:
    """What a report without words states: what is at least as probable as not, or has a place."""
    found = {
        label: Presence.PRESENT if score >= LIKELY else Presence.ABSENT
        for label, score in scores.items()
    }
    return {**dict.fromkeys(boxes, Presence.PRESENT), **found}


def _reference(item: Item, path: Path) -> Reference:
    row = TableRow.of(item, path)
    findings = {label: row.presence(column) for column, label in row.columns("").items()}
    known = {label: presence for label, presence in findings.items() if presence is not None}
    boxes = row.boxes
    absent = {label for label, presence in known.items() if presence == Presence.ABSENT}
    if both := absent & boxes.keys():
        raise DataError(f"{row.where}: {', '.join(sorted(both))} is absent and has a place")
    return Reference(
        row.text,
        statements=row.statements,
        findings={**dict.fromkeys(boxes, Presence.PRESENT), **known},
        marks=boxes,
        located=frozenset({*boxes, *(absent if row.columns(BOXES) else ())}),
        patient=row.patient,
        about=row.about,
        size=row.size,
    )


def _is_of_regions(path: Path) -> bool:
    """Whether it is a table of `grounded data chest-imagenome`."""
    if path.suffix.lower() != ".csv":
        return False
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return set(COLUMNS) <= set(next(csv.reader(file), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False  # what is wrong is said where the table is read
