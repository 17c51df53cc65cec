"""What a page is given of a report, as types: static page, reading room and API share the JSON.

Coordinates are in the image frame. `document` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from grounded.codes import Code
from grounded.findings import Presence
from grounded.greys import Scale
from grounded.provenance import Provenance, Scope
from grounded.report import Removed, Section

Kind = Literal["abnormal", "uncertain", "withheld", "open", "normal"]
InRange = Literal["", "borderline", "outside"]
Corners = tuple[float, float, float, float]  # x0, y0, x1, y1
Outline = list[list[float]]  # closed lines, each x, y, x, y ...


@dataclass(frozen=True, slots=True)
class Film:
    """What is known of a film. aspect: height over width of a pixel. scale: what its greys mean."""

    width: int
    height: int
    aspect: float
    spacing_mm: tuple[float, float] | None
    spacing_kind: str
    view: str
    name: str
    sha256: str
    warnings: tuple[str, ...]
    child: bool
    sides_in_doubt: bool
    scale: Scale


@dataclass(frozen=True, slots=True)
class PageRegion:
    """A region as it is drawn. outline: [] where only its box is known. other: its counterpart."""

    number: int
    name: str
    label: str
    color: str
    score: float
    box: Corners
    outline: Outline
    note: str
    side: str
    other: str


@dataclass(frozen=True, slots=True)
class PageFinding:
    label: str
    presence: Presence
    region: str
    score: float
    score_kind: str
    code: Code | None


@dataclass(frozen=True, slots=True)
class RegionEvidence:
    """The place of a region of the report."""

    region: str
    kind: Literal["region"] = "region"


@dataclass(frozen=True, slots=True)
class BoxEvidence:
    box: Corners
    kind: Literal["box"] = "box"


@dataclass(frozen=True, slots=True)
class MaskEvidence:
    outline: Outline
    kind: Literal["mask"] = "mask"


@dataclass(frozen=True, slots=True)
class MeasurementEvidence:
    """index: into `measurements`, from 0."""

    index: int
    kind: Literal["measurement"] = "measurement"


@dataclass(frozen=True, slots=True)
class HeatEvidence:
    """values: base64, a byte a cell, row by row; 255 stands for `most`."""

    extent: Corners
    rows: int
    columns: int
    values: str
    most: float
    strong: float
    unit: str
    kind: Literal["heat"] = "heat"


PageEvidence = RegionEvidence | BoxEvidence | MaskEvidence | MeasurementEvidence | HeatEvidence


@dataclass(frozen=True, slots=True)
class PageRight:
    """How probable it is that all that a sentence claims is right, and on which films."""

    score: float
    score_kind: str
    population: str


@dataclass(frozen=True, slots=True)
class PageSentence:
    """One sentence as the page shows it.

    score: None if the page shows no score. findings: what the words speak of. unrated: the reason
    if the probability that the sentence is right is not known; "" if it is known or was not asked.

    verdict: the audit's, "" where there is none. checks: what it follows from, a line a claim.
    """

    number: int
    text: str
    section: Section
    kind: Kind
    regions: tuple[str, ...]
    findings: tuple[PageFinding, ...]
    score: float | None
    score_kind: str
    right: PageRight | None
    unrated: str
    notes: tuple[str, ...]
    evidence: tuple[PageEvidence, ...]
    verdict: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageLine:
    x0: float
    y0: float
    x1: float
    y1: float
    label: str


@dataclass(frozen=True, slots=True)
class PageMeasurement:
    """text: the value with its unit; normal, tolerance: in words, "" without one."""

    name: str
    value: float
    text: str
    normal: str
    tolerance: str
    verdict: InRange
    source: str
    lines: tuple[PageLine, ...]


@dataclass(frozen=True, slots=True)
class HeatScale:
    """The one scale of a report's heat. words: its top as people read it."""

    top: float
    words: str


@dataclass(frozen=True, slots=True)
class PageAudit:
    """What made the audit of a report, and its measures in words."""

    subject: str
    measures: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Sentences, and the measurements that they stand on, each once."""

    sentences: tuple[PageSentence, ...]
    measurements: tuple[PageMeasurement, ...]


@dataclass(frozen=True, slots=True)
class Document(Said):
    """A report as a page shows it. missing: why regions were not found. answers: by region."""

    schema: int
    title: str
    notice: str
    film: Film
    regions: tuple[PageRegion, ...]
    missing: Mapping[str, str]
    heat: HeatScale | None
    scope: Scope
    audit: PageAudit | None
    removed: tuple[Removed, ...]
    provenance: Provenance
    answers: Mapping[str, Said]

    def to_json(self) -> str:
        return json.dumps(self, default=_parts, ensure_ascii=False, separators=(",", ":"))


def _parts(value: Any) -> dict[str, Any]:
    """What json cannot write: one of the values above, part by part."""
    if not is_dataclass(value):
        raise TypeError(f"no part of a page: {type(value).__name__}")
    return {field.name: getattr(value, field.name) for field in fields(value)}
