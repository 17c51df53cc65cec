"""How fast the reading room is, measured over HTTP on a server of its own.

    python benchmarks/serve_speed.py examples/normal_pa.jpg --films 200 --readers 8

Prints: from drop to first pixel, first regions and full report; from click to sentence (median and
95th percentile) alone and with several readers at once; what-if and hide; the memory of the server
after many different films; and the load of the machine, for a busy one is slower.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np

Client = httpx2.Client
_CLICKS = 40


@contextmanager
def server(preset: str) -> Iterator[tuple[Client, int]]:
    """A client of a new server, and the server's process number."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from grounded.cli import main; main()", "serve"]
        options = ["--no-open", "--port", "0", "--sessions", folder, "--preset", preset]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"(http://\S+)/\?token=(\S+)", process.stdout.readline())
            assert found is not None, "the server did not start"
            headers = {"authorization": f"Bearer {found[2]}"}
            with Client(base_url=found[1], headers=headers, timeout=300) as client:
                yield client, process.pid
        finally:
            process.terminate()
            process.wait()


def posted(client: Client, path: str, body: object) -> float:
    """Milliseconds until the answer is there."""
    start = time.perf_counter()
    client.post(path, json=body).raise_for_status()
    return 1000 * (time.perf_counter() - start)


def drop(client: Client, film: bytes) -> tuple[str, dict[str, float]]:
    """One film: the session, and the milliseconds from its drop to each stage."""
    start = time.perf_counter()
    took: dict[str, float] = {}

    def reached(stage: str) -> None:
        took.setdefault(stage, 1000 * (time.perf_counter() - start))

    id = client.post("/api/films?name=film", content=film).raise_for_status().json()["id"]
    client.get(f"/api/sessions/{id}/preview").raise_for_status()
    reached("first pixel")
    while True:
        state = client.get(f"/api/sessions/{id}").json()
        if state["document"] is not None:
            reached("first regions")
        if state["status"] != "reading":
            reached("full report")
            return id, took
        time.sleep(0.02)


def clicks(client: Client, id: str, regions: list[str], count: int, seed: int) -> list[float]:
    """Milliseconds of so many clicks, regions and drawn boxes in turn."""
    rng = np.random.default_rng(seed)
    times = []
    for number in range(count):
        x, y = rng.uniform(100, 600, 2)
        region = regions[int(rng.integers(len(regions)))]
        body = {"box": [x, y, x + 200, y + 200]} if number % 2 else {"region": region}
        times.append(posted(client, f"/api/sessions/{id}/ask", body))
    return times


def told(name: str, times: list[float]) -> None:
    median, late = np.percentile(times, [50, 95])
    print(f"{name:<44} p50 {median:7.0f} ms   p95 {late:7.0f} ms   ({len(times)})")


def several(client: Client, ids: list[str], regions: list[str]) -> list[float]:
    """Clicks of several readers at once, each with a film of their own, a click a second."""
    times: list[float] = []

    def read(number: int) -> None:
        for click in range(_CLICKS // 4):
            times.extend(clicks(client, ids[number], regions, 1, 100 * number + click))
            time.sleep(1)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(len(ids))]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return times


def resident(process: int) -> float:
    """Million bytes of memory that a process holds (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]


def changed(film: bytes, number: int) -> bytes:
    """The film with one pixel changed, so that it is another one."""
    import cv2

    grey = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)
    grey[0, number % grey.shape[1]] ^= 0x80
    return cv2.imencode(".png", grey)[1].tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--films", type=int, default=200)
    arguments = parser.parse_args()
    film = arguments.film.read_bytes()
    with server(arguments.preset) as (client, process):
        print(f"load of the machine, before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        time.sleep(5)  # it warms up
        drops = [drop(client, changed(film, number)) for number in range(5)]
        for stage in ("first pixel", "first regions", "full report"):
            told(f"drop to {stage}", [took[stage] for _, took in drops])
        id = drops[0][0]
        document = client.get(f"/api/sessions/{id}").json()["document"]
        regions = [region["name"] for region in document["regions"]]
        told("click to sentence, alone", clicks(client, id, regions, _CLICKS, 0))
        ids = [drops[number % 5][0] for number in range(arguments.readers)]
        told(f"click to sentence, {len(ids)} readers", several(client, ids, regions))
        findings = {"findings": {"left lung": {"Pleural Effusion": "present"}}}
        steered = arguments.preset != "baseline"  # it takes no findings that a reader sets
        hide = ("hide", {"region": regions[0]})
        for name, body in (("whatif", findings), hide) if steered else (hide,):
            told(name, [posted(client, f"/api/sessions/{id}/{name}", body) for _ in range(5)])
        print(f"memory after {len(drops)} films: {resident(process):.0f} MB")
        for number in range(len(drops), arguments.films):
            drop(client, changed(film, number))
        print(f"memory after {max(arguments.films, len(drops))} films: {resident(process):.0f} MB")
        print(f"load of the machine, after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
