"""Which bits of a stored word are the film: Bits Stored and High Bit, unless the pixels disagree.

PS3.5 section 8.1.1 lets unused bits hold anything (old files keep overlays there), so they are cut
off. But headers state too few bits, too, and another High Bit than the pixels have. A film is
smooth: values that wrap round where bits are cut, or jump where an overlay is kept, are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.dicom.read.header import Header
from grounded.dicom.read.padding import padding_in

_MOST_ROWS = 512  # that are looked through to see which reading is the smoother


def as_meant(words: NDArray[Any], header: Header) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The values (H, W) that stored words (H, W) mean, and what to tell about them.

    Padding keeps its word, for it may lie outside of the stored bits. Bits Stored in the header is
    raised where the pixels use more.
    """
    size = 8 * words.dtype.itemsize
    bits = header.whole("BitsStored") or size
    if words.dtype.kind not in "iu" or bits >= size:
        return words, ()
    padding = padding_in(words, header)
    film = words[~padding]
    high = header.whole("HighBit")
    if high is not None and bits - 1 < high < size:
        values, notes = _from_high_bit(words, film, high, bits)
    else:
        values, notes = _from_low_bits(words, padding, header, bits)
    return (np.where(padding, words, values) if padding.any() else values), notes


def _from_high_bit(
    words: NDArray[Any], film: NDArray[Any], high: int, bits: int
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Stored bits that do not end at bit 0 (retired, but met in old files), brought down."""
    size = 8 * words.dtype.itemsize
    below = high + 1 - bits
    unsigned = film.view(f"u{words.dtype.itemsize}")
    lower = unsigned & unsigned.dtype.type(2**below - 1)
    fits = film.min() >= -(2 ** (bits - 1)) and film.max() < 2**bits
    if fits and lower.min() < lower.max():
        notes = f"High Bit is {high} in the header, but the pixels use the {bits} bits from 0 on."
        return words, (notes,)
    return (words << (size - 1 - high)) >> (size - bits), ()


def _from_low_bits(
    words: NDArray[Any], padding: NDArray[np.bool_], header: Header, bits: int
) -> tuple[NDArray[Any], tuple[str, ...]]:
    size = 8 * words.dtype.itemsize
    cut = (words << (size - bits)) >> (size - bits)
    if np.array_equal(cut, words):
        return words, ()
    film = words[~padding]
    below = size - bits
    if not (film & film.dtype.type(2**below - 1)).any() and film.max() >= 2**bits:
        if (header.number("WindowCenter") or 0.0) < 2**bits:
            notes = f"The pixels lie in the upper {bits} bits, not as High Bit in the header says."
            return words >> below, (notes,)
    elif _roughness(words, padding) >= _roughness(cut, padding):
        return cut, ()
    signed = film.dtype.kind == "i"
    used = max(int(film.max()), -1 - int(film.min())).bit_length() + int(signed)
    header.put("BitsStored", used)
    return words, (f"The header says {bits} bits, but the pixels use {used}: all were read.",)


def _roughness(values: NDArray[Any], padding: NDArray[np.bool_]) -> float:
    """The sum of all steps from a pixel to its right neighbour."""
    step = max(1, len(values) // _MOST_ROWS)
    rows = values[::step].astype(np.int64)
    inside = ~padding[::step]
    both = inside[:, 1:] & inside[:, :-1]
    return float(abs(np.diff(rows))[both].sum())
