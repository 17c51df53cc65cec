"""What a file is, by its content, and the reader that knows it."""

from __future__ import annotations

import codecs

from grounded.errors import NotAFilmError
from grounded.films.quiet import silenced
from grounded.films.raster import read_raster
from grounded.films.source import Source
from grounded.image import Image

DICOM = "DICOM"
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


def decode(source: Source, *, force: bool = False) -> Image:
    """A film from a file's bytes, in this process. Raises as `open_film`, and what libraries do."""
    with silenced():
        kind = kind_of(source)
        if kind == DICOM:
            from grounded.dicom.read.film import read_dicom

            return read_dicom(source, force=force)
        return read_raster(source, kind, force=force)


def kind_of(source: Source) -> str:
    """DICOM, PNG, JPEG or TIFF. Raises NotAFilmError that names what else it is."""
    head = source.head
    raster = next((name for magic, name in _RASTERS if head.startswith(magic)), "")
    if head[128:132] == b"DICM" or (not raster and _is_bare_dicom(head)):
        return DICOM
    if not raster:
        raise NotAFilmError(
            f"{source}: expected a film as DICOM, PNG, JPEG or TIFF, got {_stranger(head)}"
        )
    return raster


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
