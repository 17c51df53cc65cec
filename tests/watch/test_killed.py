"""A watch as real processes that are killed, cut off, and left without PACS or disk."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")
from pydicom.uid import JPEGLSLossless
from watch_kills import Pacs, end, free_port, start

import grounded
from grounded.dicom.context import encoded
from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.reach import archive
from grounded.errors import ArchiveError
from grounded.watch.config import WatchConfig
from grounded.watch.intake import Intake
from grounded.watch.queue import DONE, Film, Queue, State
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
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


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
    box = pacs()
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{box.port}")
    place.written(film())
    killed_after_the_first_object(place, box)
    with place.running():
        [sent] = place.until(all_sent)
    assert list(box.received.values()) == [1, 1]
    assert steps(place, sent)[-1].endswith(f"1 to {place.config.to}, which had 1 of an earlier try")


def test_a_pacs_that_takes_no_questions_gets_the_same_instance_again(tmp_path, pacs, film) -> None:
    box = pacs(answers=False)
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{box.port}")
    place.written(film())
    killed_after_the_first_object(place, box)
    with place.running():
        [sent] = place.until(all_sent)
    assert sorted(box.received.values()) == [1, 2]
    assert "cannot be asked" in steps(place, sent)[-1]


def test_a_pacs_that_is_down_gets_everything_when_it_is_back(tmp_path, pacs, film) -> None:
    port = free_port()
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{port}")
    place.written(film(), film())
    with place.running():
        place.until(lambda films: all("cannot be reached" in item.reason for item in films))
        assert status_of(place.config).count("not sent: ") == 2
        box = pacs(port=port)
        place.until(all_sent)
    assert list(box.received.values()) == [1, 1, 1, 1]


def test_several_processes_work_on_one_queue_and_each_film_is_read_once(
    tmp_path, pacs, film
) -> None:
    box = pacs()
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{box.port}", workers=3)
    intake = Intake(place.config, place.queue)
    for _ in range(9):
        intake.take(film())
    with place.running():
        films = place.until(all_sent)
    assert len({item.worker for item in films}) > 1
    assert all([step[:7] for step in steps(place, item)].count("reading") == 1 for item in films)
    assert list(box.received.values()) == [1] * 18


def test_a_second_watch_with_the_same_folder_is_refused(tmp_path, pacs) -> None:
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{pacs().port}")
    with place.running():
        place.until(lambda _: (place.config.folder / "running.sqlite").exists() and reached(place))
        second = subprocess.run(
            [sys.executable, "-m", "grounded", "watch", place.settings],
            capture_output=True,
            text=True,
            check=False,
        )
    assert second.returncode == 1
    assert "another watch is running" in second.stderr


def reached(place: Place) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", place.port)) == 0


def send_to(place: Place, data: bytes, port: int = 0) -> None:
    archive(Address.parse(f"dicom://GROUNDED@127.0.0.1:{port or place.port}")).send([data])


def test_a_film_whose_sender_was_cut_off_is_taken_when_it_comes_whole(tmp_path, pacs, film) -> None:
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{pacs().port}")
    data = film()
    with place.running():
        place.until(lambda _: reached(place))
        with cut_off(place.port, after=len(data) // 2) as port, pytest.raises(ArchiveError):
            send_to(place, data, port)
        assert place.queue.films() == []
        assert not list((place.config.folder / "films").iterdir())
        send_to(place, data)
        place.until(all_sent)


@contextmanager
def cut_off(port: int, after: int) -> Iterator[int]:
    """A way to a port that breaks when so many bytes went through."""
    with socket.create_server(("127.0.0.1", 0)) as entrance:

        def carry() -> None:
            near, _ = entrance.accept()
            far = socket.create_connection(("127.0.0.1", port))
            left = after
            with near, far:
                while left > 0:
                    ready, _, _ = select.select([near, far], [], [])
                    for one, other in ((near, far), (far, near)):
                        if one in ready:
                            part = one.recv(4096)
                            left -= len(part)
                            other.sendall(part)

        thread = threading.Thread(target=carry)
        thread.start()
        yield entrance.getsockname()[1]
        thread.join()


def test_every_film_is_answered_or_listed_with_the_reason(tmp_path, pacs, film) -> None:
    box = pacs()
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{box.port}")
    good = film()
    with place.running():
        place.until(lambda _: reached(place))
        for data in (good, good, film(BodyPartExamined="FOOT"), film()[:-9000]):
            send_to(place, data)
        place.until(lambda films: len(films) == 3 and all(item.state in DONE for item in films))
    said = status_of(place.config)
    assert "sent       1" in said
    assert "failed     2" in said
    assert "body part 'FOOT'" in said
    assert list(box.received.values()) == [1, 1]


@linux
def test_a_film_that_crashes_its_decoder_is_listed_and_the_next_is_read(tmp_path, pacs, dx) -> None:
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{pacs().port}")
    first, second = (dx(300, 300, SOPInstanceUID=f"1.2.3.{n}") for n in (1, 2))
    for made in (first, second):
        made.compress(JPEGLSLossless, generate_instance_uid=False)
    intake = Intake(place.config, place.queue)
    intake.take(encoded(first))
    with place.running() as process:
        [decoder] = until(lambda: below(process.pid, "child.serve"))
        os.kill(decoder, signal.SIGSEGV)
        [crashed] = place.until(lambda films: films[0].state in DONE)
        intake.take(encoded(second))
        place.until(lambda films: films[1].state is State.SENT)
    assert crashed.state is State.FAILED
    assert "crash" in crashed.reason


@linux
def test_a_film_that_crashes_its_reader_again_and_again_is_given_up(tmp_path, pacs, film) -> None:
    place = Place(tmp_path, f"dicom://PACS@127.0.0.1:{pacs().port}", more="tries = 2\n")
    Intake(place.config, place.queue).take(film())
    with place.running():
        for number in (1, 2):
            [reading] = place.until(
                lambda films, number=number: (
                    films[0].state is State.READING and films[0].tries == number
                )
            )
            os.kill(reading.worker, signal.SIGKILL)
        [given_up] = place.until(lambda films: films[0].state in DONE)
    assert (given_up.state, given_up.reason) == (
        State.FAILED,
        "it made the reader crash 2 times",
    )


def test_films_that_a_pacs_is_asked_for_get_their_results_in_their_study(
    tmp_path, orthanc, dx
) -> None:
    archive(Address.parse(orthanc.dimse)).send([encoded(dx(300, 300))])
    more = f'poll = "{orthanc.web}"\npoll_seconds = 0.5\nwanted = {{ Modality = "DX" }}\n'
    place = Place(tmp_path, orthanc.web, more=more)
    with place.running():
        place.until(all_sent)
        time.sleep(2)  # in which it asks again, and finds what it knows
    stored = orthanc.stored()
    assert sorted(item["Modality"] for item in stored) == ["DX", "PR", "SR"]
    assert {item["StudyInstanceUID"] for item in stored} == {str(dx().StudyInstanceUID)}
    assert len(place.queue.films()) == 1


def below(pid: int, words: str) -> list[int]:
    """The processes under one whose command has these words."""
    parents, found = {}, []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(status[1])
            if words in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return [one for one in found if pid in ancestors(one, parents)]


def ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    above: set[int] = set()
    while pid := parents.get(pid, 0):
        above.add(pid)
    return above


def until(found: Callable[[], list[int]]) -> list[int]:
    last = time.monotonic() + PATIENCE
    while not (now := found()):
        assert time.monotonic() < last
        time.sleep(0.01)
    return now


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@linux
def test_a_disk_that_is_full_loses_nothing_and_goes_on_when_it_has_room(
    small_disk, pacs, film
) -> None:
    box = pacs()
    place = Place(small_disk, f"dicom://PACS@127.0.0.1:{box.port}")
    taken, refused = film(), film()
    filler = small_disk / "filler"
    with place.running():
        place.until(lambda _: reached(place))
        fill(filler)
        with pytest.raises(ArchiveError, match="A700"):
            send_to(place, refused)
        filler.unlink()
        send_to(place, taken)
        place.until(bool)
        fill(filler)
        time.sleep(5)  # in which it is read, and can neither be written nor noted
        filler.unlink()
        place.until(all_sent)
        send_to(place, refused)
        place.until(lambda films: len(films) == 2 and all_sent(films))
    assert list(box.received.values()) == [1, 1, 1, 1]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
