"""The film as a value: `Image` is what every detector, generator and picture starts from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.geometry import Box

SpacingKind = Literal["patient", "detector", "unknown"]


@dataclass(frozen=True, slots=True)
class DicomReference:
    """The DICOM instance that a film was read from; what exported objects refer to.

    Unique identifiers only: no name, no patient number.
    """

    study_uid: str
    series_uid: str
    instance_uid: str
    class_uid: str
    frame: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "study_uid": self.study_uid,
            "series_uid": self.series_uid,
            "instance_uid": self.instance_uid,
            "class_uid": self.class_uid,
            "frame": self.frame,
        }


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of a film without its pixels. It is what a report keeps and writes.

    height, width: pixels. spacing_mm: (row, column) spacing in mm, or None when the file has none.
    spacing_kind: whether the spacing holds in the patient (DICOM PixelSpacing, calibrated) or at
    the detector (ImagerPixelSpacing: lengths are magnified). view: DICOM ViewPosition (PA, AP,
    LL ...), laterality: R, L, B (both) or U (unpaired); each empty when not stated. name: a label
    for people. sha256: of the pixels. warnings: what the reader had to decide, in words.
    """

    height: int
    width: int
    spacing_mm: tuple[float, float] | None = None
    spacing_kind: SpacingKind = "unknown"
    view: str = ""
    name: str = ""
    sha256: str = ""
    reference: DicomReference | None = None
    warnings: tuple[str, ...] = ()
    laterality: str = ""

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InvalidValueError(f"an image of {self.height} x {self.width} pixels is empty")
        if self.spacing_kind not in get_args(SpacingKind):
            raise InvalidValueError(
                f"spacing_kind is one of {get_args(SpacingKind)}, got {self.spacing_kind!r}"
            )
        if self.spacing_mm is not None and not all(0 < mm < 100 for mm in self.spacing_mm):
            raise InvalidValueError(f"pixel spacing is 0 to 100 mm, got {self.spacing_mm}")

    @property
    def frame(self) -> Box:
        """The whole film as a box in the image frame."""
        return Box(0, 0, self.width, self.height)

    def to_dict(self) -> dict[str, Any]:
        return {
            "height": self.height,
            "width": self.width,
            "spacing_mm": list(self.spacing_mm) if self.spacing_mm else None,
            "spacing_kind": self.spacing_kind,
            "view": self.view,
            "laterality": self.laterality,
            "name": self.name,
            "sha256": self.sha256,
            "reference": self.reference.to_dict() if self.reference else None,
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImageInfo:
        spacing, reference = data.get("spacing_mm"), data.get("reference")
        return cls(
            height=int(data["height"]),
            width=int(data["width"]),
            spacing_mm=(float(spacing[0]), float(spacing[1])) if spacing else None,
            spacing_kind=data.get("spacing_kind", "unknown"),
            view=data.get("view", ""),
            name=data.get("name", ""),
            sha256=data.get("sha256", ""),
            reference=DicomReference(**reference) if reference else None,
            warnings=tuple(data.get("warnings", ())),
            laterality=data.get("laterality", ""),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A film: pixels (H, W) float32 in 0..1, air dark and bone light, on the film's own grid.

    The pixels are made read-only. Raises InvalidValueError for another shape, type or range.
    """

    pixels: NDArray[np.float32]
    info: ImageInfo

    def __post_init__(self) -> None:
        expected = (self.info.height, self.info.width)
        if self.pixels.shape != expected or self.pixels.dtype != np.float32:
            raise InvalidValueError(
                f"expected float32 pixels of {expected} (H, W), "
                f"got {self.pixels.dtype} of {self.pixels.shape}"
            )
        low, high = float(self.pixels.min()), float(self.pixels.max())
        if not (low >= 0.0 and high <= 1.0):  # false for NaN as well
            raise InvalidValueError(f"pixels lie in 0..1, got {low:g}..{high:g}")
        self.pixels.flags.writeable = False

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.float32],
        *,
        spacing_mm: tuple[float, float] | None = None,
        spacing_kind: SpacingKind = "unknown",
        view: str = "",
        name: str = "",
        reference: DicomReference | None = None,
        warnings: tuple[str, ...] = (),
        laterality: str = "",
    ) -> Image:
        """An image from pixels (H, W) in 0..1, air dark; the pixels are copied."""
        pixels = np.array(pixels, dtype=np.float32, order="C")
        if pixels.ndim != 2 or not pixels.size:
            raise InvalidValueError(f"expected grey pixels (H, W), got shape {pixels.shape}")
        info = ImageInfo(
            height=pixels.shape[0],
            width=pixels.shape[1],
            spacing_mm=spacing_mm,
            spacing_kind=spacing_kind,
            view=view,
            name=name,
            sha256=hashlib.sha256(pixels.data).hexdigest(),
            reference=reference,
            warnings=warnings,
            laterality=laterality,
        )
        return cls(pixels, info)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, force: bool = False) -> Image:
        """Read a DICOM, PNG, JPEG or TIFF file. See `grounded.films.open.open_film`."""
        from grounded.films.open import open_film

        return open_film(path, force=force)

    @property
    def shape(self) -> tuple[int, int]:
        return self.info.height, self.info.width
