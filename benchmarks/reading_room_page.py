"""How fast the reading room is for whoever sits before it, in the system's Chromium.

    grounded serve --no-open            # prints the address
    python benchmarks/reading_room_page.py ADDRESS examples/normal_pa.jpg

Prints what script and sheet weigh, the times from drop to first pixel, regions and report, and from
a click to its sentence (p50 and p95).
"""

from __future__ import annotations

import argparse
import gzip
import os
import time
from importlib import resources
from pathlib import Path

import numpy as np
from own.pages import chromium
from playwright.sync_api import Page, sync_playwright

_ASKED = ".answer li, .answer p.open"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="as `grounded serve` prints it, with its key")
    parser.add_argument("film", type=Path)
    parser.add_argument("--clicks", type=int, default=30)
    given = parser.parse_args()
    _print_weights()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with sync_playwright() as tools:
        browser = chromium(tools)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(given.address)
        page.wait_for_selector(".shelf")
        _print_opening(page, given.film)
        _print_clicks(page, given.clicks)
        browser.close()


def _print_weights() -> None:
    for name in ("room.js", "room.css"):
        content = (resources.files("grounded.viz") / "web" / "dist" / name).read_bytes()
        print(f"{name}: {len(gzip.compress(content, 9)) / 1000:.1f} kB gzipped")


def _print_opening(page: Page, film: Path) -> None:
    start = time.perf_counter()
    page.set_input_files("input[type=file]", film)
    for what, sign in (
        ("first pixel", "canvas[data-drawn]"),
        ("regions", "[data-region]"),
        ("report", ".impression .says"),
    ):
        page.wait_for_selector(sign, state="attached")
        print(f"from drop to {what}: {time.perf_counter() - start:.2f} s")


def _print_clicks(page: Page, count: int) -> None:
    """Clicks all over the film, each timed from the press to its words on the page."""
    box = page.locator(".stage").bounding_box()
    assert box is not None
    spots = np.random.default_rng(0).uniform((0.3, 0.2), (0.7, 0.8), (count, 2))
    times = [
        _timed(page, box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in spots
    ]
    p50, p95 = np.percentile(times, [50, 95])
    print(f"from click to sentence, {count} clicks: p50 {p50:.0f} ms, p95 {p95:.0f} ms")


def _timed(page: Page, x: float, y: float) -> float:
    page.keyboard.press("Escape")
    page.wait_for_selector(".answer", state="detached")
    start = time.perf_counter()
    page.mouse.click(x, y)
    page.wait_for_selector(_ASKED)
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
