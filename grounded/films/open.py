"""Opening a film: what the file is, by its content, and the reader that knows it."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from grounded.errors import ImageError, NotAFilmError
from grounded.films.quiet import silenced
from grounded.image import Image

_HEAD_BYTES = 1024
_RASTERS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
)
_STRANGERS = (
    (0, b"%PDF", "a PDF document"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"jP  ", "a JPEG 2000 picture outside of DICOM"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture outside of DICOM"),
    (4, b"ftyp", "a HEIC picture or a video"),
    (344, b"n+1\x00", "a NIfTI volume"),
    (344, b"ni1\x00", "a NIfTI volume"),
    (0, b"\x1f\x8b", "a gzip archive (a NIfTI volume, perhaps)"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"NRRD", "an NRRD volume"),
)


def open_film(path: str | os.PathLike[str], *, force: bool = False) -> Image:
    """Read a chest film from a DICOM, PNG, JPEG or TIFF file.

    The content decides what the file is, not its name. Pixels stay on the file's own grid (EXIF and
    TIFF orientation are applied, nothing is resampled); see `grounded.dicom.read.film` and
    `grounded.films.raster` for how the grey scale is made. `force` reads pictures that are, by
    their header or their colours, no frontal chest films, and says so in the image's warnings.

    Raises ImageError for what cannot be read (NotAFilmError for what is no picture at all),
    UnsuitableImageError for what `force` would read, MissingExtraError for a compression whose
    decoder is an extra.
    """
    file = Path(path)
    head = _head(file)
    raster = next((name for magic, name in _RASTERS if head.startswith(magic)), "")
    is_dicom = head[128:132] == b"DICM" or (not raster and _is_bare_dicom(head))
    if not is_dicom and not raster:
        raise NotAFilmError(
            f"{file}: expected a film as DICOM, PNG, JPEG or TIFF, got {_stranger(head)}"
        )
    with silenced():
        if is_dicom:
            from grounded.dicom.read.film import read_dicom

            return read_dicom(file, force=force)
        from grounded.films.raster import read_raster

        return read_raster(file, raster, force=force)


def _head(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise ImageError(f"{file} is a folder; expected one film: name a file in it")
        if not file.is_file():
            raise ImageError(f"{file}: no such file; check the path")
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise ImageError(f"{file} cannot be opened: {reason}") from error
    if not head:
        raise ImageError(f"{file} is empty; expected a film as DICOM, PNG, JPEG or TIFF")
    return head


def _is_bare_dicom(head: bytes) -> bool:
    """Whether a data set starts here without preamble: group 0002 or 0008, then a sane element.

    PS3.5 section 7.1: group and element number, then an explicit VR of two capitals, or a length.
    """
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[at : at + 2], order) for at in (0, 2))
        if group not in (0x0002, 0x0008) or element > 0x2300 or len(head) < 8:
            continue
        explicit = head[4:6].isalpha() and head[4:6].isupper()
        if explicit or int.from_bytes(head[4:8], order) <= 0x400:
            return True
    return False


def _stranger(head: bytes) -> str:
    for offset, magic, name in _STRANGERS:
        if head[offset : offset + len(magic)] == magic:
            return name
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "an XML document"
    return "a text file" if _is_text(head) else "a file of a kind that is not known here"


def _is_text(head: bytes) -> bool:
    if any(byte < 9 for byte in head):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return True
