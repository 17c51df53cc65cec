"""The film with what was found in it: one picture of a report. Drawn on a copy, never in place.

Outlines are solid and boxes dashed; each carries its number, and the legend has the names. Regions
that a sentence points at are drawn in full width. Of the others an outline is thin, a box shows its
corners only, and the number is dark. Where sentences point at very many regions, all boxes show
corners only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from grounded.report import GroundedReport
from grounded.viz.canvas import Display, film_pixels, stroke
from grounded.viz.legend import draw_legend
from grounded.viz.marks import Mark, corners, film_of, is_crowded, marks_of
from grounded.viz.palette import Rgb
from grounded.viz.sheet import (
    FAINT,
    Piece,
    as_array,
    assembled,
    chip,
    chip_size,
    extent,
    notices,
    paragraph,
    with_margins,
)


def draw_report(report: GroundedReport) -> NDArray[np.uint8]:
    """The film with its regions, a legend and the notices beside it, (H, W, 3) RGB.

    The film keeps its own pixels (a film smaller than 512 is enlarged by a whole number).
    Raises ReportError for a report without film.
    """
    film = film_of(report)
    view = Display.of(film.shape)
    marks = marks_of(report)
    pixels = film_pixels(film, view)
    draw_marks(pixels, marks, view)
    draw_numbers(pixels, marks, view)
    pieces = with_margins(pixels, view.font, in_doubt=report.image.sides_in_doubt)
    pieces.append(_legend(marks, report, view, extent(pieces)))
    width, height = extent(pieces)
    foot = paragraph(notices(report), view.font, width, FAINT, pad=view.font // 2)
    return assembled([*pieces, Piece(as_array(foot), 0, height)])


def draw_layer(report: GroundedReport) -> NDArray[np.uint8]:
    """The lines and numbers of the regions alone, (H, W, 4) RGBA of the film's own size.

    It lies on the film pixel by pixel; where nothing is drawn it is transparent. It needs no film.
    """
    shape = (report.image.height, report.image.width)
    view, marks = Display.of(shape, enlarge=False), marks_of(report)
    on_black, on_white = (np.full((*shape, 3), grey, np.uint8) for grey in (0, 255))
    for pixels in (on_black, on_white):
        draw_marks(pixels, marks, view)
        draw_numbers(pixels, marks, view)
    # with the opacity a, a colour c is a * c on black and a * c + 255 * (1 - a) on white
    shown = on_white.astype(np.int16) - on_black
    alpha = 255 - shown.max(axis=2)
    color = on_black * (255.0 / np.maximum(alpha, 1))[:, :, None]
    return np.dstack([np.clip(np.rint(color), 0, 255), alpha]).astype(np.uint8)


def draw_marks(pixels: NDArray[np.uint8], marks: Sequence[Mark], view: Display) -> None:
    """Lines of the regions onto an array that is being made: thin ones first, small ones last."""
    crowded = is_crowded(marks)
    for mark in sorted(marks, key=lambda mark: (mark.cited, -mark.region.box.area)):
        if mark.is_box and (crowded or not mark.cited):
            lines = [view.points(line) for line in corners(mark.region.box)]
            stroke(pixels, lines, mark.color, view.stroke, closed=False)
        else:
            lines = [view.points(line) for line in mark.lines]
            stroke(pixels, lines, mark.color, view.stroke + mark.cited, dashed=mark.is_box)


def draw_numbers(pixels: NDArray[np.uint8], marks: Sequence[Mark], view: Display) -> None:
    """The regions' numbers onto an array that is being made, each at a spot of its own mark; those
    of regions that sentences point at, and of small ones, lie above the others."""
    for mark in sorted(marks, key=lambda mark: (mark.cited, -mark.region.box.area)):
        x, y = mark.spot
        at = (x * view.scale, y * view.scale)
        draw_tag(pixels, at, str(mark.number), mark.color, view, quiet=not mark.cited)


def draw_tag(
    pixels: NDArray[np.uint8],
    at: tuple[float, float],
    text: str,
    color: Rgb,
    view: Display,
    *,
    quiet: bool = False,
) -> None:
    """A short text around a point (shown pixels), moved inside of the picture."""
    size = max(11, round(view.font * 0.8)) if quiet else view.font
    wide, high = chip_size(text, size)
    left = max(0, min(round(at[0] - wide / 2), pixels.shape[1] - wide))
    top = max(0, min(round(at[1] - high / 2), pixels.shape[0] - high))
    patch = pixels[top : top + high, left : left + wide]
    picture = Picture.fromarray(np.ascontiguousarray(patch))
    chip(ImageDraw.Draw(picture), (0, 0), text, size, color, quiet=quiet)
    patch[:] = as_array(picture)


def _legend(
    marks: Sequence[Mark], report: GroundedReport, view: Display, film: tuple[int, int]
) -> Piece:
    """The legend to the right of the film (width, height), or beneath one that is much wider."""
    width, height = film
    missing = report.regions.missing
    if width > 1.7 * height:
        legend = draw_legend(marks, missing, view.font, room=(width, 0))
        return Piece(as_array(legend), 0, height)
    legend = draw_legend(marks, missing, view.font, room=(0, height))
    return Piece(as_array(legend), width, 0)
