"""The plots of a result page, drawn by matplotlib as SVG that stands in the page itself.

Colours are Okabe and Ito's, which colour-blind readers tell apart; nothing is told by colour alone:
parts have hatches, what differs and what is too small has marks of its own.
"""

from __future__ import annotations

import html
import io
from collections.abc import Collection, Mapping, Sequence
from itertools import cycle
from typing import Any

from grounded.errors import MissingExtraError

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#767676"
HATCHES = ("", "////", "....", "xxxx")
COLOURS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "#000000")
_STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud and searched
    "font.family": "sans-serif",
    "font.sans-serif": ["Segoe UI", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
}
Interval = tuple[float, float, float]
"""A value with its lower and upper bound."""


def stacked(
    title: str, rows: Sequence[str], parts: Mapping[str, Sequence[float]], unit: str
) -> str:
    """Bars of parts on one another, a row each, with their sums; the first part in red."""

    def draw(axes: Any) -> None:
        left = [0.0] * len(rows)
        colours = (RED, ORANGE, BLUE, GREY, *COLOURS) if len(parts) > 1 else (BLUE,)
        for (name, values), colour, hatch in zip(
            parts.items(), colours, cycle(HATCHES), strict=False
        ):
            look = {"color": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
            bars = axes.barh(rows, values, left=left, label=name, height=0.6, **look)
            left = [a + b for a, b in zip(left, values, strict=True)]
        axes.bar_label(bars, [f"{value:.2f}" for value in left], padding=4, fontsize=9)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set_xlabel(unit)
        if len(parts) > 1:
            axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.3), ncols=4, frameon=False)

    return _svg(title, draw, (5.0, 1.0 + 0.34 * len(rows) + (0.4 if len(parts) > 1 else 0)))


def forest(
    title: str,
    rows: Mapping[str, Interval],
    unit: str,
    zero: bool = False,
    marked: Collection[str] = (),
) -> str:
    """Values with their intervals, a row each.

    zero: with a line where there is no difference; marked: then the rows that differ, else those
    that are too small to tell, drawn hollow and dotted.
    """

    def draw(axes: Any) -> None:
        names = list(rows)
        if zero:
            axes.axvline(0, color=GREY, linewidth=1, linestyle="--")
        for at, (name, (value, low, high)) in enumerate(rows.items()):
            apart, small = zero and name in marked, not zero and name in marked
            colour = RED if apart else GREY if small else BLUE
            line, face = (":", "white") if small else ("-", colour)
            axes.plot([low, high], [at, at], line, color=colour, linewidth=2)
            mark = "D" if apart else "o"
            axes.plot(value, at, mark, color=colour, markerfacecolor=face, markersize=6)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.grid(axis="x", color="#e4e4e4")

    return _svg(title, draw, (7.2, 0.9 + 0.32 * len(rows)))


def reliability(title: str, x: Sequence[float], y: Sequence[float], counts: Sequence[int]) -> str:
    """Frequency by probability; the area of a point is how many it stands for."""

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        axes.plot(x, y, color=BLUE, linewidth=1)
        areas = [30 + 220 * count / max(counts) for count in counts]
        axes.scatter(x, y, s=areas, color=BLUE, alpha=0.75, edgecolor="white")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("probability")
        axes.set_ylabel("how often it is there")

    return _svg(title, draw, (4.2, 4.2))


def lines(
    title: str,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    across: str,
    up: str,
    marks: bool = True,
) -> str:
    """Curves by name. marks: with a mark at each point, another one a curve."""

    def draw(axes: Any) -> None:
        for (name, (x, y)), colour, mark in zip(curves.items(), COLOURS, "osD^vPX", strict=False):
            axes.plot(x, y, marker=mark if marks else "", color=colour, label=name)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid(color="#e4e4e4")
        if len(curves) > 1:
            axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    return _svg(title, draw, (6.4 if len(curves) > 1 else 4.6, 3.6))


def banded(title: str, x: Sequence[float], y: Sequence[Interval], across: str) -> str:
    """A curve with the band of its intervals; a point without one has none."""

    def draw(axes: Any) -> None:
        values, low, high = ([part[n] for part in y] for n in range(3))
        axes.fill_between(x, low, high, color=BLUE, alpha=0.18, linewidth=0)
        axes.plot(x, values, marker="o", color=BLUE)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(across)
        axes.grid(color="#e4e4e4")

    return _svg(title, draw, (4.6, 3.0))


def _svg(title: str, draw: Any, size: tuple[float, float]) -> str:
    """The drawing as an SVG element. The same drawing gives the same text."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            f"the page's plots need matplotlib (pip install 'grounded[evaluate]'): {error}"
        ) from error
    with rc_context({**_STYLE, "svg.hashsalt": title}):  # other ids in each plot of a page
        figure = Figure(figsize=size)
        axes = figure.add_subplot()
        draw(axes)
        axes.set_title(title)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    named = f'<svg role="img" aria-label="{html.escape(title)}" '
    return text[text.index("<svg") :].replace("<svg ", named, 1)
