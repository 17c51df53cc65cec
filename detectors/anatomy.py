"""From the outlines of five organs to the boxes of the 29 regions of the chest atlas.

Pure geometry in the image frame; the patient's right lies at small x. Lengths that belong to the
body are written as parts of the *chest width*: the distance between the lateral lung borders at
60 % of the height that both lungs share. Heights within a lung run from its apex (0) to the dome
of its hemidiaphragm (1).

Sources of the definitions:
- lung zones: thirds of the height between apex and dome (ILO 2011, International Classification of
  Radiographs of Pneumoconioses, section 5); the lower zone reaches into the recess.
- apical zone: the lung above the lower margin of the clavicle.
- carina: below the top of the aortic knob, where the left lung's medial border steps outwards.
  The distance was read by eye on 28 of the annotated films, as was the place of the trachea.
- cavoatrial junction: about 4 cm below the carina, two vertebral bodies (Baskin et al.,
  J Vasc Interv Radiol 2008; 19: 359-365).
- upper mediastinum: from the thoracic inlet down to the carina, the plane of the sternal angle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grounded.detectors.shape import Profile
from grounded.errors import InvalidValueError
from grounded.geometry import Box
from grounded.regions import Regions

RIGHT_LUNG, LEFT_LUNG, HEART = "right lung", "left lung", "cardiac silhouette"
ORGANS = (RIGHT_LUNG, LEFT_LUNG, HEART, "right clavicle", "left clavicle")
OUTSIDE = "outside the film"

VISIBLE = 0.5  # the part of a derived region that must lie in the film
LUNG_HEIGHT = 0.79  # apex to dome, as part of the chest width: median of the annotated films
LUNG_WIDTHS = 2.1  # chest width over a lung's own width: median of the annotated films
DEEPEST_RECESS = 0.3  # dome to costophrenic point, part of the chest width: 99 % of those films
APEX_TO_CLAVICLE = 0.15  # lower margin of the clavicle, as part of the lung's height: median
KNOB_TO_CARINA = 0.17  # of the chest width; standard deviation 0.02 by eye
CARINA_HEIGHT = 0.49  # of the lung's height, where no aortic knob is seen
CARINA_TO_CAVOATRIAL = 0.14  # 4 cm in a chest about 28 cm wide
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
class Chest:
    """What is known of one film. `lung` raises KeyError for one that was not found."""

    frame: Box
    lungs: Mapping[str, Lung]
    organs: Mapping[str, Profile]
    middle: Midline | None
    width: float

    def lung(self, side: str) -> Lung:
        return self.lungs[f"{side} lung"]

    @property
    def axis(self) -> Midline:
        if self.middle is None:
            raise KeyError("both lungs")
        return self.middle


class Part(NamedTuple):
    """How one region follows: the organs it needs, and its box before the film cuts it."""

    needs: tuple[str, ...]
    place: Callable[[Chest], Box]


def derive(organs: Regions, frame: Box) -> Regions:
    """All 29 regions from the organs that were found, each with an outline (image frame).

    The organs stay as they are, `features` too. A region whose organs were not found, or less than
    half of which lies in `frame`, goes to `missing` with the reason. A derived region scores the
    least of its organs' scores times its visible part. Raises InvalidValueError for an organ
    without an outline.
    """
    profiles = _profiles(organs)
    chest = survey(profiles, frame)
    scores = dict(zip(organs.names, (float(score) for score in organs.scores), strict=True))
    found: dict[str, tuple[Box, float]] = {}
    missing = dict(organs.missing)
    for name, part in PARTS.items():
        placed = _place(name, part, chest, missing)
        if placed is not None:
            box, visible = placed
            found[name] = box, min(scores[organ] for organ in part.needs) * visible
    return _joined(organs, found, missing)


def survey(organs: Mapping[str, Profile], frame: Box) -> Chest:
    """The landmarks that the outlines of organs give."""
    heart = organs.get(HEART)
    outlines = {name: organs[name] for name in (RIGHT_LUNG, LEFT_LUNG) if name in organs}
    if len(outlines) == 2 and not _side_by_side(*outlines.values()):
        outlines = {}
    width = _chest_width(outlines)
    lungs = {name: _lung(name, outline, heart, width, frame) for name, outline in outlines.items()}
    middle = _midline(lungs[RIGHT_LUNG], lungs[LEFT_LUNG], width) if len(lungs) == 2 else None
    return Chest(frame, lungs, organs, middle, width)


def _profiles(organs: Regions) -> dict[str, Profile]:
    profiles = {}
    for region in organs:
        profile = Profile.of(region.mask) if region.mask is not None else None
        if profile is None:
            raise InvalidValueError(f"{region.name!r} has no outline to derive regions from")
        profiles[region.name] = profile
    return profiles


def _place(
    name: str, part: Part, chest: Chest, missing: dict[str, str]
) -> tuple[Box, float] | None:
    """The box in the film and its visible part; or None, and the reason goes to `missing`."""
    lacking = [organ for organ in part.needs if organ not in chest.organs]
    if lacking:
        missing[name] = f"it follows from the {lacking[0]}, which was not found"
        return None
    try:
        box = part.place(chest)
    except (InvalidValueError, KeyError):
        missing[name] = "the outlines of its organs have no plausible shape"
        return None
    visible = box.overlap(chest.frame) / box.area
    if visible < VISIBLE:
        missing[name] = OUTSIDE
        return None
    return box.clip(chest.frame), visible


def _joined(
    organs: Regions, found: Mapping[str, tuple[Box, float]], missing: Mapping[str, str]
) -> Regions:
    boxes = [*organs.boxes, *(tuple(box) for box, _ in found.values())]
    return Regions(
        names=(*organs.names, *found),
        boxes=np.array(boxes, dtype=np.float64),
        scores=np.array([*organs.scores, *(score for _, score in found.values())]),
        masks=(*organs.masks, *(None for _ in found)),
        missing=missing,
    )


# The landmarks


def _side_by_side(right: Profile, left: Profile) -> bool:
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
    outward = -1 if name == RIGHT_LUNG else 1
    recess = _recess(outline, outward)
    apex, dome = outline.box.y0, _dome(outline, outward, heart, recess)
    dome = max(dome, recess[1] - DEEPEST_RECESS * width)
    base_cut = _touches(outline.bottom, frame.y1, frame)
    if base_cut:
        dome = max(outline.box.y1, apex + LUNG_HEIGHT * width)
        recess = recess[0], dome + 0.12 * width
    elif _touches(outline.top, frame.y0, frame):
        apex = min(apex, dome - LUNG_HEIGHT * width)
    if recess[1] > frame.y1 - BORDER * frame.height:  # the film ends before the lung does
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


def _dome(
    outline: Profile, outward: int, heart: Profile | None, recess: tuple[float, float]
) -> float:
    """The height of the lower border between the costophrenic point and the heart: its highest
    tenth, so that a notch in the outline does not count."""
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


# The regions


def _zone(side: str, start: float, end: float) -> Callable[[Chest], Box]:
    def place(chest: Chest) -> Box:
        lung = chest.lung(side)
        bottom = lung.level(end)
        if end == 1 and not lung.base_cut:
            bottom = lung.profile.box.y1
        return lung.band(lung.level(start), bottom)

    return place


def _apical(side: str) -> Callable[[Chest], Box]:
    def place(chest: Chest) -> Box:
        lung, clavicle = chest.lung(side), chest.organs.get(f"{side} clavicle")
        lower = lung.level(APEX_TO_CLAVICLE)
        if clavicle is not None:
            x0, x1 = lung.profile.box.x0, lung.profile.box.x1
            over = (clavicle.columns > x0) & (clavicle.columns < x1)
            if over.any():
                lower = float(np.median(clavicle.bottom[over]))
        lowest, highest = lung.level(0.08), lung.level(1 / 3)
        return lung.band(lung.apex, min(max(lower, lowest), highest))

    return place


def _hilum(side: str) -> Callable[[Chest], Box]:
    """Beside the medial border, about the carina; the left hilum lies a little higher."""
    above, below = (0.03, 0.19) if side == "right" else (0.09, 0.14)

    def place(chest: Chest) -> Box:
        lung, axis = chest.lung(side), chest.axis
        y0, y1 = axis.carina - above * axis.width, axis.carina + below * axis.width
        inner, _ = lung.medial_between(y0, (y0 + y1) / 2)
        medial = lung.medial((y0 + y1) / 2)
        start = (inner + medial) / 2 - lung.outward * 0.01 * axis.width
        end = medial + lung.outward * 0.13 * axis.width
        return Box(min(start, end), y0, max(start, end), y1)

    return place


def _costophrenic(side: str) -> Callable[[Chest], Box]:
    def place(chest: Chest) -> Box:
        lung, unit = chest.lung(side), chest.width
        x, y = lung.recess
        wall = lung.lateral(y - 0.08 * unit) * lung.outward
        outer = max(x * lung.outward, wall) + 0.015 * unit
        ends = sorted((outer * lung.outward, (outer - 0.14 * unit) * lung.outward))
        return Box(ends[0], y - 0.13 * unit, ends[1], y + 0.02 * unit)

    return place


def _hemidiaphragm(side: str) -> Callable[[Chest], Box]:
    """From the costophrenic point inwards, from above the dome down to that point.

    At least a third of the chest width, for the inner part of the left one lies behind the heart.
    """

    def place(chest: Chest) -> Box:
        lung, unit = chest.lung(side), chest.width
        below = max(lung.recess[1], lung.dome + 0.1 * unit)
        box = lung.band(lung.dome - 0.04 * unit, below)
        if lung.outward < 0:
            return Box(box.x0, box.y0, max(box.x1, box.x0 + unit / 3), box.y1)
        return Box(min(box.x0, box.x1 - unit / 3), box.y0, box.x1, box.y1)

    return place


def _inlet(chest: Chest) -> float:
    return min(chest.lung("right").apex, chest.lung("left").apex)


def _trachea(chest: Chest) -> Box:
    axis = chest.axis
    top = _inlet(chest) - 0.1 * axis.width
    return axis.around(top, axis.carina, 0.05 * axis.width)


def _carina(chest: Chest) -> Box:
    axis = chest.axis
    y0, y1 = axis.carina - 0.07 * axis.width, axis.carina + 0.06 * axis.width
    return axis.around(y0, y1, 0.08 * axis.width)


def _spine(chest: Chest) -> Box:
    axis = chest.axis
    bottom = max(chest.lung(side).recess[1] for side in ("right", "left"))
    top = _inlet(chest) - 0.1 * axis.width
    return axis.around(top, bottom + 0.1 * axis.width, 0.08 * axis.width)


def _upper_mediastinum(chest: Chest) -> Box:
    """Between the medial borders, where below the apices they run down to the carina."""
    axis, top = chest.axis, _inlet(chest)
    start = top + 0.4 * (axis.carina - top)
    _, x0 = chest.lung("right").medial_between(start, axis.carina)
    _, x1 = chest.lung("left").medial_between(start, axis.carina)
    return Box(x0, top, x1, axis.carina)


def _mediastinum(chest: Chest) -> Box:
    """The upper mediastinum and the heart, down to the diaphragm."""
    upper, heart = _upper_mediastinum(chest), chest.organs[HEART].box
    return Box(min(upper.x0, heart.x0), upper.y0, max(upper.x1, heart.x1), heart.y1)


def _aortic_arch(chest: Chest) -> Box:
    """From the trachea's middle to the outermost point of the knob."""
    axis, unit = chest.axis, chest.axis.width
    _, outermost = chest.lung("left").medial_between(axis.knob, axis.knob + 0.13 * unit)
    x0 = axis.at(axis.knob) - 0.02 * unit
    return Box(x0, axis.knob - 0.01 * unit, outermost + 0.01 * unit, axis.knob + 0.15 * unit)


def _vena_cava(chest: Chest) -> Box:
    """Along the right border of the mediastinum, 7 cm down to the cavoatrial junction."""
    axis, unit = chest.axis, chest.axis.width
    y0, y1 = axis.carina - 0.12 * unit, axis.carina + CARINA_TO_CAVOATRIAL * unit
    innermost, border = chest.lung("right").medial_between(y0, y1)
    middle = chest.lung("right").medial((y0 + y1) / 2)
    return Box((border + middle) / 2 - 0.01 * unit, y0, innermost + 0.06 * unit, y1)


def _cavoatrial(chest: Chest) -> Box:
    axis, unit = chest.axis, chest.axis.width
    y = axis.carina + CARINA_TO_CAVOATRIAL * unit
    border = chest.lung("right").medial(y)
    return Box(border - 0.02 * unit, y - 0.06 * unit, border + 0.10 * unit, y + 0.06 * unit)


def _right_atrium(chest: Chest) -> Box:
    """The right part of the heart, from the cavoatrial junction down to the diaphragm."""
    axis, heart = chest.axis, chest.organs[HEART].box
    y0 = max(axis.carina + CARINA_TO_CAVOATRIAL * axis.width, heart.y0)
    y1 = min(max(chest.lung("right").dome, heart.y0 + 0.7 * heart.height), heart.y1)
    return Box(heart.x0, min(y0, y1 - 0.3 * heart.height), axis.at((y0 + y1) / 2), y1)


def _abdomen(chest: Chest) -> Box:
    """Below the domes, between the lateral borders, down to the end of the film."""
    right, left = chest.lung("right"), chest.lung("left")
    top = min(right.dome, left.dome)
    bottom = max(chest.frame.y1, top + 0.1 * chest.width)
    return Box(right.profile.box.x0, top, left.profile.box.x1, bottom)


BOTH = (RIGHT_LUNG, LEFT_LUNG)


def _sided(side: str) -> dict[str, Part]:
    own = (f"{side} lung",)
    return {
        f"{side} apical zone": Part(own, _apical(side)),
        f"{side} upper lung zone": Part(own, _zone(side, 0, 1 / 3)),
        f"{side} mid lung zone": Part(own, _zone(side, 1 / 3, 2 / 3)),
        f"{side} lower lung zone": Part(own, _zone(side, 2 / 3, 1)),
        f"{side} hilar structures": Part(BOTH, _hilum(side)),
        f"{side} costophrenic angle": Part(own, _costophrenic(side)),
        f"{side} hemidiaphragm": Part(own, _hemidiaphragm(side)),
    }


PARTS: Mapping[str, Part] = {
    **_sided("right"),
    **_sided("left"),
    "trachea": Part(BOTH, _trachea),
    "carina": Part(BOTH, _carina),
    "spine": Part(BOTH, _spine),
    "mediastinum": Part((*BOTH, HEART), _mediastinum),
    "upper mediastinum": Part(BOTH, _upper_mediastinum),
    "aortic arch": Part(BOTH, _aortic_arch),
    "svc": Part(BOTH, _vena_cava),
    "cavoatrial junction": Part(BOTH, _cavoatrial),
    "right atrium": Part((*BOTH, HEART), _right_atrium),
    "abdomen": Part(BOTH, _abdomen),
}
