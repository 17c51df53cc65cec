"""Boxes drawn by hand on real films: answered inside of the lungs, and never a lung finding beside.

    python benchmarks/drawn_boxes.py --data DIR [--films 10] [--preset neural]

DIR holds `chest_anatomy`: lungs that people outlined, not those that the preset finds. On each
film, boxes of three sizes are drawn at random places that lie in an outlined lung, and as many that
touch none. A box is answered when something of it is said to be there, uncertain or absent.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import grounded
from grounded import Box, GroundedReport
from grounded.chest.names import LUNGS
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example
from grounded.evaluate.intervals import Rate
from grounded.language.finding_words import FindingWords
from grounded.reporter import Reading

SIZES = (0.02, 0.06, 0.15)  # sides of a box, as parts of the film's longer side
EACH = 20  # boxes of a size, film and place


def lungs(film: Example) -> NDArray[np.bool_]:
    """Where people outlined the lungs, (H, W)."""
    return np.logical_or(*(film.mask(name) for name in LUNGS))


def boxes(
    inside: NDArray[np.bool_], size: float, within: bool, rng: np.random.Generator
) -> Iterator[Box]:
    """Boxes that lie in the lungs with all of their area, or with none of it."""
    height, width = inside.shape
    side = max(2, round(size * max(height, width)))
    found = 0
    for _ in range(20000):
        x, y = rng.integers(0, width - side), rng.integers(0, height - side)
        part = inside[y : y + side, x : x + side]
        if part.all() if within else not part.any():
            found += 1
            yield Box(float(x), float(y), float(x + side), float(y + side))
        if found == EACH:
            return


def is_answered(report: GroundedReport) -> bool:
    return any(sentence.findings for sentence in report.section("findings"))


def says_of_lung(report: GroundedReport) -> bool:
    """Whether a finding that belongs to lungs is said, in any way."""
    of_lung = set(FindingWords.open().belonging("lung"))
    said = {f.label for sentence in report.section("findings") for f in sentence.findings}
    return bool(said & of_lung)


def counts(reading: Reading, drawn: Iterator[Box], within: bool) -> list[bool]:
    """For each box whether it was dealt with as it should be."""
    answers = [reading.answer(box) for box in drawn]
    return [is_answered(a) if within else not says_of_lung(a) for a in answers]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--films", type=int, default=10)
    parser.add_argument("--preset", default="neural")
    options = parser.parse_args()
    reporter = grounded.load(options.preset)
    films = chest_anatomy(options.data / "chest_anatomy")
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(films), options.films, replace=False)
    found: dict[tuple[bool, float], list[bool]] = {}
    for row in sorted(chosen):
        reading, inside = reporter.read(films[row].image()), lungs(films[row])
        for within in (True, False):
            for size in SIZES:
                drawn = boxes(inside, size, within, rng)
                found.setdefault((within, size), []).extend(counts(reading, drawn, within))
    table = Table("boxes", *(f"{size:.0%} of the film" for size in SIZES), "all")
    for within, name in ((True, "in a lung: answered"), (False, "beside: no lung finding")):
        rows = [found[within, size] for size in SIZES]
        rates = [Rate(sum(row), len(row)) for row in (*rows, [x for row in rows for x in row])]
        table.add_row(name, *map(str, rates))
    Console().print(table)


if __name__ == "__main__":
    main()
