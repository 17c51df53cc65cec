"""Lookup tables of a header: modality LUT, VOI LUT, palettes.

PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.dicom.read.header import Header

Floats = NDArray[np.float64]

_DEPTHS = (8, 10, 12, 14, 16)


@dataclass(frozen=True, slots=True)
class Table:
    """`entries` (N,) for the inputs `first`, `first` + 1 ...; `white` is the entry of white."""

    entries: Floats
    first: float
    white: float

    def at(self, values: Floats) -> Floats:
        """The entry of each value; values outside get the first or the last entry (C.11.1.1)."""
        places = np.clip(np.rint(values - self._start(values)), 0, len(self.entries) - 1)
        return self.entries[places.astype(np.int64)]

    def _start(self, values: Floats) -> float:
        """The first input, whose sign may be lost in the header or made up by its reader."""
        low, high = float(values.min()), float(values.max())
        count = len(self.entries)

        def covered(first: float) -> float:
            return min(high, first + count - 1) - max(low, first)

        return max((self.first, self.first - 65536, self.first + 65536), key=covered)

    @property
    def depth(self) -> int:
        """The usual number of bits that holds all entries."""
        return next(bits for bits in _DEPTHS if self.entries.max() < 2**bits)


def table_of(
    item: Header, descriptor: str = "LUTDescriptor", data: str = "LUTData"
) -> Table | None:
    """The table that two attributes describe; None when they do not fit together."""
    stated = item.numbers(descriptor)
    entries = _entries(item, data)
    if len(stated) != 3 or entries is None:
        return None
    length = int(stated[0]) or 65536
    if length == 2 * len(entries) or length == 2 * len(entries) - 1 or len(entries) < 2:
        entries = entries.view("<u2").view(np.uint8)  # 8-bit entries, two in a word
    entries = entries[:length]
    if length < 1 or len(entries) < length or not entries.max():
        return None
    most = float(entries.max())
    white = 2.0 ** stated[2] - 1 if 1 <= stated[2] <= 16 else most
    if most > white or most <= white / 4:  # the stated depth is not that of the entries
        white = most
    return Table(entries.astype(np.float64), stated[1], white)


def _entries(item: Header, keyword: str) -> NDArray[np.uint16] | None:
    data = item.value(keyword)
    if isinstance(data, bytes):
        order = ">u2" if item.dataset.original_encoding[1] is False else "<u2"
        return np.frombuffer(data[: len(data) // 2 * 2], dtype=order).astype(np.uint16)
    values = item.numbers(keyword)
    if not values or min(values) < -32768 or max(values) > 65535:
        return None
    return np.asarray(values, dtype=np.int64).astype(np.uint16)
