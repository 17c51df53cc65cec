"""A watch as real processes that are killed, cut off, and left without PACS or disk."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")
from watch_kills import Pacs, end, free_port, start

import grounded
from grounded.watch.config import WatchConfig
from grounded.watch.intake import Intake
from grounded.watch.queue import Film, Queue, State
from grounded.watch.run import status_of
from grounded.watch.work import read_film

SETTINGS = """
folder = "state"
to = "{to}"
port = {port}
quiet_seconds = 0.2
preset = "baseline"
formats = ["sr.dcm", "gsps.dcm"]
workers = {workers}
least_free_mb = 1
"""
PATIENCE = 120  # seconds, for a busy machine


class Place:
    """The folder of a watch, with its configuration, and films that are written or not."""

    def __init__(self, folder: Path, to: str, workers: int = 1, more: str = "") -> None:
        self.port = free_port()
        self.settings = folder / "watch.toml"
        text = SETTINGS.format(to=to, port=self.port, workers=workers)
        self.settings.write_text(text + more, encoding="utf-8")
        self.config = WatchConfig.read(self.settings)
        self.queue = Queue(self.config.folder / "state.sqlite")

    def written(self, *films: bytes) -> None:
        """Films that were read already, so that a test of sending need not wait for that."""
        intake, reporter = Intake(self.config, self.queue), grounded.load("baseline")
        for data in films:
            intake.take(data)
        while film := self.queue.take(os.getpid(), 0):
            read_film(film, self.queue, self.config, reporter)

    def until(self, good: Callable[[list[Film]], object]) -> list[Film]:
        """The films, as soon as they are as wanted."""
        last = time.monotonic() + PATIENCE
        while time.monotonic() < last:
            if good(films := self.queue.films()):
                return films
            time.sleep(0.05)
        raise AssertionError(status_of(self.config))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = start(self.settings)
        try:
            yield process
        finally:
            end(process)


def all_sent(films: list[Film]) -> bool:
    return bool(films) and all(film.state is State.SENT for film in films)


def steps(place: Place, film: Film) -> list[str]:
    return [f"{step}: {detail}" for _, step, detail in place.queue.steps(film.instance_uid)]


@pytest.fixture
def pacs() -> Iterator[Callable[..., Pacs]]:
    """pacs(answers=False): one that takes no questions."""
    made: list[Pacs] = []

    def make(**options: object) -> Pacs:
        made.append(Pacs(**options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def killed_after_the_first_object(place: Place, pacs: Pacs) -> None:
    """A watch that is killed when the PACS has stored an object and it does not know so yet."""
    with place.running() as process:
        pacs.stored = lambda: end(process)
        process.wait(PATIENCE)
    pacs.stored = lambda: None
    assert sum(pacs.received.values()) == 1
    [film] = place.queue.films()
    assert film.state is State.SENDING


def test_a_watch_that_is_killed_between_sending_and_noting_sends_nothing_twice(
    tmp_path, pacs, film
) -> None:
    archive = pacs()
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{archive.port}")
    place.written(film())
    killed_after_the_first_object(place, archive)
    with place.running():
        [sent] = place.until(all_sent)
    assert list(archive.received.values()) == [1, 1]
    assert steps(place, sent)[-1].endswith(f"1 to {place.config.to}, which had 1 of an earlier try")


def test_a_pacs_that_takes_no_questions_gets_the_same_instance_again(tmp_path, pacs, film) -> None:
    archive = pacs(answers=False)
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{archive.port}")
    place.written(film())
    killed_after_the_first_object(place, archive)
    with place.running():
        [sent] = place.until(all_sent)
    assert sorted(archive.received.values()) == [1, 2]
    assert "cannot be asked" in steps(place, sent)[-1]
