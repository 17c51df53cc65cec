"""A report as the JSON that the page shows, in the static page and in the reading room alike.

Words, colours, numbers and outlines are made here, once; the page lays them out. Coordinates are in
the image frame.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import chest_atlas
from grounded.compose.impression import NOTHING_ABNORMAL, NOTHING_SURE
from grounded.evidence import Evidence, Heatmap, Line, Mask, Measurement
from grounded.findings import Finding, Presence, ScoreKind
from grounded.geometry import Box
from grounded.greys import Scale
from grounded.image import ImageInfo
from grounded.regions import Region
from grounded.report import WITHHELD, GroundedReport, GroundedSentence, Right
from grounded.viz.marks import (
    Mark,
    closed_lines,
    heat_maximum,
    heat_top,
    is_place_of,
    marks_of,
)
from grounded.viz.page import (
    BoxEvidence,
    Corners,
    Document,
    Film,
    HeatEvidence,
    HeatScale,
    InRange,
    Kind,
    MaskEvidence,
    MeasurementEvidence,
    Outline,
    PageAudit,
    PageEvidence,
    PageFinding,
    PageLine,
    PageMeasurement,
    PageRegion,
    PageRight,
    PageSentence,
    RegionEvidence,
    Said,
)
from grounded.viz.palette import hexadecimal
from grounded.viz.words import (
    body_part,
    heat_unit,
    is_normal,
    normal_range,
    quantity,
    side_of,
    tolerance,
)

SCHEMA = 1

_OPEN = re.compile(r"^not assessed\b|\b(?:not|cannot be) judged\b", re.IGNORECASE)
_SLACK = 0.0008  # how far a drawn outline may be off, in parts of its size


def document(
    report: GroundedReport, answers: Mapping[str, GroundedReport] | None = None
) -> Document:
    """The report for the page. answers: the answer for each region by name, to be shown offline."""
    film_title = f"{body_part(report.regions.names)} film".strip().capitalize()
    said = _said(report)
    return Document(
        sentences=said.sentences,
        measurements=said.measurements,
        schema=SCHEMA,
        title=film_title,
        notice=report.notice,
        film=film_for_page(report.image, report.film.scale if report.film else Scale()),
        regions=tuple(_region(mark) for mark in marks_of(report)),
        missing=dict(report.regions.missing),
        heat=_scale(report),
        scope=report.scope,
        audit=_audit(report),
        removed=report.removed,
        provenance=report.provenance,
        answers={name: _said(answer) for name, answer in (answers or {}).items()},
    )


def kind_of(sentence: GroundedSentence) -> Kind:
    """What a reader has to do with a sentence. "open": it leaves something not assessed.
    "withheld": it stands where something may not be said at the level that was asked for.

    That something is there makes it abnormal; a doubt alone makes it uncertain.
    """
    if sentence.origin == WITHHELD:
        return "withheld"
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


def film_for_page(image: ImageInfo, scale: Scale) -> Film:
    """What a page is given of a film before anything else is known."""
    return Film(
        width=image.width,
        height=image.height,
        aspect=image.aspect,
        spacing_mm=image.spacing_mm,
        spacing_kind=image.spacing_kind,
        view=str(image.view),
        name=image.name,
        sha256=image.sha256,
        warnings=image.warnings,
        child=image.child,
        sides_in_doubt=image.sides_in_doubt,
        scale=scale,
    )


def _region(mark: Mark) -> PageRegion:
    atlas, name = chest_atlas(), mark.name
    known = name in atlas.names
    return PageRegion(
        number=mark.number,
        name=name,
        label=mark.label,
        color=hexadecimal(mark.color),
        score=round(mark.region.score, 3),
        box=_corners(mark.region.box),
        outline=[] if mark.is_box else _outline(mark.lines),
        note=mark.region.note,
        side=side_of(name),
        other=atlas.counterpart(name) if known else "",
    )


def _said(report: GroundedReport) -> Said:
    measured = list(
        dict.fromkeys(item for sentence in report.sentences for item in sentence.measurements)
    )
    sentences = tuple(
        _sentence(number, sentence, report, measured)
        for number, sentence in enumerate(report.sentences, start=1)
    )
    return Said(sentences, tuple(_measurement(item) for item in measured))


def _sentence(
    number: int,
    sentence: GroundedSentence,
    report: GroundedReport,
    measured: Sequence[Measurement],
) -> PageSentence:
    kind, regions = kind_of(sentence), [report.regions[name] for name in sentence.regions]
    verdict, checks = _audited(sentence, report)
    asserts = kind not in ("open", "withheld")
    scored = asserts and sentence.score_kind is not ScoreKind.UNSPECIFIED
    return PageSentence(
        number=number,
        text=sentence.text,
        section=sentence.section,
        kind=kind,
        regions=sentence.regions,
        findings=tuple(_finding(finding) for finding in sentence.findings),
        score=sentence.score if scored else None,
        score_kind=sentence.score_kind.word if scored else "",
        right=_right(sentence.right),
        unrated=sentence.unrated,
        notes=sentence.notes,
        evidence=tuple(_evidence(item, regions, measured) for item in sentence.evidence),
        verdict=verdict,
        checks=checks,
    )


def _finding(finding: Finding) -> PageFinding:
    kind = str(finding.score_kind)
    return PageFinding(
        finding.label, finding.presence, finding.region, finding.score, kind, finding.code
    )


def _audit(report: GroundedReport) -> PageAudit | None:
    audit = report.audit
    if audit is None:
        return None
    measures = {name: str(share) for name, share in audit.measures.items() if share.count}
    return PageAudit(audit.subject, measures, tuple(audit.notes))


def _right(right: Right | None) -> PageRight | None:
    if right is None:
        return None
    return PageRight(right.probability, right.kind.word, right.population)


def _audited(sentence: GroundedSentence, report: GroundedReport) -> tuple[str, tuple[str, ...]]:
    """The audit's verdict on a sentence and what it follows from, a line a claim; "" without one.

    The impression repeats findings in other words: it is not audited by itself.
    """
    if report.audit is None or sentence.section != "findings":
        return "", ()
    audited = [each for each in report.audit.sentences if each.text == sentence.text]
    checks = tuple(check.text for each in audited[:1] for check in each.checks)
    return str(report.audit.verdict(sentence.text)), checks


def _evidence(
    evidence: Evidence, regions: Sequence[Region], measured: Sequence[Measurement]
) -> PageEvidence:
    own = next((region for region in regions if is_place_of(evidence, region)), None)
    if own is not None:
        return RegionEvidence(own.name)
    match evidence:
        case Box():
            return BoxEvidence(_corners(evidence))
        case Mask():
            return MaskEvidence(_outline(closed_lines(evidence)))
        case Heatmap():
            return _heat(evidence)
        case Measurement():
            return MeasurementEvidence(measured.index(evidence))


def _heat(heat: Heatmap) -> HeatEvidence:
    """What lowers a finding is not drawn."""
    most = max(float(heat.values.max()), 0.0)
    steps = np.clip(heat.values / most, 0, 1) if most else np.zeros_like(heat.values)
    cells = np.rint(steps * 255).astype(np.uint8)
    return HeatEvidence(
        extent=_corners(heat.extent),
        rows=cells.shape[0],
        columns=cells.shape[1],
        values=base64.b64encode(cells.tobytes()).decode("ascii"),
        most=most,
        strong=heat.strong,
        unit=heat_unit(heat.method),
    )


def _scale(report: GroundedReport) -> HeatScale | None:
    """The one heat scale of the report; None without heat."""
    top = heat_maximum(report)
    return HeatScale(top, heat_top(report)) if top else None


def _measurement(item: Measurement) -> PageMeasurement:
    return PageMeasurement(
        name=item.name,
        value=item.value,
        text=quantity(item.value, item.unit),
        normal=normal_range(item),
        tolerance=tolerance(item),
        verdict=_verdict(item),
        source=item.source,
        lines=tuple(_line(line) for line in item.lines),
    )


def _verdict(item: Measurement) -> InRange:
    """How a value lies to its normal range: "" within, "borderline" out by no more than the method
    can be wrong, else "outside"."""
    if item.normal is None or is_normal(item):
        return ""
    low, high = item.normal
    beyond = max(low - item.value, item.value - high)
    return "borderline" if beyond <= item.tolerance else "outside"


def _line(line: Line) -> PageLine:
    x0, y0, x1, y1 = _rounded((line.x0, line.y0, line.x1, line.y1))
    return PageLine(x0, y0, x1, y1, line.label)


def _corners(box: Box) -> Corners:
    x0, y0, x1, y1 = _rounded(box)
    return x0, y0, x1, y1


def _outline(lines: Sequence[NDArray[np.float64]]) -> Outline:
    """Closed lines as x, y, x, y ..., without the points that make no difference."""
    found = []
    for line in lines:
        slack = _SLACK * float(np.ptp(line, axis=0).max())
        points = cv2.approxPolyDP(line.astype(np.float32).reshape(-1, 1, 2), slack, True)
        found.append(_rounded(points.reshape(-1)))
    return found


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 1) for value in values]
