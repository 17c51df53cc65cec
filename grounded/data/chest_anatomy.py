"""The chest anatomy set: JSRT and Wingspan films with outlines of lungs, heart and clavicles.

Folder: `annotations.json`, and PNG files of 512 x 512 in `images/`, `right_lung/`, `left_lung/` and
`heart/`. Clavicles are landmark polygons, on JSRT only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grounded.chest.names import HEART, LEFT_CLAVICLE, LEFT_LUNG, RIGHT_CLAVICLE, RIGHT_LUNG
from grounded.data.annotations import read_annotations
from grounded.data.example import Example, Outline, checked
from grounded.geometry import Box

MASK_FOLDERS = {RIGHT_LUNG: "right_lung", LEFT_LUNG: "left_lung", HEART: "heart"}
FADED = frozenset(f"JPCLN{number:03d}" for number in (31, 37, 78, 83, 94, 117, 122))
"""Films that lost their contrast when the set was made: nothing can be seen in them."""
POLYGONS = {RIGHT_CLAVICLE: "right_clavicle", LEFT_CLAVICLE: "left_clavicle"}


def chest_anatomy(folder: Path) -> list[Example]:
    """All films of the set, ordered by name. Raises DataError that lists missing files."""
    rows = read_annotations(folder, required=("id", "source"))
    return checked(sorted((_example(folder, row) for row in rows), key=lambda film: film.name))


def _example(folder: Path, row: dict[str, Any]) -> Example:
    name = str(row["id"])
    outlines: dict[str, Outline] = {
        organ: folder / mask_folder / f"{name}.png" for organ, mask_folder in MASK_FOLDERS.items()
    }
    landmarks = row.get("landmarks") or {}
    for organ, key in POLYGONS.items():
        if landmarks.get(key):
            outlines[organ] = np.array(landmarks[key], dtype=np.float64)
    ratio = row.get("cardiothoracic_ratio")
    return Example(
        name=name,
        source=str(row["source"]),
        patient=name,  # one film a patient
        path=folder / "images" / f"{name}.png",
        view="PA",
        outlines=outlines,
        cardiothoracic_ratio=None if ratio is None else float(ratio),
    )


class Nodule(NamedTuple):
    """A nodule of a JSRT film. subtlety: from 5, obvious, to 1, extremely subtle."""

    film: str
    subtlety: int
    size_mm: float
    box: Box


def jsrt_nodules(folder: Path) -> list[Nodule]:
    """The nodules of the JSRT films that have one, ordered by film; none without nodules.json."""
    path = folder / "nodules.json"
    if not path.is_file():
        return []
    return sorted(
        Nodule(row["id"], int(row["subtlety"]), float(row["size_mm"]), Box(*row["box512"]))
        for row in json.loads(path.read_text(encoding="utf-8"))
        if row["id"] not in FADED
    )
