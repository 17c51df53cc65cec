"""The film with what was found in it: one picture of a report. Drawn on a copy, never in place.

Outlines are solid and boxes dashed. Regions that a sentence points at are drawn in full width and
labelled with number and name. Of the others an outline is thin, a box shows its corners only, and
the label is the number. Where sentences point at very many regions, all boxes show corners only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from grounded.geometry import Box
from grounded.report import GroundedReport
from grounded.viz.canvas import Display, film_pixels, stroke
from grounded.viz.labels import Spot, Wanted, mark_spots, place_labels
from grounded.viz.legend import draw_legend
from grounded.viz.lettering import shortened
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
    draw_labels(pixels, _region_labels(marks, view), view)
    pieces = with_margins(pixels, view.font, in_doubt=report.image.sides_in_doubt)
    pieces.append(_legend(marks, report, view, extent(pieces)))
    width, height = extent(pieces)
    foot = paragraph(notices(report), view.font, width, FAINT, pad=view.font // 2)
    return assembled([*pieces, Piece(as_array(foot), 0, height)])


def draw_layer(report: GroundedReport) -> NDArray[np.uint8]:
    """The lines and labels of the regions alone, (H, W, 4) RGBA of the film's own size.

    It lies on the film pixel by pixel; where nothing is drawn it is transparent. It needs no film.
    """
    shape = (report.image.height, report.image.width)
    view, marks = Display.of(shape, enlarge=False), marks_of(report)
    on_black, on_white = (np.full((*shape, 3), grey, np.uint8) for grey in (0, 255))
    for pixels in (on_black, on_white):
        draw_marks(pixels, marks, view)
        draw_labels(pixels, _region_labels(marks, view), view)
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


def draw_labels(
    pixels: NDArray[np.uint8], wanted: Sequence[Wanted], view: Display, taken: Sequence[Box] = ()
) -> None:
    """Labels onto an array that is being made, none over another or over `taken` where there is
    room."""
    for label in place_labels(wanted, _frame(view), taken):
        box = view.box(label.box)
        if label.moved:
            anchor = (label.anchor[0] * view.scale, label.anchor[1] * view.scale)
            leader = np.array([box.center, anchor])
            stroke(pixels, [leader], label.wanted.color, view.stroke, closed=False)
        size = label_size(view, quiet=label.wanted.quiet)
        left, top = max(0, round(box.x0)), max(0, round(box.y0))
        wide, high = chip_size(label.wanted.text, size)
        patch = pixels[top : top + high, left : left + wide]
        picture = Picture.fromarray(np.ascontiguousarray(patch))
        pen = ImageDraw.Draw(picture)
        chip(pen, (0, 0), label.wanted.text, size, label.wanted.color, quiet=label.wanted.quiet)
        patch[:] = as_array(picture)


def region_label(mark: Mark, view: Display, *, named: bool) -> Wanted:
    """The label of a region; of one that no sentence points at it is a small number."""
    text = f"{mark.number} {mark.label}" if named and mark.cited else str(mark.number)
    spots = mark_spots(mark, _frame(view))
    return wanted_label(text, mark.color, mark.region.box, spots, view, quiet=not mark.cited)


def wanted_label(
    text: str,
    color: Rgb,
    names: Box,
    spots: tuple[Spot, ...],
    view: Display,
    *,
    quiet: bool = False,
) -> Wanted:
    """A label that is no wider than the film."""
    size = label_size(view, quiet=quiet)
    text = shortened(text, size, view.shape[1] - size)
    wide, high = chip_size(text, size)
    return Wanted(text, color, (wide / view.scale, high / view.scale), names, spots, quiet)


def label_size(view: Display, *, quiet: bool) -> int:
    """The height of a label's lettering, pixels."""
    return max(11, round(view.font * 0.8)) if quiet else view.font


def _frame(view: Display) -> Box:
    return Box(0, 0, view.shape[1] / view.scale, view.shape[0] / view.scale)


def _region_labels(marks: Sequence[Mark], view: Display) -> list[Wanted]:
    """Regions that sentences point at choose first, small ones before large ones."""
    named = not is_crowded(marks)
    turns = sorted(marks, key=lambda mark: (not mark.cited, mark.region.box.area))
    return [region_label(mark, view, named=named) for mark in turns]


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
