"""How large a finding is, and where in its lung: the reader's map against radiologists' outlines.

    python benchmarks/extents.py --data DIR [--preset neural]

DIR holds `nih`. Of what is called present in a lung and radiologists outlined there, apart on
films kept for calibration and films held out. Size and place may be said only if they hold here:

- effusion: the rank correlation of its outlined area with the area over which the map speaks of it;
- opacity: the share of the lung that it covers, the mean absolute error of the map's share, and of
  one share for all of them;
- opacity: whether it lies in the lateral or the medial half of the lung, where the map's area lies
  clearly (CLEARLY of the lung's width) in one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

import grounded
from grounded.chest.names import LUNGS, side_of
from grounded.data.example import Example, filled
from grounded.data.nih import RADIOLOGISTS, nih_films
from grounded.evaluate.intervals import Rate
from grounded.evidence import at_pixels
from grounded.generators.neural.generator import Neural
from grounded.geometry import Box
from grounded.protocols import Question, encoded_film

OPACITY, EFFUSION = "Lung Opacity", "Pleural Effusion"
SPEAKS = 1.0  # log-odds from which on a cell of the map speaks of the finding; of 0, 0.5, 1 and 2
CLEARLY = 0.1  # of the lung's width, from its middle


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One finding in one lung (H, W): as outlined, and where the map speaks of it."""

    label: str
    split: str
    side: str
    box: Box
    lung: NDArray[np.bool_]
    outlined: NDArray[np.bool_]
    shown: NDArray[np.bool_]

    def share(self, of: NDArray[np.bool_]) -> float:
        """The part of the lung that is covered."""
        return float((of & self.lung).sum() / max(1, self.lung.sum()))

    def off_middle(self, of: NDArray[np.bool_]) -> float | None:
        """How far laterally of the lung's middle, in its width; None where it shows nothing."""
        columns = np.nonzero(of & self.lung)[1]
        if not len(columns):
            return None
        right = (columns.mean() + 0.5 - self.box.x0) / self.box.width - 0.5
        return float(right if self.side == "left" else -right)


def lesions(reporter: grounded.Reporter, film: Example) -> Iterator[Lesion]:
    """What is called present in a lung and was outlined there."""
    generator = reporter.generator
    assert isinstance(generator, Neural), "the preset's generator reads no findings"
    reading = reporter.read(film.path, force=True)
    shape = reading.image.shape
    lungs = [reading.regions[name] for name in LUNGS if name in reading.regions]
    if len(lungs) < len(LUNGS):
        return
    encoded = encoded_film(Question.of_film(reading.image, reading.regions))
    rows, columns = encoded.placement.model_shape
    corners = encoded.placement.to_image([(0.0, 0.0), (columns, rows)])
    extent = Box(*corners[0], *corners[1])
    middle = float(np.mean([x for lung in lungs for x in (lung.box.x0, lung.box.x1)]))
    there = {(f.label, f.region) for f in reading.findings if f.presence == "present"}
    marks = film.reading(RADIOLOGISTS).marks
    for label in (OPACITY, EFFUSION):
        drawn = [filled(np.asarray(m.shape), shape) for m in marks if m.label == label]
        heat = generator.reader.evidence(encoded.film, label).numpy()
        shown = at_pixels(heat, extent, shape) >= SPEAKS
        for lung in lungs:
            is_left = side_of(lung.name) == "left"
            half = (np.arange(shape[1]) + 0.5 >= middle) == is_left
            outlined = np.logical_or.reduce(drawn) & half if drawn else np.zeros(shape, bool)
            if (label, lung.name) in there and outlined.any() and lung.mask is not None:
                inside = lung.mask.in_film(shape) >= 0.5
                yield Lesion(
                    *(label, film.split, side_of(lung.name), lung.box),
                    *(inside, outlined, shown & half),
                )


def rows(found: list[Lesion]) -> Iterator[tuple[str, str]]:
    effusions = [item for item in found if item.label == EFFUSION]
    opacities = [item for item in found if item.label == OPACITY]
    rho = spearmanr(
        [item.outlined.mean() for item in effusions], [item.shown.mean() for item in effusions]
    ).statistic
    yield "effusion, rank correlation of areas", f"{rho:.2f} of {len(effusions)}"
    true = np.array([item.share(item.outlined) for item in opacities])
    shown = np.array([item.share(item.shown) for item in opacities])
    yield "opacity, share of the lung, mean", f"{true.mean():.2f}, by the map {shown.mean():.2f}"
    yield (
        "... mean absolute error",
        f"{np.abs(true - shown).mean():.2f}, of one share for all "
        f"{np.abs(true - np.median(true)).mean():.2f}",
    )
    pairs = [(item.off_middle(item.outlined), item.off_middle(item.shown)) for item in opacities]
    clear = [(a, b) for a, b in pairs if a is not None and b is not None and abs(b) > CLEARLY]
    agreed = Rate(sum((a > 0) == (b > 0) for a, b in clear), len(clear))
    yield "opacity, lateral or medial", f"{agreed}, {len(clear)} of {len(opacities)} are clear"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    options = parser.parse_args()
    reporter = grounded.load(options.preset)
    outlined = [
        film
        for film in nih_films(options.data / "nih")
        if film.split in ("calibration", "held")
        and {OPACITY, EFFUSION} & {mark.label for mark in film.reading(RADIOLOGISTS).marks}
    ]
    found = [lesion for film in outlined for lesion in lesions(reporter, film)]
    table = Table("what", *(split for split in ("calibration", "held")))
    of_part = [rows([x for x in found if x.split == split]) for split in ("calibration", "held")]
    for (name, first), (_, second) in zip(*of_part, strict=True):
        table.add_row(name, first, second)
    Console().print(table)


if __name__ == "__main__":
    main()
