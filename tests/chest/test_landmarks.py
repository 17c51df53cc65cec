"""Landmarks of chests drawn by hand, in numbers that can be followed with a pencil."""

import math
from dataclasses import replace

import numpy as np
import pytest

from grounded import Box
from grounded.atlas import Side
from grounded.chest.derive import PARTS
from grounded.chest.landmarks import Landmarks, Lung, Midline, form_a_chest, survey
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Profile
from grounded.errors import InvalidValueError

FRAME = Box(0, 0, 400, 400)


def profile(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    *,
    left_leans: float = 0,
    right_leans: float = 0,
    base_falls: float = 0,
) -> Profile:
    """A box with cells of one pixel whose left and right edges lean, and whose base falls, by so
    much a pixel to the right.
    """
    rows, columns = np.arange(y0, y1) + 0.5, np.arange(x0, x1) + 0.5
    return Profile(
        rows=rows,
        left=x0 + left_leans * (rows - y0),
        right=x1 + right_leans * (rows - y0),
        columns=columns,
        top=np.full(columns.size, float(y0)),
        bottom=y1 + base_falls * (columns - x0),
    )


def lung(name: str, **changed: float) -> Lung:
    """Right lung: lateral border at 40, medial one at 150 + (y - 50) / 10. Left lung: lateral
    border at 340, medial one at 220 + (y - 40) / 20.
    """
    if name == RIGHT_LUNG:
        outline = profile(40, 50, 150, 350, right_leans=0.1)
        known = Lung(outline, -1, apex=50, dome=290, recess=(45, 340), base_cut=False)
    else:
        outline = profile(220, 40, 340, 360, left_leans=0.05)
        known = Lung(outline, 1, apex=40, dome=295, recess=(335, 330), base_cut=False)
    return replace(known, **changed)


@pytest.fixture
def landmarks() -> Landmarks:
    """A chest 300 wide about the axis (on the level of the domes 450), with no clavicles."""
    return Landmarks(
        FRAME,
        {RIGHT_LUNG: lung(RIGHT_LUNG), LEFT_LUNG: lung(LEFT_LUNG)},
        {HEART: profile(145, 180, 300, 310)},
        Midline(x=200, height=150, slope=0.1, knob=90, carina=141, width=300),
        width=450,
    )


# With the axis at 200 + (y - 150) / 10, the inlet at 40, and the chest's width 300.
PLACES = {
    "trachea": (186 - 15, 10, 199.1 + 15, 141),
    "carina": (197 - 24, 120, 200.9 + 24, 159),
    "spine": (186 - 24, 10, 222 + 24, 370),
    "upper mediastinum": (153.04, 40, 225.05, 141),
    "mediastinum": (145, 40, 300, 310),
    "aortic arch": (188, 87, 224.45 + 3, 135),
    "svc": ((155.5 + 159.4) / 2 - 3, 105, 163.3 + 18, 183),
    "cavoatrial junction": (163.3 - 6, 165, 163.3 + 30, 201),
    "right atrium": (145, 183, 208.65, 290),
    "abdomen": (40, 290, 340, 400),
    "right upper lung zone": (40, 50, 158, 130),
    "right mid lung zone": (40, 130, 166, 210),
    "right lower lung zone": (40, 210, 179.95, 350),
    "right apical zone": (40, 50, 153.6, 86),
    "left apical zone": (220, 40, 340, 78.25),
    "right hilar structures": (161.5 - 39, 132, 161.5 + 3, 198),
    "left hilar structures": ((223.7 + 225.425) / 2 - 3, 114, 225.425 + 39, 183),
    "right costophrenic angle": (33.25, 281.5, 96.25, 349),
    "left costophrenic angle": (283.75, 271.5, 346.75, 339),
    "right hemidiaphragm": (40, 272, 190, 340),
    "left hemidiaphragm": (190, 277, 340, 340),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_derived_region_lies_where_its_definition_says(landmarks: Landmarks, name: str) -> None:
    assert tuple(PARTS[name].place(landmarks)) == pytest.approx(PLACES[name], abs=0.06)


def test_a_costophrenic_angle_reaches_out_to_the_wall_above_it(landmarks: Landmarks) -> None:
    leaning = replace(lung(RIGHT_LUNG), profile=profile(40, 50, 150, 350, left_leans=-0.1))
    lungs = {**landmarks.lungs, RIGHT_LUNG: leaning}
    box = PARTS["right costophrenic angle"].place(replace(landmarks, lungs=lungs))
    wall = 40 - 0.1 * (340 - 0.08 * 450 - 50)
    assert box.x0 == pytest.approx(wall - 0.015 * 450, abs=0.06)


def test_a_narrow_heart_lies_within_the_mediastinum(landmarks: Landmarks) -> None:
    narrow = replace(landmarks, organs={HEART: profile(160, 180, 220, 310)})
    box = PARTS["mediastinum"].place(narrow)
    assert tuple(box) == pytest.approx((153.04, 40, 225.05, 310), abs=0.06)


def test_a_high_inlet_of_the_right_lung_counts_as_well(landmarks: Landmarks) -> None:
    lungs = {**landmarks.lungs, RIGHT_LUNG: lung(RIGHT_LUNG, apex=30)}
    assert PARTS["upper mediastinum"].place(replace(landmarks, lungs=lungs)).y0 == 30


@pytest.mark.parametrize(
    ("dome", "heart", "expected"),
    [
        (290, (180, 310), (183, 290)),  # down to the dome
        (260, (180, 310), (183, 271)),  # at least to 70 % of the heart's height
        (320, (180, 310), (183, 310)),  # and not beyond the heart
        (290, (200, 310), (200, 290)),  # from the heart's upper border, if that lies lower
        (200, (100, 220), (164, 200)),  # and at least over 30 % of the heart's height
    ],
)
def test_the_right_atrium_lies_in_the_lower_part_of_the_heart(
    landmarks: Landmarks,
    dome: float,
    heart: tuple[float, float],
    expected: tuple[float, float],
) -> None:
    organs = {HEART: profile(145, heart[0], 300, heart[1])}
    lungs = {**landmarks.lungs, RIGHT_LUNG: lung(RIGHT_LUNG, dome=dome)}
    box = PARTS["right atrium"].place(replace(landmarks, organs=organs, lungs=lungs))
    assert (box.y0, box.y1) == pytest.approx(expected)


def test_the_abdomen_of_a_film_that_ends_at_the_domes_is_a_tenth_of_the_chest_high(
    landmarks: Landmarks,
) -> None:
    short = replace(landmarks, frame=Box(0, 0, 400, 300))
    assert PARTS["abdomen"].place(short).y1 == 290 + 45
    left_higher = {**landmarks.lungs, LEFT_LUNG: lung(LEFT_LUNG, dome=270)}
    assert PARTS["abdomen"].place(replace(short, lungs=left_higher)).y0 == 270


def test_a_lower_zone_without_its_base_in_the_film_ends_at_the_dome(landmarks: Landmarks) -> None:
    lungs = {**landmarks.lungs, RIGHT_LUNG: lung(RIGHT_LUNG, base_cut=True)}
    assert PARTS["right lower lung zone"].place(replace(landmarks, lungs=lungs)).y1 == 290


@pytest.mark.parametrize(
    ("bottom", "expected"),
    [(95.0, 95.0), (60.0, 50 + 0.08 * 240), (200.0, 130.0)],  # within 8 to 33 % of the height
)
def test_the_apical_zone_ends_at_the_clavicle_within_limits(
    landmarks: Landmarks, bottom: float, expected: float
) -> None:
    clavicle = profile(60, bottom - 15, 140, bottom)
    organs = {**landmarks.organs, "right clavicle": clavicle}
    box = PARTS["right apical zone"].place(replace(landmarks, organs=organs))
    assert box.y1 == pytest.approx(expected)


def test_a_clavicle_beside_its_lung_says_nothing_of_the_apex(landmarks: Landmarks) -> None:
    organs = {**landmarks.organs, "right clavicle": profile(0, 80, 30, 95)}
    assert PARTS["right apical zone"].place(replace(landmarks, organs=organs)).y1 == 86


def test_a_lung_knows_its_borders_by_their_side() -> None:
    right, left = lung(RIGHT_LUNG), lung(LEFT_LUNG)
    assert (right.lateral(150), right.medial(150)) == pytest.approx((40, 160), abs=0.06)
    assert (left.lateral(140), left.medial(140)) == pytest.approx((340, 225), abs=0.06)
    assert right.medial_between(100, 200) == pytest.approx((165, 155), abs=0.06)
    assert left.medial_between(100, 200) == pytest.approx((223, 228), abs=0.06)
    assert (right.height, right.level(0.25)) == (240, 110)


def test_the_axis_of_a_chest_needs_both_lungs(landmarks: Landmarks) -> None:
    with pytest.raises(InvalidValueError, match="needs both of its lungs"):
        _ = replace(landmarks, middle=None).axis
    assert landmarks.lung(Side.LEFT).outward == 1


def straight(lean: float = 0, knob: float | None = None) -> dict[str, Profile]:
    """Lungs 40 to 150 and 250 to 360, both 50 to 350; the whole chest leans by `lean`. At the
    height `knob` the left one's medial border begins to run outwards, by 20 within 16 pixels.
    """
    right = profile(40, 50, 150, 350, left_leans=lean, right_leans=lean)
    left = profile(250, 50, 360, 350, left_leans=lean, right_leans=lean)
    if knob is not None:
        left = replace(left, left=left.left + 20 * np.clip((left.rows - knob) / 16, 0, 1))
    return {RIGHT_LUNG: right, LEFT_LUNG: left}


def axis_of(organs: dict[str, Profile]) -> Midline:
    middle = survey(organs, FRAME).middle
    assert middle is not None
    return middle


def test_the_chest_is_measured_at_three_fifths_of_the_lungs_shared_height() -> None:
    right = profile(40, 50, 150, 350, left_leans=-0.1)
    left = profile(250, 90, 360, 340, right_leans=0.2)
    level = 90 + 0.6 * (340 - 90)
    expected = (360 + 0.2 * (level - 90)) - (40 - 0.1 * (level - 50))
    width = survey({RIGHT_LUNG: right, LEFT_LUNG: left}, FRAME).width
    assert width == pytest.approx(expected, abs=0.2)


def test_one_lung_tells_the_width_of_its_chest_and_none_tells_nothing() -> None:
    assert survey({LEFT_LUNG: profile(250, 50, 350, 350)}, FRAME).width == pytest.approx(210)
    assert math.isnan(survey({}, FRAME).width)
    assert survey({LEFT_LUNG: profile(250, 50, 350, 350)}, FRAME).middle is None


def test_the_axis_lies_between_the_lungs_borders() -> None:
    axis = axis_of(straight())
    assert (axis.x, axis.slope, axis.width) == pytest.approx((200, 0, 320))
    assert axis.height == pytest.approx(50 + 0.45 * 300)


def test_the_axis_is_halfway_between_the_medial_and_the_lateral_middle() -> None:
    organs = straight()
    organs[LEFT_LUNG] = profile(270, 50, 360, 350)  # the medial middle is 210, the lateral one 200
    assert axis_of(organs).x == pytest.approx(205)


def test_of_a_medial_border_its_innermost_point_counts() -> None:
    organs = {
        RIGHT_LUNG: profile(40, 50, 150, 350, right_leans=-0.1),
        LEFT_LUNG: profile(250, 50, 360, 350, left_leans=0.1),
    }
    assert axis_of(organs).x == pytest.approx(200, abs=0.1)
    organs[LEFT_LUNG] = profile(250, 50, 360, 350, left_leans=-0.1)  # innermost is 238 then
    assert axis_of(organs).x == pytest.approx(200 - 12 / 4, abs=0.1)


def test_only_the_upper_two_fifths_of_the_medial_borders_count() -> None:
    organs = straight()
    below = organs[LEFT_LUNG].rows > 50 + 0.4 * 300 + 1
    organs[LEFT_LUNG] = replace(organs[LEFT_LUNG], left=organs[LEFT_LUNG].left - 40 * below)
    assert axis_of(organs).x == pytest.approx(200)


def test_lateral_borders_count_from_a_fifth_to_seven_tenths_of_the_height() -> None:
    organs = straight()
    outside = np.abs(organs[LEFT_LUNG].rows - (50 + 0.45 * 300)) > 0.26 * 300
    organs[LEFT_LUNG] = replace(organs[LEFT_LUNG], right=organs[LEFT_LUNG].right + 30 * outside)
    axis = axis_of(organs)
    assert (axis.x, axis.slope) == pytest.approx((200, 0))


@pytest.mark.parametrize(("lean", "slope"), [(0.05, 0), (0.17, 0.1), (-0.17, -0.1)])
def test_a_lean_counts_as_a_tilt_beyond_what_is_shape(lean: float, slope: float) -> None:
    assert axis_of(straight(lean)).slope == pytest.approx(slope, abs=1e-6)


def test_the_axis_runs_through_its_point_and_is_wrapped_by_its_boxes() -> None:
    axis = Midline(x=200, height=150, slope=-0.1, knob=0, carina=0, width=300)
    assert (axis.at(150), axis.at(250)) == (200, 190)
    assert tuple(axis.around(150, 250, 10)) == (180, 150, 210, 250)


def test_without_a_knob_the_carina_lies_in_the_middle_of_the_lungs() -> None:
    organs = straight()
    chest = survey(organs, FRAME)
    axis = axis_of(organs)
    right, left = chest.lung(Side.RIGHT), chest.lung(Side.LEFT)
    assert axis.carina == pytest.approx((right.level(0.49) + left.level(0.49)) / 2)
    assert axis.knob == pytest.approx(axis.carina - 0.17 * 320)


def test_lungs_of_different_heights_share_the_carina() -> None:
    organs = {**straight(), LEFT_LUNG: profile(250, 110, 360, 350)}
    chest = survey(organs, FRAME)
    levels = [chest.lung(side).level(0.49) for side in (Side.RIGHT, Side.LEFT)]
    assert levels[1] - levels[0] > 20
    assert axis_of(organs).carina == pytest.approx(sum(levels) / 2)


@pytest.mark.parametrize("knob", [100.0, 120.0, 150.0])
def test_the_knob_is_where_the_left_medial_border_steps_outwards(knob: float) -> None:
    axis = axis_of(straight(knob=knob))
    assert axis.knob == pytest.approx(knob, abs=0.015 * axis.width)
    assert axis.carina == pytest.approx(axis.knob + 0.17 * axis.width)


@pytest.mark.parametrize("step", [60.0, 260.0])  # in the apex; below the middle of the lung
def test_a_step_where_no_knob_lies_is_none(step: float) -> None:
    assert axis_of(straight(knob=step)).knob == axis_of(straight()).knob


@pytest.mark.parametrize(("by", "seen"), [(9.0, False), (10.5, True)])
def test_a_step_of_three_hundredths_of_the_chest_is_a_knob(by: float, seen: bool) -> None:
    organs = straight()
    border = organs[LEFT_LUNG]
    stepped = replace(border, left=border.left + by * (border.rows > 120))
    axis = axis_of({**organs, LEFT_LUNG: stepped})
    assert (axis.knob == axis_of(organs).knob) is not seen


@pytest.mark.parametrize(("height", "seen"), [(50, False), (58, True)])
def test_a_knob_needs_eight_hundredths_of_the_chest_to_be_seen_in(height: int, seen: bool) -> None:
    left = profile(250, 50, 360, 50 + height)
    stepped = replace(left, left=left.left + 11 * (left.rows > 66))
    organs = straight()
    knobs = [axis_of({**organs, LEFT_LUNG: lung}).knob for lung in (left, stepped)]
    assert (knobs[0] != knobs[1]) is seen


def test_a_larger_step_below_the_knob_is_none() -> None:
    organs = straight()
    border = organs[LEFT_LUNG]
    stepped = border.left + 11 * (border.rows > 120) + 20 * (border.rows > 146)
    axis = axis_of({**organs, LEFT_LUNG: replace(border, left=stepped)})
    assert axis.knob == pytest.approx(120, abs=0.04 * axis.width)


def test_lungs_side_by_side_form_a_chest() -> None:
    assert form_a_chest(straight())
    assert form_a_chest({RIGHT_LUNG: profile(40, 50, 150, 350)})
    assert not form_a_chest({LEFT_LUNG: straight()[RIGHT_LUNG], RIGHT_LUNG: straight()[LEFT_LUNG]})


def test_lungs_above_one_another_form_no_chest() -> None:
    one = profile(40, 50, 150, 350)
    assert not form_a_chest({RIGHT_LUNG: one, LEFT_LUNG: one})
    right, left = profile(300, 50, 400, 150), profile(200, 50, 290, 150)
    assert not form_a_chest({RIGHT_LUNG: right, LEFT_LUNG: left})


@pytest.mark.parametrize(
    ("top", "bottom", "form"), [(245, 345, True), (260, 360, False), (265, 365, False)]
)
def test_lungs_share_three_tenths_of_the_shorter_one_s_height(
    top: float, bottom: float, form: bool
) -> None:
    right, left = profile(40, 50, 150, 290), profile(250, top, 360, bottom)
    assert form_a_chest({RIGHT_LUNG: right, LEFT_LUNG: left}) is form
    above = {RIGHT_LUNG: replace(right), LEFT_LUNG: profile(250, 10, 360, 110)}
    assert form_a_chest(above)


def test_the_recess_is_the_most_lateral_of_the_lowest_points() -> None:
    falling = survey({RIGHT_LUNG: profile(40, 50, 150, 350, base_falls=-0.2)}, FRAME)
    assert falling.lung(Side.RIGHT).recess == pytest.approx((40.5, 349.9))
    flat = survey({LEFT_LUNG: profile(250, 50, 360, 350)}, FRAME)
    assert flat.lung(Side.LEFT).recess == pytest.approx((359.5, 350))


def test_a_notch_at_the_chest_wall_is_not_the_recess() -> None:
    outline = profile(250, 50, 360, 350)
    notched = replace(outline, bottom=outline.bottom - 10 * (outline.columns > 350))
    assert survey({LEFT_LUNG: notched}, FRAME).lung(Side.LEFT).recess[0] == 349.5
    shallow = replace(outline, bottom=outline.bottom - 4 * (outline.columns > 350))
    assert survey({LEFT_LUNG: shallow}, FRAME).lung(Side.LEFT).recess[0] == 359.5


def test_a_lung_of_one_column_has_its_recess_there() -> None:
    narrow = survey({LEFT_LUNG: profile(250, 50, 251, 350)}, FRAME)
    assert narrow.lung(Side.LEFT).recess == (250.5, 350)


def test_a_lung_of_two_columns_has_its_recess_in_the_outer_one() -> None:
    narrow = survey({LEFT_LUNG: profile(250, 50, 252, 350)}, FRAME)
    assert narrow.lung(Side.LEFT).recess == (251.5, 350)


def test_a_column_without_a_lateral_half_has_its_dome_at_its_lower_end() -> None:
    outline = profile(250, 50, 251, 350)
    soft = replace(outline, left=outline.left - 1)
    assert survey({RIGHT_LUNG: soft}, FRAME).lung(Side.RIGHT).dome == 350


def test_the_medial_half_of_a_lung_has_no_recess() -> None:
    outline = profile(250, 50, 360, 350, base_falls=-0.5)  # lowest beside the heart
    assert survey({LEFT_LUNG: outline}, FRAME).lung(Side.LEFT).recess[0] == pytest.approx(
        313.5, abs=1
    )


def test_the_dome_is_the_highest_tenth_of_the_base_beside_the_heart() -> None:
    outline = profile(250, 50, 360, 350, base_falls=-0.4)  # lower medially, higher laterally
    heart = profile(180, 200, 300, 340)
    dome = survey({LEFT_LUNG: outline, HEART: heart}, FRAME).lung(Side.LEFT).dome
    recess = survey({LEFT_LUNG: outline, HEART: heart}, FRAME).lung(Side.LEFT).recess[0]
    seen = [x for x in outline.columns if 300 <= x <= recess]
    assert dome == pytest.approx(350 - 0.4 * (seen[int(0.9 * (len(seen) - 1))] - 250), abs=0.4)


def test_the_dome_of_a_lung_without_a_heart_is_sought_from_its_middle_outwards() -> None:
    outline = profile(250, 50, 360, 350, base_falls=0.3)  # higher medially
    dome = survey({LEFT_LUNG: outline}, FRAME).lung(Side.LEFT).dome
    low, high = 350 + 0.3 * (305.5 - 250), 350 + 0.3 * (359.5 - 250)
    assert dome == pytest.approx(low + 0.1 * (high - low), abs=0.01)


def test_beside_a_large_heart_the_dome_is_sought_in_fifteen_hundredths_of_the_lung() -> None:
    outline = profile(40, 50, 140, 350, base_falls=-0.3)  # of a right lung, higher medially
    chest = survey({RIGHT_LUNG: outline, HEART: profile(30, 200, 250, 340)}, FRAME)
    low, high = 350, 350 - 0.3 * 15
    assert chest.lung(Side.RIGHT).dome == pytest.approx(high + 0.1 * (low - high), abs=0.4)


def test_a_dome_lies_at_most_three_tenths_of_the_chest_above_the_recess() -> None:
    outline = profile(40, 50, 140, 350)
    deep = replace(outline, bottom=np.where(outline.columns < 50, 350.0, 200.0))
    assert survey({RIGHT_LUNG: deep}, FRAME).lung(Side.RIGHT).dome == pytest.approx(350 - 63)


def test_a_lung_that_the_film_ends_before_has_a_dome_by_its_usual_height() -> None:
    cut = survey({RIGHT_LUNG: profile(40, 200, 140, 400)}, FRAME).lung(Side.RIGHT)
    assert cut.base_cut
    assert cut.dome == pytest.approx(max(400, 200 + 0.79 * 210))
    low = survey({RIGHT_LUNG: profile(40, 300, 140, 400)}, FRAME).lung(Side.RIGHT)
    assert low.dome == pytest.approx(300 + 0.79 * 210)
    assert low.recess == pytest.approx((40.5, low.dome + 0.12 * 210))


@pytest.mark.parametrize(("bottom", "cut"), [(398.0, True), (397.0, False)])
def test_a_lung_is_cut_where_it_ends_within_six_thousandths_of_the_film_s_height(
    bottom: float, cut: bool
) -> None:
    outline = profile(40, 50, 140, bottom)
    assert survey({RIGHT_LUNG: outline}, FRAME).lung(Side.RIGHT).base_cut is cut


@pytest.mark.parametrize(("part", "cut"), [(0.3, False), (0.36, True)])
def test_a_lung_is_cut_where_a_third_of_its_base_ends_with_the_film(part: float, cut: bool) -> None:
    outline = profile(40, 50, 140, 350)
    bottom = np.where(outline.columns < 40 + 100 * part, 400.0, 350.0)
    organs = {RIGHT_LUNG: replace(outline, bottom=bottom)}
    assert survey(organs, FRAME).lung(Side.RIGHT).base_cut is cut


def test_a_lung_that_the_film_begins_within_has_an_apex_by_its_usual_height() -> None:
    cut = survey({RIGHT_LUNG: profile(40, 0, 140, 100)}, FRAME).lung(Side.RIGHT)
    assert not cut.base_cut
    assert cut.apex == pytest.approx(100 - 0.79 * 210)
    tall = survey({RIGHT_LUNG: profile(40, 0, 140, 300)}, FRAME).lung(Side.RIGHT)
    assert tall.apex == 0


def test_a_recess_below_the_film_lies_an_eighth_of_the_chest_lower() -> None:
    outline = profile(40, 50, 140, 350)
    tip = replace(outline, bottom=np.where(outline.columns < 60, 399.0, 350.0))
    lung = survey({RIGHT_LUNG: tip}, FRAME).lung(Side.RIGHT)
    assert not lung.base_cut
    assert lung.recess == pytest.approx((40.5, 399 + 0.12 * 210))
