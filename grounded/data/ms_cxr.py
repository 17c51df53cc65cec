"""MS-CXR: phrases of MIMIC-CXR reports with radiologists' boxes (Boecking et al., ECCV 2022).

Folder: `MS_CXR_Local_Alignment_v*.json`, in COCO's form (images with path, width, height;
annotations with image_id, category_id, bbox x y w h, label_text), and MIMIC-CXR-JPG's `files`,
there or in `mimic`. Terms: PhysioNet Credentialed Health Data License 1.5.0: only for those who
signed it, nothing may be passed on or sent to services of others, and nothing is downloaded here.
Cite Boecking et al. and Johnson et al., Sci Data 6:317, 2019.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grounded.data.example import Example, FilmReading, Mark, Phrase, checked
from grounded.errors import DataError
from grounded.findings import VOCABULARY, Presence
from grounded.geometry import Box

REPORTS = "MS_CXR_Local_Alignment_v*.json"
READER = "MS-CXR"


def ms_cxr(folder: Path, mimic: Path | None = None) -> list[Example]:
    """All films that have a phrase, ordered by name; mimic: the folder of MIMIC-CXR-JPG's `files`.

    Only the phrases are known of a film, so what a report says beyond them is not judged by them.
    Raises DataError for a folder that does not fit.
    """
    found = sorted(folder.rglob(REPORTS))
    if not found:
        raise DataError(f"no {REPORTS} in {folder}; expected MS-CXR's own folder")
    try:
        coco = json.loads(found[-1].read_text(encoding="utf-8"))
        names = {item["id"]: str(item["name"]) for item in coco["categories"]}
        rows: dict[Any, list[Mapping[str, Any]]] = {}
        for item in coco["annotations"]:
            rows.setdefault(item["image_id"], []).append(item)
        films = [
            _example(image, rows[image["id"]], names, mimic or folder)
            for image in coco["images"]
            if image["id"] in rows
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{found[-1]} is not as expected: {error!r}") from error
    return checked(sorted(films, key=lambda film: film.name))


def _example(
    image: Mapping[str, Any],
    items: list[Mapping[str, Any]],
    names: Mapping[int, str],
    root: Path,
) -> Example:
    phrases: dict[str, list[Box]] = {}
    marks = []
    for item in items:
        x, y, width, height = map(float, item["bbox"])
        box = Box(x, y, x + width, y + height)
        phrases.setdefault(" ".join(str(item["label_text"]).split()), []).append(box)
        label = names[item["category_id"]]
        if label in VOCABULARY:
            marks.append(Mark(label, box))
    path = root / str(image["path"])
    return Example(
        name=path.stem,
        source="MS-CXR",
        patient=_patient(path),
        path=path,
        readings=(
            FilmReading(
                READER,
                dict.fromkeys((mark.label for mark in marks), Presence.PRESENT),
                marks=tuple(marks),
                located=frozenset(mark.label for mark in marks),
            ),
        ),
        phrases=tuple(Phrase(_closed(text), tuple(boxes)) for text, boxes in phrases.items()),
    )


def _patient(path: Path) -> str:
    """The subject of files/p10/p10000032/s50414267/<image>.jpg."""
    return path.parent.parent.name.removeprefix("p")


def _closed(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
