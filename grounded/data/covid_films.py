"""The COVID-era films: PA, AP, supine and lateral, with radiologists' boxes of the lungs.

Folder: `annotations.json` (patient, view, boxes, licence of each film) and `images/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grounded.data.annotations import read_annotations
from grounded.data.organs import OrganExample
from grounded.errors import DataError
from grounded.geometry import Box

LATERAL = "L"


def covid_films(folder: Path) -> list[OrganExample]:
    """The frontal films that have boxes, and the lateral ones (`absent`), ordered by name.

    Frontal films without boxes are left out. Raises DataError when a file is missing.
    """
    rows = read_annotations(folder, required=("file", "patient", "view"))
    kept = [row for row in rows if row.get("boxes") or row["view"] == LATERAL]
    return sorted((_example(folder, row) for row in kept), key=lambda example: example.name)


def _example(folder: Path, row: dict[str, Any]) -> OrganExample:
    path = folder / "images" / str(row["file"])
    if not path.is_file():
        raise DataError(f"{path} is missing; annotations.json names it")
    lateral = row["view"] == LATERAL
    boxes = {} if lateral else {name: Box(*box) for name, box in row["boxes"].items()}
    return OrganExample(
        name=path.stem,
        source="covid",
        patient=str(row["patient"]),
        path=path,
        view=str(row["view"]),
        boxes=boxes,
        absent=lateral,
    )
