"""Boxes, outlines, lines and words over the film, and its window (`.gsps.dcm`).

The film itself is not copied. A film that was turned to be read is shown turned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from highdicom import PresentationLUTTransformation, VOILUTFunctionValues
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from grounded.dicom.context import context_of, encoded
from grounded.dicom.frame import StoredFrame
from grounded.dicom.identity import NOT_FOR_DIAGNOSIS, Identity
from grounded.evidence import Mask, Measurement
from grounded.geometry import Box
from grounded.regions import Region
from grounded.report import GroundedReport

_NUMBER = 4
_LONGEST_OUTLINE = 400
_PIXEL = "PIXEL"
_LINE = 0.035  # height of a line of words, as a share of the film's height
_MEASURED = "MEASURES"


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The presentation state of the report's film.

    Regions that sentences point at are drawn with their names and the numbers of their sentences.
    uids: as for `.sr.dcm`. Raises ReportError for a film that did not come from DICOM.
    """
    context = context_of(report.film)
    identity = Identity.of(report, context, "GSPS", uids)
    painter = _Painter(report, StoredFrame.of(report.image))
    layers = [GraphicLayer("REGIONS", 1), GraphicLayer(_MEASURED, 2), GraphicLayer("NOTICE", 3)]
    contents = [painter.regions(), painter.measures(), ([], [painter.notice()])]
    annotations = [
        GraphicAnnotation([context], layer, graphic_objects=shapes, text_objects=words)
        for layer, (shapes, words) in zip(layers, contents, strict=True)
        if shapes or words
    ]
    made = GrayscaleSoftcopyPresentationState(
        referenced_images=[context],
        content_label="AI DRAFT",
        content_description=NOT_FOR_DIAGNOSIS,
        graphic_annotations=annotations,
        graphic_layers=layers,
        voi_lut_transformations=_window(context),
        presentation_lut_transformation=PresentationLUTTransformation(_shape(context)),
        **identity.series(_NUMBER, "Places"),
    )
    _turn(made, painter.frame)
    made.Laterality = context.get("Laterality", "")
    made.PresentationCreationDate = f"{identity.made:%Y%m%d}"
    made.PresentationCreationTime = f"{identity.made:%H%M%S}"
    return encoded(identity.dated(made))


def _window(context: Dataset) -> list[SoftcopyVOILUTTransformation] | None:
    """The first window of the film, or what it was read with; None where there is neither."""
    if context.get("VOILUTSequence") or not context.get("WindowCenter"):
        return None
    center, width = (
        float(np.atleast_1d(context[keyword].value)[0])
        for keyword in ("WindowCenter", "WindowWidth")
    )
    function = VOILUTFunctionValues(context.get("VOILUTFunction") or "LINEAR")
    return [SoftcopyVOILUTTransformation(center, width, voi_lut_function=function)]


def _shape(context: Dataset) -> str:
    inverse = context.get("PhotometricInterpretation") == "MONOCHROME1"
    return "INVERSE" if inverse else "IDENTITY"


def _turn(made: Dataset, frame: StoredFrame) -> None:
    """Spatial Transformation (PS3.3 C.10.6), where the film was turned."""
    quarters, mirrored = frame.quarter_turns
    if quarters or mirrored:
        made.ImageRotation = quarters * 90
        made.ImageHorizontalFlip = "Y" if mirrored else "N"


_Drawn = tuple[list[GraphicObject], list[TextObject]]


@dataclass(frozen=True, slots=True)
class _Painter:
    report: GroundedReport
    frame: StoredFrame

    def regions(self) -> _Drawn:
        numbers: dict[str, list[int]] = {}
        for number, sentence in enumerate(self.report.sentences, start=1):
            for name in sentence.regions:
                numbers.setdefault(name, []).append(number)
        shapes: list[GraphicObject] = []
        words: list[TextObject] = []
        for region in self.report.regions:
            if region.name in numbers:
                shapes += self._drawn(region)
                told = ", ".join(map(str, numbers[region.name]))
                words.append(self._words(f"{region.name} ({told})", region.box))
        return shapes, words

    def measures(self) -> _Drawn:
        shapes: list[GraphicObject] = []
        words: list[TextObject] = []
        for item in self._measurements():
            for line in item.lines:
                ends = self.frame.to_stored([[line.x0, line.y0], [line.x1, line.y1]])
                shapes.append(self._line(ends))
            words.append(self._words(f"{item.name}: {item.value:.3g} {_unit(item)}", item.box))
        return shapes, words

    def notice(self) -> TextObject:
        """Words at the lower edge of what is displayed."""
        return TextObject(NOT_FOR_DIAGNOSIS, "DISPLAY", bounding_box=(0.0, 0.95, 1.0, 1.0))

    def _measurements(self) -> Iterator[Measurement]:
        seen: dict[int, Measurement] = {
            id(item): item for sentence in self.report.sentences for item in sentence.measurements
        }
        yield from seen.values()

    def _drawn(self, region: Region) -> Iterator[GraphicObject]:
        outlines = region.mask.outlines() if isinstance(region.mask, Mask) else []
        for line in outlines:
            points = self.frame.to_stored(line[:: -(-len(line) // _LONGEST_OUTLINE)])
            yield self._line(np.concatenate([points, points[:1]]))
        if not outlines:
            corners = self.frame.corners(region.box)
            yield self._line(np.concatenate([corners, corners[:1]]))

    def _line(self, points: NDArray[np.float64]) -> GraphicObject:
        inside = np.clip(points, 0, (self.frame.width, self.frame.height))
        return GraphicObject("POLYLINE", inside, _PIXEL)

    def _words(self, words: str, box: Box) -> TextObject:
        """Words inside the upper edge of a box, as it is displayed."""
        line = _LINE * self.report.image.height
        place = Box(box.x0, box.y0, box.x1, min(box.y0 + line, box.y1))
        corners = np.clip(self.frame.corners(place), 0, (self.frame.width, self.frame.height))
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        return TextObject(
            words, _PIXEL, bounding_box=(left, top, right, bottom), text_justification="LEFT"
        )


def _unit(item: Measurement) -> Any:
    return "" if item.unit == "1" else item.unit
