"""Opening a film, whatever holds it: in this process, or in a child where that is safer."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from grounded.errors import GroundedError, ImageError, InvalidValueError
from grounded.films.child import read_in_child
from grounded.films.framing import framed
from grounded.films.quiet import silenced
from grounded.films.raster import (
    is_deep_colour,
    is_plain_tiff,
    read_array,
    read_picture,
    read_raster,
)
from grounded.films.source import DICOM, Source, kind_of, source_of
from grounded.image import Image
from grounded.view import known_view

_TRANSFER_SYNTAX = re.compile(rb"\x02\x00\x10\x00UI..([0-9.\x00 ]{1,64})", re.DOTALL)
_TAME_SYNTAXES = (  # uncompressed, and JPEG that Pillow decodes
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.4.50",
)
_TAME_HEADER = 1 << 18  # bytes before the pixels
_PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")  # the tag, in either byte order


def open_film(
    film: Any,
    *,
    view: str = "",
    spacing_mm: tuple[float, float] | None = None,
    name: str = "",
    age: float | None = None,
    force: bool = False,
) -> Image:
    """Read a chest film from a DICOM, PNG, JPEG or TIFF file, or from what holds one in memory.

    film: a path, the file's bytes, a file that is open in binary mode, a PIL image, a pydicom data
    set, or a numpy array: (H, W) or (H, W, 3) as a file would store it (bytes up to 255, integers
    up to their depth, floats up to 1), air dark.
    view: PA, AP or LATERAL, spacing_mm: (row, column), name, age: of the patient, in years; each
    counts before what the film says.

    The content decides what a file is, not its name. Pixels stay on the file's own grid (EXIF and
    TIFF orientation are applied, nothing is resampled); see `grounded.dicom.read.film` and
    `grounded.films.raster` for how the grey scale is made. Files whose decoders may crash or fill
    the memory are read in a child process (`grounded.films.child`). `force` reads pictures that
    are, by their header or their colours, no frontal chest films, and says so in the image's
    warnings.

    Raises ImageError for what cannot be read (NotAFilmError for what is no picture at all),
    UnsuitableImageError for what `force` would read, MissingExtraError for a compression whose
    decoder is an extra, and InvalidValueError for a view, a spacing or an age that cannot be.
    """
    stated = known_view(view)
    try:
        with silenced():
            image = _read(film, force=force)
    except GroundedError:
        raise
    except MemoryError:
        raise ImageError(f"{_label(film)}: there is not enough memory to read it") from None
    except Exception as error:  # whatever a damaged file makes a library raise
        raise ImageError(
            f"{_label(film)}: the film cannot be read ({type(error).__name__}); export it again"
        ) from error
    return framed(image, view=stated, spacing_mm=spacing_mm, name=name, age=age, forced=force)


def _read(film: Any, *, force: bool) -> Image:
    module = type(film).__module__.partition(".")[0]
    if isinstance(film, np.ndarray):
        return read_array(film, force=force)
    if module == "PIL":
        return read_picture(film, force=force)
    if module == "pydicom" and hasattr(film, "save_as"):
        from grounded.dicom.read.film import file_of

        film = file_of(film)
    elif not isinstance(film, (str, os.PathLike, bytes, bytearray, memoryview)) and not hasattr(
        film, "read"
    ):
        raise InvalidValueError(
            f"expected a film as path, bytes, open file, PIL image, pydicom data set or numpy "
            f"array, got {type(film).__name__}"
        )
    source = source_of(film)
    return decode(source, force=force) if _is_tame(source) else read_in_child(source, force=force)


def decode(source: Source, *, force: bool = False) -> Image:
    """A film from a file's bytes, in this process. Raises as `open_film`, and what libraries do."""
    with silenced():
        kind = kind_of(source)
        if kind == DICOM:
            from grounded.dicom.read.film import read_dicom

            return read_dicom(source, force=force)
        return read_raster(source, kind, force=force)


def _label(film: Any) -> str:
    return os.fspath(film) if isinstance(film, (str, os.PathLike)) else "the film"


def _is_tame(source: Source) -> bool:
    """Whether a file is of a kind that no decoder is known to crash or to grow on.

    What is left out are compressions whose decoders are in C or take any amount of memory, and
    headers of a size that takes time.
    """
    kind = kind_of(source)
    if kind == DICOM:
        start = source.data[:_TAME_HEADER]
        syntax = _TRANSFER_SYNTAX.search(start, 0, 1 << 12)
        stated = syntax[1].rstrip(b"\0 ") if syntax else None
        known = stated in _TAME_SYNTAXES if stated else source.head[128:132] != b"DICM"
        return known and (len(source.data) <= _TAME_HEADER or any(t in start for t in _PIXEL_DATA))
    if kind == "TIFF":
        return is_plain_tiff(source)
    if kind == "PNG":
        return not is_deep_colour(source)
    return True
