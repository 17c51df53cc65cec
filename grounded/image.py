"""The film as a value: `Image` is what every detector, generator and picture starts from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.geometry import Box, Placement
from grounded.greys import Greys, Scale
from grounded.view import View, known_view

SpacingKind = Literal["patient", "detector", "unknown"]
BURNED_IN = "Text that is burned into the pixels was not removed: look before you pass it on."


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

    content: the part that holds film, in whole pixels, where a uniform border was found around it,
    else None. aspect: height over width of a pixel. orientation: how the pixels lie to those of the
    file, as an EXIF orientation (1: alike); boxes are in the frame of the pixels. child: limits for
    adults do not hold. sides_in_doubt: the film is mirrored, or the heart lies on the right.
    """

    height: int
    width: int
    spacing_mm: tuple[float, float] | None = None
    spacing_kind: SpacingKind = "unknown"
    view: View = View.UNKNOWN
    name: str = ""
    sha256: str = ""
    reference: DicomReference | None = None
    warnings: tuple[str, ...] = ()
    laterality: str = ""
    content: Box | None = None
    aspect: float = 1.0
    orientation: int = 1
    child: bool = False
    sides_in_doubt: bool = False

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InvalidValueError(f"an image of {self.height} x {self.width} pixels is empty")
        if self.spacing_kind not in get_args(SpacingKind):
            raise InvalidValueError(
                f"spacing_kind is one of {get_args(SpacingKind)}, got {self.spacing_kind!r}"
            )
        if self.spacing_mm is not None and not all(0 < mm < 100 for mm in self.spacing_mm):
            raise InvalidValueError(f"pixel spacing is 0 to 100 mm, got {self.spacing_mm}")
        object.__setattr__(self, "view", known_view(self.view))
        if not 0.1 <= self.aspect <= 10:
            raise InvalidValueError(f"a pixel's aspect is 0.1 to 10, got {self.aspect}")
        if self.orientation not in range(1, 9):
            raise InvalidValueError(f"an orientation is 1 to 8, got {self.orientation}")

    @property
    def frame(self) -> Box:
        """The whole film as a box in the image frame."""
        return Box(0, 0, self.width, self.height)

    @property
    def shown(self) -> Box:
        """The part of the film that networks see: without a uniform border."""
        return self.content or self.frame

    def to_dict(self) -> dict[str, Any]:
        """The keys of what is unusual (content, aspect, orientation ...) are there when it is."""
        unusual = {
            "content": list(self.content) if self.content else None,
            "aspect": self.aspect if self.aspect != 1 else None,
            "orientation": self.orientation if self.orientation != 1 else None,
            "child": self.child or None,
            "sides_in_doubt": self.sides_in_doubt or None,
        }
        return self._usual() | {key: value for key, value in unusual.items() if value is not None}

    def _usual(self) -> dict[str, Any]:
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
            view=data.get("view", View.UNKNOWN),
            name=data.get("name", ""),
            sha256=data.get("sha256", ""),
            reference=DicomReference(**reference) if reference else None,
            warnings=tuple(data.get("warnings", ())),
            laterality=data.get("laterality", ""),
            content=Box(*data["content"]) if data.get("content") else None,
            aspect=float(data.get("aspect", 1.0)),
            orientation=int(data.get("orientation", 1)),
            child=bool(data.get("child", False)),
            sides_in_doubt=bool(data.get("sides_in_doubt", False)),
        )


def digest_of(pixels: NDArray[np.float32]) -> str:
    """The SHA-256 of a film's pixels (H, W), which lie in one piece, row by row."""
    return hashlib.sha256(pixels.data).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A film: pixels (H, W) float32 in 0..1, air dark and bone light, on the film's own grid.

    The pixels are made read-only. forced: doubts about what it shows are warnings, not errors.
    header: of a film from DICOM, the attributes that objects made from it take over (patient,
    study, how the pixels are stored), as a DICOM file without pixels; it is in no report.
    unwindowed: its greys before the window that the film asks for, if it has one. altered_from: of
    a copy with something hidden or moved, the digest of the film itself. Raises InvalidValueError
    for another shape, type or range.
    """

    pixels: NDArray[np.float32]
    info: ImageInfo
    forced: bool = False
    header: bytes = field(default=b"", repr=False)
    unwindowed: Greys | None = field(default=None, repr=False)
    altered_from: str = field(default="", repr=False)

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
        if self.unwindowed is not None and self.unwindowed.values.shape != expected:
            raise InvalidValueError(f"expected greys of {expected} (H, W) beside the pixels")
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
        aspect: float = 1.0,
        orientation: int = 1,
        child: bool = False,
        header: bytes = b"",
        unwindowed: Greys | None = None,
    ) -> Image:
        """An image from pixels (H, W) in 0..1, air dark; the pixels are copied.

        Numbers as a file stores them (0..255, say) are read by `Image.open`.
        """
        pixels = np.array(pixels, dtype=np.float32, order="C")
        if pixels.ndim != 2 or not pixels.size:
            raise InvalidValueError(f"expected grey pixels (H, W), got shape {pixels.shape}")
        info = ImageInfo(
            height=pixels.shape[0],
            width=pixels.shape[1],
            spacing_mm=spacing_mm,
            spacing_kind=spacing_kind,
            view=known_view(view),
            name=name,
            sha256=digest_of(pixels),
            reference=reference,
            warnings=warnings,
            laterality=laterality,
            aspect=aspect,
            orientation=orientation,
            child=child,
        )
        return cls(pixels, info, header=header, unwindowed=unwindowed)

    @classmethod
    def open(
        cls,
        film: str | os.PathLike[str] | bytes | BinaryIO | NDArray[Any] | object,
        *,
        view: str = "",
        spacing_mm: tuple[float, float] | None = None,
        name: str = "",
        age: float | None = None,
        force: bool = False,
    ) -> Image:
        """Read a DICOM, PNG, JPEG or TIFF file, by path, as bytes or open; or a film in memory: a
        PIL image, a pydicom data set, a numpy array. See `grounded.films.open.open_film`.
        """
        from grounded.films.open import open_film

        return open_film(film, view=view, spacing_mm=spacing_mm, name=name, age=age, force=force)

    def anonymous(self) -> Image:
        """The film without its name and without the identifiers of its DICOM instance.

        Its header keeps how the pixels are stored; unique identifiers are others, the same for the
        same film or study in one process (or wherever GROUNDED_DEIDENTIFY_KEY has one value).
        Pixels stay: a warning says so, unless the header rules burned-in text out.
        """
        if not self.header:
            header, warnings = b"", (*self.info.warnings, BURNED_IN)
        else:
            from grounded.dicom.deidentify import anonymous_header

            header, clean = anonymous_header(self.header)
            warnings = self.info.warnings if clean else (*self.info.warnings, BURNED_IN)
        warnings = tuple(dict.fromkeys(warnings))
        info = replace(self.info, name="", reference=None, warnings=warnings)
        return replace(self, info=info, header=header)

    @property
    def scale(self) -> Scale:
        """What `greys` mean, and through which window the film asks to be shown."""
        return self.unwindowed.scale if self.unwindowed else Scale()

    @property
    def greys(self) -> Greys:
        """The film in 16 bits for a reader to window: before its own window, if it has one."""
        return self.unwindowed or Greys.of(self.pixels)

    def with_pixels(
        self,
        pixels: NDArray[np.float32],
        *,
        unwindowed: Greys | None = None,
        info: ImageInfo | None = None,
        note: str = "",
    ) -> Image:
        """This film with other pixels (H, W) in 0..1: everything else that is known of it stays.

        unwindowed: the other greys before the window. info: what is known of the film where that
        changes too, such as what lies where. note: a warning that says why.
        """
        pixels = np.ascontiguousarray(pixels, dtype=np.float32)
        known = info or self.info
        height, width = pixels.shape
        changed = replace(
            known,
            height=height,
            width=width,
            sha256=digest_of(pixels),
            warnings=(*known.warnings, note) if note else known.warnings,
        )
        return replace(self, pixels=pixels, info=changed, unwindowed=unwindowed)

    def altered(self, pixels: NDArray[np.float32], note: str = "") -> Image:
        """A copy with other pixels, to see what that does: it is worded as the film itself is."""
        copy = self.with_pixels(pixels, note=note)
        return replace(copy, altered_from=self.origin)

    @property
    def origin(self) -> str:
        """The digest of the film, also of a copy that was altered."""
        return self.altered_from or self.info.sha256

    def placement(self, model_shape: tuple[int, int]) -> Placement:
        """How the film lies in a network's input: without a uniform border, its pixels square."""
        return Placement.letterbox(
            self.shape, model_shape, content=self.info.content, aspect=self.info.aspect
        )

    @property
    def shape(self) -> tuple[int, int]:
        return self.info.height, self.info.width
