"""Takes the pictures of README and docs anew, in the system's Chromium: after new weights, say.

    grounded serve --no-open            # prints the address
    python benchmarks/pictures.py ADDRESS examples/opacity_pa.jpg --docs docs

Writes `report.jpg`, a saved report, and under `reading_room/` the pages of a finding, of an answer
about a region, of a sentence that is edited, and of a telephone.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path

from own.pages import chromium
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, sync_playwright

import grounded

REGION = "left lower lung zone"
CLAIM = "Opacity in both lungs, unchanged from the prior study."
SETTLED = 1500  # milliseconds, in which everything has faded in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="as `grounded serve` prints it, with its key")
    parser.add_argument("film", type=Path)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    room = given.docs / "reading_room"
    with sync_playwright() as tools:
        browser = chromium(tools)
        _report(browser, given.film, given.docs / "report.jpg")
        page = _opened(browser, given.address, given.film, 1280, 800)
        page.click(".card .says >> nth=0")
        _take(page, room / "opacity.webp")
        page.keyboard.press("e")
        page.fill(".editor textarea", CLAIM)
        page.wait_for_selector(".editor .warnings li")
        _take(page, room / "edited.webp")
        page.keyboard.press("Escape")
        _ask(page)
        _take(page, room / "asked.webp")
        page = _opened(browser, given.address, given.film, 390, 844)
        _ask(page)
        page.mouse.wheel(0, -2000)
        _take(page, room / "phone.webp")
        browser.close()


def _report(browser: Browser, film: Path, output: Path) -> None:
    """The page that `grounded report` writes, with its first finding pinned."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "report.html"
        grounded.load()(film).save(saved)
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(saved.as_uri())
        page.wait_for_selector("canvas[data-drawn]", state="attached")
        page.click(".card .says >> nth=0")
        _take(page, output)
        page.close()


def _opened(browser: Browser, address: str, film: Path, width: int, height: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    page.goto(address)
    page.wait_for_selector(".shelf")
    page.set_input_files("input[type=file]", film)
    page.wait_for_selector(".report .add")
    return page


def _ask(page: Page) -> None:
    page.click(".regions summary")
    page.click(f'[data-entry="{REGION}"]')
    page.wait_for_selector(".answer li, .answer p.open")


def _take(page: Page, output: Path) -> None:
    page.wait_for_timeout(SETTLED)
    shot = Picture.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(output, quality=88)
    print(f"{output}: {shot.width} x {shot.height} pixels")


if __name__ == "__main__":
    main()
