"""What a film is read from: the bytes of a file, wherever they come from, and what they hold."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from grounded.errors import ImageError, NotAFilmError

MOST_BYTES = 1 << 29  # 512 MB; an uncompressed film of the largest panel takes 60 MB
_HEAD_BYTES = 1024
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff")
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


@dataclass(frozen=True, slots=True)
class Source:
    """data: the file's bytes. label: for messages. name: for the report."""

    data: bytes
    label: str
    name: str = ""

    @property
    def head(self) -> bytes:
        return self.data[:_HEAD_BYTES]

    def __str__(self) -> str:
        return self.label


def source_of(film: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO) -> Source:
    """The bytes of a path, of bytes, or of a file that is open for reading in binary mode.

    Raises ImageError for what cannot be opened, is empty or is larger than any film's file.
    """
    if isinstance(film, (bytes, bytearray, memoryview)):
        return _checked(Source(bytes(film), "the film"))
    if isinstance(film, (str, os.PathLike)):
        return _from_path(Path(film))
    name = getattr(film, "name", "")
    label = name if isinstance(name, str) and name else "the film"
    try:
        data = film.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # closed, or not open for reading
        raise ImageError(f"{label} cannot be read: {error}") from error
    if not isinstance(data, bytes):
        raise ImageError(f"{label} is open as text; open it in binary mode ('rb')")
    return _checked(Source(data, label, name_of(Path(label)) if label == name else ""))


def name_of(path: Path) -> str:
    """The file's name, without the suffix if that is a picture's: UIDs hold dots, too.

    Bytes that are no UTF-8 are shown escaped, so that every file can hold the name.
    """
    name = path.stem if path.suffix.lower() in _SUFFIXES else path.name
    return name.encode("utf-8", "backslashreplace").decode()


def _from_path(path: Path) -> Source:
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder; expected one film: name a file in it")
        if not path.is_file():
            raise ImageError(f"{path}: no such file; check the path")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except ValueError as error:  # a null character in the name
        raise ImageError(f"{str(path)!r} cannot be opened: {error}") from error
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise ImageError(f"{path} cannot be opened: {reason}") from error
    return _checked(Source(data, str(path), name_of(path)))


def _checked(source: Source) -> Source:
    if not source.data:
        raise ImageError(f"{source} is empty; expected a film as DICOM, PNG, JPEG or TIFF")
    if len(source.data) > MOST_BYTES:
        raise ImageError(
            f"{source} is larger than any film's file; expected at most "
            f"{MOST_BYTES // 1_000_000} million bytes"
        )
    return source


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
