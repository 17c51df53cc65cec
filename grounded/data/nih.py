"""Films of NIH ChestX-ray14 with what several readers saw in them.

Folder: `annotations.json` and the folders of films, each named after its films' size. Of a film may
be known: labels mined from its report (TEXT, noisy), objects that radiologists outlined
(RADIOLOGISTS, ChestX-Det), the class and the boxes of the pneumonia challenge (RSNA), four findings
by majority of radiologists (GOOGLE), and boxes of the collection itself (BOXES).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grounded.data.annotations import read_annotations
from grounded.data.example import Example, FilmReading, Mark, Split, checked
from grounded.findings import Presence
from grounded.geometry import Box

RADIOLOGISTS, RSNA, GOOGLE, TEXT, BOXES = "radiologists", "RSNA", "Google", "text", "boxes"
SOURCE = "nih"
ADULT = 16  # years; younger ones are left out
PARTS: Mapping[Split, float] = {"held": 0.15, "calibration": 0.13, "train": 0.72}
OPACITY = "Lung Opacity"

_AS_NAMED = (
    "Cardiomegaly",
    "Atelectasis",
    "Pneumothorax",
    "Emphysema",
    "Fibrosis",
    "Nodule",
    "Mass",
)
FROM_RADIOLOGISTS: Mapping[str, str] = {
    **{label: label for label in (*_AS_NAMED, "Pleural Thickening", "Calcification", "Fracture")},
    "Consolidation": OPACITY,
    "Effusion": "Pleural Effusion",
    "Diffuse Nodule": "Nodule",
}
FROM_TEXT: Mapping[str, str] = {
    **{label: label for label in (*_AS_NAMED, "Edema")},
    "Infiltration": OPACITY,
    "Infiltrate": OPACITY,  # as the boxes of the collection spell it
    "Consolidation": OPACITY,
    "Pneumonia": OPACITY,
    "Effusion": "Pleural Effusion",
    "Pleural_Thickening": "Pleural Thickening",
}
DENSE = ("Atelectasis", "Mass", "Fibrosis")
"""What may be called an opacity or not: who outlined one of them left that open."""


def nih_films(folder: Path) -> list[Example]:
    """All films of adults, ordered by name. Raises DataError for a folder that does not fit."""
    rows = read_annotations(folder, required=("file", "patient", "age", "view", "text_labels"))
    films = [_film(folder, row) for row in rows if _is_adult(str(row["age"]))]
    return checked(sorted(films, key=lambda film: film.name))


def part_of(patient: str) -> Split:
    """Which part a patient's films belong to; it depends on nothing but the patient."""
    draw = int.from_bytes(hashlib.sha256(f"nih {patient}".encode()).digest()[:4]) / 2**32
    for part, share in PARTS.items():
        draw -= share
        if draw < 0:
            return part
    return "train"


def _is_adult(age: str) -> bool:
    """Ages are years, or end in M or D for a baby's months or days."""
    return age.isdigit() and int(age) >= ADULT


def _film(folder: Path, row: dict[str, Any]) -> Example:
    path = folder / str(row["file"])
    return Example(
        name=path.stem,
        source=SOURCE,
        patient=str(row["patient"]),
        path=path,
        view=str(row["view"]),
        split=part_of(str(row["patient"])),
        readings=tuple(_readings(row)),
        about={
            "age": float(row["age"]),
            "sex": str(row["sex"]),
            "resolution": float(path.parent.name.rpartition("_")[2]),
        },
    )


def _readings(row: Mapping[str, Any]) -> Iterator[FilmReading]:
    if row.get("radiologist_objects") is not None:
        yield radiologists_reading(row["radiologist_objects"])
    if google := row.get("google"):
        yield _google(google)
    if rsna := row.get("rsna"):
        opaque = Presence.PRESENT if rsna["class"] == OPACITY else Presence.ABSENT
        marks = tuple(Mark(OPACITY, Box(*box)) for box in rsna["opacity_boxes"])
        yield FilmReading(RSNA, {OPACITY: opaque}, marks=marks, located=frozenset({OPACITY}))
    if boxes := row.get("nih_boxes"):
        marks = tuple(Mark(FROM_TEXT[item["label"]], Box(*item["box"])) for item in boxes)
        yield FilmReading(BOXES, marks=marks)
    said = {FROM_TEXT[label] for label in row["text_labels"] if label in FROM_TEXT}
    yield FilmReading(TEXT, _presence(FROM_TEXT.values(), said))


def radiologists_reading(objects: Sequence[Mapping[str, Any]]) -> FilmReading:
    """What was outlined in a film, each object with its label of ChestX-Det and its polygon."""
    seen = {FROM_RADIOLOGISTS[item["label"]] for item in objects}
    findings = _presence(FROM_RADIOLOGISTS.values(), seen)
    if OPACITY not in seen and seen & set(DENSE):
        del findings[OPACITY]
    marks = tuple(
        Mark(FROM_RADIOLOGISTS[item["label"]], np.array(item["polygon"], dtype=np.float64))
        for item in objects
    )
    return FilmReading(
        RADIOLOGISTS, findings, marks=marks, located=frozenset(FROM_RADIOLOGISTS.values())
    )


def _google(readings: Sequence[Mapping[str, str]]) -> FilmReading:
    """A film that is in two of Google's sets has a finding if either says so."""
    said = {name: any(reading[name] == "YES" for reading in readings) for name in readings[0]}
    there = {
        label
        for label, name in ((OPACITY, "Airspace opacity"), ("Pneumothorax", "Pneumothorax"))
        if said[name]
    } | ({"Fracture"} if said["Fracture"] else set())
    findings = _presence((OPACITY, "Pneumothorax", "Fracture"), there)
    if not said["Nodule or mass"]:
        findings |= dict.fromkeys(("Nodule", "Mass"), Presence.ABSENT)
    return FilmReading(GOOGLE, findings)


def _presence(labels: Iterable[str], there: set[str]) -> dict[str, Presence]:
    return {label: Presence.PRESENT if label in there else Presence.ABSENT for label in labels}
