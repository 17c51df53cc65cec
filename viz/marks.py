"""What is to be drawn of a report: every region with its number, colour, label and lines.

The number of a region is its row in the report, from 1. It is the same in every picture and page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.atlas import Side
from grounded.errors import ReportError
from grounded.evidence import Evidence, Heatmap, Mask, evidence_box
from grounded.geometry import Box
from grounded.image import Image
from grounded.regions import Region
from grounded.report import GroundedReport, GroundedSentence
from grounded.viz.palette import Rgb, region_colors
from grounded.viz.words import short_name, side_of

_CROWD = 14  # regions with sentences


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A region as it is drawn.

    lines: closed lines, each (N, 2) x first in the image frame: the outline, or else the box.
    sentences: the numbers, from 1, of the report's sentences that point at it.
    """

    number: int
    region: Region
    color: Rgb
    lines: tuple[NDArray[np.float64], ...]
    sentences: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.region.name

    @property
    def label(self) -> str:
        return short_name(self.region.name)

    @property
    def is_box(self) -> bool:
        """Whether only a box is known. Boxes are drawn dashed, outlines solid."""
        return self.region.mask is None

    @property
    def spot(self) -> tuple[float, float]:
        """Where its number stands: on the outline's upper outer border, or on the box's upper edge.

        There it hides neither a costophrenic angle nor the lung's inside. Boxes that begin at one
        corner have their numbers at different places.
        """
        x0, y0, x1, y1 = self.region.box
        if self.is_box:
            return x0 + (0.1 + 0.2 * (self.number % 5)) * (x1 - x0), y0
        line = self.lines[0]
        start = np.array([x1 if side_of(self.name) == Side.LEFT else x0, y0 + 0.3 * (y1 - y0)])
        x, y = line[np.hypot(*(line - start).T).argmin()]
        return float(x), float(y)

    @property
    def cited(self) -> bool:
        """Whether a sentence points at it."""
        return bool(self.sentences)


def marks_of(report: GroundedReport) -> tuple[Mark, ...]:
    """One for each region, in the order of the report."""
    return tuple(
        Mark(
            number=number,
            region=region,
            color=color,
            lines=closed_lines(region.mask or region.box),
            sentences=tuple(
                count
                for count, sentence in enumerate(report.sentences, start=1)
                if region.name in sentence.regions
            ),
        )
        for number, (region, color) in enumerate(
            zip(report.regions, region_colors(report.regions.names), strict=True), start=1
        )
    )


def is_crowded(marks: Sequence[Mark]) -> bool:
    """Whether whole boxes would cover the film: boxes then show their corners."""
    return sum(mark.cited for mark in marks) > _CROWD


def closed_lines(place: Box | Mask) -> tuple[NDArray[np.float64], ...]:
    """The outline of a mask (its larger parts), or the four corners of a box, image frame."""
    if isinstance(place, Box):
        x0, y0, x1, y1 = place
        return (np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]),)
    lines = place.outlines()
    large = [line for line in lines if len(line) >= max(4, 0.05 * len(lines[0]))]
    return tuple(large) if large else closed_lines(place.box)


def corners(box: Box) -> list[NDArray[np.float64]]:
    """The four corners of a box as open lines, a sixth of the shorter side long."""
    arm = min(box.width, box.height) / 6
    return [
        np.array([[x + arm * right, y], [x, y], [x, y + arm * down]])
        for x, right in ((box.x0, 1), (box.x1, -1))
        for y, down in ((box.y0, 1), (box.y1, -1))
    ]


def owner(evidence: Evidence, marks: Iterable[Mark]) -> Mark | None:
    """The region whose box or outline the evidence is; None if it is a place of its own.

    A box that a region's detector gave is that region's; so is its mask.
    """
    return next((mark for mark in marks if is_place_of(evidence, mark.region)), None)


def is_place_of(evidence: Evidence, region: Region) -> bool:
    """Whether evidence is the box or the outline of a region."""
    if not isinstance(evidence, Box | Mask):
        return False
    own = region.box if isinstance(evidence, Box) else region.mask
    return own is not None and evidence_box(own).iou(evidence_box(evidence)) > 0.98


def marks_in(sentence: GroundedSentence, marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """The marks of the regions that a sentence points at, in its order."""
    by_name = {mark.name: mark for mark in marks}
    return tuple(by_name[name] for name in sentence.regions)


def heat_maximum(report: GroundedReport) -> float:
    """The top of the one scale of the report: what is strong, or else the largest heat.

    0 without any heat above 0 that could be drawn.
    """
    return max((heat.strong or float(heat.values.max()) for heat in _heats(report)), default=0.0)


def heat_top(report: GroundedReport) -> str:
    """The top of the scale in words: "0.08", "0.08+" when there is more; "" without heat."""
    maximum = heat_maximum(report)
    if not maximum:
        return ""
    more = max(float(heat.values.max()) for heat in _heats(report)) > maximum
    return f"{maximum:.2g}{'+' if more else ''}"


def _heats(report: GroundedReport) -> list[Heatmap]:
    """The heatmaps that have any heat above 0."""
    return [
        item
        for sentence in report.sentences
        for item in sentence.evidence
        if isinstance(item, Heatmap) and item.values.max() > 0
    ]


def film_of(report: GroundedReport) -> Image:
    """The film. Raises ReportError for a report that was read without it."""
    if report.film is None:
        raise ReportError(
            "a report without its film cannot be drawn; give the film when you open it: "
            'GroundedReport.open("report.json", film=Image.open("film.dcm"))'
        )
    return report.film
