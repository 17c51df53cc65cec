"""Grey scale: from the numbers that a file stores to 0..1, air dark, bone light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.errors import ImageError, UnsuitableImageError

MOST_PIXELS = 100_000_000  # the largest flat panel and film scanner give about 30 million
FEWEST_ROWS = 32  # below this no anatomy is left

_DEPTHS = (8, 10, 12, 14, 15, 16, 24, 32)  # bits that detectors and scanners really use
_GREY_SPREAD = 20 / 255  # largest difference of R, G and B that JPEG's chroma noise makes
_GREY_SHARE = 0.99  # share of the pixels that must keep to it: a coloured marker may not
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, JPEG's Y


def check_size(height: int, width: int, what: str) -> None:
    """Raises ImageError for a film that is too small to show anything or absurdly large."""
    if min(height, width) < FEWEST_ROWS:
        raise ImageError(
            f"{what}: a picture of {width} x {height} pixels is too small for a film; "
            f"expected at least {FEWEST_ROWS} x {FEWEST_ROWS}"
        )
    if height * width > MOST_PIXELS:
        raise ImageError(
            f"{what}: a picture of {width} x {height} pixels is larger than any film; "
            f"expected at most {MOST_PIXELS // 1_000_000} million pixels: reduce it first"
        )


def blank_warning(pixels: NDArray[np.float32]) -> tuple[str, ...]:
    """What to tell about a film whose pixels are all the same."""
    if pixels.min() < pixels.max():
        return ()
    return ("All pixels have the same value: there is nothing to see.",)


def full_scale(values: NDArray[Any]) -> float:
    """The value that stands for white in an unsigned integer film: 2^bits - 1 of the bits in use.

    A 16-bit file often holds 10, 12 or 14 bits. The smallest usual depth that holds the film's
    maximum is taken; nothing is stretched further, so relations between films are kept. A few
    pixels (up to 1 %, a burned-in marker) may exceed it by 2 bits or more: they become white.
    """
    everything = _holding(float(values.max()))
    step = max(1, min(values.shape[:2]) // 512)
    most = _holding(float(np.percentile(values[::step, ::step], 99)))
    return most if everything >= 4 * most else everything


def _holding(maximum: float) -> float:
    depth = next((bits for bits in _DEPTHS if maximum <= 2**bits - 1), 64)
    return float(2**depth - 1)


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
    high = np.maximum(np.maximum(red, green), blue)
    white = 1.0 if colour.dtype.kind == "f" and high.max() <= 1 else full_scale(high)
    low = np.minimum(np.minimum(red, green), blue)
    coloured = (high - low) > _GREY_SPREAD * white
    share = float(np.mean(coloured))
    if share > 1 - _GREY_SHARE and not force:
        raise UnsuitableImageError(
            f"{what}: a colour picture ({share:.0%} of its pixels are coloured); expected a grey "
            "film. Export the film itself, or read its brightness with force (force=True, --force)"
        )
    if share > 1 - _GREY_SHARE:
        return luminance, ("A colour picture was read by force: its brightness is shown.",)
    return luminance, ("Coloured marks in the film were brought to grey.",) if share else ()
