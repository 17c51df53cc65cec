"""Kills a batch again and again, lets it go on, and counts what was lost, halved or done twice.

    python benchmarks/batch_kills.py examples/normal_pa.jpg --kills 50

A folder of copies of one film is reported in its own process, which is killed (SIGKILL) at a random
moment and started again with --resume. A batch that comes to its end before is counted and followed
by another, in a new folder, until so many kills were made; the last is then let go on to its end.
In each batch every film must have one line in the manifest and one whole report.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from rich.progress import Progress

from grounded import GroundedReport
from grounded.batch.ledger import LINES, TABLE
from grounded.errors import ReportError
from grounded.export.exporters import LIST


def copies(film: Path, folder: Path, count: int) -> None:
    """The film, each time with another grey in a corner, so that no two have the same pixels."""
    pixels = np.asarray(Picture.open(film).convert("L").resize((256, 256)))
    for number in range(count):
        (folder / f"{number % 7}").mkdir(exist_ok=True, parents=True)
        changed = pixels.copy()
        changed[:4, :4] = number % 256
        changed[4:8, :4] = number // 256
        Picture.fromarray(changed).save(folder / f"{number % 7}" / f"film_{number:04d}.png")


def run_and_kill(command: list[str], seconds: float) -> bool:
    """Whether the batch came to its end before it was killed."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as batch:
        try:
            batch.wait(seconds)
        except subprocess.TimeoutExpired:
            batch.send_signal(signal.SIGKILL)
            batch.wait()
            return False
        return batch.returncode == 0


def faults(out: Path, films: int) -> dict[str, int]:
    """What is wrong with an output folder: every count should be 0."""
    lines = [json.loads(line) for line in (out / LINES).read_text(encoding="utf-8").splitlines()]
    reported = [line for line in lines if line["status"] == "reported"]
    folders = [out / line["folder"] for line in reported]
    half = 0
    for folder in folders:
        try:
            GroundedReport.open(folder / "report.json")
            names = set((folder / LIST).read_text(encoding="utf-8").split())
            half += names != {path.name for path in folder.iterdir()} - {LIST}
        except (ReportError, OSError):
            half += 1
    table = len((out / TABLE).read_text(encoding="utf-8").splitlines()) - 1
    return {
        "lost": films - len({line["file"] for line in reported}),
        "half": half,
        "twice": len(lines) - len({line["file"] for line in lines}),
        "table and lines differ": abs(table - len(lines)),
    }


def _command(films: Path, out: Path) -> list[str]:
    command = [sys.executable, "-m", "grounded", "report", str(films), "-o", str(out)]
    return [*command, "--preset", "baseline", "--format", "json,txt", "--resume"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    counts: Counter[str] = Counter()
    started, batches = time.perf_counter(), 1
    with tempfile.TemporaryDirectory() as temporary, Progress() as progress:
        films = Path(temporary) / "films"
        copies(arguments.film, films, arguments.films)
        killing = progress.add_task("killing", total=arguments.kills)
        while not progress.finished:
            out = Path(temporary) / f"out_{batches}"
            if run_and_kill(_command(films, out), draw.uniform(0.5, 8.0)):
                counts.update(faults(out, arguments.films))
                batches += 1
            else:
                progress.advance(killing)
        out = Path(temporary) / f"out_{batches}"
        subprocess.run(_command(films, out), check=True, stdout=subprocess.DEVNULL)
        counts.update(faults(out, arguments.films))
    films_done = batches * arguments.films
    print(f"{arguments.kills} kills in {time.perf_counter() - started:.0f} s, {batches} batches")
    for what, count in counts.items():
        print(f"{what}: {count} of {films_done} films")
    raise SystemExit(any(counts.values()))


if __name__ == "__main__":
    main()
