"""What can be measured on a frontal chest film from the outlines of lungs and heart.

Each function takes a `Chest` and gives a `Measurement` in the image frame, or raises
`NotMeasurable` with the reason. Ratios need no pixel spacing and hold under magnification of the
whole film; all are built to survive a tilt of a few degrees (`benchmarks/measurement_agreement.py`
prints how much they move).

Left out, because these outlines do not carry it:

* sharpness of the costophrenic angles: the angle of an outline at the recess can be measured to a
  degree, but the outline follows where a lung usually ends, not the fluid that blunts it. The
  outlines of a trained detector had angles as on healthy films (23 to 67 degrees) on all of seven
  films whose notes describe an effusion or a blunted angle: a usual angle would rule nothing out;
* tracheal deviation: the trachea's place is derived from the lungs here, so its deviation would be
  theirs over again;
* rotation of the patient: no spine is outlined, so the clavicles' medial ends can only be held
  against the lungs' own midline. On 60 JSRT films, upright and healthy, the left end lies farther
  by -0.34 to 0.30 of their distance (people's outlines), and a detector's outlines are off by 0.12
  as a standard deviation; no film of known rotation is at hand (`benchmarks/film_quality.py`);
* inspiration: the lungs' height over the chest's width is measured well (error 0.009, on films that
  the detector mostly was trained on), but healthy people who breathed in differ by more, 0.71 to
  1.03, than the medians of standing and lying patients do, 0.80 and 0.75; ribs, which readers
  count, are not outlined (the same command);
* the angle of the carina, and anything that needs ribs or spine: not outlined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grounded.chest.names import HEART, LEFT_LUNG, OUTWARD, RIGHT_LUNG
from grounded.chest.outline import Chest, Contour, NotMeasurable
from grounded.evidence import Line, Measurement
from grounded.findings import Presence
from grounded.geometry import Box

# A statement is made when the value is on its side of a limit with 95 % (one-sided normal).
CERTAIN = 1.645


Direction = Literal[-1, 1]


@dataclass(frozen=True, slots=True)
class Verdict:
    """present: beyond a limit; uncertain: too near to it; side: 1 at the high limit, else -1."""

    presence: Presence
    score: float
    side: Direction


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """What a measurement is held against.

    normal: (low, high); low is 0 where only a high value matters. error: how far values from the
    shipped detector's outlines lie from those of people's outlines, as a standard deviation: 90 %
    of the films lie within 1.645 of it (measured so, because the differences have long tails).
    source: of the definition and the range. sharp: the range is a limit agreed
    on, so that a value near to it is uncertain on both of its sides; otherwise it is the span of
    normal films, measurement errors included, and a value inside, as it is shown, is a usual one.
    possible: values outside come from outlines that are no chest's, whatever the disease.
    """

    normal: tuple[float, float]
    error: float
    source: str
    sharp: bool = False
    possible: tuple[float, float] = (-math.inf, math.inf)

    @property
    def tolerance(self) -> float:
        """90 % of the values lie within this of the value that people's outlines give."""
        return CERTAIN * self.error

    def judge(self, value: float) -> Verdict:
        """Which side of the limits a value lies on, and how sure that is.

        The score is the probability that the value without measurement error lies on the same side
        of the nearest limit, the error taken as normal: the normal distribution function of the
        distance to the limit in units of `error`; 0.5 at the limit itself.
        """
        low, high = self.normal
        side: Direction = 1 if value > (low + high) / 2 else -1
        beyond = value - high if side == 1 else low - value
        if low == 0 and side == -1:
            side, beyond = 1, value - high
        score = 0.5 * (1 + math.erf(abs(beyond) / self.error / math.sqrt(2)))
        if beyond > self.tolerance:
            return Verdict(Presence.PRESENT, score, side)
        usual = round(low, SHOWN) <= round(value, SHOWN) <= round(high, SHOWN)
        if beyond > -self.tolerance if self.sharp else not usual:
            return Verdict(Presence.UNCERTAIN, score, side)
        return Verdict(Presence.ABSENT, score, side)


SHOWN = 2  # digits behind the point: a text that says 51 % is judged by 0.51
ERRORS_FROM = "films held out from the training of the shipped detector"
_JSRT = (
    "range: central 95 % of the films of the JSRT set (Shiraishi et al., AJR 2000), adults, PA, by "
    "benchmarks/measurement_agreement.py"
)
CARDIOTHORACIC_RATIO = ReferenceRange(
    (0.0, 0.50),
    0.022,
    "Danzer, The cardiothoracic ratio, Am J Med Sci 1919: normal up to 0.50 on a PA film",
    sharp=True,
    possible=(0.25, 0.80),
)
# A heart that measures 0.50 in PA projection measures 0.50 / 0.889 in AP projection from 1 m.
CARDIOTHORACIC_RATIO_AP = ReferenceRange(
    (0.0, 0.56),
    0.022,
    "Chon et al., J Korean Med Sci 2011;26:1446: from 1 m, the cardiac diameter of a PA film is "
    "0.889 of that of an AP film",
    sharp=True,
    possible=(0.25, 0.80),
)
LUNG_HEIGHT_DIFFERENCE = ReferenceRange(
    (-0.03, 0.17),
    0.016,
    f"definition: apex to dome, left minus right, over their mean; {_JSRT}",
    possible=(-0.9, 0.9),
)
RIGHT_AREA_SHARE = ReferenceRange(
    (0.51, 0.60),
    0.015,
    f"definition: area of the right lung over that of both; {_JSRT}",
    possible=(0.15, 0.85),
)
HEART_POSITION = ReferenceRange(
    (0.026, 0.130),
    0.013,
    f"definition: centre of the heart left of the centre of the chest, at the height of the "
    f"heart's centroid, over the thoracic diameter; {_JSRT}",
    possible=(-0.35, 0.35),
)
UPPER_MEDIASTINUM_POSITION = ReferenceRange(
    (-0.001, 0.050),
    0.009,
    f"definition: centre between the lungs left of the centre of the chest, at the height of the "
    f"aortic arch, over the thoracic diameter; {_JSRT}",
    possible=(-0.30, 0.30),
)
UPPER_MEDIASTINUM_WIDTH = ReferenceRange(
    (0.0, 0.264),
    0.019,
    f"definition: widest gap between the lungs at the height of the aortic arch, over the thoracic "
    f"diameter; {_JSRT}",
    possible=(0.05, 0.70),
)
# The aortic arch, as fractions of the lungs' height below the apices. Where the left lung's medial
# edge bulges outwards on the JSRT films.
_ARCH_LEVELS = np.linspace(0.20, 0.32, 7)
_CLEAR_OF_HEART = 0.05  # of the lung's width: the base is read this far from heart and recess tip
_LEAST_BASE = 0.20  # of the lung's width: a dome that is hidden further is not measured


def ratio_of_boxes(boxes: Mapping[str, Box]) -> float | None:
    """The cardiothoracic ratio by the extents of heart and lungs; None where one is missing.

    The chest's width is taken between the outer borders of the two lungs, which need not lie on one
    row: on the Wingspan films this differs by 0.001 on average from the readers' value.
    """
    if not {HEART, RIGHT_LUNG, LEFT_LUNG} <= boxes.keys():
        return None
    thorax = boxes[LEFT_LUNG].x1 - boxes[RIGHT_LUNG].x0
    return boxes[HEART].width / thorax if thorax > 0 else None


def cardiothoracic_ratio(
    chest: Chest, reference: ReferenceRange = CARDIOTHORACIC_RATIO
) -> Measurement:
    """The heart's greatest transverse diameter over the greatest width of the chest.

    Cardiac diameter: from the heart's rightmost to its leftmost point. Thoracic diameter: from the
    right lung's outermost to the left lung's outermost point, which are also the inner edges of the
    ribs. On people's outlines this agrees with the readers' ratios of the Wingspan films to
    0.001, so close that these are the diameters the readers took; with the chest's width at any
    one level the ratio is 0.004 higher on average, with that at the heart's height 0.025.

    Lines: the two parts of the cardiac diameter, right and left of the chest's centre, each at the
    height of its extreme point, and the thoracic diameter at the widest level.
    """
    right, left = chest.lungs()
    heart = chest.organ(HEART, "left", "right", "lower")
    if right.touches("lower", chest.frame) and left.touches("lower", chest.frame):
        raise NotMeasurable("the film ends above the bases of the lungs")
    ratio = ratio_of_boxes({HEART: heart.box, RIGHT_LUNG: right.box, LEFT_LUNG: left.box})
    if ratio is None or ratio >= 1:
        raise NotMeasurable("the outline of the heart is wider than the chest")
    lines = (
        *_cardiac_lines(heart, (right.box.x0 + left.box.x1) / 2),
        _thoracic_line(right, left),
    )
    return _measurement("cardiothoracic ratio", ratio, "1", lines, reference)


def lung_height(chest: Chest, name: str) -> Measurement:
    """From the apex to the dome of the diaphragm, vertically, in pixels of the film.

    The dome is the highest point of the lung's base between the recess and the heart's border. On
    the left it is often hidden by the heart; with less than a fifth of the lung's width in sight
    it is not measured. Lines: the height, and the dome's level.
    """
    contour = chest.organ(name, "upper", "lower")
    dome_x, dome_y = visible_dome(chest, contour, name)
    apex_x, apex_y = contour.apex
    lines = (
        Line(apex_x, apex_y, apex_x, dome_y, f"height of the {name}"),
        Line(min(apex_x, dome_x), dome_y, max(apex_x, dome_x), dome_y, f"dome, {name}"),
    )
    return Measurement(
        f"height of the {name}",
        dome_y - apex_y,
        "{pixels}",
        lines,
        source="definition: apex to the highest point of the visible base",
    )


def lung_height_difference(chest: Chest) -> Measurement:
    """How much higher the left lung is than the right, as a fraction of their mean height.

    It is positive when the right hemidiaphragm stands higher, as it usually does. Heights from the
    apex are compared, not the levels of the domes, because a tilt of the film moves apex and dome
    of a lung alike.
    """
    chest.lungs()
    right, left = lung_height(chest, RIGHT_LUNG), lung_height(chest, LEFT_LUNG)
    value = 2 * (left.value - right.value) / (left.value + right.value)
    return _measurement(
        "difference in lung height",
        value,
        "1",
        (*right.lines, *left.lines),
        LUNG_HEIGHT_DIFFERENCE,
    )


def right_area_share(chest: Chest) -> Measurement:
    """The right lung's part of the area of both lungs. Lines: each lung's width at its centroid."""
    right, left = chest.lungs("upper", "lower")
    lines = (
        _width_line(right, right.centroid[1], "right lung at its centroid"),
        _width_line(left, left.centroid[1], "left lung at its centroid"),
    )
    share = right.area / (right.area + left.area)
    return _measurement("right lung's share of the area", share, "1", lines, RIGHT_AREA_SHARE)


def heart_position(chest: Chest) -> Measurement:
    """How far the heart's centre lies left (the patient's) of the centre of the chest.

    Both are read at the height of the heart's centroid, so a tilt of the film cancels. A fraction
    of the thoracic diameter.
    """
    right, left = chest.lungs()
    heart = chest.organ(HEART, "left", "right", "lower")
    level = heart.centroid[1]
    lungs, at_level = _outer_edges(right, left, level), heart.row(level)
    if lungs is None or at_level is None:
        raise NotMeasurable("the lungs do not reach down to the middle of the heart")
    centre, heart_centre = sum(lungs) / 2, sum(at_level) / 2
    lines = (
        _level(centre, heart_centre, level, "to the centre of the heart"),
        Line(centre, heart.box.y0, centre, heart.box.y1, "centre of the chest"),
    )
    value = (heart_centre - centre) / thoracic_diameter(chest)
    return _measurement("position of the heart", value, "1", lines, HEART_POSITION)


def upper_mediastinum_position(chest: Chest) -> Measurement:
    """How far the upper mediastinum's centre lies left (the patient's) of the chest's centre.

    The mean over the height of the aortic arch, a fraction of the thoracic diameter. The centre of
    the chest is taken between the outer edges of the lungs at the same height.
    """
    right, left, levels = _arch(chest)
    offsets, centres = [], []
    for level in levels:
        inner, outer = _inner_edges(right, left, level), _outer_edges(right, left, level)
        if inner is None or outer is None:
            raise NotMeasurable("the lungs do not both reach the height of the aortic arch")
        centres.append(sum(outer) / 2)
        offsets.append(sum(inner) / 2 - centres[-1])
    middle = len(levels) // 2
    offset, level, centre = float(np.mean(offsets)), levels[middle], centres[middle]
    lines = (
        _level(centre, centre + offset, level, "to the centre of the upper mediastinum"),
        Line(centre, levels[0], centre, levels[-1], "centre of the chest"),
    )
    value = offset / thoracic_diameter(chest)
    return _measurement(
        "position of the upper mediastinum", value, "1", lines, UPPER_MEDIASTINUM_POSITION
    )


def upper_mediastinum_width(chest: Chest) -> Measurement:
    """The widest gap between the lungs at the height of the aortic arch, over the chest's width.

    8 cm is the limit that textbooks give for it (Marsh and Sturm, Ann Thorac Surg 1976); it was set
    for one film distance, so the ratio is judged and centimetres are only stated.
    """
    right, left, levels = _arch(chest)
    gaps = [(level, _inner_edges(right, left, level)) for level in levels]
    known = [(level, gap) for level, gap in gaps if gap is not None and gap[1] > gap[0]]
    if len(known) < len(gaps):
        raise NotMeasurable("the lungs do not both reach the height of the aortic arch")
    level, (x0, x1) = max(known, key=lambda item: item[1][1] - item[1][0])
    lines = (_level(x0, x1, level, "upper mediastinum"),)
    value = (x1 - x0) / thoracic_diameter(chest)
    return _measurement(
        "width of the upper mediastinum", value, "1", lines, UPPER_MEDIASTINUM_WIDTH
    )


def thoracic_diameter(chest: Chest) -> float:
    """The greatest width of the chest, in pixels of the film."""
    right, left = chest.lungs()
    return left.box.x1 - right.box.x0


def _measurement(
    name: str, value: float, unit: str, lines: tuple[Line, ...], reference: ReferenceRange
) -> Measurement:
    """Raises NotMeasurable for a value that no chest has."""
    low, high = reference.possible
    if not low <= value <= high:
        raise NotMeasurable(f"a {name} of {value:.2f} is not possible, so the outlines are wrong")
    return Measurement(
        name, value, unit, lines, reference.normal, reference.tolerance, reference.source
    )


def visible_dome(chest: Chest, lung: Contour, name: str) -> tuple[float, float]:
    """The highest point of the lung's base that lies clear of the heart and of the recess's tip.

    Raises NotMeasurable where the heart hides too much of the base.
    """
    outward, width = OUTWARD[name], lung.box.width
    heart = chest.organ(HEART)
    border = heart.box.x0 if outward < 0 else heart.box.x1
    start = lung.points[lung.recess(outward), 0] - outward * 0.02 * width
    end = border + outward * _CLEAR_OF_HEART * width
    medial = lung.box.x1 if outward < 0 else lung.box.x0
    end = min(end, medial) if outward < 0 else max(end, medial)
    if outward * (start - end) < _LEAST_BASE * width:
        raise NotMeasurable(f"the heart hides the dome under the {name}")
    places = [(x, lung.column(x)) for x in np.linspace(start, end, 33)]
    base = [(span[1], float(x)) for x, span in places if span is not None]
    if not base:
        raise NotMeasurable(f"the {name} has no base beside the heart")
    dome_y, dome_x = min(base)
    return dome_x, dome_y


def _arch(chest: Chest) -> tuple[Contour, Contour, tuple[float, ...]]:
    """Both lungs, and the heights in the picture at which the aortic arch is looked for."""
    right, left = chest.lungs("upper", "lower")
    top = max(right.box.y0, left.box.y0)
    height = (right.box.height + left.box.height) / 2
    return right, left, tuple(float(top + level * height) for level in _ARCH_LEVELS)


def _inner_edges(right: Contour, left: Contour, level: float) -> tuple[float, float] | None:
    """The medial edges of the lungs at a height, or None where one of them is not."""
    here, there = right.row(level), left.row(level)
    return None if here is None or there is None else (here[1], there[0])


def _outer_edges(right: Contour, left: Contour, level: float) -> tuple[float, float] | None:
    """The lateral edges of the lungs at a height, or None where one of them is not."""
    here, there = right.row(level), left.row(level)
    return None if here is None or there is None else (here[0], there[1])


def _cardiac_lines(heart: Contour, centre: float) -> tuple[Line, Line]:
    """The cardiac diameter in two parts that meet above one another, each at its extreme point."""
    (x0, y0), (x1, y1) = (heart.points[pick(heart.points[:, 0])] for pick in (np.argmin, np.argmax))
    meet = min(max(centre, x0 + 0.1 * (x1 - x0)), x1 - 0.1 * (x1 - x0))
    return (
        _level(float(x0), float(meet), float(y0), "cardiac diameter, right part"),
        _level(float(meet), float(x1), float(y1), "cardiac diameter, left part"),
    )


def _thoracic_line(right: Contour, left: Contour) -> Line:
    """The thoracic diameter, drawn at the height where the chest is widest at one level."""
    top, bottom = max(right.box.y0, left.box.y0), min(right.box.y1, left.box.y1)
    levels = [
        (outer[1] - outer[0], float(level))
        for level in np.linspace(top, bottom, 51)
        if (outer := _outer_edges(right, left, level)) is not None
    ]
    if not levels:
        raise NotMeasurable("the lungs do not lie beside one another")
    level = max(levels)[1]
    return _level(right.box.x0, left.box.x1, level, "thoracic diameter")


def _width_line(lung: Contour, level: float, label: str) -> Line:
    x0, x1 = lung.row(level) or (lung.box.x0, lung.box.x1)
    return _level(x0, x1, level, label)


def _level(x0: float, x1: float, y: float, label: str) -> Line:
    return Line(x0, y, x1, y, label)
