"""Measured sentences: move the border in the film, and see whether the measurement follows.

The film is warped so that the tissue at both ends of a measured line is pushed outwards along the
line; then it is read anew, from its outlines on. A measurement that rests on the border moves with
it, in units of its own tolerance, and more than when the borders of the other measurements move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from grounded.audit import Answer, Check, Interval, Verdict
from grounded.evidence import Line, Measurement
from grounded.explain.audit.subjects import Claim, Subject
from grounded.image import Image

PUSH = 0.03  # of the film's longer side: how far an end is pushed
REACH = 0.1  # of the film's longer side: the sigma of the push around an end
FOLLOWS, MOVES = 0.4, 0.15  # tolerances by which a value has to follow, or move at all
PART = 0.05  # of its value: the tolerance of a measurement that states none


def check_borders(image: Image, claims: Sequence[Claim], subject: Subject) -> list[Check]:
    """One check for each measured claim, in their order."""
    measured = [claim.measurement for claim in claims if claim.measurement is not None]
    if not measured:
        return []
    films = [pushed(image, item.lines[0]) for item in measured]
    values = np.array(subject.values(films, measured))  # (M films, M measurements)
    return [_check(row, item, values[:, row]) for row, item in enumerate(measured)]


def _check(row: int, item: Measurement, values: np.ndarray) -> Check:
    """values: of the measurement, in the films with each of the measurements pushed."""
    moves = np.abs(values - item.value) / _tolerance(item)
    own = float(moves[row]) if math.isfinite(moves[row]) else 0.0
    others = np.delete(moves, row)
    others = others[np.isfinite(others)]
    other = float(others.mean()) if others.size else 0.0
    spread = float(others.std()) if others.size > 1 else own / 2
    if own >= FOLLOWS and own > other:
        verdict = Verdict.SUPPORTED
    elif own >= MOVES:
        verdict = Verdict.WEAK
    else:
        verdict = Verdict.BLIND if not others.size or others.max() < MOVES else Verdict.ELSEWHERE
    return Check(
        item.name,
        verdict,
        Interval(own, own - 1.96 * spread, own + 1.96 * spread),
        Interval(other, other - 1.96 * spread, other + 1.96 * spread),
        {"film": Answer(True, 1.0), "border moved": Answer(own < MOVES, max(0.0, 1 - own))},
    )


def _tolerance(item: Measurement) -> float:
    return item.tolerance or max(abs(item.value) * PART, 1e-6)


def pushed(image: Image, line: Line) -> Image:
    """The film with the tissue at both ends of a line pushed outwards along it.

    Of a line that is shorter than the push reaches, the end alone: what it points at is shifted.
    """
    size = max(image.shape)
    push, sigma, length = PUSH * size, REACH * size, max(line.length, 1.0)
    along = np.array([line.x1 - line.x0, line.y1 - line.y0]) / length
    ends = [((line.x1, line.y1), along)]
    if length > 2 * sigma:
        ends.append(((line.x0, line.y0), -along))
    rows, columns = (np.arange(n, dtype=np.float32) for n in image.shape)
    x, y = np.meshgrid(columns, rows)
    shift = np.zeros((2, *image.shape), dtype=np.float32)
    for (end_x, end_y), (right, down) in ends:
        near = push * np.exp(-((x - end_x) ** 2 + (y - end_y) ** 2) / (2 * sigma**2))
        shift += np.stack([near * right, near * down])
    # what is seen at a pixel came from nearer the line's middle
    film = np.array(image.pixels)
    warped = cv2.remap(film, x - shift[0], y - shift[1], cv2.INTER_LINEAR)
    return image.with_pixels(np.clip(warped, 0, 1))
