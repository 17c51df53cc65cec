"""What a film is read from: the bytes of a file, wherever they come from, and what to call them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from grounded.errors import ImageError

MOST_BYTES = 1 << 29  # 512 MB; an uncompressed film of the largest panel takes 60 MB
_HEAD_BYTES = 1024
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff")


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
