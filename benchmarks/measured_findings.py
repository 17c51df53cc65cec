"""Findings that are measured, held to the rule of those that are read: do they hold on real films?

    python benchmarks/measured_findings.py --data DIR [--preset neural]

DIR holds `chest_anatomy` and `nih`. Of each finding that is measured:

- the area under the ROC curve of how far its value lies beyond the limits, against whether the
  value of people's outlines does; on films that the shipped detector was not trained on, the
  Wingspan films, from which no limit was taken, also by themselves. A large heart also against the
  ratio that readers measured;
- of what reports say is present there, the part that is so by people's outlines, and of what is so
  the parts that are called present and that are denied;
- the same on these films with a border moved: the pixels, and people's outlines with them, are
  warped so that a hemidiaphragm rises, heart and mediastinum lie to one side, or the upper
  mediastinum is wider, each by an amount drawn at random, from nothing on. Films whose patients
  have this are few; what is drawn is known, and the rest of the film is real;
- how often it is called present, and how often anything but absent, in films of `nih` held out that
  radiologists found empty.

A finding is stated where the lower bound of its area is at least 0.75 and at most 5 % of the films
found empty are called so. Intervals hold 95 %: areas draw patients again, parts are Wilson's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from own.films import empty_films
from rich.console import Console
from rich.table import Table

import grounded
from grounded import Box, Image, Mask, Regions
from grounded.chest import measures
from grounded.chest.measures import ReferenceRange
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Chest, NotMeasurable
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example, split_by_patient
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.intervals import Rate
from grounded.evidence import Measurement
from grounded.image import ImageInfo
from grounded.train.confidence import HELD_OUT

ORGANS = (RIGHT_LUNG, LEFT_LUNG, HEART)
UNREADABLE = "not judged"


def beyond(reference: ReferenceRange, value: float) -> tuple[float, float]:
    """How far a value lies below and above its limits, in errors; negative inside."""
    low, high = reference.normal
    return (low - value) / reference.error, (value - high) / reference.error


def of_one(
    measure: Callable[[Chest], Measurement], reference: ReferenceRange
) -> Callable[[Chest], float]:
    """Beyond either limit, or beyond the high one where only that matters."""

    def far(chest: Chest) -> float:
        below, above = beyond(reference, measure(chest).value)
        return above if reference.normal[0] == 0 else max(below, above)

    return far


def shift(chest: Chest) -> float:
    """Heart and upper mediastinum beyond their limits on the same side."""
    heart = beyond(measures.HEART_POSITION, measures.heart_position(chest).value)
    upper = beyond(
        measures.UPPER_MEDIASTINUM_POSITION, measures.upper_mediastinum_position(chest).value
    )
    return max(min(pair) for pair in zip(heart, upper, strict=True))


FAR: Mapping[str, Callable[[Chest], float]] = {
    "Cardiomegaly": of_one(measures.cardiothoracic_ratio, measures.CARDIOTHORACIC_RATIO),
    "Enlarged Cardiomediastinum": of_one(
        measures.upper_mediastinum_width, measures.UPPER_MEDIASTINUM_WIDTH
    ),
    "Elevated Hemidiaphragm": of_one(
        measures.lung_height_difference, measures.LUNG_HEIGHT_DIFFERENCE
    ),
    "Mediastinal Shift": shift,
    "Lung Volume Asymmetry": of_one(measures.right_area_share, measures.RIGHT_AREA_SHARE),
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One film: how far each value lies beyond its limits by people's outlines and by ours, NaN
    where it cannot be measured; and what the report says of each finding."""

    film: Example
    by_people: Mapping[str, float]
    by_us: Mapping[str, float]
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Push:
    """Tissue around a point is moved: by how much, and how far around, in pixels."""

    x: float
    y: float
    right: float
    down: float
    wide: float
    high: float


def warped(pixels: NDArray[np.float32], pushes: Sequence[Push]) -> NDArray[np.float32]:
    """The film, or an outline of it, with the tissue moved."""
    height, width = pixels.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    right, down = np.zeros_like(x), np.zeros_like(y)
    for p in pushes:
        near = np.exp(-(((x - p.x) / p.wide) ** 2 + ((y - p.y) / p.high) ** 2) / 2)
        right, down = right + p.right * near, down + p.down * near
    maps = (np.float32(x - right), np.float32(y - down))
    return np.asarray(cv2.remap(pixels, *maps, cv2.INTER_LINEAR), np.float32)


def raised(lungs: Sequence[Box], rng: np.random.Generator) -> list[Push]:
    """One hemidiaphragm rises by up to a third of its lung."""
    lung = lungs[rng.integers(2)]
    up = -rng.uniform(0, 0.33) * lung.height
    return [Push(lung.center[0], lung.y1, 0.0, up, 0.6 * lung.width, 0.25 * lung.height)]


def aside(lungs: Sequence[Box], rng: np.random.Generator) -> list[Push]:
    """Heart and mediastinum lie up to an eighth of the chest's width to one side."""
    (right, left), way = lungs, rng.choice((-1, 1))
    width, middle = left.x1 - right.x0, (right.x0 + left.x1) / 2
    by = way * rng.uniform(0, 0.125) * width
    return [Push(middle, right.center[1], by, 0.0, 0.22 * width, 0.8 * right.height)]


def widened(lungs: Sequence[Box], rng: np.random.Generator) -> list[Push]:
    """The upper mediastinum is wider by up to a quarter of the chest's width."""
    right, left = lungs
    width, by = left.x1 - right.x0, rng.uniform(0, 0.125) * (left.x1 - right.x0)
    middle, level = (right.x1 + left.x0) / 2, right.y0 + 0.26 * right.height
    around = 0.1 * width, 0.12 * right.height
    return [Push(middle + way * 0.1 * width, level, way * by, 0.0, *around) for way in (-1, 1)]


Move = Callable[[Sequence[Box], np.random.Generator], list[Push]]
MOVES: Mapping[str, Move] = {
    "Enlarged Cardiomediastinum": widened,
    "Elevated Hemidiaphragm": raised,
    "Mediastinal Shift": aside,
}


def far_beyond(regions: Regions, info: ImageInfo) -> dict[str, float]:
    chest = Chest.of(regions, info)
    found = {}
    for label, far in FAR.items():
        try:
            found[label] = far(chest)
        except NotMeasurable:
            found[label] = float("nan")
    return found


def outlined(film: Example) -> list[NDArray[np.float32]]:
    """What people outlined."""
    return [film.mask(organ).astype(np.float32) for organ in ORGANS]


def drawn(outlines: Sequence[NDArray[np.float32]], info: ImageInfo) -> Regions:
    masks = tuple(Mask(outline, info.frame) for outline in outlines)
    boxes = np.array([tuple(info.frame)] * len(ORGANS))
    return Regions(ORGANS, boxes, np.ones(len(ORGANS)), masks)


def said_of(report: grounded.GroundedReport) -> dict[str, str]:
    found = {f.label: str(f.presence) for s in report.section("findings") for f in s.findings}
    return {label: found.get(label, UNREADABLE) for label in FAR}


def seen(
    reporter: grounded.Reporter,
    film: Example,
    image: Image,
    outlines: Sequence[NDArray[np.float32]],
) -> Seen:
    reading = reporter.read(image, force=True)
    info = reading.image.info
    people = far_beyond(drawn(outlines, info), info)
    return Seen(film, people, far_beyond(reading.regions, info), said_of(reading.report()))


def as_they_are(reporter: grounded.Reporter, films: Iterable[Example]) -> list[Seen]:
    return [seen(reporter, film, film.image(), outlined(film)) for film in films]


def moved(reporter: grounded.Reporter, films: Iterable[Example], move: Move) -> list[Seen]:
    """The films with a border moved, by another amount each."""
    rng, found = np.random.default_rng(0), []
    for film in films:
        image, outlines = film.image(), outlined(film)
        lungs = [Box(*_extent(outline)) for outline in outlines[:2]]
        pushes = move(lungs, rng)
        pixels = np.clip(warped(np.array(image.pixels), pushes), 0, 1)
        warped_outlines = [warped(outline, pushes) for outline in outlines]
        found.append(seen(reporter, film, image.altered(pixels), warped_outlines))
    return found


def _extent(outline: NDArray[np.float32]) -> tuple[float, float, float, float]:
    rows, columns = np.nonzero(outline > 0.5)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def row(name: str, label: str, films: Sequence[Seen]) -> list[str]:
    """The table's cells for one finding: how the measured value compares with people's outlines."""
    known = [f for f in films if np.isfinite(f.by_people[label]) and np.isfinite(f.by_us[label])]
    truth = [film.by_people[label] > 0 for film in known]
    area = area_under_roc(
        [film.by_us[label] for film in known], truth, [film.film.patient for film in known]
    )
    called = [there for film, there in zip(known, truth, strict=True) if _is_called(film, label)]
    there = [film for film, is_there in zip(known, truth, strict=True) if is_there]
    return [
        *(label, name, f"{sum(truth)} / {len(truth) - sum(truth)}", str(area)),
        str(Rate(sum(called), len(called))),
        str(Rate(sum(_is_called(film, label) for film in there), len(there))),
        str(Rate(sum(film.said[label] == "absent" for film in there), len(there))),
    ]


def _is_called(film: Seen, label: str) -> bool:
    return film.said[label] == "present"


def by_readers(films: Sequence[Seen]) -> list[str]:
    """A large heart, against the ratio that readers measured."""
    label, limit = "Cardiomegaly", measures.CARDIOTHORACIC_RATIO.normal[1]
    ratios = [(f, f.film.cardiothoracic_ratio) for f in films if np.isfinite(f.by_us[label])]
    known = [(film, ratio > limit) for film, ratio in ratios if ratio is not None]
    area = area_under_roc(
        [film.by_us[label] for film, _ in known],
        [large for _, large in known],
        [film.film.patient for film, _ in known],
    )
    called = [large for film, large in known if _is_called(film, label)]
    large = [_is_called(film, label) for film, is_large in known if is_large]
    return [
        *(label, "readers' ratio", f"{len(large)} / {len(known) - len(large)}", str(area)),
        *(str(Rate(sum(called), len(called))), str(Rate(sum(large), len(large))), ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    options = parser.parse_args()
    reporter, console = grounded.load(options.preset), Console(width=170)
    _, held = split_by_patient(chest_anatomy(options.data / "chest_anatomy"), HELD_OUT, seed=0)
    films = as_they_are(reporter, held)
    of_wingspan = [film for film in films if film.film.source != "jsrt"]
    table = Table(
        *("finding", "films", "with / without", "AUROC", "called so and is"),
        *("is and called so", "is and denied"),
        title="measured findings, against people's outlines, films held out of the detector",
    )
    for label in FAR:
        table.add_row(*row("JSRT and Wingspan", label, films))
        table.add_row(*row("Wingspan alone", label, of_wingspan))
        if label in MOVES:
            table.add_row(*row("with a border moved", label, moved(reporter, held, MOVES[label])))
    table.add_row(*by_readers(films))
    console.print(table)
    empty = [said_of(reporter(f.image(), force=True)) for f in empty_films(options.data)]
    table = Table(
        *("finding", "present", "present or uncertain", UNREADABLE),
        title=f"said of {len(empty)} films that radiologists found empty",
    )
    for label in FAR:
        said = [film[label] for film in empty]
        counts = said.count("present"), said.count("uncertain"), said.count(UNREADABLE)
        rates = (counts[0], counts[0] + counts[1], counts[2])
        table.add_row(label, *(str(Rate(count, len(said))) for count in rates))
    console.print(table)


if __name__ == "__main__":
    main()
