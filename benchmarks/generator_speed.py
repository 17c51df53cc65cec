"""Seconds to describe every region of a film, one by one in one list of questions.

    python benchmarks/generator_speed.py FILM [FILM ...] [--preset neural] [--threads 2]

Detecting and encoding the film, describing all of its regions, describing it as a whole, explaining
what was said, and the whole report from the file: each warm, the median of `repeat` rounds. The
generator writes greedily, as presets do unless they say otherwise. Beside the time that passes
stands that of the processor, all threads added up: on a machine that does other work as well, the
former says little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

import grounded
from grounded.protocols import Question, SentenceGenerator
from grounded.report import Sentence
from grounded.reporter import Reading, Reporter


class Seconds(NamedTuple):
    passed: float
    processor: float


def median_seconds(work: Callable[[], object], repeat: int) -> Seconds:
    """The times of `repeat` rounds, after one that is not counted."""
    work()
    passed, processor = [], []
    for _ in range(repeat):
        start = time.perf_counter(), time.process_time()
        work()
        passed.append(time.perf_counter() - start[0])
        processor.append(time.process_time() - start[1])
    return Seconds(statistics.median(passed), statistics.median(processor))


def describe_each(reading: Reading, generator: SentenceGenerator) -> list[Sentence]:
    """The sentences of all regions, asked one by one in one list of questions."""
    found = reading.regions
    questions = [Question(reading.image, found, found[[name]]) for name in found.names]
    return [sentence for said in generator.describe(questions) for sentence in said]


def rows(reporter: Reporter, film: Path, repeat: int) -> list[tuple[str, Seconds]]:
    """What is done, and how long it takes."""
    reading = reporter.read(film)
    image, regions, generator = reading.image, reading.regions, reporter.generator
    whole = Question.of_film(image, regions)

    def each() -> list[Sentence]:
        return describe_each(reading, generator)

    of_regions = each()
    [of_film] = generator.describe([whole])
    work: list[tuple[str, Callable[[], object]]] = [
        ("find the regions, encode the film", lambda: reporter.detector.detect([image])),
        (f"describe {len(regions)} regions ({len(of_regions)} sentences)", each),
        (f"describe the film ({len(of_film)} sentences)", lambda: generator.describe([whole])),
        (
            "explain the film's sentences",
            lambda: reporter.explainer.explain(whole, of_film, generator),
        ),
        (
            "explain the regions' sentences",
            lambda: reporter.explainer.explain(whole, of_regions, generator),
        ),
        ("report, from the file", lambda: reporter(film)),
    ]
    return [(name, median_seconds(do, repeat)) for name, do in work]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    reporter = grounded.load(options.preset)
    for film in options.films:
        print(f"{film.name}, preset {options.preset}, {torch.get_num_threads()} threads")
        for name, seconds in rows(reporter, film, options.repeat):
            print(f"  {name:48} {seconds.passed:.3f} s, processor {seconds.processor:.3f} s")


if __name__ == "__main__":
    main()
