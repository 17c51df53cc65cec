"""VinDr-CXR: films with boxes of findings by radiologists (Nguyen et al., Sci Data 9:429, 2022).

Folder: `train/` and `test/` with DICOM (or PNG) films, and in `annotations/` or beside
`annotations_{train,test}.csv` (image_id, rad_id, class_name, x_min, y_min, x_max, y_max) and
`image_labels_{train,test}.csv` (image_id, rad_id, a column a label). Three radiologists read each
training film, five agreed on each test film. Terms: PhysioNet Credentialed Health Data License
1.5.0: only for those who signed it, nothing may be passed on, and nothing is downloaded here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from grounded.data.annotations import read_csv
from grounded.data.example import Example, FilmReading, Mark, Split, checked
from grounded.errors import DataError, InvalidValueError
from grounded.findings import Presence
from grounded.geometry import Box

VinDrSplit = Literal["train", "test"]
READER = "VinDr"
LABELS: Mapping[str, str] = {
    "Atelectasis": "Atelectasis",
    "Calcification": "Calcification",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Emphysema": "Emphysema",
    "Infiltration": "Lung Opacity",
    "Lung Opacity": "Lung Opacity",
    "Nodule/Mass": "Lung Lesion",
    "Pleural effusion": "Pleural Effusion",
    "Pleural thickening": "Pleural Thickening",
    "Pneumothorax": "Pneumothorax",
    "Pulmonary fibrosis": "Fibrosis",
    "Rib fracture": "Fracture",
    "Clavicle fracture": "Fracture",
    "Mediastinal shift": "Mediastinal Shift",
}
"""VinDr's local labels under our names; what has no counterpart is left out."""
_SPLITS: Mapping[VinDrSplit, Split] = {"train": "train", "test": "held"}


def vindr_cxr(folder: Path) -> list[Example]:
    """The films of both splits, ordered by name. Raises DataError for a folder that does not fit.

    A label is present in a training film if most of its readers say so, and absent if none does; in
    between it is uncertain. Boxes are those of all readers who drew one.
    """
    films = [film for split in _SPLITS for film in _split(folder, split)]
    if not films:
        raise DataError(f"neither annotations_train.csv nor annotations_test.csv in {folder}")
    return checked(sorted(films, key=lambda film: film.name))


def _split(folder: Path, split: VinDrSplit) -> list[Example]:
    places = [base / f"annotations_{split}.csv" for base in (folder / "annotations", folder)]
    table = next((path for path in places if path.is_file()), None)
    if table is None:
        return []
    boxes: dict[str, list[Mark]] = defaultdict(list)
    for row in read_csv(table, ("image_id", "class_name", "x_min", "y_min", "x_max", "y_max")):
        label = LABELS.get(row["class_name"])
        if label and row["x_min"]:
            boxes[row["image_id"]].append(Mark(label, _box(row, table)))
    said: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in read_csv(table.parent / f"image_labels_{split}.csv", ("image_id",)):
        said[row["image_id"]].append(row)
    return [_example(folder / split, split, name, said[name], boxes[name]) for name in said]


def _example(
    films: Path, split: VinDrSplit, name: str, rows: Sequence[Mapping[str, str]], marks: list[Mark]
) -> Example:
    votes: Counter[str] = Counter()
    known: set[str] = set()
    for row in rows:
        yes = {LABELS[c] for c in row.keys() & LABELS.keys() if row[c] in ("1", "1.0")}
        known |= {LABELS[c] for c in row.keys() & LABELS.keys()}
        votes.update(yes)
    findings = {label: _presence(votes[label], len(rows)) for label in known}
    located = {label for label, presence in findings.items() if presence != Presence.UNCERTAIN}
    path = next((p for p in films.glob(f"{name}.*")), films / f"{name}.dicom")
    return Example(
        name=name,
        source="VinDr-CXR",
        patient=name,  # the set does not say whose a film is
        path=path,
        split=_SPLITS[split],
        readings=(FilmReading(READER, findings, marks=tuple(marks), located=frozenset(located)),),
    )


def _presence(votes: int, readers: int) -> Presence:
    if votes == 0:
        return Presence.ABSENT
    return Presence.PRESENT if 2 * votes > readers else Presence.UNCERTAIN


def _box(row: Mapping[str, str], table: Path) -> Box:
    try:
        return Box(*(float(row[key]) for key in ("x_min", "y_min", "x_max", "y_max")))
    except (ValueError, InvalidValueError) as error:
        raise DataError(f"{table}, film {row['image_id']}: {error}") from error
