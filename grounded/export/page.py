"""The page in which sentences and places light each other; one file that loads nothing."""

from __future__ import annotations

from grounded.report import GroundedReport


def encode(report: GroundedReport) -> bytes:
    """The HTML page, UTF-8. See `grounded.viz.html`."""
    from grounded.viz.html import render_page

    return render_page(report).encode()
