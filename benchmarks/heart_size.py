"""Whether hearts that are called enlarged are enlarged, against radiologists and readers' ratios.

    python benchmarks/heart_size.py --data DIR [--preset neural] [--wingspan 80] [--others 40]

DIR holds `nih` (films held out, read by radiologists who outlined large hearts) and `chest_anatomy`
(Wingspan films with a cardiothoracic ratio that readers measured; large above 0.50). Of the first
come all films with a large heart and --others without, of the second --wingspan films.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import grounded
from grounded.chest.measures import CARDIOTHORACIC_RATIO
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example
from grounded.data.nih import RADIOLOGISTS, nih_films
from grounded.evaluate.intervals import Rate
from grounded.reporter import Reporter

LABEL = "Cardiomegaly"


@dataclass(frozen=True, slots=True)
class Judged:
    """One film: who says how large the heart is, whether it is large, and what the report says."""

    by: str
    large: bool
    said: str


def said_of(reporter: Reporter, film: Example) -> str:
    """ "present", "uncertain" or "absent"; "not judged" without a finding."""
    report = reporter(film.image())
    found = [f.presence for s in report.section("findings") for f in s.findings if f.label == LABEL]
    return str(found[0]) if found else "not judged"


def by_radiologists(
    folder: Path, most: int, rng: np.random.Generator
) -> list[tuple[Example, bool]]:
    """Films held out on which radiologists said whether the heart is large."""
    read = [
        (film, film.reading(RADIOLOGISTS).findings[LABEL] == "present")
        for film in nih_films(folder)
        if film.split == "held" and LABEL in film.reading(RADIOLOGISTS).findings
    ]
    large = [item for item in read if item[1]]
    others = [item for item in read if not item[1]]
    return [*large, *drawn(others, most, rng)]


def by_ratio(folder: Path, most: int, rng: np.random.Generator) -> list[tuple[Example, bool]]:
    """Films whose ratio readers measured."""
    limit = CARDIOTHORACIC_RATIO.normal[1]
    measured = [
        (film, film.cardiothoracic_ratio > limit)
        for film in chest_anatomy(folder)
        if film.cardiothoracic_ratio is not None
    ]
    return drawn(measured, most, rng)


def drawn(
    films: Sequence[tuple[Example, bool]], most: int, rng: np.random.Generator
) -> list[tuple[Example, bool]]:
    chosen = rng.permutation(len(films))[:most]
    return [films[row] for row in sorted(chosen)]


def row(name: str, films: Iterable[Judged]) -> list[str]:
    """How many are large; of the large the part called so; of those called so the part that is."""
    films = list(films)
    large = [film for film in films if film.large]
    called = [film for film in films if film.said == "present"]
    counts = [
        " / ".join(
            f"{sum(f.large == size and f.said == said for f in films)}" for size in (True, False)
        )
        for said in ("present", "uncertain", "absent", "not judged")
    ]
    judged = [film for film in large if film.said != "not judged"]
    return [
        name,
        f"{len(large)} / {len(films) - len(large)}",
        str(Rate(sum(film.large for film in called), len(called))),
        str(Rate(sum(film.said == "present" for film in large), len(large))),
        str(Rate(sum(film.said == "present" for film in judged), len(judged))),
        *counts,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--wingspan", type=int, default=80)
    parser.add_argument("--others", type=int, default=40)
    options = parser.parse_args()
    reporter, rng = grounded.load(options.preset), np.random.default_rng(0)
    sets = {
        "radiologists (nih)": by_radiologists(options.data / "nih", options.others, rng),
        "readers' ratio (Wingspan)": by_ratio(
            options.data / "chest_anatomy", options.wingspan, rng
        ),
    }
    judged = [
        Judged(by, large, said_of(reporter, film))
        for by, films in sets.items()
        for film, large in films
    ]
    table = Table(
        *("films", "large / not", "called large and are", "large and called so"),
        *("of those judged", "present", "uncertain", "absent", "not judged"),
        title="the size of the heart (large / not)",
    )
    for by in sets:
        table.add_row(*row(by, (film for film in judged if film.by == by)))
    table.add_row(*row("all", judged))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
