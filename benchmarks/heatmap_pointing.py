"""Whether a sentence's heatmap points at what the sentence says: on painted lesions.

    python benchmarks/heatmap_pointing.py --data DIR --preset PRESET [--occluded 0.05]

DIR holds `chest_anatomy` and `covid_films`. PRESET is one that is shipped, or a folder that was
trained, with a neural generator. A lesion of each kind is painted into each clear film that was
held out of all training, and the sentence for its finding is asked for in the smallest region that
holds it. Prints how often the peak of the heat lies in that region, how often in the lesion itself
(grown by a cell of the encoder's map), each with Wilson's interval of 95 %, and how much of the
heat above 0 lies in the region. Findings and words are read in the region's box, so their heat lies
about it by the way they are made (that of the finding in the film does not): what tells is whether
the peak lies in the lesion, and there the centre of the region is a baseline that is hard to beat.
Occlusion is slow, so it is tried on some of the lesions only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from own.grounding import Heater, Pointing, baselines, pointings, targets
from rich.console import Console
from rich.table import Table

import grounded
from grounded.config import DEFAULT
from grounded.data.finding_films import paintable
from grounded.errors import ConfigError
from grounded.evaluate.intervals import Rate
from grounded.explain.attention import Attention
from grounded.explain.gradient import Gradient
from grounded.explain.occlusion import Occlusion
from grounded.generators.neural.generator import Neural
from grounded.protocols import RegionDetector
from grounded.train.findings.run import split_films
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import PaintedFilm, painted_films

NOTES = Path(__file__).parent / "covid_films.csv"


def methods_of(generator: Neural) -> dict[str, Heater]:
    """What is quick enough for every lesion; the words only of a writer that sees."""
    methods: dict[str, Heater] = {
        "gradient, finding": Gradient(),
        "gradient, finding in the film": Gradient("finding in the film"),
    }
    if generator.writer.features:
        methods |= {"gradient, words": Gradient("words"), "attention": Attention()}
    return methods


def pointed(
    detector: RegionDetector,
    generator: Neural,
    films: Iterable[PaintedFilm],
    pairs: Pairs,
    occluded: float,
) -> Iterator[Pointing]:
    """Every method on every lesion; occlusion on a part of them, drawn at random."""
    rng = np.random.default_rng(0)
    for film in films:
        for target in targets(detector, generator, [film], pairs):
            yield from pointings(generator, methods_of(generator), target)
            yield from baselines(target, rng)
            if rng.random() < occluded:
                yield from pointings(generator, {"occlusion": Occlusion()}, target)


def rate(hits: Sequence[bool]) -> str:
    of = Rate(sum(hits), len(hits)).estimate
    return f"{of.value:.2f} ({of.low:.2f} to {of.high:.2f})"


def row(found: Sequence[Pointing]) -> tuple[str, ...]:
    shares = [point.share for point in found if point.share is not None]
    return (
        str(len(found)),
        rate([point.in_region for point in found]),
        rate([point.in_lesion for point in found]),
        f"{np.mean(shares):.2f}" if shares else "",
    )


def table_of(groups: Mapping[tuple[str, str], Sequence[Pointing]]) -> Table:
    heads = ("lesions", "peak in its region", "peak in the lesion", "heat in region")
    table = Table("method", "finding", *heads)
    before = ""
    for (method, label), found in groups.items():
        if method != before:
            table.add_section()
        table.add_row(method if method != before else "", label, *row(found))
        before = method
    return table


def grouped(points: Sequence[Pointing]) -> dict[tuple[str, str], list[Pointing]]:
    """By method: of all findings, of those that are read as present, and of each finding."""
    groups: dict[tuple[str, str], list[Pointing]] = {}
    for method in dict.fromkeys(point.method for point in points):
        own = [point for point in points if point.method == method]
        groups[method, "all"] = own
        if said := [point for point in own if point.said]:
            groups[method, "all, read as present"] = said
        for label in dict.fromkeys(point.label for point in own):
            groups[method, label] = [point for point in own if point.label == label]
    return groups


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default=DEFAULT)
    parser.add_argument("--films", type=int, default=1000, help="the first so many clear films")
    parser.add_argument("--occluded", type=float, default=0.05, help="part of the lesions")
    parser.add_argument("--held-out", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    reporter = grounded.load(options.preset)
    generator, detector = reporter.generator, reporter.detector
    if not isinstance(generator, Neural):
        raise ConfigError(f"expected a preset with a neural generator, got {generator.name!r}")
    calibrations = generator.reader.calibrations
    labels = generator.reader.net.labels
    pairs = Pairs(labels, tuple(calibrations[label].kinds for label in labels))
    held = split_films(options.data, options.held_out, seed=options.seed, notes=NOTES).held
    clear = [e for e in held if paintable(e) and not e.described][: options.films]
    films = painted_films(detector, clear, pairs, seed=options.seed)

    start = time.perf_counter()
    points = list(pointed(detector, generator, films, pairs, options.occluded))
    console = Console(width=120)
    console.print(f"a lesion of each kind painted into each of {len(clear)} films held out")
    console.print(table_of(grouped(points)))
    console.print(f"{time.perf_counter() - start:.0f} s, {options.threads} threads")


if __name__ == "__main__":
    main()
