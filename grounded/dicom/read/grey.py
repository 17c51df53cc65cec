"""From stored values to the grey scale that the header asks for: PS3.3 C.7.6.3, C.11.1, C.11.2.

Every step is a function of the stored value alone, so all of them run over the levels that occur
(at most 65,536) and the film is looked up in the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.dicom.read.header import Header
from grounded.dicom.read.lookup import Floats, table_of
from grounded.dicom.read.padding import cut_padding_value, padding_in
from grounded.films.greyscale import burned_in
from grounded.greys import WHITE, Greys, Scale, window_of

_MOST_LEVELS = 1 << 16
_SAMPLE = 500_000  # pixels that are enough to find the range of a film
_LOW_PERCENT, _HIGH_PERCENT = 0.5, 99.5  # the range of a film without a window
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


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """pixels: the film (H, W) in 0..1, air dark. greys: before its window. warnings: in words."""

    pixels: NDArray[np.float32]
    greys: Greys | None = None
    warnings: tuple[str, ...] = ()


def greyscale(stored: NDArray[Any], header: Header) -> Shown:
    """The film from stored values (H, W).

    Modality LUT or rescale; VOI LUT, else the first window, else the range of the film itself;
    MONOCHROME1 and PresentationLUTShape INVERSE turned over; pixel padding set to 0.
    """
    levels = Levels.of(stored)
    padding = padding_in(levels.values, header)
    burned = burned_in(levels.values, levels.places)
    cut = cut_padding_value(header)  # as an edge of its own; elsewhere it is a grey like others
    if cut is not None and not padding.any():
        padding = burned & (levels.values == cut)
    film = ~padding & ~burned
    if levels.occurring(film).sum() < _FEWEST_LEFT * levels.counts.sum():
        film = ~padding
    values, notes = _modality_values(levels.values, header)
    grey, notes_voi = _displayed(values, levels.occurring(film), header)
    inverse, notes_inverse = _is_inverse(header)
    if inverse:
        grey = 1 - grey
    greys = _unwindowed(values, grey, padding, levels, header)
    grey[padding] = 0.0
    pixels = grey.astype(np.float32)[levels.places]
    return Shown(pixels, greys, notes + notes_voi + notes_inverse)


def _unwindowed(
    values: Floats, grey: Floats, padding: NDArray[np.bool_], levels: Levels, header: Header
) -> Greys:
    """The levels' modality values over the full range of 16 bits, air dark; padding is black.

    grey (K,): what the levels are shown as. Where that falls with the values, they are turned over.
    """
    film = ~padding
    if padding.any():  # what lies between the film's levels and padding's occurs nowhere
        film &= np.bincount(levels.places.ravel()) > 0
    low, high = float(values[film].min()), float(values[film].max())
    falls = grey[film][values[film].argmax()] < grey[film][values[film].argmin()]
    start, slope = (high, low - high) if falls else (low, high - low)
    table = np.rint(np.clip((values - start) / (slope or 1.0), 0, 1) * WHITE).astype(np.uint16)
    table[padding] = 0
    window, bits = window_of(table[film], grey[film]), header.whole("BitsStored") or 16
    return Greys(table[levels.places], Scale(window, bits, slope / WHITE, start))


def _modality_values(stored: Floats, header: Header) -> tuple[Floats, tuple[str, ...]]:
    """Modality LUT or rescale slope and intercept (C.11.1)."""
    damaged: tuple[str, ...] = ()
    for item in header.items("ModalityLUTSequence"):
        table = table_of(item)
        if table is not None:
            return table.at(stored), damaged
        damaged = ("The modality LUT in the header is damaged: it was left out.",)
    slope, intercept = header.number("RescaleSlope"), header.number("RescaleIntercept")
    if slope is None and intercept is None:
        return stored, damaged
    if slope == 0:
        return stored, (*damaged, "The rescale slope in the header is 0: it was left out.")
    return stored * (1.0 if slope is None else slope) + (intercept or 0.0), damaged


def _displayed(
    values: Floats, counts: NDArray[np.int64], header: Header
) -> tuple[Floats, tuple[str, ...]]:
    """The levels in 0..1 after the first VOI LUT or window that can be used, or over the film's own
    range.
    """
    notes: dict[str, None] = {}
    for shown, reason in _displays(values, header):
        if shown is not None and _is_usable(shown, counts):
            return shown, tuple(notes)
        notes[reason] = None
    if header.whole("BitsStored") == 8 and (ready := _display_ready(values, counts)) is not None:
        return ready, tuple(notes)
    low, high = _robust_range(values, counts)
    if high <= low:  # all but a few pixels have one value
        low, high = float(values.min()), float(values.max())
    return np.clip((values - low) / (high - low or 1.0), 0, 1), tuple(notes)


def _displays(values: Floats, header: Header) -> Iterator[tuple[Floats | None, str]]:
    """What each VOI LUT, then each window makes of the levels (C.11.2), None where it cannot be
    used; and what to tell if it is not taken.
    """
    for item in header.items("VOILUTSequence"):
        table = table_of(item)
        if table is None:
            yield None, "A VOI LUT in the header is damaged: it was left out."
        else:
            hides = "A VOI LUT in the header would hide the film: it was left out."
            yield table.at(values) / table.white, hides
    function = header.text("VOILUTFunction") or "LINEAR"
    windows = zip(header.each("WindowCenter"), header.each("WindowWidth"), strict=False)
    for center, width in windows:
        if center is None or width is None:
            yield None, "A window in the header is no number: it was left out."
        elif width <= 0:
            yield None, f"The window width {width:g} in the header cannot be used."
        else:
            hides = "A window in the header would hide the film: it was left out."
            yield _window(values, center, width, function), hides


def _window(values: Floats, center: float, width: float, function: str) -> Floats:
    """The levels through one window (C.11.2.1.2, C.11.2.1.3).

    LINEAR with a width below 1, which is not allowed, is what LINEAR_EXACT was made for.
    """
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR_EXACT" or width < 1:
        return np.clip((values - center) / width + 0.5, 0, 1)
    span = max(width - 1, 1e-12)  # a width of 1 is a threshold
    return np.clip((values - (center - 0.5)) / span + 0.5, 0, 1)


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
        notes = "Raw detector data (FOR PROCESSING): its grey scale is not that of a finished film."
        return (inverse if sign not in (1, -1) else sign == 1), (notes,)
    shape = header.text("PresentationLUTShape")
    if shape == ("IDENTITY" if inverse else "INVERSE"):
        notes = "Photometric interpretation and presentation LUT shape contradict each other."
        return True, (f"{notes} The film was turned over: check that air is dark.",)
    return inverse, ()
