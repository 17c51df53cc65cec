"""Seconds from file to report, films a minute, and peak memory.

    python benchmarks/speed.py FILM [FILM ...] [--preset neural] [--repeat 10] [--threads 2]

The import of torch alone, the load of the preset with all that it imports beside torch, and the
first film are timed apart. "Data" is report.json and report.txt; "pictures" adds overlay, panels
and page.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor(work: Callable[[], object]) -> float:
    """Processor time of all threads: it says less of what else the machine is doing."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    rows: list[tuple[str, str]] = []
    wall, spent = time.perf_counter(), time.process_time()
    import torch

    rows.append(("import torch alone", _since(wall, spent)))
    torch.set_num_threads(options.threads)
    wall, spent = time.perf_counter(), time.process_time()
    import grounded

    reporter = grounded.load(options.preset)
    rows.append(("import grounded and load the preset, after that", _since(wall, spent)))
    rows.append(("peak memory, preset loaded", _peak()))

    from grounded.batch.plan import Job
    from grounded.batch.run import Options, report_films
    from grounded.export.exporters import DATA, EVERYTHING

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)

        def report(paths: list[Path], pictures: bool) -> None:
            jobs = [Job(path, str(n), out / str(n), named=True) for n, path in enumerate(paths)]
            formats = EVERYTHING if pictures else DATA
            for outcome in report_films(reporter, jobs, out, Options(formats)):
                if outcome.entry.reason:
                    raise SystemExit(f"not read: {outcome.entry.reason}")

        first = options.films[0]
        rows.append(("first film, data", f"{timed(lambda: report([first], False)):.2f} s"))
        for pictures, name in ((False, "data"), (True, "data and pictures")):
            seconds = [
                timed(partial(report, [film], pictures))
                for film in options.films
                for _ in range(options.repeat)
            ]
            rows.append((f"a film warm, {name} (median)", f"{statistics.median(seconds):.3f} s"))
        costs = [processor(partial(report, [first], False)) for _ in range(options.repeat)]
        rows.append(("a film warm, data, processor time (least)", f"{min(costs):.3f} s"))
        many = (options.films * (64 // len(options.films) + 1))[:64]
        links = [out / f"{index}{film.suffix}" for index, film in enumerate(many)]
        for link, film in zip(links, many, strict=True):
            link.symlink_to(film.resolve())
        seconds = timed(lambda: report(links, False))
        rows.append(("batch of 64, data", f"{64 * 60 / seconds:.0f} films a minute"))
    rows.append(("peak memory", _peak()))
    rows.append(("torch threads", str(torch.get_num_threads())))
    for name, value in rows:
        print(f"{name:48} {value}")


def _since(wall: float, spent: float) -> str:
    """Seconds on the clock, and of processor time, which says less of what else is running."""
    passed, used = time.perf_counter() - wall, time.process_time() - spent
    return f"{passed:.2f} s, processor time {used:.2f} s"


def _peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"


if __name__ == "__main__":
    main()
