"""Outlines of organs as a binary Segmentation (`.seg.dcm`), heatmaps as a fractional one
(`.heat.seg.dcm`), both on the pixels of the stored film.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from grounded.dicom import concepts as say
from grounded.dicom.context import context_of, encoded
from grounded.dicom.frame import StoredFrame
from grounded.dicom.identity import MANUFACTURER, Identity, weights_digest
from grounded.errors import NothingToExportError
from grounded.evidence import Heatmap
from grounded.report import GroundedReport

_ORGANS, _HEAT = 2, 3  # series
_THICKNESS = 1.0  # of a projection it means nothing, but readers want one beside the spacing
_LABEL = 64  # characters
_ABOUT_HEAT = "Share of the full heat; no probability of disease"  # at most 64 characters
# Okabe and Ito's colours, told apart by colour-blind readers: blue, orange, green, yellow, purple
_COLORS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167))
_LIKE_THE_FILM = ("PatientOrientation", "Laterality", "ImageLaterality", "BodyPartExamined")


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The outlines of the report's regions, a binary segment each.

    Raises NothingToExportError for a report without outlines, ReportError for a film that did not
    come from DICOM.
    """
    outlined = [region for region in report.regions if region.mask is not None]
    if not outlined:
        raise NothingToExportError("no region of this report has an outline")
    context, frame = context_of(report.film), StoredFrame.of(report.image)
    identity = Identity.of(report, context, "Segmentation of organs", uids)
    shape = report.image.height, report.image.width
    layers = [region.mask.in_film(shape) >= 0.5 for region in outlined if region.mask]
    segments = [
        _segment(number, region.name, report, identity)
        for number, region in enumerate(outlined, start=1)
    ]
    stored = [frame.pixels_to_stored(layer.astype(np.uint8)) for layer in layers]
    return _written(context, stored, segments, identity, _ORGANS, "Organs", "BINARY")


def encode_heat(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The heatmaps of the report's sentences, a fractional segment each.

    255 is where heat is drawn in full: the method's own limit, or the hottest place of the report.
    Raises as `encode`.
    """
    found = [
        (number, item)
        for number, sentence in enumerate(report.sentences, start=1)
        for item in sentence.evidence
        if isinstance(item, Heatmap)
    ]
    first = {id(item): (number, item) for number, item in reversed(found)}
    heats = sorted(first.values(), key=lambda pair: pair[0])
    if not heats:
        raise NothingToExportError("no sentence of this report has a heatmap")
    context, frame = context_of(report.film), StoredFrame.of(report.image)
    identity = Identity.of(report, context, "Segmentation of heat", uids)
    shape = report.image.height, report.image.width
    hottest = max(float(item.values.max()) for _, item in heats)
    layers, segments = [], []
    for count, (number, item) in enumerate(heats, start=1):
        share = np.clip(item.in_film(shape) / (item.strong or hottest or 1.0), 0, 1)
        layers.append(frame.pixels_to_stored(share))
        segments.append(_heat_segment(count, number, report, identity))
    return _written(context, layers, segments, identity, _HEAT, "Heat", "FRACTIONAL")


def _written(
    context: Dataset,
    layers: Sequence[NDArray[Any]],
    segments: Sequence[SegmentDescription],
    identity: Identity,
    number: int,
    what: str,
    kind: str,
) -> bytes:
    """The Segmentation of layers (H, W), each a segment."""
    made = Segmentation(
        source_images=[context],
        pixel_array=np.stack(layers, axis=-1)[None],  # (1, H, W, segments)
        segmentation_type=kind,
        segment_descriptions=segments,
        content_description=_ABOUT_HEAT if kind == "FRACTIONAL" else None,
        content_label=what.upper(),
        omit_empty_frames=False,
        **identity.series(number, what),
        **identity.times,
    )
    for measures in made.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence", ()):
        measures.setdefault("SliceThickness", _THICKNESS)
    for keyword in _LIKE_THE_FILM:
        if context.get(keyword):
            setattr(made, keyword, context[keyword].value)
    return encoded(identity.dated(made))


def _segment(
    number: int, name: str, report: GroundedReport, identity: Identity
) -> SegmentDescription:
    anatomy, side = say.site_concept(report.sites.get(name), name)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=name[:_LABEL],
        segmented_property_category=say.STRUCTURE,
        segmented_property_type=anatomy,
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(report, report.provenance.detector),
        tracking_uid=identity.uid(f"segment {name}"),
        tracking_id=name,
        display_color=CIELabColor.from_rgb(*_COLORS[(number - 1) % len(_COLORS)]),
    )
    if side is not None:
        modifier = "SegmentedPropertyTypeModifierCodeSequence"
        setattr(segment.SegmentedPropertyTypeCodeSequence[0], modifier, [side])
    return segment


def _heat_segment(
    count: int, number: int, report: GroundedReport, identity: Identity
) -> SegmentDescription:
    return SegmentDescription(
        segment_number=count,
        segment_label=f"Heat of sentence {number}",
        segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
        segmented_property_type=say.local("Heat of a sentence"),
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(report, report.provenance.explainer),
        tracking_uid=identity.uid(f"heat {number}"),
        tracking_id=f"sentence {number}",
    )


def _algorithm(report: GroundedReport, part: str) -> AlgorithmIdentificationSequence:
    digest = weights_digest(report.provenance)
    return AlgorithmIdentificationSequence(
        name=f"grounded {part}"[:_LABEL],
        family=codes.DCM.ArtificialIntelligence,
        version=report.provenance.version or "unknown",
        source=MANUFACTURER,
        parameters={"weights SHA-256": digest} if digest else None,
    )
