"""The system's Chromium, as benchmarks of pages start it."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

# WebGL2 without a graphics card
FLAGS = ["--no-sandbox", "--headless", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def chromium(tools: Playwright) -> Browser:
    """A running Chromium. Raises playwright's Error where Chromium is not installed."""
    return tools.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
