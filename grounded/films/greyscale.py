"""Grey scale: from the numbers that a file stores to 0..1, air dark, bone light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.errors import UnsuitableImageError

_DEPTHS = (8, 10, 12, 14, 15, 16, 24, 32)  # bits that detectors and scanners really use
_GREY_SPREAD = 20 / 255  # largest difference of R, G and B that JPEG's chroma noise makes
_GREY_SHARE = 0.99  # share of the pixels that must keep to it: a coloured marker may not
_MIDDLE_SHARE = 0.99  # share of the pixels whose second and third sample are YCbCr's "no colour"
_EDGE_SHARE = 0.9  # an edge is burned-in padding when so many of its pixels have one value,
_EDGE_TOLERANCE = 0.005  # give or take this share of the film's range (lossy compression)
_FEWEST_LEFT = 0.1  # share of a film that must remain without its edges
_PADDING_SHARE, _PADDING_GAP = 0.005, 0.2  # of the pixels; of the range of the others
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, JPEG's Y


def full_scale(values: NDArray[Any]) -> float:
    """The value that stands for white in an unsigned integer film: 2^bits - 1 of the bits in use.

    A 16-bit file often holds 10, 12 or 14 bits. The smallest usual depth that holds the film's
    maximum is taken; nothing is stretched further, so relations between films are kept. A few
    pixels (up to 1 %, a burned-in marker) may exceed it by 2 bits or more: they become white.
    """
    everything = _holding(float(values.max()))
    step = max(1, min(values.shape) // 512)
    most = _holding(float(np.percentile(without_edges(values)[::step], 99)))
    return most if everything >= 4 * most else everything


def film_range(values: NDArray[Any]) -> tuple[float, float]:
    """The smallest and the largest value (H, W), without a burned-in edge and without a value at
    either end that many pixels have and that lies far from all others, as padding does.
    """
    film = np.sort(without_edges(values))
    low, high = float(film[0]), float(film[-1])
    rest = film[film > low]
    if rest.size and len(film) - rest.size > _PADDING_SHARE * len(film):
        far = float(rest[0]) - low > _PADDING_GAP * (high - float(rest[0]))
        low = float(rest[0]) if far else low
    return low, high


def without_edges(values: NDArray[Any]) -> NDArray[Any]:
    """The pixels (N,) of a film that have none of the values which fill its edges, if enough are
    left; else all.
    """
    film = np.ones(values.shape, dtype=np.bool_)
    tolerance = _EDGE_TOLERANCE * (float(values.max()) - float(values.min()))
    for edge in (values[0], values[-1], values[:, 0], values[:, -1]):
        middle = float(np.median(edge))
        if (abs(edge - middle) <= tolerance).mean() >= _EDGE_SHARE:
            film &= abs(values - middle) > tolerance
    return values[film] if film.mean() >= _FEWEST_LEFT else values.ravel()


def _holding(maximum: float) -> float:
    depth = next((bits for bits in _DEPTHS if maximum <= 2**bits - 1), 64)
    return float(2**depth - 1)


def burned_in(values: NDArray[Any], places: NDArray[Any]) -> NDArray[np.bool_]:
    """The levels that fill an edge of a film: collimation, or padding that nothing declares.

    values (K,): the levels, ascending; places (H, W): the index of each pixel's level.
    """
    tolerance = _EDGE_TOLERANCE * (float(values[-1]) - float(values[0]))
    burned = np.zeros(values.shape, dtype=np.bool_)
    for edge in (places[0], places[-1], places[:, 0], places[:, -1]):
        found = values[edge]
        middle = np.median(found)
        if (abs(found - middle) <= tolerance).mean() >= _EDGE_SHARE:
            burned |= abs(values - middle) <= tolerance
    return burned


def is_grey(colour: NDArray[Any], white: float) -> bool:
    """Whether the three channels (H, W, 3) are alike, but for JPEG's noise and a few marks."""
    return _coloured_share(colour, white) <= 1 - _GREY_SHARE


def is_luminance(samples: NDArray[Any], bits: int) -> bool:
    """Whether three samples (H, W, 3) are YCbCr of a grey film: Cb and Cr keep to the middle."""
    away = abs(samples[..., 1:].astype(np.float32) - 2.0 ** (bits - 1)) > _GREY_SPREAD * 2.0**bits
    varied = samples[..., 0].min() < samples[..., 0].max()
    return bool(varied and away.any(axis=-1).mean() <= 1 - _MIDDLE_SHARE)


def _coloured_share(colour: NDArray[Any], white: float) -> float:
    high, low = colour.max(axis=-1), colour.min(axis=-1)
    return float(np.mean((high - low) > _GREY_SPREAD * white))


def grey_of_colour(
    colour: NDArray[Any], *, what: str, force: bool
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The grey film (H, W) in a colour picture (H, W, 3), and what to tell about it.

    Equal channels give that channel, unchanged. Small differences (JPEG's chroma) and a few
    coloured marks give the luminance. Raises UnsuitableImageError for a coloured picture, such as
    a photograph, unless `force`.
    """
    red, green, blue = (colour[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red, ()
    luminance = np.zeros(red.shape, dtype=np.float32)
    for channel, weight in zip((red, green, blue), _LUMINANCE, strict=True):
        luminance += np.float32(weight) * channel
    high = colour.max(axis=-1)
    white = 1.0 if colour.dtype.kind == "f" and high.max() <= 1 else full_scale(high)
    share = _coloured_share(colour, white)
    if share > 1 - _GREY_SHARE and not force:
        raise UnsuitableImageError(
            f"{what}: a colour picture ({share:.0%} of its pixels are coloured); expected a grey "
            "film. Export the film itself, or read its brightness with force (force=True, --force)"
        )
    if share > 1 - _GREY_SHARE:
        return luminance, ("A colour picture was read by force: its brightness is shown.",)
    return luminance, ("Coloured marks in the film were brought to grey.",) if share else ()
