"""From the outlines of five organs to the boxes of the 29 regions of the chest atlas.

Pure geometry in the image frame; see `landmarks` for the points, heights and lengths used here.
Sources of the definitions:
- lung zones: thirds of the height between apex and dome (ILO 2011, International Classification of
  Radiographs of Pneumoconioses); the lower zone reaches into the recess.
- apical zone: the lung above the lower margin of the clavicle.
- cavoatrial junction: about 4 cm below the carina, two vertebral bodies (Baskin et al.,
  J Vasc Interv Radiol 2008; 19: 359-365).
- upper mediastinum: from the thoracic inlet down to the carina, the plane of the sternal angle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from grounded.atlas import SIDES, Side
from grounded.chest.landmarks import Landmarks, form_a_chest, survey
from grounded.chest.names import HEART, LEFT_LUNG, ORGANS, RIGHT_LUNG
from grounded.chest.outline import Profile
from grounded.errors import InvalidValueError
from grounded.geometry import Box
from grounded.regions import Regions

OUTSIDE = "outside the film"
NO_CHEST = "the outlines do not form a chest"
VISIBLE = 0.5  # the part of a derived region that must lie in the film
APEX_TO_CLAVICLE = 0.15  # lower margin of the clavicle, as part of the lung's height: median
CARINA_TO_CAVOATRIAL = 0.14  # 4 cm in a chest about 28 cm wide


class Part(NamedTuple):
    """How one region follows: the organs it needs, and its box before the film cuts it."""

    needs: tuple[str, ...]
    place: Callable[[Landmarks], Box]


def derive(organs: Regions, frame: Box) -> Regions:
    """All 29 regions from the organs that were found, each with an outline (image frame).

    The organs stay as they are. A region whose organs were not found, or less than half of which
    lies in `frame`, goes to `missing` with the reason. A derived region scores the least of its
    organs' scores times its visible part. Lungs that do not lie side by side, the right one on the
    left of the picture, are no chest: nothing is found then. Raises InvalidValueError for an organ
    without an outline.
    """
    profiles = _profiles(organs)
    if not form_a_chest(profiles):
        return Regions.none(dict.fromkeys((*ORGANS, *PARTS), NO_CHEST))
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


def _profiles(organs: Regions) -> dict[str, Profile]:
    profiles = {}
    for region in organs:
        profile = Profile.of(region.mask) if region.mask is not None else None
        if profile is None:
            raise InvalidValueError(f"{region.name!r} has no outline to derive regions from")
        profiles[region.name] = profile
    return profiles


def _place(
    name: str, part: Part, chest: Landmarks, missing: dict[str, str]
) -> tuple[Box, float] | None:
    """The box in the film and its visible part; or None, and the reason goes to `missing`."""
    lacking = [organ for organ in part.needs if organ not in chest.organs]
    if lacking:
        missing[name] = f"it follows from the {lacking[0]}, which was not found"
        return None
    try:
        box = part.place(chest)
    except InvalidValueError:
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


def _zone(side: Side, start: float, end: float, chest: Landmarks) -> Box:
    lung = chest.lung(side)
    bottom = lung.level(end)
    if end == 1 and not lung.base_cut:
        bottom = lung.profile.box.y1
    return lung.band(lung.level(start), bottom)


def _apical(side: Side, chest: Landmarks) -> Box:
    lung, clavicle = chest.lung(side), chest.organs.get(f"{side} clavicle")
    lower = lung.level(APEX_TO_CLAVICLE)
    if clavicle is not None:
        x0, x1 = lung.profile.box.x0, lung.profile.box.x1
        over = (clavicle.columns > x0) & (clavicle.columns < x1)
        if over.any():
            lower = float(np.median(clavicle.bottom[over]))
    lowest, highest = lung.level(0.08), lung.level(1 / 3)
    return lung.band(lung.apex, min(max(lower, lowest), highest))


def _hilum(side: Side, chest: Landmarks) -> Box:
    """Beside the medial border, about the carina; the left hilum lies a little higher."""
    above, below = (0.03, 0.19) if side is Side.RIGHT else (0.09, 0.14)
    lung, axis = chest.lung(side), chest.axis
    y0, y1 = axis.carina - above * axis.width, axis.carina + below * axis.width
    inner, _ = lung.medial_between(y0, (y0 + y1) / 2)
    medial = lung.medial((y0 + y1) / 2)
    start = (inner + medial) / 2 - lung.outward * 0.01 * axis.width
    end = medial + lung.outward * 0.13 * axis.width
    return Box(min(start, end), y0, max(start, end), y1)


def _costophrenic(side: Side, chest: Landmarks) -> Box:
    lung, unit = chest.lung(side), chest.width
    x, y = lung.recess
    wall = lung.lateral(y - 0.08 * unit) * lung.outward
    outer = max(x * lung.outward, wall) + 0.015 * unit
    ends = sorted((outer * lung.outward, (outer - 0.14 * unit) * lung.outward))
    return Box(ends[0], y - 0.13 * unit, ends[1], y + 0.02 * unit)


def _hemidiaphragm(side: Side, chest: Landmarks) -> Box:
    """From the costophrenic point inwards, from above the dome down to that point.

    At least a third of the chest width, for the inner part of the left one lies behind the heart.
    """
    lung, unit = chest.lung(side), chest.width
    below = max(lung.recess[1], lung.dome + 0.1 * unit)
    box = lung.band(lung.dome - 0.04 * unit, below)
    if lung.outward < 0:
        return Box(box.x0, box.y0, max(box.x1, box.x0 + unit / 3), box.y1)
    return Box(min(box.x0, box.x1 - unit / 3), box.y0, box.x1, box.y1)


def _inlet(chest: Landmarks) -> float:
    return min(chest.lung(Side.RIGHT).apex, chest.lung(Side.LEFT).apex)


def _trachea(chest: Landmarks) -> Box:
    axis = chest.axis
    top = _inlet(chest) - 0.1 * axis.width
    return axis.around(top, axis.carina, 0.05 * axis.width)


def _carina(chest: Landmarks) -> Box:
    axis = chest.axis
    y0, y1 = axis.carina - 0.07 * axis.width, axis.carina + 0.06 * axis.width
    return axis.around(y0, y1, 0.08 * axis.width)


def _spine(chest: Landmarks) -> Box:
    axis = chest.axis
    bottom = max(chest.lung(side).recess[1] for side in SIDES)
    top = _inlet(chest) - 0.1 * axis.width
    return axis.around(top, bottom + 0.1 * axis.width, 0.08 * axis.width)


def _upper_mediastinum(chest: Landmarks) -> Box:
    """Between the medial borders, where below the apices they run down to the carina."""
    axis, top = chest.axis, _inlet(chest)
    start = top + 0.4 * (axis.carina - top)
    _, x0 = chest.lung(Side.RIGHT).medial_between(start, axis.carina)
    _, x1 = chest.lung(Side.LEFT).medial_between(start, axis.carina)
    return Box(x0, top, x1, axis.carina)


def _mediastinum(chest: Landmarks) -> Box:
    """The upper mediastinum and the heart, down to the diaphragm."""
    upper, heart = _upper_mediastinum(chest), chest.organs[HEART].box
    return Box(min(upper.x0, heart.x0), upper.y0, max(upper.x1, heart.x1), heart.y1)


def _aortic_arch(chest: Landmarks) -> Box:
    """From the trachea's middle to the outermost point of the knob."""
    axis, unit = chest.axis, chest.axis.width
    _, outermost = chest.lung(Side.LEFT).medial_between(axis.knob, axis.knob + 0.13 * unit)
    x0 = axis.at(axis.knob) - 0.02 * unit
    return Box(x0, axis.knob - 0.01 * unit, outermost + 0.01 * unit, axis.knob + 0.15 * unit)


def _vena_cava(chest: Landmarks) -> Box:
    """Along the right border of the mediastinum, 7 cm down to the cavoatrial junction."""
    axis, unit = chest.axis, chest.axis.width
    y0, y1 = axis.carina - 0.12 * unit, axis.carina + CARINA_TO_CAVOATRIAL * unit
    innermost, border = chest.lung(Side.RIGHT).medial_between(y0, y1)
    middle = chest.lung(Side.RIGHT).medial((y0 + y1) / 2)
    return Box((border + middle) / 2 - 0.01 * unit, y0, innermost + 0.06 * unit, y1)


def _cavoatrial(chest: Landmarks) -> Box:
    axis, unit = chest.axis, chest.axis.width
    y = axis.carina + CARINA_TO_CAVOATRIAL * unit
    border = chest.lung(Side.RIGHT).medial(y)
    return Box(border - 0.02 * unit, y - 0.06 * unit, border + 0.10 * unit, y + 0.06 * unit)


def _right_atrium(chest: Landmarks) -> Box:
    """The right part of the heart, from the cavoatrial junction down to the diaphragm."""
    axis, heart = chest.axis, chest.organs[HEART].box
    y0 = max(axis.carina + CARINA_TO_CAVOATRIAL * axis.width, heart.y0)
    y1 = min(max(chest.lung(Side.RIGHT).dome, heart.y0 + 0.7 * heart.height), heart.y1)
    return Box(heart.x0, min(y0, y1 - 0.3 * heart.height), axis.at((y0 + y1) / 2), y1)


def _abdomen(chest: Landmarks) -> Box:
    """Below the domes, between the lateral borders, down to the end of the film."""
    right, left = chest.lung(Side.RIGHT), chest.lung(Side.LEFT)
    top = min(right.dome, left.dome)
    bottom = max(chest.frame.y1, top + 0.1 * chest.width)
    return Box(right.profile.box.x0, top, left.profile.box.x1, bottom)


BOTH = (RIGHT_LUNG, LEFT_LUNG)


def _sided(side: Side) -> dict[str, Part]:
    own = (f"{side} lung",)
    return {
        f"{side} apical zone": Part(own, partial(_apical, side)),
        f"{side} upper lung zone": Part(own, partial(_zone, side, 0, 1 / 3)),
        f"{side} mid lung zone": Part(own, partial(_zone, side, 1 / 3, 2 / 3)),
        f"{side} lower lung zone": Part(own, partial(_zone, side, 2 / 3, 1)),
        f"{side} hilar structures": Part(BOTH, partial(_hilum, side)),
        f"{side} costophrenic angle": Part(own, partial(_costophrenic, side)),
        f"{side} hemidiaphragm": Part(own, partial(_hemidiaphragm, side)),
    }


PARTS: Mapping[str, Part] = {
    **_sided(Side.RIGHT),
    **_sided(Side.LEFT),
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
