"""The landmarks of a chest from the outlines of its organs, image frame; pure geometry.

The patient's right lies at small x. Lengths that belong to the body are parts of the *chest width*:
the distance between the lateral lung borders at 60 % of the height that both lungs share. Heights
within a lung run from its apex (0) to the dome of its hemidiaphragm (1).

The carina lies below the top of the aortic knob, where the left lung's medial border steps
outwards. The distance was read by eye on seven of the annotated films (standard deviation 2 % of
the chest width), the place of the trachea on 28, the top of the knob on 29 (1 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.atlas import Side
from grounded.chest.names import HEART, LEFT_LUNG, OUTWARD, RIGHT_LUNG
from grounded.chest.outline import Profile
from grounded.errors import InvalidValueError
from grounded.geometry import Box

LUNG_HEIGHT = 0.79  # apex to dome, as part of the chest width: median of the annotated films
LUNG_WIDTHS = 2.1  # chest width over a lung's own width: median of the annotated films
DEEPEST_RECESS = 0.3  # dome to costophrenic point, part of the chest width: 99 % of those films
KNOB_TO_CARINA = 0.17  # of the chest width
CARINA_HEIGHT = 0.49  # of the lung's height, where no aortic knob is seen
BORDER = 0.006  # an organ that comes this near to the film's border, in film heights, is cut there
STILL_UPRIGHT = 0.07  # slopes of the lateral borders' middle up to this are shape, not tilt


@dataclass(frozen=True, slots=True)
class Lung:
    """One lung: its outline and the landmarks on it, image frame.

    outward: -1 for the right lung (lateral is towards small x), +1 for the left one. apex, dome:
    heights y, estimated when the film cuts them off. recess: the costophrenic point (x, y).
    base_cut: whether the lower border lies outside of the film.
    """

    profile: Profile
    outward: int
    apex: float
    dome: float
    recess: tuple[float, float]
    base_cut: bool

    @property
    def height(self) -> float:
        return self.dome - self.apex

    def level(self, part: float) -> float:
        """The height y at `part` of the way from apex to dome."""
        return self.apex + part * self.height

    def lateral(self, y: float) -> float:
        return self.profile.left_at(y) if self.outward < 0 else self.profile.right_at(y)

    def medial(self, y: float) -> float:
        return self.profile.right_at(y) if self.outward < 0 else self.profile.left_at(y)

    def medial_between(self, y0: float, y1: float) -> tuple[float, float]:
        """(innermost, outermost) x of the medial border, innermost being nearest to the spine."""
        left, right = self.profile.between(y0, y1)
        edge = (right if self.outward < 0 else left) * self.outward
        return float(edge.min() * self.outward), float(edge.max() * self.outward)

    def band(self, y0: float, y1: float) -> Box:
        """The box around the lung between two heights."""
        left, right = self.profile.between(y0, y1)
        return Box(left.min(), y0, right.max(), y1)


@dataclass(frozen=True, slots=True)
class Midline:
    """What both lungs tell of the middle: the axis x = x + slope * (y - height), and levels y.

    knob: the top of the aortic knob. width: the chest width.
    """

    x: float
    height: float
    slope: float
    knob: float
    carina: float
    width: float

    def at(self, y: float) -> float:
        return self.x + self.slope * (y - self.height)

    def around(self, y0: float, y1: float, half_width: float) -> Box:
        """A box along the axis, `half_width` to either side."""
        ends = self.at(y0), self.at(y1)
        return Box(min(ends) - half_width, y0, max(ends) + half_width, y1)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What is known of one film: the organs and lungs that were found, and the axis of both lungs.

    width: the chest width, NaN without a lung.
    """

    frame: Box
    lungs: Mapping[str, Lung]
    organs: Mapping[str, Profile]
    middle: Midline | None
    width: float

    def lung(self, side: Side) -> Lung:
        return self.lungs[f"{side} lung"]

    @property
    def axis(self) -> Midline:
        if self.middle is None:
            raise InvalidValueError("the axis of a chest needs both of its lungs")
        return self.middle


def survey(organs: Mapping[str, Profile], frame: Box) -> Landmarks:
    """The landmarks that the outlines of organs give."""
    heart = organs.get(HEART)
    outlines = {name: organs[name] for name in (RIGHT_LUNG, LEFT_LUNG) if name in organs}
    width = _chest_width(outlines)
    lungs = {name: _lung(name, outline, heart, width, frame) for name, outline in outlines.items()}
    middle = _midline(lungs[RIGHT_LUNG], lungs[LEFT_LUNG], width) if len(lungs) == 2 else None
    return Landmarks(frame, lungs, organs, middle, width)


def form_a_chest(organs: Mapping[str, Profile]) -> bool:
    """Whether the lungs, where both were found, lie side by side and each on its own."""
    if RIGHT_LUNG not in organs or LEFT_LUNG not in organs:
        return True  # one lung says nothing against it
    right, left = organs[RIGHT_LUNG], organs[LEFT_LUNG]
    shared = min(right.box.y1, left.box.y1) - max(right.box.y0, left.box.y0)
    shortest = min(right.box.height, left.box.height)
    return right.box.center[0] < left.box.center[0] and shared > 0.3 * shortest


def _chest_width(lungs: Mapping[str, Profile]) -> float:
    if not lungs:
        return math.nan
    if len(lungs) == 1:
        [only] = lungs.values()
        return LUNG_WIDTHS * only.box.width
    right, left = lungs[RIGHT_LUNG], lungs[LEFT_LUNG]
    top, bottom = max(right.box.y0, left.box.y0), min(right.box.y1, left.box.y1)
    level = top + 0.6 * (bottom - top)
    return left.right_at(level) - right.left_at(level)


def _lung(name: str, outline: Profile, heart: Profile | None, width: float, frame: Box) -> Lung:
    outward = OUTWARD[name]
    recess = _recess(outline, outward)
    apex, dome = outline.box.y0, _dome_level(outline, outward, heart, recess)
    dome = max(dome, recess[1] - DEEPEST_RECESS * width)
    base_cut = _touches(outline.bottom, frame.y1, frame)
    if base_cut:
        dome = max(outline.box.y1, apex + LUNG_HEIGHT * width)
        recess = recess[0], dome + 0.12 * width
    elif _touches(outline.top, frame.y0, frame):
        apex = min(apex, dome - LUNG_HEIGHT * width)
    if not base_cut and recess[1] > frame.y1 - BORDER * frame.height:  # the recess alone is cut
        recess = recess[0], recess[1] + 0.12 * width
    return Lung(outline, outward, apex, dome, recess, base_cut)


def _touches(edge: NDArray[np.float64], border: float, frame: Box) -> bool:
    """Whether a third of an organ's columns end at the border of the film."""
    return bool(np.mean(np.abs(edge - border) < BORDER * frame.height) > 1 / 3)


def _recess(outline: Profile, outward: int) -> tuple[float, float]:
    """The costophrenic point: of the lowest points of the lateral half, the most lateral one."""
    lateral = (outline.columns - outline.box.center[0]) * outward > 0
    x, y = outline.columns[lateral], outline.bottom[lateral]
    if not x.size:
        return outline.box.center[0], outline.box.y1
    low = y > y.max() - 0.015 * outline.box.height
    chosen = (x[low] * outward).argmax()
    return float(x[low][chosen]), float(y[low][chosen])


def _dome_level(
    outline: Profile, outward: int, heart: Profile | None, recess: tuple[float, float]
) -> float:
    """The height of the lower border between the costophrenic point and the heart: its highest
    tenth, so that a notch in the outline does not count.

    It places regions, so it always gives a height; `measures.visible_dome`, which is measured, may
    refuse.
    """
    limit = outline.box.center[0]
    if heart is not None:
        limit = heart.box.x0 if outward < 0 else heart.box.x1
    least = 0.15 * outline.box.width  # a large heart leaves little of the left lower border
    inner, outer = min(limit * outward, recess[0] * outward - least), recess[0] * outward
    along = outline.columns * outward
    chosen = (along >= inner) & (along <= outer)
    return float(np.percentile(outline.bottom[chosen], 10)) if chosen.any() else outline.box.y1


def _midline(right: Lung, left: Lung, width: float) -> Midline:
    """The axis: halfway between the middle of the medial borders and that of the lateral ones.

    Against the tracheal air column, read by eye on 28 of the annotated films at the level of the
    clavicles, this had no bias and a standard deviation of 1.3 % of the chest width.
    """
    top = max(right.profile.box.y0, left.profile.box.y0)
    bottom = min(right.profile.box.y1, left.profile.box.y1)
    height = bottom - top
    rows = np.linspace(top + 0.2 * height, top + 0.7 * height, 32)
    lateral = np.array([(right.lateral(y) + left.lateral(y)) / 2 for y in rows])
    upper = top, top + 0.4 * height
    medial = (right.medial_between(*upper)[0] + left.medial_between(*upper)[0]) / 2
    slope = float(np.polyfit(rows, lateral, 1)[0])
    tilt = math.copysign(max(abs(slope) - STILL_UPRIGHT, 0.0), slope)
    knob, carina = _knob_and_carina(right, left, width)
    return Midline(
        x=(medial + float(np.median(lateral))) / 2,
        height=float(rows.mean()),
        slope=tilt,
        knob=knob,
        carina=carina,
        width=width,
    )


def _knob_and_carina(right: Lung, left: Lung, width: float) -> tuple[float, float]:
    knob = _knob_top(left, width)
    if knob is not None:
        return knob, knob + KNOB_TO_CARINA * width
    carina = (right.level(CARINA_HEIGHT) + left.level(CARINA_HEIGHT)) / 2
    return carina - KNOB_TO_CARINA * width, carina


def _knob_top(left: Lung, width: float) -> float | None:
    """Where the left lung's medial border first steps outwards below the apex, None if nowhere."""
    rows = np.arange(left.level(0.08), left.level(0.5), 0.01 * width)
    if rows.size < 8:
        return None
    border = np.array([left.medial(y) for y in rows])
    window = 5  # 5 % of the chest width
    rise = border[window:] - border[:-window]
    steep = np.flatnonzero(rise > 0.03 * width)
    if not steep.size:
        return None
    first = steep[0]
    start = first + int(rise[first : first + 8].argmax())
    return float(rows[start] + 0.01 * width)
