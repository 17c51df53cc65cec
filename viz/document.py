"""A report as the JSON that the page shows, in the static page and in the reading room alike.

Words, colours, numbers and outlines are made here, once; the page lays them out. Coordinates are in
the image frame.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import chest_atlas
from grounded.compose.impression import NOTHING_ABNORMAL, NOTHING_SURE
from grounded.evidence import Evidence, Heatmap, Line, Mask, Measurement
from grounded.findings import Presence, ScoreKind
from grounded.geometry import Box
from grounded.image import ImageInfo
from grounded.regions import Region
from grounded.report import GroundedReport, GroundedSentence
from grounded.viz.marks import (
    Mark,
    closed_lines,
    heat_maximum,
    heat_top,
    is_place_of,
    marks_of,
)
from grounded.viz.palette import hexadecimal
from grounded.viz.words import (
    body_part,
    heat_unit,
    is_normal,
    normal_range,
    quantity,
    tolerance,
)

SCHEMA = 1
Kind = Literal["abnormal", "uncertain", "open", "normal"]

_OPEN = re.compile(r"^not assessed\b|\b(?:not|cannot be) judged\b", re.IGNORECASE)
_SLACK = 0.0008  # how far a drawn outline may be off, in parts of its size


def document(
    report: GroundedReport, answers: Mapping[str, GroundedReport] | None = None
) -> dict[str, Any]:
    """The report for the page. answers: the answer for each region by name, to be shown offline."""
    film_title = f"{body_part(report.regions.names)} film".strip().capitalize()
    return {
        "schema": SCHEMA,
        "title": film_title,
        "notice": report.notice,
        "film": _film(report.image),
        "regions": [_region(mark) for mark in marks_of(report)],
        "missing": dict(report.regions.missing),
        **_said(report),
        "heat": _scale(report),
        "scope": report.scope.to_dict(),
        "audit": _audit(report),
        "removed": [item.to_dict() for item in report.removed],
        "provenance": report.provenance.to_dict(),
        "answers": {name: _said(answer) for name, answer in (answers or {}).items()},
    }


def kind_of(sentence: GroundedSentence) -> Kind:
    """What a reader has to do with a sentence. "open": it leaves something not assessed.

    That something is there makes it abnormal; a doubt alone makes it uncertain.
    """
    if _OPEN.search(sentence.text):
        return "open"
    if sentence.text == NOTHING_ABNORMAL:
        return "normal"
    said = {finding.presence for finding in sentence.findings}
    if sentence.text == NOTHING_SURE or (
        Presence.UNCERTAIN in said and Presence.PRESENT not in said
    ):
        return "uncertain"
    return "abnormal" if sentence.abnormal else "normal"


def _film(image: ImageInfo) -> dict[str, Any]:
    return {
        "width": image.width,
        "height": image.height,
        "aspect": image.aspect,
        "spacing_mm": list(image.spacing_mm) if image.spacing_mm else None,
        "spacing_kind": image.spacing_kind,
        "view": image.view,
        "name": image.name,
        "sha256": image.sha256,
        "warnings": list(image.warnings),
        "child": image.child,
        "sides_in_doubt": image.sides_in_doubt,
    }


def _region(mark: Mark) -> dict[str, Any]:
    atlas, name = chest_atlas(), mark.name
    known = name in atlas.names
    return {
        "number": mark.number,
        "name": name,
        "label": mark.label,
        "color": hexadecimal(mark.color),
        "score": round(mark.region.score, 3),
        "box": _rounded(mark.region.box),
        "outline": [] if mark.is_box else _outline(mark.lines),
        "note": mark.region.note,
        "side": atlas.paired_side(name) if known else "",
        "other": atlas.counterpart(name) if known else "",
    }


def _said(report: GroundedReport) -> dict[str, Any]:
    """The sentences of a report, and the measurements that they stand on, each once."""
    regions = report.regions
    measured = list(
        dict.fromkeys(item for sentence in report.sentences for item in sentence.measurements)
    )
    return {
        "sentences": [
            _sentence(number, sentence, [regions[name] for name in sentence.regions], measured)
            | _verdict_on(sentence, report)
            for number, sentence in enumerate(report.sentences, start=1)
        ],
        "measurements": [_measurement(item) for item in measured],
    }


def _sentence(
    number: int,
    sentence: GroundedSentence,
    regions: Sequence[Region],
    measured: Sequence[Measurement],
) -> dict[str, Any]:
    kind = kind_of(sentence)
    scored = kind != "open" and sentence.score_kind is not ScoreKind.UNSPECIFIED
    return {
        "number": number,
        "text": sentence.text,
        "section": sentence.section,
        "kind": kind,
        "regions": list(sentence.regions),
        "findings": [finding.to_dict() for finding in sentence.findings],
        "score": sentence.score if scored else None,
        "score_kind": sentence.score_kind.word if scored else "",
        "notes": list(sentence.notes),
        "evidence": [_evidence(item, regions, measured) for item in sentence.evidence],
    }


def _audit(report: GroundedReport) -> dict[str, Any] | None:
    """What made the audit of the report, and its measures in words; None without one."""
    audit = report.audit
    if audit is None:
        return None
    return {
        "subject": audit.subject,
        "measures": {name: str(share) for name, share in audit.measures.items() if share.count},
        "notes": list(audit.notes),
    }


def _verdict_on(sentence: GroundedSentence, report: GroundedReport) -> dict[str, Any]:
    """The audit's verdict, "" where there is none, and what it follows from, a line a claim.

    The impression repeats findings in other words: it is not audited by itself.
    """
    if report.audit is None or sentence.section != "findings":
        return {"verdict": "", "checks": []}
    audited = [each for each in report.audit.sentences if each.text == sentence.text]
    checks = [check.text for each in audited[:1] for check in each.checks]
    return {"verdict": str(report.audit.verdict(sentence.text)), "checks": checks}


def _evidence(
    evidence: Evidence, regions: Sequence[Region], measured: Sequence[Measurement]
) -> dict[str, Any]:
    own = next((region for region in regions if is_place_of(evidence, region)), None)
    if own is not None:
        return {"kind": "region", "region": own.name}
    match evidence:
        case Box():
            return {"kind": "box", "box": _rounded(evidence)}
        case Mask():
            return {"kind": "mask", "outline": _outline(closed_lines(evidence))}
        case Heatmap():
            return _heat(evidence)
        case Measurement():
            return {"kind": "measurement", "index": measured.index(evidence)}


def _heat(heat: Heatmap) -> dict[str, Any]:
    """values: one byte a cell, 255 for `most`; what lowers a finding is not drawn."""
    most = max(float(heat.values.max()), 0.0)
    steps = np.clip(heat.values / most, 0, 1) if most else np.zeros_like(heat.values)
    cells = np.rint(steps * 255).astype(np.uint8)
    return {
        "kind": "heat",
        "extent": _rounded(heat.extent),
        "rows": cells.shape[0],
        "columns": cells.shape[1],
        "values": base64.b64encode(cells.tobytes()).decode("ascii"),
        "most": most,
        "strong": heat.strong,
        "unit": heat_unit(heat.method),
    }


def _scale(report: GroundedReport) -> dict[str, Any] | None:
    """The one heat scale of the report; None without heat."""
    top = heat_maximum(report)
    return {"top": top, "words": heat_top(report)} if top else None


def _measurement(item: Measurement) -> dict[str, Any]:
    return {
        "name": item.name,
        "value": item.value,
        "text": quantity(item.value, item.unit),
        "normal": normal_range(item),
        "tolerance": tolerance(item),
        "verdict": _verdict(item),
        "source": item.source,
        "lines": [_line(line) for line in item.lines],
    }


def _verdict(item: Measurement) -> str:
    """How a value lies to its normal range: "" within, "borderline" out by no more than the method
    can be wrong, else "outside"."""
    if item.normal is None or is_normal(item):
        return ""
    low, high = item.normal
    beyond = max(low - item.value, item.value - high)
    return "borderline" if beyond <= item.tolerance else "outside"


def _line(line: Line) -> dict[str, Any]:
    ends = _rounded((line.x0, line.y0, line.x1, line.y1))
    return dict(zip(("x0", "y0", "x1", "y1"), ends, strict=True)) | {"label": line.label}


def _outline(lines: Sequence[NDArray[np.float64]]) -> list[list[float]]:
    """Closed lines as x, y, x, y ..., without the points that make no difference."""
    found = []
    for line in lines:
        slack = _SLACK * float(np.ptp(line, axis=0).max())
        points = cv2.approxPolyDP(line.astype(np.float32).reshape(-1, 1, 2), slack, True)
        found.append(_rounded(points.reshape(-1)))
    return found


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 1) for value in values]
