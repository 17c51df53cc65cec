"""A structured report that we wrote, read back as the report that it was made from.

Everything is taken from the content tree, as any reader sees it. Only the values of masks and
heatmaps come from the private attribute; where an archive took that out, a mask is what lies inside
of its outline, and a heatmap is the box that it covered.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from grounded.atlas import Side, Site
from grounded.audit import Audit
from grounded.codes import Code
from grounded.dicom import concepts as say
from grounded.dicom.frame import StoredFrame
from grounded.dicom.sr.content import (
    ABOUT,
    LINE,
    RANGE_HIGH,
    RANGE_LOW,
    SOURCE,
    TOLERANCE,
)
from grounded.dicom.sr.document import kept_grids
from grounded.dicom.sr.items import (
    children_of,
    coded_value,
    is_called,
    points_of,
    text_of,
    texts_of,
    value_of,
)
from grounded.errors import InvalidValueError, ReportError
from grounded.evidence import Evidence, Line, Mask, Measurement, evidence_from_dict
from grounded.films.quiet import silenced
from grounded.findings import VOCABULARY, Finding, ScoreKind
from grounded.geometry import Box
from grounded.image import Image, ImageInfo
from grounded.provenance import Acceptance, Provenance, Scope
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence, Removed, Right, Section

_MOST_CELLS = 256  # of a side of a mask that is made from its outline
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, InvalidValueError)


def read_sr(path: str | os.PathLike[str], film: Image | None = None) -> GroundedReport:
    """The report of a `.sr.dcm` or `.sr.json` file. film: to draw the report again.

    Raises ReportError for a file that cannot be read, or that is no report of ours.
    """
    where = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ReportError(f"cannot read the report {where!r}: {error}") from error
    try:
        return _Reader(_document(data)).report(film)
    except ReportError as error:
        raise ReportError(f"{where!r}: {error}") from error
    except _BROKEN as error:
        raise ReportError(
            f"{where!r} is no structured report of this package: {error!r}"
        ) from error


def _document(data: bytes) -> Dataset:
    if data.lstrip()[:1] == b"[":
        from grounded.dicom.sr.json import from_json

        return from_json(data)
    try:
        with silenced():
            return pydicom.dcmread(io.BytesIO(data))
    except Exception as error:  # a damaged file makes the parser fail in any way
        raise ReportError(f"it is no DICOM file ({type(error).__name__})") from error


@dataclass(frozen=True)
class _Reader:
    document: Dataset

    def report(self, film: Image | None) -> GroundedReport:
        acceptance = self.acceptance()  # it first asks whether the document is ours
        regions = self.regions()
        return GroundedReport(
            image=self.image,
            regions=regions,
            sentences=tuple(self.sentences(regions)),
            scope=Scope(
                {str(item.TextValue): text_of(item, _FIGURE) for item in self.known("Assessed")},
                tuple(str(item.TextValue) for item in self.known("Not assessed")),
                self.fact("Guarantee"),
            ),
            provenance=Provenance.from_dict(json.loads(self.fact("Provenance"))),
            removed=tuple(self.removed()),
            film=film,
            notice=self.fact("Notice"),
            sites=self.sites,
            acceptance=acceptance,
            audit=Audit.from_dict(json.loads(kept)) if (kept := self.fact("Audit")) else None,
        )

    @cached_property
    def about(self) -> Dataset:
        found = children_of(self.document, kind="CONTAINER", name=ABOUT)
        if not found:
            raise ReportError("it is a structured report, but not one that this package wrote")
        return found[0]

    def known(self, name: str) -> list[Dataset]:
        return children_of(self.about, kind="TEXT", name=say.local(name))

    def fact(self, name: str) -> str:
        """What is said of the report as a whole, "" where nothing is."""
        return next((str(item.TextValue) for item in self.known(name)), "")

    @cached_property
    def image(self) -> ImageInfo:
        return ImageInfo.from_dict(json.loads(self.fact("Film")))

    @cached_property
    def frame(self) -> StoredFrame:
        return StoredFrame.of(self.image)

    @cached_property
    def grids(self) -> Mapping[str, Any]:
        return kept_grids(self.document)

    def groups(self, template: str) -> list[Dataset]:
        [held] = [
            child
            for child in children_of(self.document, kind="CONTAINER")
            if is_called(child, _MEASUREMENTS)
        ]
        return [
            group
            for group in held.ContentSequence
            if group.ContentTemplateSequence[0].TemplateIdentifier == template
        ]

    def box(self, item: Dataset) -> Box:
        corners = self.frame.to_shown(points_of(item))
        return Box(*corners.min(axis=0), *corners.max(axis=0))

    def planar(self, purpose: CodedConcept) -> Iterator[tuple[str, Dataset, Dataset]]:
        """Region, group and shape of each planar group with one purpose."""
        for group in self.groups("1410"):
            [stated] = children_of(group, name=say.PURPOSE)
            if say.same(coded_value(stated), purpose):
                [place] = children_of(group, kind="SCOORD")
                yield text_of(group, say.REGION), group, place

    def regions(self) -> Regions:
        found = list(self.planar(say.BOUNDED_BY))
        missing = {str(i.TextValue): text_of(i, _REASON) for i in self.known("Region not found")}
        if not found:
            return Regions.none(missing)
        scores = [_score(group, say.CERTAINTY_OF_FEATURE) for _, group, _ in found]
        return Regions(
            names=tuple(name for name, _, _ in found),
            boxes=np.array([tuple(self.box(place)) for _, _, place in found]),
            scores=np.array(scores),
            masks=tuple(self.masks.get(name) for name, _, _ in found),
            missing=missing,
            notes=tuple(text_of(group, say.NOTE) for _, group, _ in found),
        )

    @cached_property
    def masks(self) -> dict[str, Mask]:
        if self.grids:
            kept = {name: evidence_from_dict(m) for name, m in self.grids["regions"].items()}
            return {name: mask for name, mask in kept.items() if isinstance(mask, Mask)}
        outlines: dict[str, list[NDArray[np.float64]]] = {}
        for name, _, place in self.planar(say.OUTLINE):
            outlines.setdefault(name, []).append(self.frame.to_shown(points_of(place)))
        return {name: filled(lines) for name, lines in outlines.items()}

    @cached_property
    def sites(self) -> dict[str, Site]:
        """The sites of regions that have a code or a side."""
        sites = {name: _site(group) for name, group, _ in self.planar(say.BOUNDED_BY)}
        return {name: site for name, site in sites.items() if site != Site(None)}

    def sentences(self, regions: Regions) -> Iterator[GroundedSentence]:
        for number, group in enumerate(self.groups("1501")):
            names = texts_of(group, say.REGION)
            if not names:  # of a report that has nothing to say
                return
            [score] = [
                item
                for item in children_of(group, kind="NUM")
                if is_called(item, say.CERTAINTY) or is_called(item, say.SCORE)
            ]
            section = coded_value(children_of(group, name=say.SECTION)[0])
            normality = coded_value(children_of(group, name=say.NORMALITY)[0])
            yield GroundedSentence(
                text=text_of(group, say.COMMENT),
                regions=names,
                evidence=tuple(self.evidence(number, group, score, regions)),
                origin=text_of(group, say.ORIGIN),
                findings=tuple(_findings(group)),
                score=value_of(score) / 100,
                section=_section(section),
                abnormal=say.same(normality, say.ABNORMAL),
                notes=texts_of(group, say.NOTE),
                score_kind=_kind(score),
                right=_right(group),
                unrated=text_of(group, say.UNRATED),
            )

    def evidence(
        self, number: int, group: Dataset, score: Dataset, regions: Regions
    ) -> Iterator[Evidence]:
        boxes = iter(children_of(score, kind="SCOORD", name=say.BOUNDED_BY))
        measured = [
            item
            for item in children_of(group, kind="NUM")
            if item is not score and not is_called(item, say.PROBABILITY)
        ]
        measurements = iter(measured)
        if not self.grids:
            yield from self.seen(score)
            yield from map(self.measurement, measurements)
            return
        for kept in self.grids["sentences"][number]:
            match kept["kind"]:
                case "box" if "box" not in kept:
                    yield self.box(next(boxes))
                case "measurement" if "name" not in kept:
                    yield self.measurement(next(measurements))
                case "outline":
                    mask = regions[kept["region"]].mask
                    if mask is not None:
                        yield mask
                case _:
                    yield evidence_from_dict(kept)

    def seen(self, score: Dataset) -> Iterator[Evidence]:
        """The places of a sentence as the tree alone has them."""
        outlines = [points_of(i) for i in children_of(score, kind="SCOORD", name=say.OUTLINE)]
        for item in children_of(score, kind="SCOORD"):
            if not is_called(item, say.OUTLINE):
                yield self.box(item)
        if outlines:
            yield filled([self.frame.to_shown(line) for line in outlines])

    def measurement(self, item: Dataset) -> Measurement:
        low, high = (
            [value_of(found) for found in children_of(item, kind="NUM", name=name)]
            for name in (RANGE_LOW, RANGE_HIGH)
        )
        tolerance = [value_of(found) for found in children_of(item, kind="NUM", name=TOLERANCE)]
        lines = zip(children_of(item, kind="SCOORD"), texts_of(item, LINE), strict=True)
        unit = item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
        return Measurement(
            name=text_of(item, say.NOTE),
            value=value_of(item),
            unit=str(unit.CodeValue),
            lines=tuple(self.line(place, label) for place, label in lines),
            normal=(low[0], high[0]) if low and high else None,
            tolerance=tolerance[0] if tolerance else 0.0,
            source=text_of(item, SOURCE),
        )

    def line(self, place: Dataset, label: str) -> Line:
        (x0, y0), (x1, y1) = self.frame.to_shown(points_of(place))
        return Line(float(x0), float(y0), float(x1), float(y1), "" if label == "line" else label)

    def removed(self) -> Iterator[Removed]:
        for item in self.known("Removed sentence"):
            names = texts_of(item, say.REGION)
            yield Removed(str(item.TextValue), names, text_of(item, _REASON))

    def acceptance(self) -> Acceptance | None:
        kept = self.fact("Acceptance")
        return Acceptance.from_dict(json.loads(kept)) if kept else None


_FIGURE, _REASON = say.local("Figure"), say.local("Reason")
_MEASUREMENTS = CodedConcept("126010", "DCM", "Imaging Measurements")
_LABELS = {
    (concept.value, concept.scheme_designator): label
    for label in VOCABULARY
    for concept in [say.finding_concept(label)]
}
_PRESENCES = {concept.value: presence for presence, concept in say.PRESENCE.items()}
_KINDS = {say.local(str(kind)).value: kind for kind in ScoreKind}


def filled(outlines: Sequence[NDArray[np.float64]]) -> Mask:
    """A mask of what lies inside of outlines (N, 2) of the image frame."""
    from skimage.draw import polygon2mask

    points = np.concatenate(list(outlines))
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    extent = Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1))
    columns, rows = (
        int(np.clip(np.ceil(side), 1, _MOST_CELLS)) for side in (extent.width, extent.height)
    )
    scale = np.array([rows / extent.height, columns / extent.width])
    inside = np.zeros((rows, columns), dtype=bool)
    for line in outlines:  # (row, column) of cell centres
        inside |= polygon2mask((rows, columns), (line - (x0, y0))[:, ::-1] * scale - 0.5)
    return Mask(inside.astype(np.float32), extent)


def _findings(group: Dataset) -> Iterator[Finding]:
    for item in children_of(group, kind="CODE"):
        name = CodedConcept.from_dataset(item.ConceptNameCodeSequence[0])
        label = _LABELS.get((name.value, name.scheme_designator))
        if label is None:
            continue
        [score] = children_of(item, kind="NUM")
        yield Finding(
            label,
            _PRESENCES[coded_value(item).value],
            text_of(item, say.REGION),
            value_of(score) / 100,
            _kind(score),
        )


def _right(group: Dataset) -> Right | None:
    found = children_of(group, kind="NUM", name=say.PROBABILITY)
    films = [text_of(item, say.POPULATION) for item in found]
    return Right(value_of(found[0]) / 100, films[0]) if found else None


def _score(group: Dataset, name: CodedConcept) -> float:
    return value_of(children_of(group, kind="NUM", name=name)[0]) / 100


def _kind(score: Dataset) -> ScoreKind:
    [method] = children_of(score, name=say.METHOD)
    return _KINDS[coded_value(method).value]


def _section(section: CodedConcept) -> Section:
    return "impression" if say.same(section, say.IMPRESSION) else "findings"


def _site(group: Dataset) -> Site:
    [site] = children_of(group, kind="CODE", name=say.SITE)
    anatomy = coded_value(site)
    sides = [coded_value(child).value for child in children_of(site, kind="CODE")]
    names = {concept.value: name for name, concept in say.SIDES.items()}
    side = names.get(sides[0], Side.UNPAIRED) if sides else Side.UNPAIRED
    if anatomy.scheme_designator == say.LOCAL:
        return Site(None, side)
    return Site(Code(anatomy.scheme_designator, anatomy.value, anatomy.meaning), side)
