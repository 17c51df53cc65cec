"""The watch as a whole: receives, sees to its workers, sends results, keeps the ledger."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from grounded.batch.ledger import Entry, Ledger, Status
from grounded.dicom.pacs.archive import Archive
from grounded.dicom.pacs.reach import archive
from grounded.errors import ArchiveError, GroundedError
from grounded.watch.config import WatchConfig
from grounded.watch.intake import Intake, listening
from grounded.watch.queue import DONE, Film, Queue, State
from grounded.watch.work import results_of

_TICK_SECONDS = 0.2
_LONGEST_WAIT = 60.0  # between tries of a PACS that is down
_STATUS = {State.SENT: Status.REPORTED, State.FAILED: Status.FAILED, State.LEFT: Status.LEFT_OUT}


class Watch:
    """One watch, from a configuration file; the same folder is used by one watch at a time."""

    def __init__(self, path: Path) -> None:
        self.path, self.config = path, WatchConfig.read(path)
        self.queue = Queue(self.config.folder / "state.sqlite")
        self.intake = Intake(self.config, self.queue)
        self.ledger = Ledger(self.config.folder, resume=True)
        self.pacs: Archive = archive(self.config.to)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.waits: dict[str, float] = {}
        self.stopped = threading.Event()

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Watch until SIGTERM or Ctrl-C; what is not done then is done by the next watch."""
        self.intake.recover()
        self.queue.resume()
        with ExitStack() as stack:
            if self.config.port:
                stack.enter_context(listening(self.config, self.intake))
            for turn in (self.send, *([self.poll] if self.config.poll else [])):
                threading.Thread(target=self._forever, args=(turn,), daemon=True).start()
            stack.callback(self._end)
            ready()
            while not self.stopped.wait(_TICK_SECONDS):
                self.tend()

    def stop(self) -> None:
        self.stopped.set()

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def tend(self) -> None:
        """Dead workers are replaced, and what they read waits again; done films are listed."""
        dead = {worker.pid for worker in self.workers if worker.poll() is not None}
        if dead:
            self.queue.free(dead, self.config.tries)
        self.workers = [worker for worker in self.workers if worker.pid not in dead]
        while len(self.workers) < self.config.workers:
            command = [sys.executable, "-m", "grounded", "watch", "work", str(self.path)]
            self.workers.append(subprocess.Popen(command))
        self.list_done()

    def list_done(self) -> None:
        """Films that are done are written into the ledger, once each."""
        for film in self.queue.unlisted():
            self.ledger.add(entry_of(film, self.config))
            self.queue.mark_listed(film.instance_uid)

    def send(self) -> None:
        """Send what is written; what a PACS does not take is tried again, later and later."""
        for film in self.queue.to_send():
            files = sorted(results_of(film, self.config).glob("*.dcm"))
            try:
                self.pacs.send([path.read_bytes() for path in files])
            except (ArchiveError, OSError) as error:
                wait = min(self.waits.get(film.instance_uid, 0.5) * 2, _LONGEST_WAIT)
                self.waits[film.instance_uid] = wait
                self.queue.later(film, State.WRITTEN, str(error), wait)
            else:
                self.waits.pop(film.instance_uid, None)
                self.queue.move(film.instance_uid, State.SENT, str(self.config.to))
        self.stopped.wait(_TICK_SECONDS)

    def poll(self) -> None:
        """Ask a PACS for films that are not known yet, and take them."""
        if self.config.poll is None:
            return
        known = {film.instance_uid for film in self.queue.films()}
        source = archive(self.config.poll)
        try:
            for instance in source.find(self.config.wanted):
                if instance.instance_uid not in known and not self.intake.is_full():
                    for data in source.fetch(instance):
                        self.intake.take(data)
        except ArchiveError as error:
            self.queue.note("", "polling failed", str(error))
        self.stopped.wait(self.config.poll_seconds)

    def _forever(self, turn: Callable[[], None]) -> None:
        """A turn again and again; a state that cannot be written for now does not end it."""
        while not self.stopped.is_set():
            try:
                turn()
            except GroundedError:
                self.stopped.wait(1.0)

    def _end(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()


def entry_of(film: Film, config: WatchConfig) -> Entry:
    """A film that is done, as the ledger of a batch has it."""
    sent = film.state is State.SENT
    return Entry(
        file=film.path.relative_to(config.folder).as_posix(),
        status=_STATUS[film.state],
        folder=results_of(film, config).relative_to(config.folder).as_posix() if sent else "",
        reason="" if sent else film.reason,
        instance_uid=film.instance_uid,
        pixels_sha256=film.pixels_sha256,
        seconds=round(film.seconds, 3),
    )


def status_of(config: WatchConfig) -> str:
    """What became of all films: how many are where, and each that failed, with the reason."""
    queue = Queue(config.folder / "state.sqlite")
    counts = queue.counts()
    lines = [f"{state:10} {counts.get(state, 0)}" for state in State]
    lines += [f"failed: {film.instance_uid}: {film.reason}" for film in queue.films(State.FAILED)]
    waiting = [film for film in queue.films(State.WRITTEN) if film.reason]
    lines += [f"not sent: {film.instance_uid}: {film.reason}" for film in waiting]
    return "\n".join(lines)


def settled(queue: Queue) -> bool:
    """Whether every film that came is done."""
    return all(film.state in DONE for film in queue.films())


def wait_until_settled(queue: Queue, seconds: float) -> bool:
    """Wait for `settled`, at most so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if settled(queue):
            return True
        time.sleep(_TICK_SECONDS)
    return False
