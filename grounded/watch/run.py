"""The watch as a whole: receives, sees to its workers, sends results, keeps the ledger."""

from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path

from grounded.batch.ledger import Entry, Ledger, Status
from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.archive import Archive, Sent
from grounded.dicom.pacs.reach import archive
from grounded.errors import ArchiveError, GroundedError, ReportError
from grounded.films.quiet import silenced
from grounded.watch.config import WatchConfig
from grounded.watch.intake import Intake, listening
from grounded.watch.queue import Film, Queue, State
from grounded.watch.work import results_of

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 0.2
_LONGEST_WAIT = 60.0  # between tries of a PACS that is down
_STATUS = {State.SENT: Status.REPORTED, State.FAILED: Status.FAILED, State.LEFT: Status.LEFT_OUT}


class Watch:
    """One watch, from a configuration file; the same folder is used by one watch at a time."""

    def __init__(self, path: Path) -> None:
        self.path, self.config = path, WatchConfig.read(path)
        self.queue = Queue(self.config.folder / "state.sqlite")
        self.intake = Intake(self.config, self.queue)
        self.pacs: Archive = archive(self.config.to)
        self.workers: list[subprocess.Popen[bytes]] = []
        self.waits: dict[str, float] = {}
        self.stopped = threading.Event()

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.config.folder, resume=True)

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Watch until SIGTERM or Ctrl-C; what is not done then is done by the next watch."""
        with ExitStack() as stack:
            stack.enter_context(alone(self.config.folder))
            self.intake.recover()
            self.queue.resume()
            if self.config.port:
                stack.enter_context(listening(self.config, self.intake))
            for turn in (self.send, *([self.poll] if self.config.poll else [])):
                threading.Thread(target=self._forever, args=(turn,), daemon=True).start()
            stack.callback(self._end)
            ready()
            self._forever(self.tend)

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
        self.stopped.wait(_TICK_SECONDS)

    def list_done(self) -> None:
        """Films that are done are written into the ledger, once each."""
        for film in self.queue.unlisted():
            self.ledger.add(entry_of(film, self.config))
            self.queue.mark_listed(film.instance_uid)

    def send(self) -> None:
        """Send what is written; what a PACS does not take is tried again, later and later."""
        for film in self.queue.to_send():
            again = film.state is State.SENDING
            if not again:  # before the first byte leaves, so that a kill leaves the doubt on record
                self.queue.move(film.instance_uid, State.SENDING)
            files = sorted(results_of(film, self.config).glob("*.dcm"))
            try:
                with silenced():
                    sent = self.pacs.send([path.read_bytes() for path in files], again=again)
            except Exception as error:  # libraries fail in any way; the film goes later
                wait = min(self.waits.get(film.instance_uid, 0.5) * 2, _LONGEST_WAIT)
                self.waits[film.instance_uid] = wait
                known = isinstance(error, GroundedError)
                reason = str(error) if known else f"it could not be sent ({type(error).__name__})"
                self.queue.later(film, State.SENDING, reason, wait)
            else:
                self.waits.pop(film.instance_uid, None)
                self.queue.move(film.instance_uid, State.SENT, _said(sent, again, self.config.to))
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
        """A turn again and again; what fails in one, such as for a full disk, does not end it."""
        while not self.stopped.is_set():
            try:
                turn()
            except Exception as error:
                known = isinstance(error, GroundedError)  # foreign words may quote a film
                _LOG.error("the watch goes on: %s", error if known else type(error).__name__)
                self.stopped.wait(1.0)

    def _end(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else watches with this folder; the claim ends with the process, however it ends.

    Raises ReportError when somebody does.
    """
    with closing(sqlite3.connect(folder / "running.sqlite", timeout=0)) as claim:
        try:
            claim.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ReportError(f"another watch is running with the folder {folder}") from error
        yield


def _said(sent: Sent, again: bool, to: Address) -> str:
    """What the audit trail has of a film that was sent."""
    words = f"{sent.stored} to {to}"
    if not again:
        return words
    if not sent.asked:
        return f"{words}, again: it cannot be asked what it has"
    return f"{words}, which had {sent.there} of an earlier try"


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
    waiting = [film for film in queue.films(State.WRITTEN, State.SENDING) if film.reason]
    lines += [f"not sent: {film.instance_uid}: {film.reason}" for film in waiting]
    return "\n".join(lines)
