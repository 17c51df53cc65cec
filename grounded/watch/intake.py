"""Films come in: what a sender hears when, and what is on the disk before it does."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt

from grounded.dicom.pacs.dimse import SYNTAXES, file_of_event
from grounded.errors import ReportError
from grounded.export.exporters import write_whole
from grounded.films.quiet import silenced
from grounded.watch.config import WatchConfig
from grounded.watch.queue import Queue, State

STORED, FULL, BROKEN = 0x0000, 0xA700, 0xC000  # PS3.4 table B.2-1
_ECHO = "1.2.840.10008.1.1"  # Verification
_PART = ".*.grounded"  # a file that was being written
_OURS = "Grounded"  # the manufacturer of what we send


class Intake:
    """Takes films into a folder and a queue."""

    def __init__(self, config: WatchConfig, queue: Queue) -> None:
        self.config, self.queue = config, queue
        self.folder = config.folder / "films"
        self.folder.mkdir(parents=True, exist_ok=True)

    def recover(self) -> None:
        """After a kill: half-written files go, whole ones that nobody noted are noted."""
        for part in self.folder.glob(_PART):
            part.unlink(missing_ok=True)
        known = {film.path for film in self.queue.films()}
        for path in self.folder.glob("*.dcm"):
            if path not in known:
                header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
                self.queue.add(path.stem, str(header.get("StudyInstanceUID", "")), path)

    def take(self, data: bytes) -> int:
        """Keep a file and note it; the status for its sender. What is kept survives a kill."""
        try:
            with silenced():
                header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
                uid, study = str(header.SOPInstanceUID), str(header.StudyInstanceUID)
        except Exception:  # a damaged file makes the parser fail in any way
            return BROKEN
        if not all(character in "0123456789." for character in uid + study):
            return BROKEN
        if header.get("Manufacturer") == _OURS:  # a router that sends our results back
            return STORED
        if self.is_full():
            return FULL
        path = self.folder / f"{uid}.dcm"
        try:
            if not path.exists():
                write_whole(path, data)
                _flush(path)
            self._note(uid, study, path, header)
        except (OSError, ReportError):  # what lies there now is noted when it comes again
            return FULL
        return STORED

    def is_full(self) -> bool:
        """Whether senders have to wait: too many films wait, or the disk is nearly full."""
        free = shutil.disk_usage(self.folder).free
        if free < self.config.least_free_mb * 1_000_000:
            return True
        return self.queue.counts().get(State.WAITING, 0) >= self.config.most_waiting

    def _note(self, uid: str, study: str, path: Path, header: Dataset) -> None:
        rule = self.config.rule(header)
        if self.queue.add(uid, study, path) and (rule is None or rule.action == "leave"):
            why = "no rule fits it" if rule is None else "a rule leaves it out"
            self.queue.move(uid, State.LEFT, why)


def _flush(path: Path) -> None:
    """What the disk holds back is on it when this returns."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def listening(config: WatchConfig, intake: Intake) -> Iterator[Any]:
    """The storage service, which answers when a film is on the disk and before it is read."""

    def store(event: evt.Event) -> int:
        return intake.take(file_of_event(event))

    entity = AE(ae_title=config.title)
    entity.maximum_associations = 10
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
    entity.add_supported_context(_ECHO)
    server = entity.start_server(
        (config.host, config.port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
    )
    try:
        yield server
    finally:
        entity.shutdown()
