"""A watch is killed with kill -9 again and again; nothing may be lost, and nothing sent twice.

    python benchmarks/watch_kills.py --kills 100 --films 60

A storage service stands for the PACS, counts what it gets, and says what it has when it is asked.
Studies of two films are sent all the while; a sender whose film was not acknowledged sends it
again, as any sender does. By turns the watch is killed the moment that the PACS has stored an
object and before it hears so, while it reads a film, and at any time. In the end each film must be
sent, and the PACS must have been given each of its objects once.
The preset is the one without networks: what is tried is the queue, and not the reading.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, evt

from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.dimse import SYNTAXES
from grounded.dicom.pacs.reach import archive
from grounded.dicom.wrap.film import Patient, wrap
from grounded.errors import ArchiveError
from grounded.image import Image
from grounded.watch.config import WatchConfig
from grounded.watch.queue import DONE, Queue, State

SETTINGS = """
folder = "state"
to = "dicom://PACS@127.0.0.1:{pacs}"
port = {port}
quiet_seconds = 0.2
preset = "baseline"
formats = ["sr.dcm", "gsps.dcm"]
workers = {workers}
least_free_mb = 1
"""
OBJECTS = 2
MOMENTS = ("stored, not noted", "reading", "any time")
AT_ONCE = 4  # films that are on their way
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--films", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--longest", type=float, default=120.0, help="seconds before a kill")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance, killed = random.Random(asked.seed), Counter[str]()
    pacs = Pacs()
    with tempfile.TemporaryDirectory() as folder:
        settings, own = Path(folder) / "watch.toml", free_port()
        settings.write_text(SETTINGS.format(pacs=pacs.port, port=own, workers=asked.workers))
        queue = Queue(WatchConfig.read(settings).folder / "state.sqlite")
        studies = [str(generate_uid()) for _ in range((asked.films + 1) // 2)]
        waiting = {number: film(number, studies[number // 2]) for number in range(asked.films)}
        for kill in range(asked.kills):
            process, moment = start(settings), MOMENTS[kill % len(MOMENTS)]
            pacs.stored = lambda: None
            if moment == MOMENTS[0]:
                pacs.stored = lambda process=process: end(process)
            longest = asked.longest
            if moment == MOMENTS[2]:
                longest = chance.uniform(0.5, 15)
            until = time.monotonic() + longest
            while process.poll() is None and time.monotonic() < until:
                deliver(waiting, own, queue)
                if moment == MOMENTS[1] and queue.films(State.READING):
                    time.sleep(chance.uniform(0, 0.5))
                    break
                time.sleep(0.05)
            else:
                moment = moment if process.poll() is not None else MOMENTS[2]
            end(process)
            killed[moment] += 1
            done = sum(item.state in DONE for item in queue.films())
            print(f"kill {kill + 1} ({moment}): {done} of {asked.films} done", flush=True)
        pacs.stored = lambda: None
        process = start(settings)
        while waiting or any(item.state not in DONE for item in queue.films()):
            deliver(waiting, own, queue)
            time.sleep(0.2)
        end(process)
        return judge(queue, pacs, asked.films, killed)


def judge(queue: Queue, pacs: Pacs, films: int, killed: Counter[str]) -> int:
    sent = len(queue.films(State.SENT))
    twice = sum(count - 1 for count in pacs.received.values())
    print(", ".join(f"{count} kills: {moment}" for moment, count in killed.items()))
    print(f"{sent} of {films} films sent; the PACS has {len(pacs.received)} objects, {twice} twice")
    good = sent == films and len(pacs.received) == films * OBJECTS and not twice
    print("nothing lost, nothing sent twice" if good else "FAILED")
    return 0 if good else 1


class Pacs:
    """A PACS to try with: counts each instance that it is given, and says whether it has one.

    answers: whether it takes questions. stored: is called when an object is stored, before its
    sender hears so.
    """

    def __init__(self, *, answers: bool = True, port: int = 0) -> None:
        self.received: Counter[str] = Counter()
        self.stored: Callable[[], object] = lambda: None
        self._entity = AE(ae_title="PACS")
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
        if answers:
            self._entity.add_supported_context(FIND)
        self.port = port or free_port()
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find)]
        self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)

    def stop(self) -> None:
        self._entity.shutdown()

    def _store(self, event: evt.Event) -> int:
        self.received[str(event.request.AffectedSOPInstanceUID)] += 1
        self.stored()
        return 0x0000

    def _find(self, event: evt.Event) -> object:
        uid = event.identifier.SOPInstanceUID
        if uid in self.received:
            answer = Dataset()
            answer.QueryRetrieveLevel, answer.SOPInstanceUID = "IMAGE", uid
            yield 0xFF00, answer
        yield 0x0000, None


def start(settings: Path) -> subprocess.Popen[bytes]:
    """A watch as a process with those of its workers, in a group of their own."""
    command = [sys.executable, "-m", "grounded", "watch", str(settings)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def end(process: subprocess.Popen[bytes]) -> None:
    """kill -9, for it and its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def deliver(waiting: dict[int, bytes], port: int, queue: Queue) -> None:
    """Send the next film; it stays where it is until it was acknowledged."""
    under_way = sum(item.state not in DONE for item in queue.films())
    if not waiting or under_way >= AT_ONCE:
        return
    number = next(iter(waiting))
    with suppress(ArchiveError):
        archive(Address.parse(f"dicom://GROUNDED@127.0.0.1:{port}")).send([waiting[number]])
        del waiting[number]


def film(number: int, study: str) -> bytes:
    noise = np.random.default_rng(number).random((300, 260)).astype(np.float32)
    return wrap(Image.of(noise, view="PA"), Patient(f"P{number // 2}", study_uid=study))


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
