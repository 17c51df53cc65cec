"""The legend beside a film: every region by number, line, name and score, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image as Picture
from PIL import ImageDraw

from grounded.viz.lettering import font, plain, shortened, width_of
from grounded.viz.marks import Mark, is_crowded
from grounded.viz.palette import Rgb
from grounded.viz.sheet import FAINT, INK, blank, chip, chip_size, paragraph

KEY = "Solid line: outline. Dashed: box. Corners only: no sentence refers to it."
CROWDED_KEY = "Solid line: outline. Corners: box. Dark number: no sentence refers to it."


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where things stand in a row of the legend, pixels."""

    size: int
    chip: int
    swatch: int
    name: int
    score: int

    @property
    def width(self) -> int:
        return self.score + self.size

    @property
    def height(self) -> int:
        return round(self.size * 1.62)

    @classmethod
    def fitting(cls, marks: Sequence[Mark], size: int) -> _Columns:
        names = [width_of(plain(mark.name), size) for mark in marks]
        name = min(max([size * 8, *names]), size * 20)
        at_chip = size
        at_swatch = at_chip + chip_size(str(max(10, len(marks))), size)[0] + size // 2
        at_name = at_swatch + round(size * 2.6)
        score = at_name + name + size + width_of("0.00", size)
        return cls(size, at_chip, at_swatch, at_name, score)


def draw_legend(
    marks: Sequence[Mark], missing: Mapping[str, str], size: int, *, room: tuple[int, int]
) -> Picture.Image:
    """The legend in as few columns as fit. size: of the lettering.

    room: the (width, height) to fill, pixels; a width of 0 asks for one column.
    """
    columns = _Columns.fitting(marks, size)
    count = max(1, room[0] // columns.width)
    width = columns.width if not room[0] else max(room[0], columns.width)
    parts = [_heading("Regions found", size, width)]
    if marks:
        key = CROWDED_KEY if is_crowded(marks) else KEY
        parts.append(paragraph(key, _small(size), width, FAINT, pad=size // 2))
        parts.append(_table(marks, columns, count, width))
    if missing:
        parts.append(_heading("Not found", size, width))
        parts += [_reason(name, why, size, width) for name, why in missing.items()]
    height = max(room[1], sum(part.height for part in parts))
    sheet = blank(width, height)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _table(marks: Sequence[Mark], columns: _Columns, count: int, width: int) -> Picture.Image:
    rows = -(-len(marks) // count)
    sheet = blank(width, rows * columns.height)
    for index, mark in enumerate(marks):
        corner = (index // rows * columns.width, index % rows * columns.height)
        sheet.paste(_row(mark, columns), corner)
    return sheet


def _row(mark: Mark, columns: _Columns) -> Picture.Image:
    size, middle = columns.size, columns.height / 2
    row = blank(columns.width, columns.height)
    pen = ImageDraw.Draw(row)
    ink: Rgb = INK if mark.cited else FAINT
    corner = (columns.chip, middle - chip_size("1", size)[1] / 2)
    chip(pen, corner, str(mark.number), size, mark.color, quiet=not mark.cited)
    _swatch(pen, mark, columns, middle)
    name = shortened(mark.name, size, columns.score - columns.name - width_of("0.00  ", size))
    pen.text((columns.name, middle), name, font=font(size), fill=ink, anchor="lm")
    score = f"{mark.region.score:.2f}"
    pen.text((columns.score, middle), score, font=font(size), fill=ink, anchor="rm")
    return row


def _swatch(pen: ImageDraw.ImageDraw, mark: Mark, columns: _Columns, middle: float) -> None:
    left, right = columns.swatch, columns.name - columns.size // 2
    width = max(1, columns.size // (5 if mark.cited else 10))
    if not mark.is_box:
        pen.line((left, middle, right, middle), fill=mark.color, width=width)
        return
    step = (right - left) / 5
    for dash in (0, 2, 4):
        start = left + dash * step
        pen.line((start, middle, start + step, middle), fill=mark.color, width=width)


def _reason(name: str, why: str, size: int, width: int) -> Picture.Image:
    return paragraph(f"{name}: {why}", _small(size), width, FAINT, pad=size // 2)


def _heading(text: str, size: int, width: int) -> Picture.Image:
    return paragraph(text, round(size * 1.2), width, INK, pad=size // 2)


def _small(size: int) -> int:
    return max(11, round(size * 0.85))
