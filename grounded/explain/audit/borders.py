"""Measured sentences: move the border in the film, and see whether the measurement follows.

The film is warped so that the tissue at both ends of a measured line is pushed outwards along the
line; then it is read anew, from its outlines on. A measurement that rests on the border moves with
it, in units of its own tolerance, and more than when the borders of the other measurements move.
Borders that lie apart are moved in one film.
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
GRID = 128  # cells along the film's longer side in which the push is computed
PART = 0.05  # of its value: the tolerance of a measurement that states none


def check_borders(image: Image, claims: Sequence[Claim], subject: Subject) -> list[Check]:
    """One check for each measured claim, in their order."""
    measured = [claim.measurement for claim in claims if claim.measurement is not None]
    if not measured:
        return []
    together = apart([item.lines[0] for item in measured], REACH * max(image.shape))
    films = [pushed(image, [measured[row].lines[0] for row in rows]) for rows in together]
    values = np.array(subject.values(image, films, measured))  # (K films, M measurements)
    return [
        _check(item, *_own_and_others(row, together, values)) for row, item in enumerate(measured)
    ]


def apart(lines: Sequence[Line], reach: float) -> list[list[int]]:
    """The lines, by place, in groups in which none lies where the push of another reaches."""
    groups: list[list[int]] = []
    for row, line in enumerate(lines):
        free = (g for g in groups if all(_distance(line, lines[o]) > 4 * reach for o in g))
        group = next(free, None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    return groups


def _distance(one: Line, other: Line) -> float:
    """Between the boxes around two lines."""
    gaps = []
    for axis in ("x", "y"):
        a, b = (sorted((getattr(i, f"{axis}0"), getattr(i, f"{axis}1"))) for i in (one, other))
        gaps.append(max(b[0] - a[1], a[0] - b[1], 0.0))
    return math.hypot(*gaps)


def _own_and_others(
    row: int, together: Sequence[Sequence[int]], values: np.ndarray
) -> tuple[float, np.ndarray]:
    """A measurement's value where its border was moved, and where others were."""
    [film] = [number for number, rows in enumerate(together) if row in rows]
    return float(values[film, row]), np.delete(values[:, row], film)


def _check(item: Measurement, moved: float, elsewhere: np.ndarray) -> Check:
    """moved: its value where its border was moved; elsewhere: where the borders of others were."""
    if not math.isfinite(moved):  # where the border went it is not measured: nothing can be said
        gone = {"film": Answer(True, 1.0), "border moved": Answer(False, 0.0)}
        return Check(item.name, Verdict.OPEN, conditions=gone)
    own = abs(moved - item.value) / _tolerance(item)
    others = np.abs(elsewhere - item.value) / _tolerance(item)
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


def pushed(image: Image, lines: Sequence[Line]) -> Image:
    """The film with the tissue at both ends of lines pushed outwards along them.

    Of a line that is shorter than the push reaches, the end alone: what it points at is shifted.
    """
    height, width = image.shape
    step = max(1, max(image.shape) // GRID)  # the shift is smooth: a coarse grid holds it
    rows, columns = (np.arange(-(-n // step), dtype=np.float32) * step for n in image.shape)
    shift = np.sum([_shift(line, max(image.shape), columns, rows) for line in lines], axis=0)
    grid = [np.arange(n, dtype=np.float32) for n in (width, height)]
    at_x, at_y = np.meshgrid(grid[0] / step, grid[1] / step)
    right, down = (
        cv2.remap(each, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for each in shift
    )
    x, y = np.meshgrid(*grid)
    # what is seen at a pixel came from nearer the line's middle
    warped = cv2.remap(np.array(image.pixels), x - right, y - down, cv2.INTER_LINEAR)
    return image.altered(np.clip(warped, 0, 1))


def _shift(line: Line, size: int, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How far to the right and down (2, H, W) the tissue is pushed at columns and rows."""
    push, sigma, length = PUSH * size, REACH * size, max(line.length, 1.0)
    along = np.array([line.x1 - line.x0, line.y1 - line.y0]) / length
    ends = [((line.x1, line.y1), along)]
    if length > 2 * sigma:
        ends.append(((line.x0, line.y0), -along))
    x, y = np.meshgrid(columns, rows)
    shift = np.zeros((2, *x.shape), dtype=np.float32)
    for (end_x, end_y), (right, down) in ends:
        near = push * np.exp(-((x - end_x) ** 2 + (y - end_y) ** 2) / (2 * sigma**2))
        shift += np.stack([near * right, near * down])
    return shift
