"""Films of one's own: one table, a film a row, and any column but `file` may be missing.

CSV, or Parquet (extra `train`). The columns:

- `file`: the film, DICOM, PNG, JPEG or TIFF; a relative path starts from the table's folder.
- `patient`: whose film it is. Without it each film counts as a patient of its own.
- `view`: PA, AP, LL ...
- `split`: train, calibration or held; an empty cell leaves it open.
- a column named after a finding of `grounded.findings.VOCABULARY`, such as `Pleural Effusion`:
  present, absent, uncertain or unknown; 1, 0, -1 or empty say the same.
- `Pleural Effusion boxes`: where it is, as x0 y0 x1 y1 in pixels of the film, several divided by
  semicolons. `Pleural Effusion mask`: a PNG of the film's size, not black where it is. They show
  all there is of the finding in the film, which is present then.
- `report`: the text of the film's report.

Other columns (age, sex) are kept to group figures by. When films are reported (`stated_films`),
`view` and `age` (34, 1.5, 018M) count before what their headers say; nothing else is read then.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from grounded.data.example import (
    Example,
    FilmReading,
    Mark,
    Outline,
    Split,
    checked,
    read_mask,
)
from grounded.errors import DataError, InvalidValueError, MissingExtraError
from grounded.films.age import age_stated
from grounded.findings import VOCABULARY, Presence
from grounded.geometry import Box
from grounded.view import Projection, View, projection, view_from_words

TABLE = "table"  # the reader
PLAIN = ("file", "patient", "view", "split", "report")
BOXES, MASK = " boxes", " mask"
_PRESENCE: Mapping[str, Presence | None] = {
    Presence.PRESENT: Presence.PRESENT,
    Presence.ABSENT: Presence.ABSENT,
    Presence.UNCERTAIN: Presence.UNCERTAIN,
    "unknown": None,
    "": None,
    "1": Presence.PRESENT,
    "0": Presence.ABSENT,
    "-1": Presence.UNCERTAIN,
}
_LABELS = {label.casefold(): label for label in VOCABULARY}
_SHOWN = 10  # problems that a message names

Row = dict[str, str]


def film_table(path: Path) -> list[Example]:
    """The films of a table, in its order.

    Raises DataError that lists what does not fit, each with its line, and the files that are
    missing; MissingExtraError for Parquet without its library.
    """
    rows = _rows(path)
    columns = _columns(path, rows[0])
    films: list[Example] = []
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        try:
            films.append(_film(path, line, row, columns))
        except (ValueError, InvalidValueError) as error:
            problems.append(f"line {line}: {error}")
    _raise(path, problems + _divided(films))
    return checked(films)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a table states of a film that is to be reported.

    age: of the patient, in years; None if it does not say.
    """

    view: View = View.UNKNOWN
    age: float | None = None


def stated_films(path: Path) -> dict[Path, Stated]:
    """What a table states of its films, by their paths as `whole_path` makes them.

    Raises DataError that lists what does not fit, and MissingExtraError, as `film_table`.
    """
    rows = _rows(path)
    _columns(path, rows[0])
    stated: dict[Path, Stated] = {}
    problems: list[str] = []
    for line, row in enumerate(rows, start=2):
        try:
            file = whole_path(path.parent / _file(row))
            said = Stated(_view(row.get("view", "")), age_stated(row.get("age", "")))
        except (ValueError, InvalidValueError) as error:
            problems.append(f"line {line}: {error}")
            continue
        if stated.setdefault(file, said) != said:
            problems.append(f"line {line}: {row['file']} is in the table twice, and differs")
    _raise(path, problems)
    return stated


def whole_path(path: Path) -> Path:
    """A path from the root on, without links."""
    return Path(os.path.realpath(path))  # Path.resolve raises for a link that leads to itself


def _raise(path: Path, problems: Sequence[str]) -> None:
    """Raises DataError that names the problems of a table, if there are any."""
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(f"{path}: {'; '.join(problems[:_SHOWN])}{more}")


def _file(row: Row) -> str:
    if not row["file"]:
        raise ValueError("the file is empty")
    return row["file"]


def _view(cell: str) -> View:
    """The view that a cell such as PA, "AP supine", L or unknown means."""
    if cell.casefold() in ("", "unknown"):
        return View.UNKNOWN
    meant = projection(cell)
    if meant is Projection.UNKNOWN:
        raise ValueError(f"view is PA, AP, a lateral one or unknown, got {cell!r}")
    return view_from_words(cell) or View(meant.upper())


def write_film_table(path: Path, films: Sequence[Example]) -> None:
    """Write the films of any data set as such a table: findings of the film, and boxes of them."""
    labels = labels_of(films)
    columns = ["file", "patient", "view", "split"]
    columns += [name for label in labels for name in (label, label + BOXES)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, "report"])
        writer.writeheader()
        writer.writerows(_row_of(path.parent, film, labels) for film in films)


def _row_of(folder: Path, film: Example, labels: Sequence[str]) -> Row:
    inside = film.path.is_relative_to(folder)
    file = film.path.relative_to(folder).as_posix() if inside else str(film.path.absolute())
    row = {"file": file, "patient": film.patient, "view": film.view, "split": film.split}
    marks = [mark for reading in film.readings for mark in reading.marks]
    for label in labels:
        row[label] = film.findings.get(label, "")
        boxes = [extent(mark.shape) for mark in marks if mark.label == label]
        row[label + BOXES] = "; ".join(
            " ".join(f"{value:.6g}" for value in box) for box in boxes if box is not None
        )
    return {**row, "report": film.report}


def extent(shape: Box | Outline) -> Box | None:
    """The box around an object; None for an empty mask file and for a polygon without area."""
    if isinstance(shape, Box):
        return shape
    if isinstance(shape, Path):
        rows, columns = np.nonzero(read_mask(shape))
        shape = np.array([[x, y] for x in (columns, columns + 1) for y in (rows, rows + 1)])
        shape = shape.transpose(0, 2, 1).reshape(-1, 2)
    if not len(shape) or not np.ptp(shape, axis=0).all():
        return None
    return Box(*map(float, shape.min(axis=0)), *map(float, shape.max(axis=0)))


def labels_of(films: Iterable[Example]) -> tuple[str, ...]:
    """The findings of which a table says anything, in the vocabulary's order."""
    said = {label for film in films for label in film.findings}
    return tuple(label for label in VOCABULARY if label in said)


def split_films(
    films: Sequence[Example], calibration: float, held: float, seed: int
) -> dict[Split, list[Example]]:
    """The films by what they are for; those of one patient stay together.

    calibration, held: the parts of the patients whose films the table leaves open.
    """
    given = {film.patient: film.split for film in films if film.split}
    free = sorted({film.patient for film in films} - set(given))
    order = [free[row] for row in np.random.default_rng(seed).permutation(len(free))]
    first, second = round(held * len(free)), round((held + calibration) * len(free))
    of: dict[str, Split] = {**given, **dict.fromkeys(order[:first], "held")}
    of |= dict.fromkeys(order[first:second], "calibration")
    parts: dict[Split, list[Example]] = {"train": [], "calibration": [], "held": []}
    for film in films:
        parts[of.get(film.patient, "train")].append(film)
    return parts


def _rows(path: Path) -> list[Row]:
    """All cells as text, "" for nothing."""
    if path.suffix.lower() == ".parquet":
        rows = [{key: _text(value) for key, value in row.items()} for row in _parquet(path)]
    else:
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                rows = [_cells(path, row) for row in csv.DictReader(file)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"cannot read the table {path}: {error}") from error
    if not rows:
        raise DataError(f"the table {path} has no rows")
    return rows


def _cells(path: Path, row: dict[str | Any, Any]) -> Row:
    if None in row:
        raise DataError(f"{path}: a row has more cells than the heading: {row[None]}")
    return {key.strip(): (value or "").strip() for key, value in row.items()}


def _parquet(path: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(
            "a Parquet table needs pyarrow: pip install 'grounded[train]', or save it as CSV"
        ) from error
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the table {path}: {error}") from error
    return rows


def _text(value: Any) -> str:
    """A cell of any type as CSV would hold it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    return json.dumps(value) if isinstance(value, list) else str(value).strip()


def _columns(path: Path, row: Row) -> dict[str, tuple[str, str]]:
    if "file" not in row:
        raise DataError(f"{path} lacks the column file; it has: {', '.join(row)}")
    return finding_columns(path, row)


def finding_columns(path: Path, columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """By column: the finding and what is said of it ("", boxes or mask); others are left out.

    Raises DataError for a column that is nearly the name of a finding.
    """
    found: dict[str, tuple[str, str]] = {}
    for column in columns:
        name, what = column, ""
        for ending in (BOXES, MASK):
            if column.casefold().endswith(ending):
                name, what = column[: -len(ending)], ending
        label = _LABELS.get(name.casefold())
        if label is not None:
            found[column] = (label, what)
        elif column not in PLAIN and (what or get_close_matches(name.title(), VOCABULARY, 1, 0.8)):
            near = get_close_matches(name.title(), VOCABULARY, n=1, cutoff=0)[0]
            raise DataError(f"{path}: the column {column!r} names no finding; did you mean {near}?")
    return found


def _film(path: Path, line: int, row: Row, columns: Mapping[str, tuple[str, str]]) -> Example:
    file = path.parent / _file(row)
    if row.get("split", "") not in get_args(Split):
        names = ", ".join(name for name in get_args(Split) if name)
        raise ValueError(f"split is {names} or empty, got {row['split']!r}")
    about = {k: v for k, v in row.items() if v and k not in PLAIN and k not in columns}
    return Example(
        name=f"{file.stem}, line {line}",
        source=path.stem,
        patient=row.get("patient") or f"line {line}",
        path=file,
        view=row.get("view", "").upper(),
        split=cast(Split, row.get("split", "")),
        readings=(_reading(path.parent, row, columns),),
        report=row.get("report", ""),
        about=about,
    )


def _reading(folder: Path, row: Row, columns: Mapping[str, tuple[str, str]]) -> FilmReading:
    findings: dict[str, Presence] = {}
    marks: list[Mark] = []
    for column, (label, what) in columns.items():
        if what == BOXES:
            marks += [Mark(label, box) for box in boxes_in_cell(column, row[column])]
        elif what == MASK and row[column]:
            marks.append(Mark(label, folder / row[column]))
        elif not what and (presence := presence_in_cell(column, row[column])) is not None:
            findings[label] = presence
    for label in dict.fromkeys(mark.label for mark in marks):
        if findings.setdefault(label, Presence.PRESENT) == Presence.ABSENT:
            raise ValueError(f"{label} is absent and has a place")
    located = {mark.label for mark in marks}
    located |= {label for label, presence in findings.items() if presence == "absent"}
    return FilmReading(TABLE, findings, marks=tuple(marks), located=frozenset(located))


def presence_in_cell(column: str, cell: str) -> Presence | None:
    """What present, 1, absent, 0 ... in a cell means; None for unknown. Raises ValueError."""
    text = cell.casefold().removesuffix(".0")
    if text not in _PRESENCE:
        raise ValueError(
            f"{column} is present, absent, uncertain or unknown (1, 0, -1 or empty), got {cell!r}"
        )
    return _PRESENCE[text]


def boxes_in_cell(column: str, cell: str) -> list[Box]:
    """Boxes from "x0 y0 x1 y1; x0 ..." or from a list of lists. Raises ValueError for others."""
    if not cell:
        return []
    try:
        groups = json.loads(cell) if cell.startswith("[") else cell.split(";")
        numbers = [
            [float(n) for n in (g.replace(",", " ").split() if isinstance(g, str) else g)]
            for g in groups
        ]
        return [Box(*corners) for corners in numbers if corners]
    except (ValueError, TypeError, InvalidValueError):
        raise ValueError(
            f"{column} holds x0 y0 x1 y1 in pixels, several divided by semicolons, got {cell!r}"
        ) from None


def _divided(films: Sequence[Example]) -> list[str]:
    """The patients whose films are in several parts: what is measured would be known already."""
    parts: dict[str, set[str]] = {}
    for film in films:
        if film.split:
            parts.setdefault(film.patient, set()).add(film.split)
    return [
        f"patient {patient!r} is in {' and '.join(sorted(of))}: keep the films of one together"
        for patient, of in parts.items()
        if len(of) > 1
    ]
