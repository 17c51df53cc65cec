"""One panel a sentence: the film with the evidence of that sentence only, and its words beneath."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from grounded.evidence import Heatmap, Line, Mask, Measurement
from grounded.findings import ScoreKind
from grounded.geometry import Box
from grounded.report import GroundedReport, GroundedSentence
from grounded.viz.canvas import Display, draw_ruler, film_pixels, stroke, with_heat
from grounded.viz.lettering import font
from grounded.viz.marks import (
    Mark,
    closed_lines,
    film_of,
    heat_maximum,
    heat_top,
    marks_in,
    marks_of,
    owner,
)
from grounded.viz.overlay import draw_numbers, draw_tag
from grounded.viz.palette import WHITE, heat_table
from grounded.viz.sheet import (
    FAINT,
    INK,
    Piece,
    as_array,
    assembled,
    blank,
    chip,
    chip_size,
    extent,
    notices,
    paragraph,
    stacked,
    with_margins,
)
from grounded.viz.words import normal_range, quantity, tolerance

_LARGEST = 1280  # pixels of the film's longest side in a panel
_NARROWEST = 560  # pixels of a panel's text
_ONE_SCALE = ("one scale", "for the", "report")  # beside the bar of heat


def draw_sentence(report: GroundedReport, sentence: GroundedSentence) -> NDArray[np.uint8]:
    """The panel of one sentence, (H, W, 3) RGB; the film's longest side is at most 1280 pixels.

    Heat is drawn on the report's one scale, with its bar beside the film. Raises ReportError for a
    report without film.
    """
    film = film_of(report)
    view = Display.of(film.shape, largest=_LARGEST)
    marks = marks_in(sentence, marks_of(report))
    pixels = film_pixels(film, view)
    maximum = heat_maximum(report)
    heats = [item for item in sentence.evidence if isinstance(item, Heatmap)]
    for heat in heats:
        pixels = with_heat(pixels, heat, maximum, view)
    _draw_places(pixels, sentence, marks, view)
    draw_numbers(pixels, marks, view)
    for letter, line in lettered(sentence):
        draw_tag(pixels, _before(line, view), letter, WHITE, view)
    pieces = with_margins(pixels, view.font, in_doubt=report.image.sides_in_doubt)
    if heats:
        pieces.append(Piece(_heat_bar(heat_top(report) or "0", view), extent(pieces)[0], 0))
    width, height = extent(pieces)
    caption = _caption(report, sentence, marks, view.font, max(width, _NARROWEST))
    return assembled([*pieces, Piece(as_array(caption), 0, height)])


def _draw_places(
    pixels: NDArray[np.uint8], sentence: GroundedSentence, marks: Sequence[Mark], view: Display
) -> None:
    """Boxes and outlines of the evidence, then its rulers; regions without evidence of their own
    are drawn thin, so that every region that the sentence names is to be seen."""
    places = [item for item in sentence.evidence if isinstance(item, Box | Mask)]
    owners = [owner(item, marks) for item in places]
    for mark in marks:
        if mark not in owners:
            lines = [view.points(line) for line in mark.lines]
            stroke(pixels, lines, mark.color, max(1, view.stroke - 1), dashed=True)
    for place, own in zip(places, owners, strict=True):
        color = own.color if own else WHITE
        lines = [view.points(line) for line in closed_lines(place)]
        stroke(pixels, lines, color, view.stroke + 1, dashed=isinstance(place, Box))
    for measurement in sentence.measurements:
        for line in measurement.lines:
            draw_ruler(pixels, line, view)


def lettered(sentence: GroundedSentence) -> list[tuple[str, Line]]:
    """The measured lines of a sentence, each with the letter that the caption explains."""
    lines = [line for measurement in sentence.measurements for line in measurement.lines]
    return list(zip(ascii_lowercase, dict.fromkeys(lines), strict=False))


def _before(line: Line, view: Display) -> tuple[float, float]:
    """A point before the start of a line, on it, in shown pixels."""
    start, end = view.points(np.array([[line.x0, line.y0], [line.x1, line.y1]]))
    away = (start - end) / max(float(np.hypot(*(start - end))), 1.0)
    x, y = start + away * view.font
    return float(x), float(y)


def how_sure(sentence: GroundedSentence) -> str:
    """How probable a sentence is right, where that was asked, then its generator's own score."""
    score = f"{sentence.score_kind.word} {sentence.score:.2f}"
    if sentence.right is not None:
        return f"{sentence.right.kind.word} {sentence.right.probability:.2f} · {score}"
    return f"{ScoreKind.RIGHT.word} not measured · {score}" if sentence.unrated else score


def _caption(
    report: GroundedReport,
    sentence: GroundedSentence,
    marks: Sequence[Mark],
    size: int,
    width: int,
) -> Picture.Image:
    number = next(
        (at for at, item in enumerate(report.sentences, start=1) if item is sentence), None
    )
    place = f"Sentence {number} · " if number else ""
    head = f"{place}{sentence.section} · {how_sure(sentence)} · from {sentence.origin}"
    pad = size // 2
    parts = [
        paragraph(head, size, width, FAINT, pad=pad),
        paragraph(sentence.text, round(size * 1.3), width, INK, pad=pad),
        _names(marks, size, width),
    ]
    letters = {line: letter for letter, line in lettered(sentence)}
    described = [_described(item, letters) for item in sentence.measurements]
    parts += [paragraph(text, size, width, pad=pad) for text in described]
    parts.append(paragraph(notices(report), max(11, round(size * 0.85)), width, FAINT, pad=pad))
    return stacked(parts)


def _described(item: Measurement, letters: Mapping[Line, str]) -> str:
    """A measurement in words: value, tolerance, normal range, lines, and where they come from."""
    words = f"{item.name}: {quantity(item.value, item.unit)} {tolerance(item)}".rstrip()
    usual = normal_range(item)
    range_words = f" (normal {usual})" if usual else ""
    lines = ", ".join(f"{letters[line]} {line.label}".rstrip() for line in item.lines)
    source = f". Source: {item.source}" if item.source else ""
    return f"{words}{range_words}{f'. Lines: {lines}' if lines else ''}{source}"


def _names(marks: Sequence[Mark], size: int, width: int) -> Picture.Image:
    """The regions as chips with their scores, in as many rows as they need."""
    gap = size // 2
    corners: list[tuple[int, int]] = []
    texts = [f"{mark.number} {mark.name} {mark.region.score:.2f}" for mark in marks]
    x, y = gap, gap // 2
    for text in texts:
        wide, high = chip_size(text, size)
        if x > gap and x + wide > width - gap:
            x, y = gap, y + high + gap
        corners.append((x, y))
        x += wide + gap
    sheet = blank(width, y + chip_size("1", size)[1] + gap)
    pen = ImageDraw.Draw(sheet)
    for text, corner, mark in zip(texts, corners, marks, strict=True):
        chip(pen, corner, text, size, mark.color)
    return sheet


def _heat_bar(top_value: str, view: Display) -> NDArray[np.uint8]:
    """The heat scale, to stand beside the film: one for the whole report, from 0 to its top."""
    size, room = view.font, view.shape[0]
    left, small = size // 2, font(max(11, round(size * 0.8)))
    at = left + round(size * 1.3)
    sheet = blank(at + math.ceil(max(map(small.getlength, _ONE_SCALE))) + size // 2, room)
    top, height = size * 3, min(room - 5 * size, size * 20)
    if height < 2 * size:
        return as_array(sheet)
    ramp = np.linspace(255, 0, height).round().astype(np.uint8)
    bar = np.repeat(heat_table()[ramp][:, None], size, axis=1)
    sheet.paste(Picture.fromarray(bar), (left, top))
    pen = ImageDraw.Draw(sheet)
    pen.text((left, size * 1.3), "heat", font=font(size), fill=INK, anchor="lm")
    pen.text((at, top), top_value, font=font(size), fill=INK, anchor="lm")
    pen.text((at, top + height), "0", font=font(size), fill=INK, anchor="lm")
    for row, words in enumerate(_ONE_SCALE):
        spot = (at, top + height // 2 + (row - 1) * size * 1.3)
        pen.text(spot, words, font=small, fill=FAINT, anchor="lm")
    return as_array(sheet)
