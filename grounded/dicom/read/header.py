"""A DICOM header read defensively: wrong types, broken values and private names never get out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from grounded.errors import ImageError

_CODED = re.compile(r"[A-Z0-9 _/.&+-]{1,24}")
_DICOMDIR = "1.2.840.10008.1.3.10"


class Header:
    """The attributes of one DICOM data set, by keyword.

    An attribute that is missing, empty or cannot be read as what is asked for gives an empty text,
    an empty tuple or None, so that a broken optional value never stops a reading.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.dataset

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values as upper-case text without surrounding spaces; empty values are kept."""
        return tuple(str(value).strip(" \0").upper() for value in self._values(keyword))

    def text(self, keyword: str) -> str:
        """The first value as upper-case text, or ''."""
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as finite numbers; () when one is not."""
        try:
            values = tuple(float(value) for value in self._values(keyword))
        except (TypeError, ValueError):
            return ()
        return values if all(math.isfinite(value) for value in values) else ()

    def number(self, keyword: str) -> float | None:
        """The first value as a finite number."""
        return next(iter(self.numbers(keyword)), None)

    def whole(self, keyword: str) -> int | None:
        """The first value as an integer; None when it has a fraction."""
        number = self.number(keyword)
        return int(number) if number is not None and number.is_integer() else None

    def items(self, keyword: str) -> tuple[Header, ...]:
        """The items of a sequence."""
        return tuple(Header(item) for item in self._values(keyword) if isinstance(item, Dataset))

    def value(self, keyword: str) -> Any:
        """The value as pydicom gives it, or None."""
        try:
            return self.dataset.get(keyword)
        except Exception:  # pydicom converts on access, and a broken value fails in any way
            return None

    def _values(self, keyword: str) -> tuple[Any, ...]:
        value = self.value(keyword)
        if value is None or isinstance(value, bytes):
            return ()
        several = isinstance(value, Iterable) and not isinstance(value, (str, Dataset))
        return tuple(value) if several else (value,)


def coded(value: str) -> str:
    """A coded value for a message, quoted; anything that may be free text is not repeated."""
    return f"'{value}'" if _CODED.fullmatch(value) else "a value that is no code"


def open_header(path: Path) -> Header:
    """The data set of a DICOM file, with or without preamble and file meta information.

    Raises ImageError for a file that holds no data set, and for a DICOMDIR.
    """
    try:
        dataset = pydicom.dcmread(path, force=True)
        length = len(dataset)
    except Exception as error:  # a damaged file makes the parser fail in any way
        raise ImageError(
            f"{path}: the DICOM file is damaged ({type(error).__name__} while parsing); send or "
            "export it again"
        ) from None
    if not length:
        raise ImageError(f"{path}: the DICOM file is cut short or empty; send or export it again")
    if Header(dataset.file_meta).text("MediaStorageSOPClassUID") == _DICOMDIR:
        raise ImageError(f"{path} is a DICOMDIR, an index of files; expected one film of its list")
    _set_transfer_syntax(dataset)
    return Header(dataset)


def _set_transfer_syntax(dataset: FileDataset) -> None:
    """What the parser found stands in for a transfer syntax that the file does not state."""
    if "TransferSyntaxUID" in dataset.file_meta:
        return
    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
