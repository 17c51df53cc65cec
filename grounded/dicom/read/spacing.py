"""Millimetres per pixel of a projection film, and where they hold (PS3.3 section 10.7)."""

from __future__ import annotations

from dataclasses import dataclass

from grounded.dicom.read.header import Header
from grounded.image import SpacingKind

_FEWEST_MM, _MOST_MM = 40.0, 1000.0  # the sides of a film: a newborn's chest; two large panels
_CALIBRATED = ("GEOMETRY", "FIDUCIAL")
_MOST_MAGNIFICATION = 3.0
_MOST_ASPECT = 5.0


@dataclass(frozen=True, slots=True)
class Spacing:
    """mm: (row, column) spacing, or None; kind: where it holds; warnings: what to tell.

    aspect: height over width of a pixel.
    """

    mm: tuple[float, float] | None = None
    kind: SpacingKind = "unknown"
    warnings: tuple[str, ...] = ()
    aspect: float = 1.0


def spacing_of(header: Header, height: int, width: int) -> Spacing:
    """The spacing of a film of `height` x `width` pixels.

    PS3.3 section 10.7.1.1: Pixel Spacing is in the patient when Pixel Spacing Calibration Type is
    stated or when it differs from Imager Pixel Spacing; equal, both are at the detector; alone, it
    is not known where it holds. Imager Pixel Spacing alone is at the detector, and is brought to
    the patient by Estimated Radiographic Magnification Factor (C.8.7.2) where there is one.
    Nominal Scanned Pixel Spacing (C.8.6.1) is that of the scanned sheet, which was the detector.
    """
    mm, kind, notes = _stated(header)
    aspect = _aspect(mm, header)
    if aspect != 1:
        notes += (f"Pixels are not square: {aspect:.3g} times as high as wide.",)
    if mm is None:
        return Spacing(warnings=notes, aspect=aspect)
    sides = (mm[0] * height, mm[1] * width)
    if not all(_FEWEST_MM <= side <= _MOST_MM for side in sides):
        notes = (
            "The pixel spacing in the header would make this a film of "
            f"{sides[1]:.0f} x {sides[0]:.0f} mm: it was not used.",
        )
        return Spacing(warnings=notes, aspect=aspect)
    return Spacing(mm, kind, notes, aspect)


def _stated(header: Header) -> tuple[tuple[float, float] | None, SpacingKind, tuple[str, ...]]:
    pixel, notes = _pair(header, "PixelSpacing")
    imager, notes_imager = _pair(header, "ImagerPixelSpacing")
    scanned, notes_scanned = _pair(header, "NominalScannedPixelSpacing")
    notes += notes_imager + notes_scanned
    detector = imager or scanned
    calibrated = header.text("PixelSpacingCalibrationType") in _CALIBRATED
    if pixel and (calibrated or (detector and not _same(pixel, detector))):
        return pixel, "patient", notes
    if not detector:
        return pixel, "unknown", notes
    factor = header.number("EstimatedRadiographicMagnificationFactor") or 1.0
    if 1.0 < factor <= _MOST_MAGNIFICATION:
        notes += (f"Spacing at the detector was divided by a magnification of {factor:.2f}.",)
        return (detector[0] / factor, detector[1] / factor), "patient", notes
    return detector, "detector", notes


def _pair(header: Header, keyword: str) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    if keyword not in header or header.text(keyword) == "":
        return None, ()
    values = header.numbers(keyword)
    if len(values) == 2 and all(0 < value < 100 for value in values):
        return (values[0], values[1]), ()
    return None, (f"{keyword} in the header cannot be used.",)


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= 0.001 * b for a, b in zip(one, other, strict=True))


def _aspect(mm: tuple[float, float] | None, header: Header) -> float:
    """Height over width of a pixel: by spacing, else by Pixel Aspect Ratio (PS3.3 C.7.6.3.1.7)."""
    ratio = mm or header.numbers("PixelAspectRatio")
    if len(ratio) != 2 or min(ratio) <= 0:
        return 1.0
    aspect = ratio[0] / ratio[1]
    return aspect if abs(aspect - 1) > 0.01 and 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else 1.0
