"""Which stored values are padding: no picture, to be shown as air (PS3.3 C.7.5.1.1.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.dicom.read.header import Header


def padding_in(values: NDArray[Any], header: Header) -> NDArray[np.bool_]:
    """Where values are Pixel Padding Value, or in its range up to Pixel Padding Range Limit.

    The header may state it signed and the pixels hold it unsigned, or the other way round: -2000
    and 63536 are the same 16 bits. Nothing is padding where everything would be.
    """
    first = header.number("PixelPaddingValue")
    if first is None:
        return np.zeros(values.shape, dtype=np.bool_)
    last = header.number("PixelPaddingRangeLimit")
    ends = [_as_stored(end, header) for end in (first, first if last is None else last)]
    padding: NDArray[np.bool_] = (values >= min(ends)) & (values <= max(ends))
    return padding if not padding.all() else np.zeros_like(padding)


def cut_padding_value(header: Header) -> float | None:
    """What is left of a padding value that the stored bits cannot hold; None if they can."""
    value, bits = header.number("PixelPaddingValue"), header.whole("BitsStored") or 16
    if value is None:
        return None
    signed = header.whole("PixelRepresentation") == 1
    cut = _wrapped(value, bits, signed)
    return None if cut == _as_stored(value, header) else cut


def _as_stored(value: float, header: Header) -> float:
    """A padding value in the pixels' own signedness."""
    bits = header.whole("BitsAllocated") or 16
    return _wrapped(value, bits, header.whole("PixelRepresentation") == 1)


def _wrapped(value: float, bits: int, signed: bool) -> float:
    low = -(2.0 ** (bits - 1)) if signed else 0.0
    return (value - low) % 2.0**bits + low
