"""Decoding the pixel data of one frame, whatever its transfer syntax (PS3.5 sections 8 and 10)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from grounded.dicom.read.bits import as_meant
from grounded.dicom.read.codestream import MOST_SCANS, codestream_of, scans_of
from grounded.dicom.read.header import Header, coded
from grounded.dicom.read.palette import coloured
from grounded.errors import ImageError, MissingExtraError
from grounded.films.framing import check_size
from grounded.films.greyscale import is_grey, is_luminance

_NEEDED = ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_PALETTE = "PALETTE COLOR"
_KNOWN = (*_GREY, *_COLOUR, _PALETTE)
# Decoders by name, in this order: the first that is installed and can do it. GDCM comes last: it
# ends the process on some damaged pictures (the others raise), and writes to the terminal.
_PLUGINS = {
    uid.JPEGBaseline8Bit: ("pillow",),
    uid.JPEGExtended12Bit: ("pillow", "pylibjpeg"),
    uid.JPEGLossless: ("pylibjpeg", "gdcm"),
    uid.JPEGLosslessSV1: ("pylibjpeg", "gdcm"),
    uid.JPEGLSLossless: ("pyjpegls",),
    uid.JPEGLSNearLossless: ("pyjpegls",),
    uid.JPEG2000Lossless: ("pylibjpeg", "gdcm"),
    uid.JPEG2000: ("pylibjpeg", "gdcm"),
    uid.HTJ2KLossless: ("pylibjpeg",),
    uid.HTJ2KLosslessRPCL: ("pylibjpeg",),
    uid.HTJ2K: ("pylibjpeg",),
    uid.RLELossless: ("pydicom",),
}


@dataclass(frozen=True, slots=True)
class Stored:
    """The first frame. values: (H, W) integers of a grey film as stored, or (H, W, 3) RGB of a
    colour one. white: the value of white where the header's depth does not say it, as for palettes.
    warnings: what had to be decided, in words.
    """

    values: NDArray[Any]
    white: float | None = None
    warnings: tuple[str, ...] = ()


def stored_values(header: Header, what: str) -> Stored:
    """The first frame of a DICOM object; the header is corrected where the pixels contradict it.

    Raises ImageError for a picture that is incomplete, damaged, too small or too large, of another
    size than the header says or compressed in a way that has no decoder, and MissingExtraError
    where an extra brings it.
    """
    notes = _complete(header, what)
    syntax = UID(Header(header.dataset.file_meta).text("TransferSyntaxUID"))
    if not _has_decoder(syntax):
        raise _no_decoder(syntax, what)
    if syntax.is_encapsulated:
        notes += _agree_with_codestream(header, syntax, what)
    else:  # only the first frame counts, and counts of frames are often wrong
        header.put("NumberOfFrames", 1)
    try:
        values = _decoded(header, syntax)
        if header.text("PhotometricInterpretation") == _PALETTE:
            return Stored(*coloured(values, header), notes)
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise _why(error, header, syntax, what) from None
    if values.ndim == 3:
        return _of_colour(values, header, notes)
    values, notes_bits = as_meant(values, header)
    return Stored(values, warnings=notes + notes_bits)


def frames_of(header: Header) -> int:
    """Number of Frames, 1 where it is missing or broken."""
    return max(header.whole("NumberOfFrames") or 1, 1)


def _complete(header: Header, what: str) -> tuple[str, ...]:
    """Check what has to be there, and put in what follows from it; what to tell about that."""
    if "PixelData" not in header:
        raise ImageError(f"{what} holds {_contents(header)} and no picture; expected a chest film")
    missing = [keyword for keyword in _NEEDED if header.text(keyword) == ""]
    if missing:
        raise ImageError(
            f"{what}: the header lacks {', '.join(missing)}, so its pixels cannot be read; send or "
            "export it again"
        )
    check_size(header.whole("Rows") or 0, header.whole("Columns") or 0, what)
    photometric = header.text("PhotometricInterpretation")
    if photometric not in _KNOWN:
        raise ImageError(
            f"{what}: photometric interpretation {coded(photometric)} is not supported; expected "
            f"one of {', '.join(_KNOWN)}"
        )
    allocated = header.whole("BitsAllocated") or 0
    if allocated not in (1, 8, 16, 32, 64):
        raise ImageError(f"{what}: {allocated} bits allocated a pixel; expected 1, 8, 16 or 32")
    return _put_in(header, allocated, photometric)


def _put_in(header: Header, allocated: int, photometric: str) -> tuple[str, ...]:
    """What is missing or impossible in a header and follows from the rest of it."""
    lacking = []
    samples = _samples(header, photometric)
    if header.whole("SamplesPerPixel") != samples:
        lacking.append("Samples per Pixel")
        header.put("SamplesPerPixel", samples)
    if not 1 <= (header.whole("BitsStored") or 0) <= allocated:
        lacking.append("Bits Stored")
        header.put("BitsStored", allocated)
    if header.whole("PixelRepresentation") not in (0, 1):
        lacking.append("Pixel Representation")
        header.put("PixelRepresentation", 0)
    if samples > 1 and header.whole("PlanarConfiguration") not in (0, 1):
        lacking.append("Planar Configuration")
        header.put("PlanarConfiguration", 0)
    if (samples == 3) != (photometric in _COLOUR):
        header.put("PhotometricInterpretation", "RGB" if samples == 3 else "MONOCHROME2")
    return (f"{', '.join(lacking)} in the header cannot be used.",) if lacking else ()


def _samples(header: Header, photometric: str) -> int:
    """Samples a pixel: as stated, unless the length of uncompressed pixels says otherwise."""
    usual = 3 if photometric in _COLOUR else 1
    stated = header.whole("SamplesPerPixel")
    if stated in (1, 3) and stated != usual:
        pixels = (header.whole("Rows") or 0) * (header.whole("Columns") or 0) * stated
        data = header.value("PixelData") or b""
        holds = 8 * len(data) // (header.whole("BitsAllocated") or 8)
        return stated if holds >= pixels else usual
    return usual


def _agree_with_codestream(header: Header, syntax: UID, what: str) -> tuple[str, ...]:
    """Compare a compressed picture's own head with the header, which is then made to follow it."""
    try:
        frame = get_frame(header.value("PixelData"), 0, number_of_frames=frames_of(header))
    except Exception as error:  # a damaged file fails in any way
        raise _why(error, header, syntax, what) from None
    stream = codestream_of(frame)
    if stream is None or not 1 <= stream.precision <= 32:
        return ()
    rows, columns = header.whole("Rows"), header.whole("Columns")
    if (stream.width, stream.height or rows) != (columns, rows):  # height 0: it follows later
        raise ImageError(
            f"{what}: the header says {columns} x {rows} pixels, and the compressed picture in it "
            f"has {stream.width} x {stream.height}; send or export it again"
        )
    if stream.components not in (1, 3):
        raise ImageError(f"{what}: {stream.components} samples a pixel; expected a grey film")
    if stream.progressive and scans_of(frame) > MOST_SCANS:
        raise ImageError(f"{what}: a JPEG of {scans_of(frame)} scans; no film needs so many")
    return _follow(header, stream.components, stream.precision)


def _follow(header: Header, components: int, precision: int) -> tuple[str, ...]:
    notes: tuple[str, ...] = ()
    bits = header.whole("BitsStored") or 0
    header.put("BitsAllocated", next(size for size in (8, 16, 32) if precision <= size))
    if bits > precision:
        header.put("BitsStored", precision)
        if bits > 8 >= precision:
            notes = (f"The header says {bits} bits, and the compressed picture has {precision}.",)
    if components != header.whole("SamplesPerPixel"):
        notes += (f"The compressed picture has {components} samples a pixel, not as the header.",)
        header.put("SamplesPerPixel", components)
        header.put("PhotometricInterpretation", "RGB" if components == 3 else "MONOCHROME2")
        header.put("PlanarConfiguration", 0)
    return notes


def _decoded(header: Header, syntax: UID) -> NDArray[Any]:
    """All bits of each word, and colours as they are, by the first decoder that can do it."""
    plugins: tuple[str, ...] = _PLUGINS.get(syntax, ("",))
    failure: Exception = NotImplementedError(f"no decoder for {syntax.name}")
    for plugin in plugins:
        if plugin and not _is_installed(syntax, plugin):
            continue
        try:
            values = pixel_array(
                header.dataset, index=0, raw=True, correct_unused_bits=False, decoding_plugin=plugin
            )
            return np.asarray(values)
        except Exception as error:  # the next one may know it
            failure = error
    raise failure


def _is_installed(syntax: UID, plugin: str) -> bool:
    return plugin in get_decoder(syntax).available_plugins


def _of_colour(values: NDArray[Any], header: Header, notes: tuple[str, ...]) -> Stored:
    """A picture of three samples (H, W, 3): the grey that it holds, or RGB.

    Headers confuse RGB and YCbCr; a grey film shows which it is: three like samples, or two that
    keep to the middle.
    """
    bits = header.whole("BitsStored") or 8
    photometric = header.text("PhotometricInterpretation")
    if is_grey(values, 2.0**bits - 1):
        return Stored(values, warnings=notes)
    if is_luminance(values, bits):
        if not photometric.startswith("YBR"):
            notes += ("The header says RGB, and the samples are YCbCr: their luminance was read.",)
        return Stored(np.repeat(values[..., :1], 3, axis=-1), warnings=notes)
    if photometric in ("YBR_FULL", "YBR_FULL_422"):
        values = convert_color_space(values, photometric, "RGB")
    return Stored(values, warnings=notes)


def _contents(header: Header) -> str:
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        return "floating-point results"
    modality = header.text("Modality")
    return f"an object of modality {coded(modality)}" if modality else "a DICOM object"


def _why(error: Exception, header: Header, syntax: UID, what: str) -> Exception:
    deep = (header.whole("BitsStored") or 0) > 8
    if syntax == uid.JPEGExtended12Bit and deep and not importlib.util.find_spec("libjpeg"):
        return MissingExtraError(
            f"{what} is compressed as 12-bit JPEG Extended, whose decoder is not installed by "
            "default (its licence is GPL); install it with: pip install 'grounded[extended-jpeg]'"
        )
    if isinstance(error, NotImplementedError):
        return _no_decoder(syntax, what)
    return ImageError(
        f"{what}: the pixel data ({syntax.name}) is damaged or incomplete "
        f"({type(error).__name__}); send or export it again"
    )


def _no_decoder(syntax: UID, what: str) -> ImageError:
    known = syntax.name if syntax.is_transfer_syntax else "an unknown transfer syntax"
    return ImageError(
        f"{what}: pixel data as {known} cannot be decoded; convert it to another transfer syntax, "
        "Explicit VR Little Endian for example"
    )


def _has_decoder(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False
