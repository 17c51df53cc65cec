"""A table of anyone's reports or references, row by row: CSV, JSON lines, a JSON list or Parquet.

The columns are those of docs/evaluation.md. What does not fit is named with its file, its row or
its film: a figure of a table that was half understood would be wrong without a word.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from grounded.data.film_table import BOXES, boxes_in_cell, finding_columns, presence_in_cell
from grounded.data.region_table import REPORT_COLUMN
from grounded.errors import DataError, GroundedError, MissingExtraError
from grounded.findings import Presence
from grounded.geometry import Box

ID_COLUMNS = ("image_id", "image", "id", "dicom_id", "name", "file")
TEXT_COLUMNS = (REPORT_COLUMN, "report", "text", "findings")
SENTENCES = "sentences"
GROUPS = ("sex", "age", "view", "source")
"""What figures are grouped by, where a column or a data set says it."""
PATIENT_COLUMNS = ("patient", "subject_id")
SIZE = ("width", "height")
_PLAIN = frozenset(
    (*ID_COLUMNS, *TEXT_COLUMNS, SENTENCES, *GROUPS, *PATIENT_COLUMNS, *SIZE, "schema")
)
_FILES = (".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".json")  # left off a name
_NOTHING = ("", "nan", "none", "null")  # as other programs write an empty cell

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A sentence and where it is said to be. point: the strongest place of its heatmap."""

    text: str
    boxes: tuple[Box, ...] = ()
    regions: frozenset[str] = frozenset()
    point: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of anyone's table. where: for messages. named: its columns of findings."""

    cells: Item
    name: str
    where: str
    named: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, item: Item, path: Path) -> TableRow:
        name = film_name(item, path)
        named = _finding_columns(path, tuple(item))
        if not ({*TEXT_COLUMNS, SENTENCES} & set(item) or named):
            raise DataError(
                f"{path}: expected one of {', '.join(TEXT_COLUMNS)}, {SENTENCES} or a column named "
                f"after a finding, got {', '.join(item)}"
            )
        return cls(item, name, f"{path}, film {name!r}", named)

    def columns(self, what: str) -> dict[str, str]:
        """The columns of findings that hold `what`: "" for presences, boxes or masks."""
        return {column: label for column, (label, kind) in self.named.items() if kind == what}

    def cell(self, column: str) -> str:
        value = self.cells.get(column)
        if isinstance(value, list | dict):
            return json.dumps(value)
        text = "" if value is None else str(value).strip()
        return "" if text.lower() in _NOTHING else text

    @property
    def worded(self) -> bool:
        """Whether the table has words at all, be they none of this film."""
        return bool({*TEXT_COLUMNS, SENTENCES} & set(self.cells))

    @property
    def text(self) -> str:
        said = next((self.cell(key) for key in TEXT_COLUMNS if key in self.cells), "")
        return " ".join(said.split()) or " ".join(s.text for s in self.statements)

    @property
    def patient(self) -> str:
        return next((self.cell(key) for key in PATIENT_COLUMNS if self.cell(key)), "")

    @property
    def about(self) -> dict[str, str]:
        return {key: self.cell(key) for key in GROUPS if self.cell(key)}

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the film in pixels; None where the table does not say it."""
        cells = [self.cell(key) for key in SIZE]
        if not all(cells):
            return None
        try:
            width, height = (int(float(cell)) for cell in cells)
        except ValueError as error:
            raise DataError(f"{self.where}: width and height are pixels, got {cells}") from error
        return width, height

    @property
    def boxes(self) -> dict[str, tuple[Box, ...]]:
        found = {}
        for column, label in self.columns(BOXES).items():
            boxes = tuple(self._checked(boxes_in_cell, column))
            for box in boxes:
                self._in_film(box, column)
            found[label] = boxes
        return {label: boxes for label, boxes in found.items() if boxes}

    @property
    def statements(self) -> tuple[Statement, ...]:
        cell = self.cell(SENTENCES)
        if not cell:
            return ()
        try:
            found = tuple(_statement(item) for item in json.loads(cell))
        except (ValueError, TypeError, KeyError, AttributeError, GroundedError) as error:
            raise DataError(
                f"{self.where}: {SENTENCES} is a JSON list of objects with text, boxes (a list of "
                f"[x0, y0, x1, y1]) and regions, got {cell[:80]!r} ({error})"
            ) from error
        for box in (box for statement in found for box in statement.boxes):
            self._in_film(box, SENTENCES)
        return found

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

    def _in_film(self, box: Box, column: str) -> None:
        """Raises DataError for a box that no film of any size holds."""
        corners = " ".join(f"{value:g}" for value in box)
        if box.x1 <= 1 and box.y1 <= 1:
            raise DataError(
                f"{self.where}: {column} has the box {corners}, within the first pixel; boxes are "
                f"in pixels of the film, not in parts of its size"
            )
        if box.x1 <= 0 or box.y1 <= 0:
            raise DataError(f"{self.where}: {column} has the box {corners}, outside of the film")


def _statement(item: Any) -> Statement:
    corners = item.get("boxes") or ()
    for box in corners:
        if not isinstance(box, list) or len(box) != 4:
            raise ValueError(f"a box is a list of four numbers, got {box}")
    boxes = tuple(Box(*map(float, box)) for box in corners)
    return Statement(str(item["text"]), boxes, frozenset(map(str, item.get("regions") or ())))


@lru_cache(maxsize=16)
def _finding_columns(path: Path, columns: tuple[str, ...]) -> Mapping[str, tuple[str, str]]:
    return finding_columns(path, columns)


def left_alone(items: Iterable[Item]) -> list[str]:
    """The columns of a table that nothing is read from."""
    names = dict.fromkeys(name for item in items if "schema" not in item for name in item)
    known = {*_PLAIN, *_finding_columns(Path(), tuple(names))}
    return [name for name in names if name not in known]


def film_name(item: Item, path: Path) -> str:
    """The film that a row is of, without folder and file ending."""
    keys = [key for key in ID_COLUMNS if key in item]
    if not keys:
        raise DataError(
            f"{path}: expected one of {', '.join(ID_COLUMNS)}, got {', '.join(item)[:200]}"
        )
    name = bare_name(str(item[keys[0]] if item[keys[0]] is not None else "").strip())
    if not name:
        raise DataError(f"{path}: a row has no {keys[0]}, so nobody knows which film it is of")
    return name


def bare_name(file: str) -> str:
    """A film's name without folder and file ending; the dots of a UID are no ending."""
    name = Path(file)
    return name.stem if name.suffix.lower() in _FILES else name.name


def read_items(path: Path) -> list[Item]:
    """The rows of a table, each by column; the documented columns in lower case.

    Raises DataError for what cannot be read, and MissingExtraError for Parquet without its library.
    """
    readers = {".csv": _csv, ".parquet": _parquet}
    try:
        items = list(readers.get(path.suffix.lower(), _objects)(path))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not in UTF-8 (byte {error.start}); save it as UTF-8 "
            f'(in spreadsheets: "CSV UTF-8")'
        ) from error
    except IsADirectoryError as error:
        raise DataError(
            f"{path} is a folder, expected a table; name the data set that it is with --reader"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if not items:
        raise DataError(f"{path} has no rows")
    return [item if "schema" in item else _named(item, path) for item in items]


def _named(item: Item, path: Path) -> Item:
    """With the documented columns in lower case, as they are looked for."""
    known: dict[str, Any] = {}
    for key, value in item.items():
        name = key.strip()
        name = name.lower() if name.lower() in _PLAIN else name
        if name in known:
            raise DataError(f"{path} has the column {name} twice")
        known[name] = value
    return known


def _csv(path: Path) -> Iterator[Item]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a report may exceed csv's 128 KB
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, strict=True)
        try:
            heading = next(rows, [])
            if len(heading) == 1 and (divider := next((c for c in ";\t" if c in heading[0]), "")):
                raise DataError(f"{path} divides its columns by {divider!r}, expected commas")
            if twice := [name for name in heading if name and heading.count(name) > 1]:
                raise DataError(f"{path} has the column {twice[0]} twice")
            for row in rows:
                if row:
                    yield dict(zip(heading, _whole(row, heading, path, rows.line_num), strict=True))
        except csv.Error as error:
            raise DataError(f"cannot read {path}, line {rows.line_num}: {error}") from error


def _whole(row: list[str], heading: list[str], path: Path, line: int) -> list[str]:
    """A row that has a cell for each column. Raises DataError for another one."""
    if len(row) != len(heading):
        more = "more" if len(row) > len(heading) else "fewer"
        hint = '; is a text with a comma not in quotes ("...")?' if more == "more" else ""
        raise DataError(
            f"{path}, line {line}: {len(row)} cells, {more} than the heading's {len(heading)}{hint}"
        )
    return row


def _parquet(path: Path) -> Iterator[Item]:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingExtraError(
            f"Parquet needs pyarrow (pip install 'grounded[evaluate]'): {error}"
        ) from error
    try:
        yield from parquet.read_table(path).to_pylist()
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no Parquet: {error}") from error


def _objects(path: Path) -> Iterator[Item]:
    """The objects of JSON lines, of a JSON list, or the one object of a JSON file."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        whole = json.loads(text)
        items = list(enumerate(whole if isinstance(whole, list) else [whole], start=1))
    except ValueError:
        items = list(_json_lines(text, path))
    for number, item in items:
        if not isinstance(item, dict):
            raise DataError(
                f"{path} should hold one object a line, got {type(item).__name__} in {number}"
            )
        yield item


def _json_lines(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise DataError(
                    f"cannot read {path} as JSON lines: line {number}: {error}; tables may also be "
                    f"CSV (.csv), Parquet (.parquet) or a JSON list"
                ) from error
