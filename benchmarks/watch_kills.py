"""A watch is killed with kill -9 again and again; nothing that was acknowledged may be lost.

    python benchmarks/watch_kills.py --kills 100 --films 30

A storage service stands for the PACS and counts what it gets. Films are sent all the while; a
sender whose film was not acknowledged sends it again, as any sender does. In the end each film must
be sent, each of its objects must be in the PACS under one UID, and nothing may be left over.
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
from contextlib import suppress
from pathlib import Path

import numpy as np
from pynetdicom import AE, AllStoragePresentationContexts, evt

from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.dimse import SYNTAXES
from grounded.dicom.pacs.reach import archive
from grounded.dicom.wrap.film import Patient, wrap
from grounded.errors import ArchiveError
from grounded.image import Image
from grounded.watch.config import WatchConfig
from grounded.watch.queue import Queue, State

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds before a kill")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    received: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, pacs(received) as port:
        settings, own = Path(folder) / "watch.toml", free_port()
        settings.write_text(SETTINGS.format(pacs=port, port=own, workers=asked.workers))
        films = [film(number) for number in range(asked.films)]
        waiting = dict(enumerate(films))
        for kill in range(asked.kills):
            process = start(settings)
            end = time.monotonic() + chance.uniform(0.5, asked.longest)
            while time.monotonic() < end:
                if waiting and chance.random() < asked.films / asked.kills / asked.longest:
                    deliver(waiting, own)
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(f"kill {kill + 1}: {asked.films - len(waiting)} acknowledged", flush=True)
        process = start(settings)
        queue = Queue(WatchConfig.read(settings).folder / "state.sqlite")
        while waiting or any(item.state is not State.SENT for item in queue.films()):
            deliver(waiting, own)
            time.sleep(0.5)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return judge(queue, received, asked.films)


def judge(queue: Queue, received: Counter[str], films: int) -> int:
    again = sum(count - 1 for count in received.values())
    noted = len(queue.films())
    print(
        f"{noted} of {films} films sent; {len(received)} objects, {again} stored again as they were"
    )
    good = noted == films and len(received) == films * OBJECTS
    print("nothing lost, nothing twice" if good else "FAILED")
    return 0 if good else 1


class pacs:  # noqa: N801 - a context
    """A storage service that counts instances by their UIDs."""

    def __init__(self, received: Counter[str]) -> None:
        self.received = received

    def __enter__(self) -> int:
        self.entity = AE(ae_title="PACS")
        for context in AllStoragePresentationContexts:
            self.entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
        port = free_port()

        def store(event: evt.Event) -> int:
            self.received[str(event.request.AffectedSOPInstanceUID)] += 1
            return 0x0000

        self.entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)]
        )
        return port

    def __exit__(self, *_: object) -> None:
        self.entity.shutdown()


def start(settings: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "grounded", "watch", str(settings)]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def deliver(waiting: dict[int, bytes], port: int) -> None:
    """Send the next film; it stays where it is until it was acknowledged."""
    if not waiting:
        return
    number = next(iter(waiting))
    with suppress(ArchiveError):
        archive(Address.parse(f"dicom://GROUNDED@127.0.0.1:{port}")).send([waiting[number]])
        del waiting[number]


def film(number: int) -> bytes:
    noise = np.random.default_rng(number).random((300, 260)).astype(np.float32)
    return wrap(Image.of(noise, view="PA"), Patient(f"P{number}"))


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
