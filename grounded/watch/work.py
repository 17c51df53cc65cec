"""A worker: takes films from the queue, reads them, writes their objects. Several share a queue."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pydicom

from grounded.config import load
from grounded.errors import GroundedError, NothingToExportError, ReportError
from grounded.export.exporters import export, write_whole
from grounded.image import Image
from grounded.reporter import Reporter
from grounded.watch.config import WatchConfig
from grounded.watch.queue import Film, Queue, State

_IDLE_SECONDS = 0.2
_FULL_SECONDS = 10.0  # after which a full disk is tried again
_NOTE_SECONDS = 1.0


def work(config: WatchConfig, parent: int) -> None:
    """Read films until the parent process is gone."""
    queue = Queue(config.folder / "state.sqlite")
    reporter = load(config.preset, device=config.device)
    while os.getppid() == parent:
        film = None
        with suppress(ReportError):  # a disk that is full has room again later
            film = queue.take(os.getpid(), config.quiet_seconds)
        if film is None:
            time.sleep(_IDLE_SECONDS)
        else:
            read_film(film, queue, config, reporter)


def read_film(film: Film, queue: Queue, config: WatchConfig, reporter: Reporter) -> None:
    """Read a film and write its objects; whatever goes wrong is written down."""
    started = time.perf_counter()
    try:
        image = Image.open(film.path)
        written = write_objects(film, config, reporter, image)
    except Exception as error:
        if _is_full(error):
            _noted(lambda: queue.later(film, State.WAITING, "the disk is full", _FULL_SECONDS))
        else:
            reason = _reason(film, error)
            _noted(lambda: queue.move(film.instance_uid, State.FAILED, reason, worker=os.getpid()))
        return
    seconds = time.perf_counter() - started
    _noted(
        lambda: queue.move(
            film.instance_uid,
            State.WRITTEN if written else State.FAILED,
            ", ".join(path.name for path in written) or "no format had anything to write",
            seconds=seconds,
            pixels_sha256=image.info.sha256,
            worker=os.getpid(),
        )
    )


def _noted(note: Callable[[], None]) -> None:
    """Note what became of a film, as soon as the disk has room for it."""
    while True:
        try:
            return note()
        except ReportError:
            time.sleep(_NOTE_SECONDS)


def write_objects(
    film: Film, config: WatchConfig, reporter: Reporter, image: Image
) -> tuple[Path, ...]:
    """The objects of a film's report, on the disk, with the same UIDs each time."""
    rule = config.rule(pydicom.dcmread(film.path, stop_before_pixels=True, force=True))
    formats = (rule.formats if rule else ()) or config.formats
    report, folder, written = reporter(image), results_of(film, config), []
    for name in formats:
        try:
            data = export(report, name, {"uids": "hash"})
        except NothingToExportError:
            continue
        write_whole(folder / f"report.{name}", data)
        written.append(folder / f"report.{name}")
    return tuple(written)


def results_of(film: Film, config: WatchConfig) -> Path:
    return config.folder / "results" / film.instance_uid


def _is_full(error: Exception) -> bool:
    causes = (error, error.__cause__)
    return any(isinstance(item, OSError) and item.errno == errno.ENOSPC for item in causes)


def _reason(film: Film, error: Exception) -> str:
    if isinstance(error, GroundedError):
        return str(error).replace(str(film.path), "the film")
    return f"it could not be reported ({type(error).__name__})"  # foreign words may quote the file
