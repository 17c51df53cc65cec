"""Films as PNG, JPEG and TIFF.

How the grey scale is made:
- 8 bits: value / 255, nothing stretched.
- more bits: value / (2^n - 1) of the n bits in use, since 12 bits in a 16-bit file are common (see
  `grounded.films.greyscale.full_scale`).
- 1 bit: 0 and 1. Floating point: as it is within 0..1, cut at 1 where it goes slightly beyond, as
  integers where it reaches their depths, stretched in between. Negative values: the film's range,
  without a burned-in edge, spans 0..1.
- MINISWHITE (TIFF) is inverted. Transparent parts lie on black, unless nothing would be left.
  Palettes and colours that are grey become grey; colour profiles and gamma chunks are not applied.
Resolution tags hold what a printer or a screen needs, so no spacing is taken from them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from grounded.errors import ImageError, InvalidValueError
from grounded.films.framing import MOST_PIXELS, blank_warning, check_size
from grounded.films.greyscale import film_range, full_scale, grey_of_colour
from grounded.films.source import Source, name_of
from grounded.image import Image

if TYPE_CHECKING:
    import PIL.Image
    import tifffile

_ORIENTATION_TAG = 0x0112  # EXIF and TIFF
_SCAN, _MOST_SCANS = b"\xff\xda", 100  # JPEG's marker; encoders write about ten, each decoded whole
_END = b"\xff\xd9"
_MOST_SAMPLES = 5  # RGB, alpha and one more
_OVERSHOOT = 1.1  # a filter makes values of 0..1 that much larger


@dataclass(frozen=True, slots=True)
class _Picture:
    """A decoded picture: samples (H, W) grey, or (H, W, C) with C = 2 (grey, alpha), 3 or 4."""

    samples: NDArray[Any]
    orientation: int = 1
    white_is_zero: bool = False
    warnings: tuple[str, ...] = ()


def read_raster(source: Source, kind: str, *, force: bool = False) -> Image:
    """A film from a PNG, JPEG or TIFF file (`kind` says which).

    Raises ImageError for a file that is damaged, too small or too large, and UnsuitableImageError
    for a colour picture unless `force`.
    """
    return _film(_decode(source, kind), source, force=force)


def read_picture(picture: PIL.Image.Image, *, force: bool = False) -> Image:
    """A film from a PIL image, as `read_raster`."""
    name = getattr(picture, "filename", "")
    source = Source(b"", "the picture", name_of(Path(name)) if isinstance(name, str) else "")
    check_size(picture.height, picture.width, source.label)
    return _film(_of_pillow(picture, picture.format or "PNG"), source, force=force)


def read_array(samples: NDArray[Any], *, force: bool = False) -> Image:
    """A film from an array (H, W) or (H, W, C), C as in PNG, that holds what a file would store.

    Raises InvalidValueError for another shape or type.
    """
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] not in (1, 2, 3, 4)):
        raise InvalidValueError(f"expected an array (H, W) or (H, W, 3), got {samples.shape}")
    if samples.dtype.kind not in "buif":
        raise InvalidValueError(f"expected an array of numbers, got {samples.dtype}")
    check_size(samples.shape[0], samples.shape[1], "the array")
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[..., 0]
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    return _film(_Picture(samples), Source(b"", "the array"), force=force)


def is_plain_tiff(source: Source) -> bool:
    """Whether a TIFF's first picture is stored uncompressed, in one file-sized piece of memory."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(source.data)) as file:
            page = file.pages.first
            return bool(page.compression == 1 and page.nbytes <= len(source.data))
    except Exception:  # a damaged file makes the parser fail in any way
        return False


def is_deep_colour(source: Source) -> bool:
    """Whether a PNG holds 16-bit samples that are not plain grey (IHDR: depth, colour type)."""
    return source.data[24:25] == b"\x10" and source.data[25:26] != b"\0"


def _film(picture: _Picture, source: Source, *, force: bool) -> Image:
    samples, warnings = picture.samples, picture.warnings
    if samples.ndim == 3:
        samples, notes = _on_black(samples)
        warnings += notes
    if samples.ndim == 3:
        samples, notes = grey_of_colour(samples, what=source.label, force=force)
        warnings += notes
    pixels, notes = _unit(samples, picture.samples.dtype)
    if picture.white_is_zero:
        pixels = 1 - pixels
    orientation = picture.orientation if picture.orientation in range(2, 9) else 1
    if orientation != 1:
        warnings += (
            f"The film was turned as its orientation tag says ({orientation}): boxes are in the "
            "turned picture.",
        )
    pixels = _upright(pixels, orientation)
    warnings += notes + blank_warning(pixels)
    return Image.of(pixels, name=source.name, warnings=warnings, orientation=orientation)


def _decode(source: Source, kind: str) -> _Picture:
    from PIL.Image import DecompressionBombError

    try:
        picture = _tiff(source) if kind == "TIFF" else _pillow(source, kind)
    except ImageError:
        raise
    except DecompressionBombError:
        raise ImageError(
            f"{source}: the picture is larger than any film (over "
            f"{MOST_PIXELS // 1_000_000} million pixels); reduce it first"
        ) from None
    except Exception as error:  # a damaged file makes decoders fail in any way
        raise ImageError(
            f"{source}: the {kind} file is damaged or of a kind that cannot be decoded "
            f"({type(error).__name__}); export it again, or convert it to PNG"
        ) from None
    return picture


def _pillow(source: Source, kind: str) -> _Picture:
    """What Pillow decodes; 16-bit colour, which it would cut to 8 bits, is left to OpenCV."""
    import PIL.Image

    data, cut_short = _ended(source.data) if kind == "JPEG" else (source.data, False)
    with PIL.Image.open(io.BytesIO(data), formats=(kind,)) as file:
        check_size(file.height, file.width, source.label)
        if kind == "JPEG" and (scans := source.data.count(_SCAN)) > _MOST_SCANS:
            raise ImageError(f"{source}: a JPEG of about {scans} scans; no film needs so many")
        picture = _of_pillow(file, kind)
        if kind == "PNG" and is_deep_colour(source):
            picture = replace(picture, samples=_deep_colour(source))
    notes = ("The file is cut short: what is missing is flat grey.",) if cut_short else ()
    return replace(picture, warnings=picture.warnings + notes)


def _ended(data: bytes) -> tuple[bytes, bool]:
    """A JPEG's bytes up to an end, which decoders insist on, and whether that had to be added."""
    whole = data.rfind(_END) > data.rfind(_SCAN)  # no marker occurs in the scans' own bytes
    return (data, False) if whole else (data + _END, True)


def _of_pillow(file: PIL.Image.Image, kind: str) -> _Picture:
    warnings: tuple[str, ...] = ()
    if kind != "JPEG" and getattr(file, "n_frames", 1) > 1:
        warnings = ("The file holds several pictures: the first was read.",)
    orientation = 1 if kind == "TIFF" else file.getexif().get(_ORIENTATION_TAG, 1)
    white_is_zero = _is_white_zero(file)
    file.load()
    return _Picture(_samples(file), orientation, white_is_zero, warnings)


def _is_white_zero(file: PIL.Image.Image) -> bool:
    """MINISWHITE that Pillow does not invert itself: it inverts 1 and 8 bits only."""
    tags = getattr(file, "tag_v2", {})
    return tags.get(262) == 0 and file.mode not in ("1", "L")


def _deep_colour(source: Source) -> NDArray[Any]:
    import cv2

    encoded = np.frombuffer(source.data, dtype=np.uint8)
    samples: NDArray[Any] | None = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)  # BGR or BGRA
    if samples is None:
        raise ValueError("no picture")
    return samples[..., [2, 1, 0, 3][: samples.shape[2]]]


def _samples(file: PIL.Image.Image) -> NDArray[Any]:
    mode = file.mode
    transparent = "transparency" in file.info
    if mode == "L" and transparent:
        return np.asarray(file.convert("LA"))
    if mode in ("P", "PA") or (mode == "RGB" and transparent):
        return np.asarray(file.convert("RGBA" if transparent or mode == "PA" else "RGB"))
    if mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        return np.asarray(file.convert("RGB"))
    return np.asarray(file)  # 1, L, LA, RGB, RGBA, I, I;16, F


def _tiff(source: Source) -> _Picture:
    """What tifffile decodes by itself; the rest is left to Pillow's libtiff."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(source.data)) as file:
        page = file.pages.first
        several = len(file.pages) > 1
        check_size(page.imagelength, page.imagewidth, source.label)
        if page.samplesperpixel > _MOST_SAMPLES or page.bitspersample > 64:
            raise ImageError(f"{source}: {page.samplesperpixel} samples a pixel; expected a film")
        if page.imagedepth != 1:
            raise ImageError(f"{source}: the TIFF file holds a volume; expected one film")
        if not _is_plain(page):
            return _pillow(source, "TIFF")
        samples = _tiff_samples(page)
        tag = page.tags.get(_ORIENTATION_TAG)
        white_is_zero = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    notes = ("The file holds several pictures: the first was read.",) if several else ()
    return _Picture(samples, tag.value if tag else 1, white_is_zero, notes)


def _is_plain(page: tifffile.TiffPage) -> bool:
    """Whether tifffile can decode a page alone: compression, packing and colour model."""
    import tifffile

    known, model = tifffile.COMPRESSION, tifffile.PHOTOMETRIC
    compressions = (known.NONE, known.DEFLATE, known.ADOBE_DEFLATE, known.PACKBITS)
    models = (model.MINISWHITE, model.MINISBLACK, model.RGB, model.PALETTE)
    return (
        page.compression in compressions
        and page.photometric in models
        and page.bitspersample in (1, 8, 16, 32, 64)
    )


def _tiff_samples(page: tifffile.TiffPage) -> NDArray[Any]:
    """Samples (H, W) or (H, W, C) of a grey, palette or RGB page."""
    import tifffile

    photometric = tifffile.PHOTOMETRIC
    samples: NDArray[Any] = page.asarray()
    if page.axes.startswith("S"):  # colour planes one after the other
        samples = np.moveaxis(samples, 0, -1)
    if page.photometric == photometric.PALETTE:
        bytes_of_colours = (page.colormap >> 8).astype(np.uint8)  # 16 bits that hold 8
        return np.moveaxis(bytes_of_colours[:, samples], 0, -1)  # (H, W, 3)
    colours = 3 if page.photometric == photometric.RGB else 1
    if samples.ndim == 2:
        return samples
    alpha = len(page.extrasamples) > 0 and page.extrasamples[0] in (1, 2)
    kept = samples[..., : colours + int(alpha)]
    return kept[..., 0] if kept.shape[2] == 1 else kept


def _on_black(samples: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The picture (H, W) or (H, W, 3) without its alpha channel, laid on black.

    Its largest alpha counts as opaque: programs write 1 for 255, or an alpha that holds nothing.
    """
    channels = samples.shape[2]
    if channels not in (2, 4):
        return samples, ()
    colour, alpha = samples[..., :-1], samples[..., -1:]
    opaque = float(alpha.max())
    notes: tuple[str, ...] = ()
    if opaque < (np.iinfo(samples.dtype).max if samples.dtype.kind in "ui" else 1):
        notes = ("The alpha channel makes the whole film transparent: it was taken as opaque.",)
    if opaque > 0 and (alpha != opaque).any():
        laid = colour * (np.maximum(alpha, 0) / opaque)
        colour = np.rint(laid).astype(samples.dtype) if samples.dtype.kind in "ui" else laid
    return (colour[..., 0] if channels == 2 else colour), notes


def _unit(
    samples: NDArray[Any], stored: np.dtype[Any]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The film (H, W) in 0..1, and what to tell about it; `stored` is the file's own type."""
    notes: tuple[str, ...] = ()
    if samples.dtype == np.bool_:
        notes = ("The film has one bit a pixel: no grey levels.",)
        return samples.astype(np.float32), notes
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
        notes = ("Pixels that are no numbers were set to black.",)
    if samples.min() < 0:
        low, high = film_range(samples)
        notes += (f"The film has negative values: the range {low:.4g} to {high:.4g} was used.",)
        return _stretched(samples, low, high), notes
    white, notes_white = _white(samples, stored)
    pixels: NDArray[np.float32] = np.divide(samples, np.float32(white), dtype=np.float32)
    return np.minimum(pixels, np.float32(1)), notes + notes_white


def _white(samples: NDArray[Any], stored: np.dtype[Any]) -> tuple[float, tuple[str, ...]]:
    """The value that becomes 1, of a film without negative values; and what to tell about it."""
    if stored == np.uint8:
        return 255.0, ()
    high = float(samples.max())
    if stored.kind != "f":
        white = full_scale(samples)
        if stored.kind != "u" or white >= np.iinfo(stored).max:
            return white, ()
        return white, (f"The values go up to {high:.0f}: {white:.0f} was taken as white.",)
    if high <= 1:
        return 1.0, ()
    step = max(1, min(samples.shape) // 512)
    most = float(np.percentile(samples[::step, ::step], 99))
    if most <= 1 or high <= _OVERSHOOT:
        return 1.0, (f"Values above 1 (up to {high:.4g}) were taken as white.",)
    white = full_scale(samples)
    if most > white / 4:
        return white, ()
    return high, (f"The values go up to {high:.4g}, of no usual depth: that was taken as white.",)


def _stretched(samples: NDArray[Any], low: float, high: float) -> NDArray[np.float32]:
    stretched = (samples.astype(np.float64) - low) / (high - low or 1.0)
    return np.clip(stretched, 0, 1).astype(np.float32)


def _upright(pixels: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """The film as the EXIF or TIFF orientation (1 to 8) wants it shown; others leave it."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.T
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
