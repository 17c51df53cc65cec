"""PadChest-GR: films with reports whose sentences radiologists drew boxes for (Castro et al.,
2024).

Folder: `grounded_reports_20240819.json` (a study with ImageID and `findings`: sentence_en, boxes
and extra_boxes in parts of the film's width and height, x0 y0 x1 y1), `master_table.csv` (StudyID,
PatientID, split) and the PNG films below `Padchest_GR_files/`, `PadChest_GR/` or beside. Terms:
BIMCV gives it for research under its own licence, to be signed; nothing of it may be passed on, and
nothing is downloaded here. Cite Castro et al., arXiv:2411.05085.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grounded.data.annotations import read_csv, size_of
from grounded.data.example import Example, Phrase, Split, checked
from grounded.errors import DataError
from grounded.geometry import Box

REPORTS = "grounded_reports_*.json"
MASTER = "master_table.csv"
_SPLITS: Mapping[str, Split] = {"train": "train", "validation": "calibration", "test": "held"}
_ABOUT = {"PatientSex_DICOM": "sex", "PatientAge": "age", "ViewPosition_DICOM": "view"}


def padchest_gr(folder: Path) -> list[Example]:
    """All studies, ordered by film. Raises DataError for a folder that does not fit."""
    found = sorted(folder.rglob(REPORTS))
    if not found:
        raise DataError(f"no {REPORTS} in {folder}; expected PadChest-GR's own folder")
    try:
        studies = json.loads(found[-1].read_text(encoding="utf-8"))
        table = {row["StudyID"]: row for row in read_csv(found[-1].parent / MASTER, ("StudyID",))}
        films = {path.name: path for path in folder.rglob("*.png")}
        examples = [_example(study, table, films, folder) for study in studies]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{found[-1]} is not as expected: {error!r}") from error
    return checked(sorted(examples, key=lambda film: film.name))


def _example(
    study: Mapping[str, Any],
    table: Mapping[str, Mapping[str, str]],
    films: Mapping[str, Path],
    folder: Path,
) -> Example:
    image, row = str(study["ImageID"]), table.get(str(study["StudyID"]), {})
    path = films.get(image, folder / image)
    size = size_of(path) if path.is_file() else (1, 1)  # `checked` lists what is missing
    phrases = tuple(_phrase(item, size) for item in study["findings"] if item.get("sentence_en"))
    return Example(
        name=Path(image).stem,
        source="PadChest-GR",
        patient=str(row.get("PatientID") or study["StudyID"]),
        path=path,
        split=_SPLITS.get(row.get("split", ""), ""),
        report=" ".join(phrase.text for phrase in phrases),
        about={name: row[column] for column, name in _ABOUT.items() if row.get(column)},
        phrases=phrases,
    )


def _phrase(item: Mapping[str, Any], size: tuple[int, int]) -> Phrase:
    width, height = size
    drawn = [*(item.get("boxes") or ()), *(item.get("extra_boxes") or ())]
    boxes = tuple(
        Box(x0 * width, y0 * height, x1 * width, y1 * height)
        for x0, y0, x1, y1 in drawn
        if x0 < x1 and y0 < y1
    )
    text = str(item["sentence_en"]).strip()
    return Phrase(text if text.endswith(".") else f"{text}.", boxes)
