"""Colours and line styles: one colour a region in every output, safe for colour-blind readers.

The hues are those of Okabe and Ito ("Color Universal Design", 2008), lightened or darkened within
an organ's family. Colour is never the only sign: every region also has a number, a label and a
line style. Heat is cividis (Nunez, Anderton, Renslow, PLoS ONE 2018), given here by 17 anchors.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)
ORANGE: Rgb = (230, 159, 0)
SKY_BLUE: Rgb = (86, 180, 233)
BLUISH_GREEN: Rgb = (0, 158, 115)
YELLOW: Rgb = (240, 228, 66)
BLUE: Rgb = (0, 114, 178)
VERMILION: Rgb = (213, 94, 0)
REDDISH_PURPLE: Rgb = (204, 121, 167)
GREY: Rgb = (176, 176, 176)

# Parts of a lung and how much lighter (+) or darker (-) they are than the lung itself.
_LUNG_PARTS: Mapping[str, float] = {
    "lung": 0.0,
    "upper lung zone": 0.24,
    "mid lung zone": 0.42,
    "lower lung zone": 0.6,
    "apical zone": 0.76,
    "hilar structures": -0.1,
    "costophrenic angle": -0.18,
    "hemidiaphragm": -0.26,
}
_LUNGS: Mapping[str, Rgb] = {"right": SKY_BLUE, "left": ORANGE}
_OTHERS: Mapping[str, tuple[Rgb, float]] = {
    "right clavicle": (BLUISH_GREEN, 0.0),
    "left clavicle": (REDDISH_PURPLE, 0.5),
    "cardiac silhouette": (REDDISH_PURPLE, 0.0),
    "right atrium": (REDDISH_PURPLE, 0.3),
    "cavoatrial junction": (REDDISH_PURPLE, -0.15),
    "mediastinum": (YELLOW, 0.0),
    "upper mediastinum": (YELLOW, 0.5),
    "aortic arch": (VERMILION, 0.0),
    "svc": (BLUE, 0.25),
    "trachea": (BLUISH_GREEN, 0.35),
    "carina": (BLUISH_GREEN, 0.65),
    "spine": (GREY, 0.6),
    "abdomen": (GREY, 0.0),
}
_UNKNOWN: tuple[Rgb, ...] = (VERMILION, BLUISH_GREEN, YELLOW, REDDISH_PURPLE, SKY_BLUE, ORANGE)

_CIVIDIS = (
    "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 "
    "bcae6c cdbb63 dec958 f0d846 fee838"
)


def shade(color: Rgb, amount: float) -> Rgb:
    """Lighter for 0..1 (1 is white), darker for -1..0 (-1 is black)."""
    target = 255.0 if amount > 0 else 0.0
    red, green, blue = (round(value + (target - value) * abs(amount)) for value in color)
    return red, green, blue


def _table() -> dict[str, Rgb]:
    lungs = {
        f"{side} {part}": shade(base, amount)
        for side, base in _LUNGS.items()
        for part, amount in _LUNG_PARTS.items()
    }
    return lungs | {name: shade(base, amount) for name, (base, amount) in _OTHERS.items()}


REGION_COLORS: Mapping[str, Rgb] = MappingProxyType(_table())


def region_colors(names: Sequence[str]) -> tuple[Rgb, ...]:
    """The colours of a report's regions, in their order.

    Each region of the chest has its own, in every report. Another gets a steady one by its name,
    or, where a region before it has that one, the next that is free: up to 30 regions of another
    atlas differ.
    """
    colors: list[Rgb] = []
    for name in names:
        own = REGION_COLORS.get(name)
        spare = _spare(name)
        colors.append(own or next((color for color in spare if color not in colors), spare[0]))
    return tuple(colors)


def _spare(name: str) -> list[Rgb]:
    """The colours that a region without one of its own may have, its first choice first."""
    start = zlib.crc32(name.encode()) % len(_UNKNOWN)
    hues = (*_UNKNOWN[start:], *_UNKNOWN[:start])
    return [shade(hue, lighter) for lighter in (0, 0.3, 0.5, 0.7, 0.15) for hue in hues]


def hexadecimal(color: Rgb) -> str:
    """The colour in CSS: #rrggbb."""
    return "#" + "".join(f"{value:02x}" for value in color)


def luminance(color: Rgb) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.2)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def ink_on(color: Rgb) -> Rgb:
    """Black or white, whichever reads better on `color`."""
    return BLACK if contrast(BLACK, color) >= contrast(WHITE, color) else WHITE


def heat_table() -> NDArray[np.uint8]:
    """The heat scale (256, 3) RGB, from nothing (0) to the most in the report (255)."""
    anchors = np.array([list(bytes.fromhex(word)) for word in _CIVIDIS.split()], dtype=np.float64)
    at = np.linspace(0, len(anchors) - 1, 256)
    steps = np.arange(len(anchors))
    channels = [np.interp(at, steps, anchors[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
