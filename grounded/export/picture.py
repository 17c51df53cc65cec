"""The film with what was said drawn into it, as PNG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from grounded.report import GroundedReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COMPRESSION = 3  # fast; the files are a few per cent larger than at the highest level


def encode(report: GroundedReport) -> bytes:
    """The overlay of all regions. Raises ReportError for a report without film."""
    return _png(report.overlay())


def panels(report: GroundedReport) -> Iterator[bytes]:
    """A picture for each sentence with its places. Raises ReportError without film."""
    from grounded.viz.panel import draw_sentence

    for sentence in report.sentences:
        yield _png(draw_sentence(report, sentence))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    import cv2

    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
    return encoded.tobytes()
