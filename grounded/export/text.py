"""The words of a report, as a reader sees them."""

from __future__ import annotations

from grounded.report import GroundedReport


def encode(report: GroundedReport) -> bytes:
    """`report.text` in UTF-8."""
    return report.text.encode()
