"""Decoding the pixel data of one frame, whatever its transfer syntax (PS3.5 sections 8 and 10)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGExtended12Bit, RLELossless

from grounded.dicom.read.header import Header, coded
from grounded.errors import ImageError, MissingExtraError
from grounded.films.greyscale import check_size

_NEEDED = (
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "PhotometricInterpretation",
)
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def stored_values(header: Header, path: Path) -> NDArray[Any]:
    """The first frame as stored: (H, W) integers of a grey film, or (H, W, 3) RGB of a colour one.

    Unused high bits (overlays of old files) are cleared and signs are extended. Raises ImageError
    for a picture that is incomplete, damaged, too small or too large or compressed in a way that
    has no decoder, and MissingExtraError where an extra brings it.
    """
    _check(header, path)
    syntax = UID(Header(header.dataset.file_meta).text("TransferSyntaxUID"))
    if not _has_decoder(syntax):
        raise _no_decoder(syntax, path)
    native = not syntax.is_encapsulated
    if native:  # only the first frame counts, and counts of frames are often wrong
        header.dataset.NumberOfFrames = 1
    by_bits = (native or syntax == RLELossless) and _is_shifted(header)
    try:
        values = pixel_array(header.dataset, index=0, correct_unused_bits=not by_bits)
        if by_bits:
            values = _brought_down(values, header)
        if header.text("PhotometricInterpretation") == "PALETTE COLOR":
            values = apply_color_lut(values, header.dataset)[..., :3]
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise _why(error, header, syntax, path) from None
    return np.asarray(values)


def frames_of(header: Header) -> int:
    """Number of Frames, 1 where it is missing or broken."""
    return max(header.whole("NumberOfFrames") or 1, 1)


def _check(header: Header, path: Path) -> None:
    if "PixelData" not in header:
        raise ImageError(f"{path} holds {_contents(header)} and no picture; expected a chest film")
    missing = [keyword for keyword in _NEEDED if header.text(keyword) == ""]
    if missing:
        raise ImageError(
            f"{path}: the header lacks {', '.join(missing)}, so its pixels cannot be read; send or "
            "export it again"
        )
    check_size(header.whole("Rows") or 0, header.whole("Columns") or 0, str(path))
    photometric = header.text("PhotometricInterpretation")
    if photometric not in (*_GREY, *_COLOUR, "PALETTE COLOR"):
        raise ImageError(
            f"{path}: photometric interpretation {coded(photometric)} is not supported; expected "
            f"one of {', '.join((*_GREY, *_COLOUR, 'PALETTE COLOR'))}"
        )
    samples = header.whole("SamplesPerPixel") or 1
    if samples != (3 if photometric in _COLOUR else 1):
        raise ImageError(
            f"{path}: {samples} samples a pixel do not go with photometric interpretation "
            f"{photometric}; send or export it again"
        )


def _contents(header: Header) -> str:
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        return "floating-point results"
    modality = header.text("Modality")
    return f"an object of modality {coded(modality)}" if modality else "a DICOM object"


def _is_shifted(header: Header) -> bool:
    """Whether the stored bits do not end at bit 0 (retired, but met in old files)."""
    high, bits = header.whole("HighBit"), header.whole("BitsStored") or 0
    allocated = header.whole("BitsAllocated") or 0
    return high is not None and bits - 1 < high < allocated


def _brought_down(values: NDArray[Any], header: Header) -> NDArray[Any]:
    """The stored bits alone, as numbers: up to the top to drop others, then down with the sign."""
    allocated, bits = header.whole("BitsAllocated") or 0, header.whole("BitsStored") or 0
    above = allocated - 1 - (header.whole("HighBit") or 0)
    return (values << above) >> (allocated - bits)


def _why(error: Exception, header: Header, syntax: UID, path: Path) -> Exception:
    deep = (header.whole("BitsStored") or 0) > 8
    if syntax == JPEGExtended12Bit and deep and not importlib.util.find_spec("libjpeg"):
        return MissingExtraError(
            f"{path} is compressed as 12-bit JPEG Extended, whose decoder is not installed by "
            "default (its licence is GPL); install it with: pip install 'grounded[extended-jpeg]'"
        )
    if isinstance(error, NotImplementedError):
        return _no_decoder(syntax, path)
    return ImageError(
        f"{path}: the pixel data ({syntax.name}) is damaged or incomplete "
        f"({type(error).__name__}); send or export it again"
    )


def _no_decoder(syntax: UID, path: Path) -> ImageError:
    known = syntax.name if syntax.is_transfer_syntax else "an unknown transfer syntax"
    return ImageError(
        f"{path}: pixel data as {known} cannot be decoded; convert it to another transfer syntax, "
        "Explicit VR Little Endian for example"
    )


def _has_decoder(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False
