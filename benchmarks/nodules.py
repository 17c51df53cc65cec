"""How well nodules are found: sensitivity against false marks a film (FROC), on JSRT's films.

    python benchmarks/nodules.py --data DIR [--preset neural] [--all]

DIR holds `chest_anatomy` with nodules.json. A mark is a place of the map of evidence for a nodule
or a mass that is stronger than all around it, in a lung. It hits the nodule if it lies within its
box, or a cell of the map beside it. Marks count from the strongest down over all films together.
Only films that were not trained on count, unless --all is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import grounded
from grounded.chest.names import LUNGS
from grounded.data.chest_anatomy import FADED, chest_anatomy, jsrt_nodules
from grounded.data.nih import part_of
from grounded.evaluate.intervals import Rate
from grounded.generators.neural.generator import Neural
from grounded.geometry import Box, Placement
from grounded.protocols import Question, encoded_film

LESIONS = ("Nodule", "Mass")
FALSE_MARKS = (0.25, 0.5, 1.0, 2.0, 4.0)
PEAK = 5  # cells along a side of the square in which a mark is the strongest place


class Mark(NamedTuple):
    """A place that may be a nodule. strength: log-odds. hit: whether the nodule lies there."""

    strength: float
    hit: bool


class Film(NamedTuple):
    subtlety: int  # of its nodule, 0 for none
    marks: list[Mark]


def marks_of(reporter: grounded.Reporter, path: Path, nodule: Box | None) -> Iterator[Mark]:
    reading = reporter.read(path, force=True)
    question = Question.of_film(reading.image, reading.regions)
    encoded = encoded_film(question)
    reader = reporter.generator.reader  # type: ignore[attr-defined]
    heat = np.maximum(*(reader.evidence(encoded.film, label).numpy() for label in LESIONS))
    around = cv2.dilate(heat, np.ones((PEAK, PEAK), np.uint8))
    lungs = [reading.regions[name] for name in LUNGS if name in reading.regions]
    for row, column in np.argwhere(heat >= around):
        x, y = at(encoded.placement, heat.shape, row, column)
        if any((lung.mask or lung.box).contains(x, y) for lung in lungs):
            hit = nodule is not None and grown(nodule, encoded.placement, heat).contains(x, y)
            yield Mark(float(heat[row, column]), hit)


def at(placement: Placement, cells: tuple[int, ...], row: int, column: int) -> tuple[float, float]:
    """The middle of a cell, image frame."""
    height, width = placement.model_shape
    place = [[(column + 0.5) * width / cells[1], (row + 0.5) * height / cells[0]]]
    [[x, y]] = placement.to_image(place)
    return float(x), float(y)


def grown(box: Box, placement: Placement, heat: NDArray[np.float32]) -> Box:
    """The box with a cell of the map around it."""
    dx = placement.model_shape[1] / heat.shape[1] / placement.scale[0]
    dy = placement.model_shape[0] / heat.shape[0] / placement.scale[1]
    return Box(box.x0 - dx, box.y0 - dy, box.x1 + dx, box.y1 + dy)


def sensitivity(films: Sequence[Film], false_marks: float, subtlety: int = 0) -> Rate:
    """Nodules that are hit where so many false marks a film are made. subtlety: 0 for all."""
    false = sorted((m.strength for film in films for m in film.marks if not m.hit), reverse=True)
    allowed = int(false_marks * len(films))
    least = false[allowed] if allowed < len(false) else -np.inf
    with_one = [f for f in films if f.subtlety and subtlety in (0, f.subtlety)]
    found = [any(m.hit and m.strength > least for m in film.marks) for film in with_one]
    return Rate(sum(found), len(found))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--all", action="store_true", help="films that were trained on as well")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reporter = grounded.load(options.preset)
    if not isinstance(reporter.generator, Neural):
        raise SystemExit(f"the preset {options.preset!r} does not read findings from films")
    nodules = {nodule.film: nodule for nodule in jsrt_nodules(options.data / "chest_anatomy")}
    films = []
    for example in chest_anatomy(options.data / "chest_anatomy"):
        if not example.name.startswith("JPC") or example.name in FADED:
            continue
        if options.all or part_of(example.name) != "train":
            nodule = nodules.get(example.name)
            marks = list(marks_of(reporter, example.path, nodule.box if nodule else None))
            films.append(Film(nodule.subtlety if nodule else 0, marks))
    console = Console(width=150)
    console.print(f"{len(films)} JSRT films, {sum(f.subtlety > 0 for f in films)} with a nodule")
    table = Table("false marks a film", "all nodules", *(f"subtlety {n}" for n in (5, 4, 3, 2, 1)))
    for false in FALSE_MARKS:
        rates = [sensitivity(films, false, subtlety) for subtlety in (0, 5, 4, 3, 2, 1)]
        table.add_row(str(false), *map(str, rates))
    console.print(table)


if __name__ == "__main__":
    main()
