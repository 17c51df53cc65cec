"""A data set of one's own: COCO boxes become training examples. See docs/write_a_data_set.md."""

import json
from pathlib import Path

from grounded import Box
from grounded.data.example import Example, FilmReading, Mark, checked

LABELS = {"nodule": "Lung Lesion", "effusion": "Pleural Effusion"}  # theirs, and ours


def our_hospital(folder: Path) -> list[Example]:
    """The films of `folder/annotations.json` (COCO), in which one reader boxed all findings."""
    coco = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    names = {category["id"]: LABELS[category["name"]] for category in coco["categories"]}
    marks: dict[int, list[Mark]] = {image["id"]: [] for image in coco["images"]}
    for annotation in coco["annotations"]:
        x, y, width, height = annotation["bbox"]
        box = Box(x, y, x + width, y + height)
        marks[annotation["image_id"]].append(Mark(names[annotation["category_id"]], box))
    return checked([_example(folder, image, marks[image["id"]]) for image in coco["images"]])


def _example(folder: Path, image: dict, marks: list[Mark]) -> Example:
    seen = {mark.label for mark in marks}
    findings = {label: "present" if label in seen else "absent" for label in LABELS.values()}
    reading = FilmReading(
        reader="our readers",
        findings=findings,
        marks=tuple(marks),
        located=frozenset(findings),  # every object was boxed, so the rest of the film has none
    )
    return Example(
        name=Path(image["file_name"]).stem,
        source="our hospital",
        patient=str(image["patient"]),
        path=folder / image["file_name"],
        readings=(reading,),
    )
