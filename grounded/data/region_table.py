"""The table that the region-guided model is trained from: one film a row, 29 regions each.

Columns: subject_id, study_id, image_id, mimic_image_file_path, bbox_coordinates, bbox_labels,
bbox_phrases, bbox_phrase_exists, bbox_is_abnormal, and reference_report where reports are compared.
Lists are written as Python literals; JSON is read as well. Labels count from 1 in the order of
`grounded.atlas.REGIONS`. Tables that were made elsewhere with the same columns are read by
the same function.
"""

from __future__ import annotations

import ast
import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import REGIONS
from grounded.data.example import Example, FilmReading
from grounded.errors import DataError
from grounded.findings import Presence
from grounded.geometry import Box

COLUMNS = (
    "subject_id",
    "study_id",
    "image_id",
    "mimic_image_file_path",
    "bbox_coordinates",
    "bbox_labels",
    "bbox_phrases",
    "bbox_phrase_exists",
    "bbox_is_abnormal",
)
REPORT_COLUMN = "reference_report"
_ROWS = {region: row for row, region in enumerate(REGIONS)}


ABNORMAL = "Abnormal"
"""The label under which a region is present (abnormal) or absent."""
SCENE_GRAPH = "scene graph"  # who says so
_KEYS = tuple((region, ABNORMAL) for region in REGIONS)  # shared by all films


class RegionBoxes(Mapping[str, Box]):
    """Boxes by region, kept as one small array: a table holds 166,000 films of 29 regions.

    corners: (29, 4) x0 y0 x1 y1 in the image frame, NaN where a region has none.
    """

    __slots__ = ("corners",)

    def __init__(self, corners: NDArray[np.float32]) -> None:
        self.corners = corners

    def __getitem__(self, region: str) -> Box:
        row = self.corners[_ROWS[region]]
        if np.isnan(row[0]):
            raise KeyError(region)
        return Box(*map(float, row))

    def __iter__(self) -> Iterator[str]:
        return (REGIONS[row] for row in np.flatnonzero(~np.isnan(self.corners[:, 0])))

    def __len__(self) -> int:
        return int((~np.isnan(self.corners[:, 0])).sum())


def region_example(
    *,
    subject: str,
    study: str,
    image: str,
    path: Path,
    corners: NDArray[np.float32],
    phrases: Sequence[str],
    abnormal: NDArray[np.bool_],
    report: str = "",
) -> Example:
    """A film of the table. corners: see RegionBoxes. phrases, abnormal: of the 29 regions.

    A region is taken for normal where it has a box and nothing abnormal is said of it.
    """
    boxes = RegionBoxes(corners)
    said: dict[tuple[str, str], Presence] = {
        key: Presence.PRESENT if is_abnormal else Presence.ABSENT
        for region, key, is_abnormal in zip(REGIONS, _KEYS, abnormal.tolist(), strict=True)
        if is_abnormal or region in boxes
    }
    return Example(
        name=image,
        source="Chest ImaGenome",
        patient=subject,
        path=path,
        boxes=boxes,
        readings=(FilmReading(SCENE_GRAPH, regions=said),),
        sentences={region: text for region, text in zip(REGIONS, phrases, strict=True) if text},
        report=report,
        about={"study": study},
    )


def abnormal_regions(example: Example) -> frozenset[str]:
    """The regions of which a reader says that they are abnormal."""
    return frozenset(
        region
        for (region, label), presence in example.regional.items()
        if label == ABNORMAL and presence == "present"
    )


def write_table(path: Path, rows: Iterable[Example], *, reports: bool) -> int:
    """Write the films as CSV; how many there were. reports: with the column reference_report."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS + ((REPORT_COLUMN,) if reports else ()))
        for row in rows:
            writer.writerow(_cells(row) + ([row.report] if reports else []))
            count += 1
    return count


def read_table(path: Path, *, films: Path | None = None, limit: int | None = None) -> list[Example]:
    """The rows of a table.

    films: the folder that relative film paths start from (default: the table's own). limit: at
    most so many rows. Raises DataError for a missing file or column, for a row that does not fit,
    with its line, and for a table without rows.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a report may exceed csv's 128 KB
    base = films if films is not None else path.parent
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(_rows(path, csv.DictReader(file), base, limit))
    except OSError as error:
        raise DataError(f"cannot read the table {path}: {error}") from error
    if not rows:
        raise DataError(f"the table {path} has no rows")
    return rows


def _cells(film: Example) -> list[str]:
    known = [region for region in REGIONS if region in film.boxes]
    phrases = [film.sentences.get(region, "") for region in REGIONS]
    abnormal = abnormal_regions(film)
    return [
        film.patient,
        str(film.about.get("study", "")),
        film.name,
        str(film.path),
        repr([[round(value, 2) for value in film.boxes[region]] for region in known]),
        repr([_ROWS[region] + 1 for region in known]),
        repr(phrases),
        repr([bool(phrase) for phrase in phrases]),
        repr([region in abnormal for region in REGIONS]),
    ]


def _rows(
    path: Path, reader: csv.DictReader[str], base: Path, limit: int | None
) -> Iterator[Example]:
    if lacking := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise DataError(
            f"{path} lacks the columns {', '.join(lacking)}; it has: "
            f"{', '.join(reader.fieldnames or ()) or 'none'}"
        )
    for count, cells in enumerate(reader):
        if limit is not None and count >= limit:
            return
        try:
            yield _row(cells, base)
        except (ValueError, SyntaxError, TypeError, KeyError, IndexError) as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}") from error


def _row(cells: dict[str, str], base: Path) -> Example:
    labels = [int(label) for label in _list(cells, "bbox_labels")]
    corners = _list(cells, "bbox_coordinates")
    if len(labels) != len(corners):
        raise ValueError(f"{len(labels)} bbox_labels for {len(corners)} bbox_coordinates")
    if wrong := [label for label in labels if not 1 <= label <= len(REGIONS)]:
        raise ValueError(f"bbox_labels lie in 1..{len(REGIONS)}, got {wrong}")
    places = [label - 1 for label in labels]
    boxes = np.full((len(REGIONS), 4), np.nan, dtype=np.float32)
    boxes[places] = np.array(corners, dtype=np.float32).reshape(-1, 4)
    if bool((boxes[places, :2] >= boxes[places, 2:]).any()):
        raise ValueError(f"a box needs x0 < x1 and y0 < y1, got {corners}")
    path = Path(cells["mimic_image_file_path"])
    exists = _spread(cells, "bbox_phrase_exists", places, False)
    phrases = _spread(cells, "bbox_phrases", places, "")
    return region_example(
        subject=cells["subject_id"],
        study=cells["study_id"],
        image=cells["image_id"],
        path=path if path.is_absolute() else base / path,
        corners=boxes,
        phrases=tuple(str(p) if there else "" for p, there in zip(phrases, exists, strict=True)),
        abnormal=np.array(_spread(cells, "bbox_is_abnormal", places, False), dtype=np.bool_),
        report=cells.get(REPORT_COLUMN) or "",
    )


def _spread(cells: dict[str, str], column: str, places: Sequence[int], nothing: Any) -> list[Any]:
    """A column's values for all 29 regions; it may hold all of them or only those with a box."""
    values = _list(cells, column)
    if len(values) == len(REGIONS):
        return values
    if len(values) != len(places):
        raise ValueError(
            f"{column} has {len(values)} values; expected {len(REGIONS)} or, as there are boxes, "
            f"{len(places)}"
        )
    spread = [nothing] * len(REGIONS)
    for place, value in zip(places, values, strict=True):
        spread[place] = value
    return spread


def _list(cells: dict[str, str], column: str) -> list[Any]:
    text = cells[column] or "[]"
    try:
        value = json.loads(text)
    except ValueError:
        value = ast.literal_eval(text)
    if not isinstance(value, list):
        raise ValueError(f"{column} should be a list, got {text[:60]!r}")
    return value
