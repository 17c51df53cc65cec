"""From stored values to the grey scale that the header asks for: PS3.3 C.7.6.3, C.11.1, C.11.2.

Every step is a function of the stored value alone, so all of them run over the levels that occur
(at most 65,536) and the film is looked up in the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.dicom.read.header import Header

Floats = NDArray[np.float64]

_MOST_LEVELS = 1 << 16
_SAMPLE = 500_000  # pixels that are enough to find the range of a film
_LOW_PERCENT, _HIGH_PERCENT = 0.5, 99.5  # the range of a film without a window
_EDGE_SHARE = 0.9  # an edge is burned-in padding when so many of its pixels have one value,
_EDGE_TOLERANCE = 0.005  # give or take this share of the film's range (lossy compression)
_FEWEST_LEFT = 0.1  # share of the film that must remain when padding is left out
_MOST_CLIPPED = 0.95  # a window that puts more of the film at one end is not meant for it
_DISPLAY_READY_SHARE = 0.5  # of the 8-bit range in use: then 8 bits are shown as they are


@dataclass(frozen=True, slots=True)
class Levels:
    """The stored values of a film: `values` (K,) ascending, `counts` (K,) how often each occurs in
    a regular sample of the pixels, `places` (H, W) the index of each pixel's value.
    """

    values: Floats
    counts: NDArray[np.int64]
    places: NDArray[Any]

    @classmethod
    def of(cls, stored: NDArray[Any]) -> Levels:
        low, high = stored.min(), stored.max()
        if stored.dtype.kind not in "iu" or int(high) - int(low) >= _MOST_LEVELS:
            values, places, counts = np.unique(stored, return_inverse=True, return_counts=True)
            return cls(values.astype(np.float64), counts, places.reshape(stored.shape))
        places = (stored.astype(np.int32) - np.int32(low)) if low else stored
        step = max(1, math.isqrt(places.size // _SAMPLE))
        sample = places[::step, ::step].ravel()
        counts = np.bincount(sample, minlength=int(high) - int(low) + 1)
        return cls(np.arange(int(low), int(high) + 1, dtype=np.float64), counts, places)

    def occurring(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How often the chosen levels occur, 0 for the others."""
        return np.where(chosen, self.counts, 0)


def greyscale(stored: NDArray[Any], header: Header) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The film (H, W) in 0..1, air dark, from stored values (H, W); and what to tell about it.

    Modality LUT or rescale; VOI LUT, else the first window, else the range of the film itself;
    MONOCHROME1 and PresentationLUTShape INVERSE turned over; pixel padding set to 0.
    """
    levels = Levels.of(stored)
    padding = _padding(levels.values, header)
    film = ~padding & ~_burned_in(levels, padding)
    if levels.occurring(film).sum() < _FEWEST_LEFT * levels.counts.sum():
        film = ~padding
    values, told = _modality_values(levels.values, header)
    grey, told_voi = _displayed(values, levels.occurring(film), header)
    inverse, told_inverse = _is_inverse(header)
    if inverse:
        grey = 1 - grey
    grey[padding] = 0.0
    return grey.astype(np.float32)[levels.places], told + told_voi + told_inverse


def _padding(values: Floats, header: Header) -> NDArray[np.bool_]:
    """Pixel Padding Value, or the range up to Pixel Padding Range Limit (C.7.5.1.1.2)."""
    first = header.number("PixelPaddingValue")
    if first is None:
        return np.zeros(values.shape, dtype=np.bool_)
    last = header.number("PixelPaddingRangeLimit")
    ends = [_as_stored(end, header) for end in (first, first if last is None else last)]
    padding = (values >= min(ends)) & (values <= max(ends))
    return padding if not padding.all() else np.zeros_like(padding)


def _as_stored(value: float, header: Header) -> float:
    """A padding value in the pixels' own signedness: some files state -2000 as 63536."""
    bits = header.whole("BitsAllocated") or 16
    if header.whole("PixelRepresentation") == 1 and value >= 2 ** (bits - 1):
        return float(value - 2**bits)
    return value


def _burned_in(levels: Levels, padding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The levels that fill an edge of the film: collimation or padding without an attribute."""
    tolerance = _EDGE_TOLERANCE * (levels.values[-1] - levels.values[0])
    burned = np.zeros_like(padding)
    places = levels.places
    for edge in (places[0], places[-1], places[:, 0], places[:, -1]):
        values = levels.values[edge]
        near = np.abs(values - np.median(values)) <= tolerance
        if near.mean() >= _EDGE_SHARE:
            burned |= np.abs(levels.values - np.median(values)) <= tolerance
    return burned


def _modality_values(stored: Floats, header: Header) -> tuple[Floats, tuple[str, ...]]:
    """Modality LUT or rescale slope and intercept (C.11.1)."""
    for item in header.items("ModalityLUTSequence"):
        table = _table(item)
        if table is None:
            return stored, ("The modality LUT in the header is damaged: it was left out.",)
        return table.at(stored), ()
    slope = header.number("RescaleSlope")
    if slope is None:
        return stored, ()
    if slope == 0:
        return stored, ("The rescale slope in the header is 0: it was left out.",)
    return stored * slope + (header.number("RescaleIntercept") or 0.0), ()


def _displayed(
    values: Floats, counts: NDArray[np.int64], header: Header
) -> tuple[Floats, tuple[str, ...]]:
    """The levels in 0..1 after the VOI LUT or window, or over the film's own range."""
    grey, told = _windowed(values, header)
    if grey is not None and _is_usable(grey, counts):
        return grey, told
    if grey is not None:
        told += ("The window in the header would hide the film: its own range was used.",)
    if header.whole("BitsStored") == 8 and (ready := _display_ready(values, counts)) is not None:
        return ready, told
    low, high = _robust_range(values, counts)
    if high <= low:  # all but a few pixels have one value
        low, high = float(values.min()), float(values.max())
    return np.clip((values - low) / (high - low or 1.0), 0, 1), told


def _windowed(values: Floats, header: Header) -> tuple[Floats | None, tuple[str, ...]]:
    """VOI LUT, else the first window (C.11.2); None when the header has neither."""
    for item in header.items("VOILUTSequence"):
        table = _table(item)
        if table is not None:
            return table.at(values) / table.white, ()
        return None, ("The VOI LUT in the header is damaged: it was left out.",)
    center, width = header.number("WindowCenter"), header.number("WindowWidth")
    if center is None or width is None:
        return None, ()
    function = header.text("VOILUTFunction") or "LINEAR"
    if width <= 0 or (function == "LINEAR" and width < 1):
        return None, (f"The window width {width:g} in the header cannot be used.",)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700))), ()
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0, 1), ()
    span = max(width - 1, 1e-12)  # a width of 1 is a threshold
    return np.clip((values - (center - 0.5)) / span + 0.5, 0, 1), ()


def _is_usable(grey: Floats, counts: NDArray[np.int64]) -> bool:
    total = max(int(counts.sum()), 1)
    ends = (counts[grey <= 0].sum(), counts[grey >= 1].sum())
    return bool(max(ends) / total <= _MOST_CLIPPED)


def _display_ready(values: Floats, counts: NDArray[np.int64]) -> Floats | None:
    """8-bit values without a window, as any viewer shows them; None when they use little of it."""
    low, high = _robust_range(values, counts)
    if low < 0 or high > 255 or high - low < _DISPLAY_READY_SHARE * 255:
        return None
    return np.clip(values / 255, 0, 1)


def _robust_range(values: Floats, counts: NDArray[np.int64]) -> tuple[float, float]:
    order = np.argsort(values, kind="stable")  # a negative slope turns the levels round
    share = np.cumsum(counts[order]) / max(int(counts.sum()), 1) * 100
    ends = np.searchsorted(share, (_LOW_PERCENT, _HIGH_PERCENT))
    low, high = values[order][np.minimum(ends, len(values) - 1)]
    return float(low), float(high)


def _is_inverse(header: Header) -> tuple[bool, tuple[str, ...]]:
    """Whether the displayed scale has to be turned over for air to be dark.

    MONOCHROME1 shows its smallest value as white (C.7.6.3.1.2); PresentationLUTShape INVERSE
    (C.11.6, C.8.11.3) says the same, so the two together turn it over once. Raw data (FOR
    PROCESSING) follow Pixel Intensity Relationship Sign: 1 means that more X-rays give more.
    """
    inverse = header.text("PhotometricInterpretation") == "MONOCHROME1"
    if header.text("PresentationIntentType") == "FOR PROCESSING":
        sign = header.whole("PixelIntensityRelationshipSign")
        told = "Raw detector data (FOR PROCESSING): its grey scale is not that of a finished film."
        return (inverse if sign not in (1, -1) else sign == 1), (told,)
    shape = header.text("PresentationLUTShape")
    if shape == ("IDENTITY" if inverse else "INVERSE"):
        told = "Photometric interpretation and presentation LUT shape contradict each other."
        return True, (f"{told} The film was turned over: check that air is dark.",)
    return inverse, ()


@dataclass(frozen=True, slots=True)
class _Table:
    """A lookup table: `entries` (N,), for the inputs `first`, `first` + 1 ...; `white` is 1.0."""

    entries: Floats
    first: float
    white: float

    def at(self, values: Floats) -> Floats:
        """The entry of each value; values outside get the first or the last entry (C.11.1.1)."""
        first = self.first
        if first >= 32768 and first > values.max():  # signed, but read as unsigned
            first -= 65536
        places = np.clip(np.rint(values - first), 0, len(self.entries) - 1)
        return self.entries[places.astype(np.int64)]


def _table(item: Header) -> _Table | None:
    """LUT Descriptor and LUT Data (C.11.1.1, C.11.2.1.1); None when they do not fit together."""
    descriptor = item.numbers("LUTDescriptor")
    entries = _entries(item)
    if len(descriptor) != 3 or entries is None:
        return None
    length = int(descriptor[0]) or 65536
    if length == 2 * len(entries) or len(entries) < 2:
        entries = entries.view("<u2").view(np.uint8)  # 8-bit entries, two in a word
    entries = entries[:length]
    if len(entries) < length or not entries.max():
        return None
    white = 2.0 ** descriptor[2] - 1
    most = float(entries.max())
    if most > white or most <= white / 4:  # the stated depth is not that of the entries
        white = most
    return _Table(entries.astype(np.float64), descriptor[1], white)


def _entries(item: Header) -> NDArray[np.uint16] | None:
    data = item.value("LUTData")
    if isinstance(data, bytes):
        order = ">u2" if item.dataset.original_encoding[1] is False else "<u2"
        return np.frombuffer(data[: len(data) // 2 * 2], dtype=order).astype(np.uint16)
    values = item.numbers("LUTData")
    if not values or min(values) < -32768 or max(values) > 65535:
        return None
    return np.asarray(values, dtype=np.int64).astype(np.uint16)
