"""Made-up training data: every command that trains can be tried without any data.

The films are phantoms (`grounded.synthetic.phantom`). The detector learns from a folder of clear
ones with outlines, the sentence generator from a folder of films with painted lesions that are
outlined, and its words from made-up reports. The region-guided model learns from a table: films
with the boxes of all regions that follow from their outlines, half of them with a painted opacity
in one lung zone, hearts large or not, and a few fixed sentences that say so. Nothing that is
learned here holds on real films.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest import derive as anatomy
from grounded.chest.names import REGIONS
from grounded.data.example import Example, FilmReading
from grounded.data.film_table import write_film_table
from grounded.data.nih import RADIOLOGISTS, nih_films
from grounded.data.region_table import region_example, write_table
from grounded.data.regions import outlined_organs, region_boxes
from grounded.evidence import Mask
from grounded.geometry import Box
from grounded.regions import Regions
from grounded.synthetic.lesions import paint
from grounded.synthetic.phantom import Phantom, chest_phantom, write_phantoms
from grounded.synthetic.reports import write_phantom_reports

ZONES = tuple(name for name in REGIONS if name.endswith("lung zone"))
FIRST = 1_000_003  # the first phantom's own seed: other seeds make other films
_RADIOLOGISTS = {  # what radiologists call a painted lesion
    "consolidation": "Consolidation",
    "effusion": "Effusion",
    "pneumothorax": "Pneumothorax",
    "nodule": "Nodule",
    "linear atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
}
_PLAIN = {
    "cardiac silhouette": "The heart size is normal.",
    "mediastinum": "The mediastinal contours are normal.",
    "right costophrenic angle": "There is no pleural effusion.",
    "left costophrenic angle": "There is no pleural effusion.",
    "spine": "The spine is intact.",
}


def write_phantom_data(
    folder: Path, films: int = 240, held: int = 40, *, side: int = 256, seed: int = 0
) -> None:
    """Write all that the commands which train read; see `write_phantom_tables` for the tables.

    `folder/chest_anatomy`: films + held others, clear of findings but large hearts, with outlines,
    as `grounded.data.chest_anatomy` reads them. `folder/nih`: as many with lesions, as
    `grounded.data.nih` reads them. `folder/own`: a table of films with lesions, as
    `grounded.data.film_table` reads it. `folder/iu_text`: reports that belong to no film, as
    `grounded.data.iu_text` reads them.
    """
    write_phantom_tables(folder, films, held, side=side, seed=seed)
    write_phantoms(folder / "chest_anatomy", films + held, seed=FIRST * (seed + 1), side=side)
    write_phantom_findings(folder / "nih", films + held, side=side, seed=seed)
    write_own_films(folder / "own", films, side=side, seed=seed + 1)
    write_phantom_reports(folder / "iu_text", seed=seed)


def write_own_films(folder: Path, films: int, *, side: int = 256, seed: int = 0) -> None:
    """Write films with painted lesions and `folder/films.csv`, as `film_table` reads it.

    The table says of each film whether it has an opacity and an effusion, and where, and leaves
    open what a film is for.
    """
    kinds = ("consolidation", "effusion")
    write_phantom_findings(folder, films, kinds=kinds, side=side, seed=seed)
    read = [film for film in nih_films(folder) if film.reading(RADIOLOGISTS).findings]
    write_film_table(folder / "films.csv", [_two_findings(film) for film in read])


def _two_findings(film: Example) -> Example:
    reading = film.reading(RADIOLOGISTS)
    findings = {label: reading.findings[label] for label in ("Lung Opacity", "Pleural Effusion")
                if label in reading.findings}  # fmt: skip
    marks = tuple(mark for mark in reading.marks if mark.label in findings)
    own = FilmReading(RADIOLOGISTS, findings, marks=marks, located=frozenset(findings))
    return replace(film, split="", readings=(own,))


def write_phantom_findings(
    folder: Path,
    films: int,
    *,
    kinds: Sequence[str] = tuple(_RADIOLOGISTS),
    side: int = 256,
    seed: int = 0,
) -> None:
    """Write films, two in three with a painted lesion, and `annotations.json` with its outline.

    kinds: of lesion, in turn. Of every fourth film nobody knows more than the labels of its report.
    """
    (folder / f"films_{side}").mkdir(parents=True, exist_ok=True)
    rows = [_with_finding(folder, number, kinds, side, seed) for number in range(films)]
    (folder / "annotations.json").write_text(json.dumps(rows), encoding="utf-8")


def _with_finding(
    folder: Path, number: int, kinds: Sequence[str], side: int, seed: int
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, number, 1])
    phantom = chest_phantom(int(rng.integers(2**31)), (side, side), cardiothoracic_ratio=0.45)
    film, objects = phantom.pixels, []
    if number % 3:
        masks = {name: mask.astype(np.float32) for name, mask in phantom.masks.items()}
        kind = kinds[(number - number // 3 - 1) % len(kinds)]
        film, _, lesion = paint(film, masks, kind, rng, strength=0.9)
        objects = [
            {"label": _RADIOLOGISTS[kind], "polygon": polygon} for polygon in _outlines(lesion.area)
        ]
    name = f"films_{side}/phantom_{number:04d}.png"
    cv2.imwrite(str(folder / name), np.round(film * 255).astype(np.uint8))
    return {
        "file": name,
        "patient": number,
        "age": str(20 + number % 60),
        "sex": "FM"[number % 2],
        "view": ("PA", "AP")[number % 2],
        "text_labels": sorted({item["label"] for item in objects}),
        "radiologist_objects": objects if number % 4 else None,
    }


def _outlines(area: NDArray[np.float32]) -> list[list[list[float]]]:
    """The polygons around what covers pixels by half."""
    found, _ = cv2.findContours(
        (area >= 0.5).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return [contour[:, 0].astype(float).tolist() for contour in found if len(contour) > 2]


def write_phantom_tables(
    folder: Path, films: int = 240, held: int = 40, *, side: int = 256, seed: int = 0
) -> None:
    """Write `folder/films/*.png`, and train.csv and valid.csv as `read_table` reads them.

    films, held: how many to train on and to measure with. side: of the square films, pixels.
    """
    (folder / "films").mkdir(parents=True, exist_ok=True)
    for name, first, count in (("train", 0, films), ("valid", films, held)):
        rows = [_row(folder, first + number, side, seed) for number in range(count)]
        write_table(folder / f"{name}.csv", rows, reports=name == "valid")


def phantom_regions(phantom: Phantom) -> Regions:
    """All regions that follow from a phantom's outlines, image frame."""
    height, width = phantom.pixels.shape
    frame = Box(0, 0, width, height)
    masks = {organ: Mask(m.astype(np.float32), frame) for organ, m in phantom.masks.items()}
    return anatomy.derive(outlined_organs(masks), frame)


def _row(folder: Path, number: int, side: int, seed: int) -> Example:
    rng = np.random.default_rng([seed, number])
    ratio = float(rng.uniform(0.40, 0.60))
    phantom = chest_phantom(int(rng.integers(2**31)), (side, side), cardiothoracic_ratio=ratio)
    regions = phantom_regions(phantom)
    phrases = {name: text for name, text in _PLAIN.items() if name in regions}
    phrases |= {f"{side_} lung": f"The {side_} lung is clear." for side_ in ("right", "left")}
    abnormal: set[str] = set()
    if ratio > 0.5:
        phrases["cardiac silhouette"] = "The heart is enlarged."
        abnormal.add("cardiac silhouette")
    film = phantom.pixels
    zone = ZONES[int(rng.integers(len(ZONES)))]
    if rng.random() < 0.5 and zone in regions:
        lung = " ".join(zone.split()[:1]) + " lung"
        film = _with_opacity(film, regions[zone].box, phantom.masks[lung], rng)
        phrases[zone] = f"There is an opacity in the {zone}."
        phrases[lung] = f"There is an opacity in the {lung}."
        abnormal |= {zone, lung}
    name = f"phantom_{number:04d}"
    path = Path("films") / f"{name}.png"
    cv2.imwrite(str(folder / path), np.round(film * 255).astype(np.uint8))
    return region_example(
        subject=str(number),
        study=str(number),
        image=name,
        path=path,
        corners=region_boxes(regions).astype(np.float32),
        phrases=tuple(phrases.get(region, "") for region in REGIONS),
        abnormal=np.array([region in abnormal for region in REGIONS]),
        report=" ".join(dict.fromkeys(phrases[r] for r in REGIONS if r in phrases)),
    )


def _with_opacity(
    film: NDArray[np.float32], box: Box, lung: NDArray[np.bool_], rng: Generator
) -> NDArray[np.float32]:
    """A soft bright spot in the middle of a box, inside the lung."""
    x, y = box.center
    rows, columns = np.mgrid[: film.shape[0], : film.shape[1]] + 0.5
    spread = rng.uniform(0.25, 0.4)
    distance = ((columns - x) / (spread * box.width)) ** 2 + (
        (rows - y) / (spread * box.height)
    ) ** 2
    cover = np.exp(-distance / 2) * rng.uniform(0.6, 0.9) * lung
    return np.asarray(film + cover * (0.8 - film).clip(0), dtype=np.float32)
