"""One page for a report: sentences that light their places on the film, and places that light
their sentences. The page loads nothing; everything of the report in it is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from importlib import resources
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from grounded.evidence import Heatmap, Line, Mask, Measurement
from grounded.geometry import Box
from grounded.report import GroundedReport, GroundedSentence
from grounded.viz.canvas import heat_picture
from grounded.viz.labels import Spot, line_spots, mark_spots
from grounded.viz.marks import (
    Mark,
    closed_lines,
    corners,
    heat_maximum,
    heat_top,
    is_crowded,
    marks_in,
    marks_of,
    owner,
)
from grounded.viz.palette import heat_table, hexadecimal, ink_on
from grounded.viz.panel import ruler_labels
from grounded.viz.sheet import UNVERIFIED
from grounded.viz.words import body_part, is_normal, normal_range, quantity, tolerance

_PAGE_LARGEST = 1600  # pixels of the film's longest side inside of a page
_FRAGMENT_LARGEST = 1000


def render_page(report: GroundedReport) -> str:
    """A self-contained HTML page. The film is inside as PNG, its longest side at most 1600 pixels.

    Coordinates on the page are the film's own. Without its film a report shows its outlines only.
    """
    return _render(report, _PAGE_LARGEST)


def render_fragment(report: GroundedReport) -> str:
    """The page in a frame of its own, to stand inside another page, such as a notebook."""
    page = escape(_render(report, _FRAGMENT_LARGEST), quote=True)
    return (
        f'<iframe title="Grounded report" sandbox="allow-scripts" srcdoc="{page}" '
        f'style="width:100%;height:760px;border:0;border-radius:8px"></iframe>'
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        css=Markup(_packaged("page.css")),  # our own files, trusted; all else is escaped
        script=Markup(_packaged("page.js")),
        quantity=quantity,
        tolerance=tolerance,
        normal_range=normal_range,
        is_normal=is_normal,
    )
    environment.filters.update(hexadecimal=hexadecimal, ink=lambda c: hexadecimal(ink_on(c)))
    return environment


def _packaged(name: str) -> str:
    return (resources.files("grounded.viz") / name).read_text(encoding="utf-8")


def _render(report: GroundedReport, largest: int) -> str:
    template = _environment().from_string(_packaged("page.html"))
    marks = marks_of(report)
    frame = report.image.frame
    maximum = heat_maximum(report)
    numbered = list(enumerate(report.sentences, start=1))
    film_title = f"{body_part(report.regions.names)} film".strip().capitalize()
    return template.render(
        report=report,
        title=f"{film_title} report",
        film_title=film_title,
        unverified=UNVERIFIED,
        doubt="?" if report.image.sides_in_doubt else "",
        film=_film_uri(report, largest),
        crowded=is_crowded(marks),
        regions=[_region(mark, frame) for mark in marks],
        drawn=[_region(mark, frame) for mark in _drawing_order(marks)],
        sections=[
            (title, [_sentence(at, item, marks) for at, item in numbered if item.section == name])
            for title, name in (("Findings", "findings"), ("Impression", "impression"))
        ],
        evidence=[_evidence(at, item, marks, frame, maximum) for at, item in numbered],
        measured=_measured(report),
        heat_top=heat_top(report),
        heat_stops=", ".join(hexadecimal(_rgb(row)) for row in heat_table()[::15]),
        hashes=[(name, digest[:12]) for name, digest in _weights(report)],
    )


def _weights(report: GroundedReport) -> Sequence[tuple[str, str]]:
    return sorted(report.provenance.weights_sha256.items())


def _rgb(row: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in row)
    return red, green, blue


def _drawing_order(marks: Sequence[Mark]) -> list[Mark]:
    """What a pointer should meet first comes last: regions with sentences, the small ones."""
    return sorted(marks, key=lambda mark: (mark.cited, -mark.region.box.area))


def _region(mark: Mark, frame: Box) -> dict[str, Any]:
    return {
        "number": mark.number,
        "name": mark.name,
        "label": mark.label,
        "score": f"{mark.region.score:.2f}",
        "color": hexadecimal(mark.color),
        "ink": hexadecimal(ink_on(mark.color)),
        "dashed": mark.is_box,
        "path": _path(mark.lines),
        "corners": _path(corners(mark.region.box), closed=False) if mark.is_box else "",
        "sentences": mark.sentences,
        "spots": _spots(mark_spots(mark, frame)),
    }


def _sentence(number: int, item: GroundedSentence, marks: Sequence[Mark]) -> dict[str, Any]:
    findings = dict.fromkeys(f"{each.label}: {each.presence}" for each in item.findings)
    return {
        "number": number,
        "item": item,
        "marks": marks_in(item, marks),
        "findings": list(findings),
    }


def _evidence(
    number: int, item: GroundedSentence, marks: Sequence[Mark], frame: Box, maximum: float
) -> dict[str, Any]:
    """What shows on the film only while the sentence is lit."""
    own = marks_in(item, marks)
    places = [piece for piece in item.evidence if isinstance(piece, Box | Mask)]
    rulers = [line for measurement in item.measurements for line in measurement.lines]
    return {
        "number": number,
        "heats": [_heat(piece, maximum) for piece in item.evidence if isinstance(piece, Heatmap)],
        "places": [_path(closed_lines(piece)) for piece in places if owner(piece, own) is None],
        "rulers": [_ruler(line, frame) for line in rulers],
        "lines": ";".join(f"{r.x0:.1f},{r.y0:.1f},{r.x1:.1f},{r.y1:.1f}" for r in rulers),
        "labels": [
            {"text": text, "spots": _spots(line_spots(line))}
            for measurement in item.measurements
            for text, line in ruler_labels(measurement)
        ],
    }


def _measured(report: GroundedReport) -> list[tuple[Measurement, list[int]]]:
    """Every measurement once, with the numbers of the sentences that stand on it."""
    found: dict[Measurement, list[int]] = {}
    for number, sentence in enumerate(report.sentences, start=1):
        for measurement in sentence.measurements:
            found.setdefault(measurement, []).append(number)
    return list(found.items())


def _ruler(line: Line, frame: Box) -> str:
    """A line with a tick at each end, as an SVG path."""
    size = 0.012 * max(frame.width, frame.height)
    along = (line.x1 - line.x0, line.y1 - line.y0)
    across = (-along[1] / line.length, along[0] / line.length) if line.length else (0.0, 1.0)
    pieces = [np.array([[line.x0, line.y0], [line.x1, line.y1]])]
    for x, y in ((line.x0, line.y0), (line.x1, line.y1)):
        reach = (across[0] * size, across[1] * size)
        pieces.append(np.array([[x - reach[0], y - reach[1]], [x + reach[0], y + reach[1]]]))
    return _path(pieces, closed=False)


def _path(lines: Sequence[NDArray[np.float64]], *, closed: bool = True) -> str:
    """Lines (N, 2) as the data of an SVG path, without the points that make no difference."""
    pieces = []
    for line in lines:
        slack = 0.0008 * float(np.ptp(line, axis=0).max())
        points = line.astype(np.float32).reshape(-1, 1, 2)
        kept = cv2.approxPolyDP(points, slack, closed).reshape(-1, 2) if len(line) > 4 else line
        steps = " ".join(f"{x:.1f} {y:.1f}" for x, y in kept)
        pieces.append(f"M{steps}{'Z' if closed else ''}")
    return "".join(pieces)


def _spots(spots: Sequence[Spot]) -> str:
    return ";".join(f"{s.x:.1f},{s.y:.1f},{s.right},{s.down},{s.away:g}" for s in spots)


def _heat(heat: Heatmap, maximum: float) -> dict[str, Any]:
    picture = heat_picture(heat, maximum)[:, :, [2, 1, 0, 3]]  # cv2 writes BGRA
    return {"box": heat.extent, "uri": _png_uri(picture), "method": heat.method}


def _film_uri(report: GroundedReport, largest: int) -> str:
    """The film as a data URI, "" without one."""
    if report.film is None:
        return ""
    grey = np.rint(report.film.pixels * 255).astype(np.uint8)
    scale = largest / max(grey.shape)
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in grey.shape)
        shrunk = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        grey = np.asarray(shrunk, dtype=np.uint8)
    return _png_uri(grey)


def _png_uri(pixels: NDArray[np.uint8]) -> str:
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
