"""One page for a report: the front end of the reading room with the report inside.

The page loads nothing. What comes from the report stands in it as JSON, which is no markup and no
script; its content security policy lets our own script and sheet run, by their digests.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from html import escape
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.greys import WHITE
from grounded.image import Image
from grounded.report import GroundedReport
from grounded.viz.document import document

_PAGE_LARGEST = 1600  # pixels of the film's longest side inside of a page
_FRAGMENT_LARGEST = 1000
_DEPTH = 10  # bits of what a film's window shows: finer steps are noise, and make the page large
_COMPRESSION = 6


def render_page(report: GroundedReport) -> str:
    """A self-contained HTML page. The film is inside as PNG, its longest side at most 1600 pixels.

    A click on a region shows what was said of that region alone, if the report came from a reading.
    Without its film a report shows its outlines only, without scripts its text.
    """
    return _render(report, _PAGE_LARGEST)


def render_fragment(report: GroundedReport) -> str:
    """The page in a frame of its own, to stand inside another page, such as a notebook."""
    page = escape(_render(report, _FRAGMENT_LARGEST), quote=True)
    return (
        f'<iframe title="Grounded report" sandbox="allow-scripts allow-modals" srcdoc="{page}" '
        f'style="width:100%;height:760px;border:0;border-radius:8px"></iframe>'
    )


def built(name: str) -> str:
    """A file of the front end's build: room.js or room.css."""
    return (resources.files("grounded.viz") / "web" / "dist" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _front_end() -> tuple[str, str, str]:
    """Script and sheet to stand inside of a page, and the policy that lets them run."""
    script = built("room.js").replace("</script", "<\\/script")
    sheet = built("room.css")
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(sheet)}; "
        f"img-src data:; base-uri 'none'; form-action 'none'"
    )
    return script, sheet, policy


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _render(report: GroundedReport, largest: int) -> str:
    script, sheet, policy = _front_end()
    title = f"Grounded report: {report.image.name}".removesuffix(": ")
    answers = report.answers() if report.answers else {}
    film = _film(report.film, largest) if report.film else ""
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="dark">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{escape(title)}</title>
<style>{sheet}</style>
</head>
<body>
<div id="room"><pre>{escape(report.text)}</pre></div>
<script type="application/json" id="document">{_inert(document(report, answers).to_json())}</script>
<script type="text/plain" id="film">{film}</script>
<script>{script}</script>
</body>
</html>
"""


def _inert(text: str) -> str:
    """JSON in which nothing can end the element that it stands in."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _film(film: Image, largest: int) -> str:
    """The film's greys as a grey PNG in base64: 8 bits where the film has no more, else 16."""
    greys = film.greys.values
    deep, scale = not _has_8_bits(greys), largest / max(film.shape)
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in film.shape)
        shrunk = cv2.resize(greys, (width, height), interpolation=cv2.INTER_AREA)
        greys = np.asarray(shrunk, dtype=np.uint16)
    window = film.scale.window
    stored = _coarser(greys, window.high - window.low) if deep else (greys >> 8).astype(np.uint8)
    _, encoded = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
    return base64.b64encode(encoded.tobytes()).decode("ascii")


def _has_8_bits(greys: NDArray[np.uint16]) -> bool:
    return not (greys % (WHITE // 255)).any()


def _coarser(greys: NDArray[np.uint16], width: float) -> NDArray[np.uint16]:
    """Greys in as many steps as there are in a window of this width, and as fine beyond it."""
    step = max(1.0, min(width, WHITE) / ((1 << _DEPTH) - 1))
    return np.clip(np.rint(np.rint(greys / step) * step), 0, WHITE).astype(np.uint16)
