"""Where labels go: beside what they name, inside the film, and never on one another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grounded.evidence import Line
from grounded.geometry import Box
from grounded.viz.marks import Mark
from grounded.viz.palette import Rgb

_SMALL = 0.07  # a box narrower than this part of the film is labelled outside of itself


@dataclass(frozen=True, slots=True)
class Spot:
    """A point to hang a label on, image frame.

    right, down: on which side of the point the label lies, -1, 0 (centred) or 1.
    away: how far from the point it stays, in heights of the label.
    """

    x: float
    y: float
    right: int = 0
    down: int = 0
    away: float = 0.0

    def box(self, size: tuple[float, float]) -> Box:
        """The label of this (width, height) there."""
        gap = self.away * size[1]
        x = self.x + self.right * gap + (self.right - 1) * size[0] / 2
        y = self.y + self.down * gap + (self.down - 1) * size[1] / 2
        return Box(x, y, x + size[0], y + size[1])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label to be placed. size: (width, height), image frame. names: the box of what it names.

    spots: where it may go, the best first.
    """

    text: str
    color: Rgb
    size: tuple[float, float]
    names: Box
    spots: tuple[Spot, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A placed label. moved: it lies away from what it names and needs a line to `anchor`."""

    wanted: Wanted
    box: Box
    moved: bool

    @property
    def anchor(self) -> tuple[float, float]:
        """The point of what it names that is nearest to the label."""
        (x, y), names = self.box.center, self.wanted.names
        return min(max(x, names.x0), names.x1), min(max(y, names.y0), names.y1)


def place_labels(wanted: Sequence[Wanted], frame: Box, taken: Sequence[Box] = ()) -> list[Label]:
    """A place inside `frame` for each label; those that come first choose first.

    taken: what no label should cover. Where no place without a collision is left, the label goes
    to the least bad one.
    """
    placed: list[Label] = []
    for label in wanted:
        placed.append(_place(label, frame, [*taken, *(other.box for other in placed)]))
    return placed


def mark_spots(mark: Mark, frame: Box) -> tuple[Spot, ...]:
    """Where the label of a region may go: on its outline, or at the corners of its box."""
    return _outline_spots(mark, frame) if not mark.is_box else _box_spots(mark.region.box, frame)


def line_spots(line: Line) -> tuple[Spot, ...]:
    """Where the label of a measured line may go: beside its middle, its quarters and its ends."""
    flat = abs(line.x1 - line.x0) >= abs(line.y1 - line.y0)
    sides = ((0, -1), (0, 1)) if flat else ((1, 0), (-1, 0))
    return tuple(
        Spot(
            line.x0 + part * (line.x1 - line.x0),
            line.y0 + part * (line.y1 - line.y0),
            right,
            down,
            away,
        )
        for away in (0.45, 1.6, 2.75)
        for part in (0.5, 0.25, 0.75, 0.0, 1.0)
        for right, down in sides
    )


def line_boxes(line: Line, reach: float) -> list[Box]:
    """Small boxes along a line that together cover it, `reach` to each side of it."""
    count = max(1, math.ceil(line.length / (2 * reach)))
    parts = [index / count for index in range(count + 1)]
    points = [
        (line.x0 + part * (line.x1 - line.x0), line.y0 + part * (line.y1 - line.y0))
        for part in parts
    ]
    return [Box(x - reach, y - reach, x + reach, y + reach) for x, y in points]


def _box_spots(box: Box, frame: Box) -> tuple[Spot, ...]:
    x, y = box.center
    inside = [Spot(box.x0, box.y0, 1, 1), Spot(box.x1, box.y0, -1, 1)]
    inside += [Spot(box.x0, box.y1, 1, -1), Spot(box.x1, box.y1, -1, -1)]
    inside += [Spot(x, box.y0, 0, 1), Spot(x, box.y1, 0, -1)]
    outside = [Spot(box.x0, box.y0, 1, -1), Spot(box.x1, box.y0, -1, -1)]
    outside += [Spot(box.x0, box.y1, 1, 1), Spot(box.x1, box.y1, -1, 1)]
    outside += [Spot(box.x0, y, -1, 0), Spot(box.x1, y, 1, 0)]
    small = box.width < _SMALL * frame.width or box.height < _SMALL * frame.height
    return tuple(outside + inside if small else inside + outside)


def _outline_spots(mark: Mark, frame: Box) -> tuple[Spot, ...]:
    """Points of the longest outline, from its upper lateral border on.

    There a label hides neither a costophrenic angle nor the lung's inside.
    """
    line, box = mark.lines[0], mark.region.box
    lateral = box.x0 if box.center[0] < frame.center[0] else box.x1
    start = (lateral, box.y0 + 0.3 * box.height)
    points = [(float(x), float(y)) for x, y in line[:: max(1, len(line) // 24)]]
    return tuple(Spot(*point) for point in sorted(points, key=lambda at: math.dist(at, start)))


def _place(label: Wanted, frame: Box, used: Sequence[Box]) -> Label:
    near = [_inside(spot.box(label.size), frame) for spot in label.spots]
    for box in near:
        if not _collisions(box, used):
            return Label(label, box, False)
    around = [_inside(spot.box(label.size), frame) for spot in _rings(label)]
    for box in around:
        if not _collisions(box, used):
            return Label(label, box, True)
    return Label(label, min(near + around, key=lambda box: _collisions(box, used)), True)


def _rings(label: Wanted) -> Iterator[Spot]:
    x, y = label.names.center
    for ring in range(1, 13):
        for step in range(16):
            angle = 2 * math.pi * step / 16
            reach = ring * label.size[1] * 1.2
            yield Spot(x + math.cos(angle) * reach, y + math.sin(angle) * reach)


def _inside(box: Box, frame: Box) -> Box:
    """The box moved into the frame (to its upper left corner, where it is larger than that)."""
    x = max(frame.x0, min(box.x0, frame.x1 - box.width))
    y = max(frame.y0, min(box.y0, frame.y1 - box.height))
    return Box(x, y, x + box.width, y + box.height)


def _collisions(box: Box, used: Sequence[Box]) -> float:
    return sum(box.overlap(other) for other in used)
