"""The film with what was found drawn into it, as a Secondary Capture (`.sc.dcm`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom.valuerep import DA, TM

from grounded.dicom.context import context_of, encoded
from grounded.dicom.identity import Identity
from grounded.report import GroundedReport

_NUMBER = 5
_LONGEST = 2048  # pixels of a side: it is a picture to look at, the film is beside it
_WORDS = "AI-GENERATED DRAFT - NOT FOR DIAGNOSIS"
_BAND, _LETTERS = 0.04, 0.6  # of the picture's height; of the band's
_USUAL = ("L", "F")
_INK, _GROUND = (255, 255, 255), (160, 40, 0)


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The overlay with "not for diagnosis" burned in, RGB.

    uids: as for `.sr.dcm`. Raises ReportError for a film that did not come from DICOM.
    """
    context = context_of(report.film)
    identity = Identity.of(report, context, "Secondary Capture", uids)
    made = SCImage.from_ref_dataset(
        context,
        pixel_array=marked(_shrunk(report.overlay())),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=_orientation(report, context.get("PatientOrientation")),
        **identity.series(_NUMBER, "Picture"),
    )
    made.BurnedInAnnotation = context.get("BurnedInAnnotation") or "YES"
    made.Laterality = context.get("Laterality", "")
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.ContentDate, made.ContentTime = DA(identity.made.date()), TM(identity.made.time())
    return encoded(identity.dated(made))


def marked(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with a band above it that says what it is."""
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFont

    height, width = pixels.shape[:2]
    band = max(16, round(_BAND * height))
    size = min(_LETTERS * band, 1.4 * width / len(_WORDS))
    picture = Picture.new("RGB", (width, band), _GROUND)
    ImageDraw.Draw(picture).text(
        (width / 2, band / 2), _WORDS, fill=_INK, font=ImageFont.load_default(size), anchor="mm"
    )
    return np.concatenate([np.asarray(picture), pixels])


def _shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    scale = _LONGEST / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _orientation(report: GroundedReport, stated: Sequence[str] | None) -> tuple[str, str]:
    """Patient Orientation, rows then columns: the header's, or (L, F) where it is silent or untrue.

    It is untrue of a film that was turned upright when it was read.
    """
    if report.image.orientation != 1 or not stated or len(stated) != 2 or not all(stated):
        return _USUAL
    return str(stated[0]), str(stated[1])
