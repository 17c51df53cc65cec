"""What a watch costs beside reading: films a minute through its queue, and of reading alone.

    python benchmarks/watch_speed.py examples/normal_pa.jpg --films 8

Both read the same films in one process with the same preset and write the same objects. Seconds are
those of the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

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
        one = other = 0.0
        for number, data in enumerate(films[1:]):  # each comes first as often: the second is slower
            if number % 2:
                one += alone([data], reporter, config)
                other += watched([data], reporter, config)
            else:
                other += watched([data], reporter, config)
                one += alone([data], reporter, config)
    for name, seconds in (("reading alone", one), ("through watch", other)):
        print(f"{name}: {60 * asked.films / seconds:.1f} films a minute of one processor's time")
    print(f"through watch: {100 * one / other:.1f} % of reading alone")


def shifted(image: Image, number: int) -> Image:
    return Image.of(np.roll(image.pixels, number, axis=1), view=image.info.view)


def alone(films: list[bytes], reporter: Reporter, config: WatchConfig) -> float:
    started = time.process_time()
    for number, data in enumerate(films):
        path = config.folder / "alone" / f"{number}.dcm"
        write_whole(path, data)
        report = reporter(Image.open(path))
        for name in config.formats:
            write_whole(path.with_suffix(f".{name}"), export(report, name, {"uids": "hash"}))
    return time.process_time() - started


def watched(films: list[bytes], reporter: Reporter, config: WatchConfig) -> float:
    queue = Queue(config.folder / "state.sqlite")
    intake = Intake(config, queue)
    started = time.process_time()
    for data in films:
        intake.take(data)
    while film := queue.take(os.getpid(), config.quiet_seconds):
        read_film(film, queue, config, reporter)
    return time.process_time() - started


if __name__ == "__main__":
    main()
