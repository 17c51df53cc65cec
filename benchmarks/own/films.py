"""Which films a benchmark reads, as its user asks for them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from grounded.data.example import Example, Split
from grounded.data.nih import RADIOLOGISTS, nih_films

SIDE = 128  # px of the films that are drawn; those of 704 px were seen while the audit was made


def drawn_films(data: Path, part: Split, seed: int, side: int = SIDE) -> list[Example]:
    """The films of a part of the patients that radiologists read, in an order that is drawn.

    data: the folder that holds `nih`. side: px of the films.
    """
    films = [
        film
        for film in nih_films(data / "nih")
        if film.split == part
        and film.about["resolution"] == side
        and any(reading.reader == RADIOLOGISTS for reading in film.readings)
    ]
    order = np.random.default_rng(seed).permutation(len(films))
    return [films[at] for at in order]


def empty_films(data: Path) -> list[Example]:
    """The films of `data`/nih that are held out and in which radiologists found nothing."""
    return [f for f in nih_films(data / "nih") if f.split == "held" and was_found_empty(f)]


def was_found_empty(film: Example) -> bool:
    """Whether radiologists read a film and found nothing of what they looked for."""
    found = film.reading(RADIOLOGISTS).findings.values()
    return bool(found) and "present" not in found


def read_options(doc: str | None, out: str, width: int) -> argparse.Namespace:
    """The options of a benchmark that reads all films that are held out.

    out: what is written there. width: of the tables, in letters.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural", help="its name, file or folder")
    parser.add_argument("--every", type=int, default=1, help="only every n-th film; for a try")
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=width)
    return parser.parse_args()
