"""The outlines that a frontal chest film is measured on, and why one of them may not be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grounded.errors import GroundedError
from grounded.generators.contour import Contour, Edge
from grounded.geometry import Box
from grounded.image import ImageInfo
from grounded.regions import Regions

RIGHT_LUNG, LEFT_LUNG, HEART = "right lung", "left lung", "cardiac silhouette"
Projection = Literal["PA", "AP", "lateral", "unknown"]

_LATERAL_VIEWS = {"LL", "RL", "LLD", "RLD", "LATERAL", "LAT", "L", "LLO", "RLO"}


class NotMeasurable(GroundedError):  # noqa: N818 - a reason, not a failure
    """This film does not allow a measurement. The message is the reason, for a reader."""


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """The organs that were outlined in one film.

    outlines: by region name. reasons: why a region has none. frame: the film.
    """

    outlines: Mapping[str, Contour]
    reasons: Mapping[str, str]
    frame: Box

    @classmethod
    def of(cls, found: Regions, info: ImageInfo) -> Chest:
        """From what a detector found. A region that has only a box is not measured: a box may be
        the usual place of an organ rather than its edge."""
        outlines: dict[str, Contour] = {}
        reasons: dict[str, str] = {}
        for name in (RIGHT_LUNG, LEFT_LUNG, HEART):
            if name not in found:
                reasons[name] = f"the {name} was not found"
            elif (mask := found[name].mask) is None:
                reasons[name] = f"the {name} has no outline"
            elif (contour := Contour.of(mask, info.frame)) is None:
                reasons[name] = f"the outline of the {name} is too small"
            else:
                outlines[name] = contour
        return cls(outlines, reasons, info.frame)

    def organ(self, name: str, *uncut: Edge) -> Contour:
        """The outline of an organ that must not reach the given edges of the film.

        Raises NotMeasurable with the reason.
        """
        if name not in self.outlines:
            raise NotMeasurable(self.reasons[name])
        contour = self.outlines[name]
        for edge in uncut:
            if contour.touches(edge, self.frame):
                raise NotMeasurable(f"the {name} reaches the {edge} edge of the picture")
        return contour

    def lungs(self, *uncut: Edge) -> tuple[Contour, Contour]:
        """The right and the left lung. The outer side of each must lie in the film, always."""
        right = self.organ(RIGHT_LUNG, "left", *uncut)
        left = self.organ(LEFT_LUNG, "right", *uncut)
        if right.centroid[0] >= left.centroid[0]:
            raise NotMeasurable("the lungs do not lie on the sides that a frontal film shows")
        return right, left


def projection(view: str) -> Projection:
    """What a view (DICOM ViewPosition, or words such as "AP supine") says of the projection."""
    words = view.upper().replace("_", " ").replace("-", " ").split()
    if "PA" in words:
        return "PA"
    if {"AP", "SUPINE"} & set(words):
        return "AP"
    return "lateral" if _LATERAL_VIEWS & set(words) else "unknown"
