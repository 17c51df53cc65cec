"""What a watch costs beside reading: films a minute through its queue, and of reading alone.

    python benchmarks/watch_speed.py examples/normal_pa.jpg --films 8

Both read the same films in one process with the same preset and write the same objects, by turns.
Seconds of the processor do not count other work on the machine; those by the clock do.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grounded.config import load
from grounded.dicom.wrap.film import Patient, wrap
from grounded.export.exporters import export, write_whole
from grounded.image import Image
from grounded.reporter import Reporter
from grounded.watch.config import WatchConfig
from grounded.watch.intake import Intake
from grounded.watch.queue import Queue
from grounded.watch.work import read_film

SETTINGS = """
folder = "state"
to = "dicom://PACS@127.0.0.1:1"
quiet_seconds = 0
preset = "{preset}"
formats = ["sr.dcm", "gsps.dcm"]
least_free_mb = 1
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--preset", default="neural")
    asked = parser.parse_args()
    reporter, image = load(asked.preset), Image.open(asked.film)
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "watch.toml"
        settings.write_text(SETTINGS.format(preset=asked.preset))
        config = WatchConfig.read(settings)
        films = [wrap(shifted(image, n), Patient(f"P{n}")) for n in range(asked.films + 1)]
        alone(films[:1], reporter, config)  # what is loaded and compiled once
        one = other = np.zeros(2)
        for number, data in enumerate(films[1:]):  # each comes first as often: the second is slower
            if number % 2:
                one = one + alone([data], reporter, config)
                other = other + watched([data], reporter, config)
            else:
                other = other + watched([data], reporter, config)
                one = one + alone([data], reporter, config)
    for number, clock in enumerate(("of one processor's time", "by the clock")):
        for name, seconds in (("reading alone", one), ("through watch", other)):
            print(f"{name}: {60 * asked.films / seconds[number]:.1f} films a minute {clock}")
        share = 100 * one[number] / other[number]
        print(f"through watch: {share:.1f} % of reading alone {clock}")


def shifted(image: Image, number: int) -> Image:
    return Image.of(np.roll(image.pixels, number, axis=1), view=image.info.view)


def now() -> NDArray[np.float64]:
    """Seconds of the processor, and by the clock."""
    return np.array([time.process_time(), time.perf_counter()])


def alone(films: list[bytes], reporter: Reporter, config: WatchConfig) -> NDArray[np.float64]:
    started = now()
    for number, data in enumerate(films):
        path = config.folder / "alone" / f"{number}.dcm"
        write_whole(path, data)
        report = reporter(Image.open(path))
        for name in config.formats:
            write_whole(path.with_suffix(f".{name}"), export(report, name, {"uids": "hash"}))
    return now() - started


def watched(films: list[bytes], reporter: Reporter, config: WatchConfig) -> NDArray[np.float64]:
    queue = Queue(config.folder / "state.sqlite")
    intake = Intake(config, queue)
    started = now()
    for data in films:
        intake.take(data)
    while film := queue.take(os.getpid(), config.quiet_seconds):
        read_film(film, queue, config, reporter)
    return now() - started


if __name__ == "__main__":
    main()
