"""A film's greys before they were put through a window, and the window that the film asks for.

What networks see has gone through the film's own window, which may cut off greys at both ends. A
reader can bring those back, so they are kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError

WHITE = 65535  # the lightest grey
_CURVE = 256  # points of a curve
_STRAIGHT = 0.004  # how far a line may be off a display to stand for it: a grey of 8 bits
_FLAT = 5e-4  # of the scale: a curve ends where it rises by no more


@dataclass(frozen=True, slots=True)
class Window:
    """How greys are shown: black up to `low`, white from `high` on, which may lie outside of them.

    curve: the shown levels in 0..1, air dark, at greys of the same distance from low to high, as a
    VOI LUT or a sigmoid has them; () for a straight line. Beyond its ends it goes on level.
    """

    low: float = 0.0
    high: float = float(WHITE)
    curve: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InvalidValueError(f"a window goes upwards, got {self.low:g} to {self.high:g}")

    def shown(self, greys: NDArray[Any]) -> NDArray[np.float32]:
        """Greys as they are shown, 0..1."""
        part = np.clip((greys.astype(np.float32) - self.low) / (self.high - self.low), 0, 1)
        if self.curve:
            part = np.interp(part, np.linspace(0, 1, len(self.curve)), self.curve)
        return np.asarray(part, dtype=np.float32)

    def turned_over(self) -> Window:
        """The window of greys that are turned over, for a film that is turned over."""
        curve = tuple(round(1 - level, 4) for level in reversed(self.curve))
        return Window(WHITE - self.high, WHITE - self.low, curve)


@dataclass(frozen=True, slots=True)
class Scale:
    """What greys of 16 bits mean.

    window: how the film asks for them to be shown. bits: of the film's own numbers; such a number
    is slope * grey + intercept.
    """

    window: Window = Window()
    bits: int = 16
    slope: float = 1 / WHITE
    intercept: float = 0.0

    def turned_over(self) -> Scale:
        """That of greys that are turned over."""
        start = self.intercept + self.slope * WHITE
        return Scale(self.window.turned_over(), self.bits, -self.slope, start)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scale:
        window = data["window"]
        shown = Window(window["low"], window["high"], tuple(window["curve"]))
        return cls(shown, data["bits"], data["slope"], data["intercept"])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Greys:
    """values: (H, W) uint16, air dark, all levels of the film apart; made read-only."""

    values: NDArray[np.uint16]
    scale: Scale = Scale()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.dtype != np.uint16:
            raise InvalidValueError(f"greys are uint16 (H, W), got {self.values.dtype}")
        self.values.flags.writeable = False

    @classmethod
    def of(cls, pixels: NDArray[np.float32]) -> Greys:
        """Those of a film (H, W) in 0..1 that has no window."""
        return cls(np.rint(np.clip(pixels, 0, 1) * WHITE).astype(np.uint16))

    def lying(self, move: Callable[[NDArray[Any]], NDArray[Any]]) -> Greys:
        """The greys lying otherwise: turned, mirrored or cut."""
        return Greys(np.ascontiguousarray(move(self.values)), self.scale)

    def turned_over(self) -> Greys:
        """Light for dark, as a negative is."""
        return Greys(WHITE - self.values, self.scale.turned_over())


def window_of(greys: NDArray[Any], shown: NDArray[Any]) -> Window:
    """The window through which `greys` (K,) are shown as `shown` (K,) in 0..1, air dark.

    A straight one wherever one does it to a grey of 8 bits, else one with a curve.
    """
    order = np.argsort(greys, kind="stable")
    grey, level = greys[order].astype(np.float64), shown[order].astype(np.float64)
    straight = _straight(grey, level)
    return straight or _curved(grey, level) or Window()


def _straight(grey: NDArray[np.float64], level: NDArray[np.float64]) -> Window | None:
    between = np.flatnonzero((level > 1e-9) & (level < 1 - 1e-9))
    dark, light = np.flatnonzero(level <= 1e-9), np.flatnonzero(level >= 1 - 1e-9)
    if len(between) >= 2:
        first, last = between[0], between[-1]
    elif len(dark) and len(light):
        first, last = dark[-1], light[0]
    else:
        return None
    rise = (level[last] - level[first]) / max(grey[last] - grey[first], 1e-9)
    if rise <= 0:
        return None
    low = grey[first] - level[first] / rise
    window = Window(round(float(low), 2), round(float(low + 1 / rise), 2))
    room = max(_STRAIGHT, rise)  # greys are whole numbers
    return window if abs(window.shown(grey) - level).max() <= room else None


def _curved(grey: NDArray[np.float64], level: NDArray[np.float64]) -> Window | None:
    moving = np.flatnonzero((abs(level - level[0]) > _FLAT) & (abs(level - level[-1]) > _FLAT))
    if not len(moving):
        return None
    first, last = max(moving[0] - 1, 0), min(moving[-1] + 1, len(grey) - 1)
    low, high = float(grey[first]), float(grey[last])
    if low >= high:
        return None
    curve = np.interp(np.linspace(low, high, _CURVE), grey, level)
    return Window(low, high, tuple(round(float(value), 4) for value in curve))
