"""What is read of a film that bears on what is measured in it: hidden borders, the view, the heart.

The outline of the heart follows a pleural effusion or an opacity that lies against it, so its size
is not to be judged there. Whether something lies there is read in boxes along the borders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from grounded.atlas import SIDES, Side
from grounded.chest.names import HEART, chest_atlas, kind_of
from grounded.generators.measured.wording import Known
from grounded.generators.neural.finding_reader import FindingReader
from grounded.generators.neural.planned import Stated, placed
from grounded.geometry import Box
from grounded.language.finding_words import FindingWords
from grounded.protocols import Question
from grounded.regions import Regions
from grounded.view import Projection

HIDING = ("Pleural Effusion", "Lung Opacity", "Mass", "Atelectasis")
"""What lies over the borders of heart and mediastinum if it lies against them."""
UPPER = "upper mediastinum"
HEART_LABEL = "Cardiomegaly"
HEART_FIGURE = (
    "by the cardiothoracic ratio and the reading together, with the shipped weights: of 57 called "
    "large 55 are, of 71 large ones 55 are called so; by reading alone"
)
"""What the scope states before the reading's own figure; printed by benchmarks/heart_size.py."""
_LEAST = 1e-4  # no reading is surer than that
SURE = 0.9  # of the view, before it is used: most films are PA
_APART: Mapping[str, tuple[str, ...]] = {
    HEART: ("costophrenic angle", "apical zone"),
    UPPER: ("costophrenic angle", "hemidiaphragm", "lower lung zone"),
}
"""Kinds of region that do not reach a border: what is stated of these alone does not hide it."""
_INWARD, _OUTWARD = 0.05, 0.15  # of a border's strip, as parts of the width of what it bounds
_HEIGHTS = {HEART: (0.35, 0.9), UPPER: (0.5, 1.0)}  # where borders are measured, top to bottom


def known(reader: FindingReader, question: Question, stated: Sequence[Stated]) -> Known:
    """What is to be known of a film before it is measured. stated: of the film, set ones too."""
    there = placed([i for i in stated if i.label in HIDING and not i.is_absent])
    return Known(
        view=view_of(reader, question),
        hidden=_hidden(reader, question, there) if there else {},
        opaque=_named(there[0]) if there else "",
        heart=_heart(reader, question),
    )


def view_of(reader: FindingReader, question: Question) -> Projection:
    """The projection that the film itself shows; "unknown" where that is not sure or not read."""
    ap = reader.is_ap(question)
    if ap >= SURE:
        return Projection.AP
    return Projection.PA if ap <= 1 - SURE else Projection.UNKNOWN


def _heart(reader: FindingReader, question: Question) -> float | None:
    """The log-odds of an enlarged heart, where that may be stated."""
    if HEART_LABEL not in reader.assessed:
        return None
    large = reader.film(question)[HEART_LABEL]
    large = min(max(large, _LEAST), 1 - _LEAST)
    return math.log(large / (1 - large))


def _named(item: Stated) -> str:
    """ "the left pleural effusion", "the opacity in the left lower lung zone"."""
    return f"the {FindingWords.open().name(item.finding, chest_atlas())}"


def _hidden(
    reader: FindingReader, question: Question, there: Sequence[Stated]
) -> Mapping[str, str]:
    """What lies at the borders of the heart and of the upper mediastinum, by region.

    there: what the report states, each in its place; a border is hidden by nothing else.
    """
    strips = _strips(question.found)
    if not len(strips):
        return {}
    found: dict[str, str] = {}
    for read in reader.read(replace(question, asked=strips, findings={}, whole=False)):
        side, border = read.place.name.split(" ", 1)
        lying = {item.label for item in read.findings if item.presence != "absent"}
        near = [
            item
            for item in there
            if item.label in lying
            and item.side in (side, "")
            and kind_of(item.finding.region) not in _APART[border]
        ]
        if near:
            found.setdefault(border, _named(near[0]))
    return found


def _strips(found: Regions) -> Regions:
    """Boxes along the borders, named "left cardiac silhouette" and so on."""
    boxes = {
        f"{side} {border}": _strip(found[border].box, side, _HEIGHTS[border])
        for border in (HEART, UPPER)
        if border in found
        for side in SIDES
    }
    if not boxes:
        return Regions.none()
    return Regions(tuple(boxes), np.array([tuple(b) for b in boxes.values()]), np.ones(len(boxes)))


def _strip(box: Box, side: Side, heights: tuple[float, float]) -> Box:
    y0, y1 = (box.y0 + part * box.height for part in heights)
    inward, outward = _INWARD * box.width, _OUTWARD * box.width
    if side is Side.RIGHT:
        return Box(box.x0 - outward, y0, box.x0 + inward, y1)
    return Box(box.x1 - inward, y0, box.x1 + outward, y1)
