"""How reports change as films get worse: curves over rising strengths, intervals over patients.

Four numbers a film: the weighted errors of the report, which part of the findings of the untouched
film's report it still says (and no others), how far the regions stay where they were, and whether
the film was refused, which for a bad film may be right. Beside them, over all films, how well the
probabilities still tell films with a finding from films without, the mean of the findings. A turned
film's regions are held against the boxes around the turned boxes, which are wider than what is in
them: part of that fall is geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grounded.data.example import Example
from grounded.errors import UnsuitableImageError
from grounded.evaluate.altered import Alteration, Altered, unaltered
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.errors import Urgency, weight_of
from grounded.evaluate.intervals import Estimate
from grounded.evaluate.report_table import Statement
from grounded.evaluate.reports import Case, Reference, Written, references_of
from grounded.evaluate.rows import REFUSED, WEIGHTED, Row, counted, mean_of
from grounded.findings import Presence
from grounded.geometry import Placement
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.reporter import Reading, Reporter
from grounded.version import VERSION

SCHEMA = 1
ERRORS, SAME, PLACES = WEIGHTED, "findings kept", "regions' IoU with before"
AREA = "area under ROC"
MEASURES = (ERRORS, SAME, AREA, PLACES, REFUSED)


@dataclass(frozen=True, slots=True)
class Point:
    """One strength of an alteration. value: by measure; strength 0 is the film as it is."""

    alteration: str
    unit: str
    strength: float
    values: Mapping[str, Estimate]
    films: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "alteration": self.alteration,
            "unit": self.unit,
            "strength": self.strength,
            "films": self.films,
            "values": {name: value.to_dict() for name, value in self.values.items()},
        }


@dataclass(frozen=True, slots=True)
class Robustness:
    """All points; data: the set and films in words. by: what altered and read the films."""

    data: str
    by: str
    points: tuple[Point, ...]

    @property
    def text(self) -> str:
        lines = [self.data, self.by]
        for name in dict.fromkeys(point.alteration for point in self.points):
            here = [point for point in self.points if point.alteration == name]
            lines += ["", f"{name.upper()} ({here[0].unit})"]
            lines += [
                f"  {point.strength:<8g}"
                + "  ".join(
                    f"{measure} {value.value:.3f}" for measure, value in point.values.items()
                )
                for point in here
            ]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "data": self.data,
            "by": self.by,
            "points": [point.to_dict() for point in self.points],
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """What was said and found in one version of a film; None for a film that was refused."""

    reading: Reading | None
    text: str = ""
    present: frozenset[str] = frozenset()

    @property
    def probabilities(self) -> dict[str, float]:
        """By finding, the highest of all regions."""
        found: dict[str, float] = {}
        for item in self.reading.findings if self.reading is not None else ():
            if item.probability is not None:
                found[item.label] = max(item.probability, found.get(item.label, 0.0))
        return found


def robustness(
    reporter: Reporter,
    films: Sequence[Example],
    alterations: Sequence[Alteration],
    *,
    data: str,
    side: int | None = None,
    done: Callable[[int, int], None] = lambda done, total: None,
) -> Robustness:
    """Read every film as it is and made worse, and judge the reports by what is known of the film.

    side: that films are first brought to, as squares; an attack on a network takes its own input.
    done: is given how many alterations are through, and of how many.
    """
    rules, urgency = Labeller.open(), Urgency.open()
    references = references_of(films)
    images = [_squared(film.image(), side) for film in films]
    before = [_read(reporter, image) for image in images]
    points: list[Point] = []
    for number, alteration in enumerate(alterations):
        for strength in (0.0, *alteration.strengths):
            made = [
                alteration.alter(image.pixels, strength) if strength else unaltered(image.pixels)
                for image in images
            ]
            reads = [
                _read(reporter, Image.of(each.pixels, view=image.info.view)) if strength else first
                for each, image, first in zip(made, images, before, strict=True)
            ]
            rows = [
                _row(film, references[film.name], *versions, rules, urgency)
                for film, versions in zip(films, zip(before, reads, made, strict=True), strict=True)
            ]
            values = {name: mean_of(rows, name)[0] for name in (ERRORS, SAME, PLACES, REFUSED)}
            values[AREA] = _area(films, reads)
            kept = {name: values[name] for name in MEASURES if not np.isnan(values[name].value)}
            points.append(Point(alteration.name, alteration.unit, strength, kept, len(films)))
        done(number + 1, len(alterations))
    by = f"grounded {VERSION}, preset {reporter.preset or 'given'}"
    return Robustness(f"{data}: {len(films)} films", by, tuple(points))


def _read(reporter: Reporter, image: Image) -> _Read:
    try:
        reading = reporter.read(image, force=True)
    except UnsuitableImageError:
        return _Read(None)
    report = reading.report()
    findings = [f for s in report.section("findings") for f in s.findings]
    return _Read(
        reading,
        " ".join(sentence.text for sentence in report.section("findings")),
        frozenset(f.label for f in findings if f.presence != Presence.ABSENT),
    )


def _squared(image: Image, side: int | None) -> Image:
    if side is None:
        return image
    placement = Placement.letterbox(image.shape, (side, side))
    return Image.of(placement.place(image.pixels), view=image.info.view, name=image.info.name)


def _row(
    film: Example,
    reference: Reference,
    before: _Read,
    read: _Read,
    altered: Altered,
    rules: Labeller,
    urgency: Urgency,
) -> Row:
    values = {REFUSED: float(read.reading is None)}
    if read.reading is not None:
        case = Case(film.name, Written(read.text, statements=(Statement(read.text),)), reference)
        if reference.text or reference.findings:
            values[ERRORS] = weight_of(counted(case, rules), urgency)
        either = before.present | read.present
        values[SAME] = len(before.present & read.present) / len(either) if either else 1.0
        if before.reading is not None:
            values |= _stayed(before.reading, read.reading, altered)
    return Row(film.name, film.patient, {}, (), values)


def _stayed(before: Reading, after: Reading, altered: Altered) -> dict[str, float]:
    """The mean IoU of the regions with where they were; one that is not found any more counts 0."""
    overlaps = []
    for region in before.regions:
        there = altered.moved(region.box)
        if there is not None:
            found = region.name in after.regions
            overlaps.append(after.regions[region.name].box.iou(there) if found else 0.0)
    return {PLACES: float(np.mean(overlaps))} if overlaps else {}


def _area(films: Sequence[Example], reads: Sequence[_Read]) -> Estimate:
    """The mean over the findings of which films with and without are known."""
    areas = []
    scores = [read.probabilities for read in reads]
    for label in sorted({label for film in films for label in film.findings}):
        known = [
            (score[label], film.findings[label] == Presence.PRESENT, film.patient)
            for film, score in zip(films, scores, strict=True)
            if label in score and film.findings.get(label, Presence.UNCERTAIN) != "uncertain"
        ]
        if known:
            value = area_under_roc(*map(list, zip(*known, strict=True))).value
            areas += [] if np.isnan(value) else [value]
    if not areas:
        return Estimate.none()
    return Estimate(float(np.mean(areas)), float("nan"), float("nan"))
