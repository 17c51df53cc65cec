"""The COVID-era films: PA, AP, supine and lateral, with radiologists' boxes of the lungs.

Folder: `annotations.json` (patient, view, boxes, licence of each film) and `images/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grounded.data.annotations import read_annotations
from grounded.data.example import Example, checked
from grounded.geometry import Box

LATERAL = "L"


def covid_films(folder: Path) -> list[Example]:
    """The frontal films that have boxes, and the lateral ones (`absent`), ordered by name.

    Frontal films without boxes are left out. Raises DataError that lists
    missing files.
    """
    rows = read_annotations(folder, required=("file", "patient", "view"))
    kept = [row for row in rows if row.get("boxes") or row["view"] == LATERAL]
    return checked(sorted((_example(folder, row) for row in kept), key=lambda film: film.name))


def _example(folder: Path, row: dict[str, Any]) -> Example:
    path = folder / "images" / str(row["file"])
    lateral = row["view"] == LATERAL
    boxes = {} if lateral else {name: Box(*box) for name, box in row["boxes"].items()}
    return Example(
        name=path.stem,
        source="covid",
        patient=str(row["patient"]),
        path=path,
        view=str(row["view"]),
        boxes=boxes,
        absent=lateral,
    )
