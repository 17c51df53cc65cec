"""The paper around a film: margins with the patient's sides, text, and the notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

from grounded.report import GroundedReport
from grounded.viz.lettering import font, plain, width_of, wrapped
from grounded.viz.palette import Rgb, ink_on

PAPER: Rgb = (18, 18, 18)  # a pure grey: large sheets are filled at once
INK: Rgb = (236, 238, 241)
FAINT: Rgb = (166, 172, 180)
UNVERIFIED = "AI-generated, unverified"


def notices(report: GroundedReport) -> str:
    """What every picture says of itself: notice, who made it, and with which weights."""
    made_by = report.provenance
    hashes = ", ".join(digest[:8] for digest in made_by.weights_sha256.values()) or "none"
    return (
        f"{report.notice} {UNVERIFIED}: Grounded {made_by.version}, preset "
        f"{made_by.preset or 'not named'}, {made_by.detector}, {made_by.generator}, "
        f"weights {hashes}."
    )


def blank(width: int, height: int) -> Picture.Image:
    return Picture.new("RGB", (width, height), PAPER)


def as_array(picture: Picture.Image) -> NDArray[np.uint8]:
    return np.array(picture, dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A picture (H, W, 3) and where its upper left corner lies on the sheet."""

    pixels: NDArray[np.uint8]
    left: int
    top: int


def assembled(pieces: Sequence[Piece]) -> NDArray[np.uint8]:
    """One sheet of paper that holds all pieces, (H, W, 3)."""
    width, height = extent(pieces)
    sheet = np.full((height, width, 3), PAPER[0], dtype=np.uint8)
    for piece in pieces:
        high, wide = piece.pixels.shape[:2]
        sheet[piece.top : piece.top + high, piece.left : piece.left + wide] = piece.pixels
    return sheet


def extent(pieces: Sequence[Piece]) -> tuple[int, int]:
    """Width and height of the smallest sheet that holds all pieces."""
    return (
        max(piece.left + piece.pixels.shape[1] for piece in pieces),
        max(piece.top + piece.pixels.shape[0] for piece in pieces),
    )


def with_margins(pixels: NDArray[np.uint8], unit: int, *, in_doubt: bool = False) -> list[Piece]:
    """The film between two margins that name the patient's sides; its pixels are untouched.

    unit: height of the lettering. The margins are `gutter(unit)` wide. in_doubt: the film may be
    mirrored, and the margins ask.
    """
    height, width = pixels.shape[:2]
    side = gutter(unit)
    doubt = "?" if in_doubt else ""
    right = as_array(_side_marker(f"R{doubt}", f"patient's right{doubt}", unit, height))
    left = as_array(_side_marker(f"L{doubt}", f"patient's left{doubt}", unit, height))
    return [Piece(right, 0, 0), Piece(pixels, side, 0), Piece(left, side + width, 0)]


def gutter(unit: int) -> int:
    """How wide the margin beside a film is."""
    return round(unit * 2.4)


def stacked(pictures: Iterable[Picture.Image]) -> Picture.Image:
    """One beneath the other, left-aligned."""
    rows = list(pictures)
    sheet = blank(max(row.width for row in rows), sum(row.height for row in rows))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def paragraph(text: str, size: int, width: int, color: Rgb = INK, *, pad: int = 0) -> Picture.Image:
    """Wrapped text as a picture of the given width, `pad` pixels of paper around it."""
    lines = wrapped(text, size, max(1, width - 2 * pad))
    step = round(size * 1.35)
    sheet = blank(width, len(lines) * step + 2 * pad)
    pen = ImageDraw.Draw(sheet)
    for row, line in enumerate(lines):
        pen.text((pad, pad + row * step), line, font=font(size), fill=color)
    return sheet


def chip_size(text: str, size: int) -> tuple[int, int]:
    """Width and height of a chip: text on a coloured ground."""
    return width_of(plain(text), size) + round(size * 0.7), round(size * 1.4)


def chip(
    pen: ImageDraw.ImageDraw,
    corner: tuple[float, float],
    text: str,
    size: int,
    color: Rgb,
    *,
    quiet: bool = False,
) -> None:
    """Write text on a rounded ground of `color`, the upper left corner at `corner`.

    quiet: in `color` on dark ground instead.
    """
    width, height = chip_size(text, size)
    x, y = round(corner[0]), round(corner[1])
    ground, ink = (PAPER, color) if quiet else (color, ink_on(color))
    place = (x, y, x + width - 1, y + height - 1)
    pen.rounded_rectangle(place, radius=size * 0.25, fill=ground, outline=PAPER)
    middle = (x + width / 2, y + height / 2)
    pen.text(middle, plain(text), font=font(size), fill=ink, anchor="mm")


def _side_marker(letter: str, words: str, unit: int, height: int) -> Picture.Image:
    side = gutter(unit)
    margin = blank(side, height)
    pen = ImageDraw.Draw(margin)
    large = round(unit * 1.6)
    pen.text((side / 2, unit * 1.2), letter, font=font(large), fill=INK, anchor="mm")
    small = max(11, round(unit * 0.85))
    length = width_of(words, small) + 4
    if height > length + 3 * unit:
        upright = blank(length, round(small * 1.5))
        ImageDraw.Draw(upright).text(
            (length / 2, small * 0.75), words, font=font(small), fill=FAINT, anchor="mm"
        )
        turned = upright.rotate(90, expand=True)
        margin.paste(turned, ((side - turned.width) // 2, round(unit * 2.4)))
    return margin
