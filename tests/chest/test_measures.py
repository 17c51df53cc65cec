from collections.abc import Callable
from dataclasses import replace

import pytest

from grounded.chest import measures
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Chest, NotMeasurable
from grounded.evidence import Measurement
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.image import ImageInfo

from ..generators.conftest import (
    SIDE,
    Ask,
    Shape,
    chest_of,
    ellipse,
    mask_of,
    rectangle,
    regions_of,
    turned,
)

Shapes = dict[str, Shape]


def drawn(measurement: Measurement) -> list[tuple[float, float, float, float]]:
    return [(line.x0, line.y0, line.x1, line.y1) for line in measurement.lines]


def labels(measurement: Measurement) -> list[str]:
    return [line.label for line in measurement.lines]


def near(*lines: tuple[float, float, float, float], by: float = 0.6) -> list[object]:
    return [pytest.approx(line, abs=by) for line in lines]


def trapezoid(x0: float, x1: float, top: float, base: float, falls: float) -> Shape:
    """An upright band whose base falls by so much a pixel to the right of `x0`."""
    return lambda x, y: (x >= x0) & (x < x1) & (y >= top) & (y < base + falls * (x - x0))


@pytest.mark.parametrize("cell", [1.0, 2.0, 4.0])
def test_the_cardiothoracic_ratio_is_heart_over_chest_at_any_grid(
    chest_shapes: Shapes, cell: float
) -> None:
    ratio = measures.cardiothoracic_ratio(chest_of(chest_shapes, cell))
    assert ratio.value == pytest.approx(90 / 200, abs=0.004)


@pytest.mark.parametrize("offset", [0.25, 0.5])
def test_the_ratio_does_not_depend_on_where_the_pixels_lie(
    chest_shapes: Shapes, offset: float
) -> None:
    chest_shapes[HEART] = ellipse(146 + offset, 160 + offset, 45, 35)
    assert measures.cardiothoracic_ratio(chest_of(chest_shapes)).value == pytest.approx(
        0.45, abs=0.003
    )


@pytest.mark.parametrize("degrees", [-5.0, 5.0])
def test_the_ratio_of_a_tilted_chest_moves_little(degrees: float) -> None:
    shapes: Shapes = {
        RIGHT_LUNG: ellipse(70, 120, 40, 80),
        LEFT_LUNG: ellipse(190, 120, 40, 80),
        HEART: ellipse(140, 150, 45, 40),
    }
    tilted = {name: turned(shape, degrees, 128, 128) for name, shape in shapes.items()}
    straight = measures.cardiothoracic_ratio(chest_of(shapes)).value
    assert measures.cardiothoracic_ratio(chest_of(tilted)).value == pytest.approx(
        straight, abs=0.01
    )


@pytest.mark.parametrize("expected", [0.38, 0.5, 0.62])
def test_the_ratio_of_a_phantom_is_the_one_it_was_made_with(expected: float, ask: Ask) -> None:
    question = ask(ratio=expected)
    chest = Chest.of(question.found, question.image.info)
    assert measures.cardiothoracic_ratio(chest).value == pytest.approx(expected, abs=0.004)


def test_the_lines_of_the_ratio_are_the_two_diameters(chest_shapes: Shapes) -> None:
    right, left, thorax = measures.cardiothoracic_ratio(chest_of(chest_shapes)).lines
    assert right.length + left.length == pytest.approx(90, abs=0.5)
    assert right.x1 == left.x0
    assert thorax.length == pytest.approx(200, abs=0.5)
    assert {line.y0 - line.y1 for line in (right, left, thorax)} == {0}


def test_without_a_heart_there_is_no_ratio(chest_shapes: Shapes) -> None:
    del chest_shapes[HEART]
    with pytest.raises(NotMeasurable, match="the cardiac silhouette was not found"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_a_lung_that_leaves_the_film_sideways_makes_the_ratio_meaningless(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, 40, 400, 200)
    with pytest.raises(NotMeasurable, match="left lung reaches the right edge of the picture"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_a_film_that_ends_within_the_heart_has_no_ratio(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = ellipse(146, 240, 45, 35)
    with pytest.raises(NotMeasurable, match="silhouette reaches the lower edge"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_a_film_that_ends_above_both_bases_has_no_ratio(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 106, 300)
    assert measures.cardiothoracic_ratio(chest_of(chest_shapes)).value > 0
    chest_shapes[LEFT_LUNG] = rectangle(146, 40, 236, 300)
    with pytest.raises(NotMeasurable, match="ends above the bases of the lungs"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_a_tiny_outline_is_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = rectangle(140, 140, 144, 144)
    with pytest.raises(NotMeasurable, match="outline of the cardiac silhouette is too small"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_a_region_that_has_only_a_box_is_not_measured(chest_shapes: Shapes) -> None:
    masks = {name: mask_of(shape) for name, shape in chest_shapes.items()}
    found = regions_of({**masks, RIGHT_LUNG: None})
    with pytest.raises(NotMeasurable, match="the right lung has no outline"):
        measures.cardiothoracic_ratio(Chest.of(found, ImageInfo(SIDE, SIDE)))


def test_lungs_on_the_wrong_sides_are_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG], chest_shapes[LEFT_LUNG] = (
        rectangle(146, 40, 236, 200),
        rectangle(36, 40, 106, 190),
    )
    with pytest.raises(NotMeasurable, match="do not lie on the sides"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


@pytest.mark.parametrize(("top", "base"), [(10, 60), (190, 240)])
def test_lungs_lie_on_their_sides_wherever_in_the_film(
    chest_shapes: Shapes, top: float, base: float
) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, top, 106, base)
    chest_shapes[LEFT_LUNG] = rectangle(146, top, 236, base)
    assert measures.thoracic_diameter(chest_of(chest_shapes)) == pytest.approx(200, abs=0.5)


def test_lungs_in_one_place_are_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = chest_shapes[RIGHT_LUNG]
    with pytest.raises(NotMeasurable, match="do not lie on the sides"):
        measures.thoracic_diameter(chest_of(chest_shapes))


def test_a_heart_wider_than_the_chest_is_not_measured(chest_shapes: Shapes) -> None:
    for heart in (ellipse(128, 160, 110, 35), rectangle(36, 120, 236, 190)):
        chest_shapes[HEART] = heart
        with pytest.raises(NotMeasurable, match="wider than the chest"):
            measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_the_height_of_a_lung_goes_from_apex_to_base(chest_shapes: Shapes) -> None:
    height = measures.lung_height(chest_of(chest_shapes), LEFT_LUNG)
    assert height.value == pytest.approx(160, abs=0.5)
    assert height.lines[0].length == pytest.approx(160, abs=0.5)


def test_a_higher_left_lung_gives_a_positive_difference(chest_shapes: Shapes) -> None:
    difference = measures.lung_height_difference(chest_of(chest_shapes))
    assert difference.value == pytest.approx((160 - 150) / 155, abs=0.005)


def test_a_dome_behind_the_heart_is_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = ellipse(170, 160, 60, 35)
    with pytest.raises(NotMeasurable, match="the heart hides the dome under the left lung"):
        measures.lung_height_difference(chest_of(chest_shapes))


def test_a_lung_cut_below_has_no_height(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 106, 300)
    with pytest.raises(NotMeasurable, match="right lung reaches the lower edge"):
        measures.lung_height(chest_of(chest_shapes), RIGHT_LUNG)


def test_a_lung_cut_above_has_no_height(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, -10, 236, 200)
    with pytest.raises(NotMeasurable, match="left lung reaches the upper edge"):
        measures.lung_height(chest_of(chest_shapes), LEFT_LUNG)


def test_the_share_of_the_right_lung_is_one_of_areas(chest_shapes: Shapes) -> None:
    share = measures.right_area_share(chest_of(chest_shapes))
    right, left = 70 * 150, 90 * 160
    assert share.value == pytest.approx(right / (right + left), abs=0.001)


def test_the_heart_lies_off_centre_by_what_it_was_moved(chest_shapes: Shapes) -> None:
    position = measures.heart_position(chest_of(chest_shapes))
    assert position.value == pytest.approx((146 - 136) / 200, abs=0.002)
    chest_shapes[HEART] = ellipse(126, 160, 45, 35)
    assert measures.heart_position(chest_of(chest_shapes)).value == pytest.approx(
        -10 / 200, abs=0.002
    )


@pytest.mark.parametrize("measure", [measures.heart_position, measures.cardiothoracic_ratio])
@pytest.mark.parametrize(
    ("x", "y", "edge"), [(40, 160, "left"), (216, 160, "right"), (146, 226, "lower")]
)
def test_a_heart_that_the_film_cuts_is_not_measured(
    chest_shapes: Shapes,
    x: float,
    y: float,
    edge: str,
    measure: Callable[[Chest], Measurement],
) -> None:
    chest_shapes[HEART] = ellipse(x, y, 45, 35)
    with pytest.raises(NotMeasurable, match=f"silhouette reaches the {edge} edge"):
        measure(chest_of(chest_shapes))


@pytest.mark.parametrize(("top", "base", "edge"), [(-10, 190, "upper"), (40, 300, "lower")])
def test_lungs_that_are_cut_have_no_upper_mediastinum(
    chest_shapes: Shapes, top: float, base: float, edge: str
) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, top, 106, base)
    for measure in (measures.upper_mediastinum_position, measures.upper_mediastinum_width):
        with pytest.raises(NotMeasurable, match=f"right lung reaches the {edge} edge"):
            measure(chest_of(chest_shapes))


def test_a_right_lung_that_leaves_the_film_sideways_is_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(-50, 40, 106, 190)
    with pytest.raises(NotMeasurable, match="right lung reaches the left edge of the picture"):
        measures.thoracic_diameter(chest_of(chest_shapes))


def test_position_and_width_of_the_upper_mediastinum_follow_the_gap(chest_shapes: Shapes) -> None:
    chest = chest_of(chest_shapes)
    assert measures.upper_mediastinum_width(chest).value == pytest.approx(40 / 200, abs=0.002)
    assert measures.upper_mediastinum_position(chest).value == pytest.approx(
        (126 - 136) / 200, abs=0.002
    )


@pytest.mark.parametrize("degrees", [-5.0, 5.0])
def test_the_positions_survive_a_tilt(chest_shapes: Shapes, degrees: float) -> None:
    tilted = chest_of({n: turned(s, degrees, 128, 128) for n, s in chest_shapes.items()})
    straight = chest_of(chest_shapes)
    for measure in (measures.heart_position, measures.upper_mediastinum_position):
        assert measure(tilted).value == pytest.approx(measure(straight).value, abs=0.012)


def test_lungs_that_end_above_the_middle_of_the_heart_give_it_no_position(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 106, 140)
    chest_shapes[LEFT_LUNG] = rectangle(146, 40, 236, 140)
    with pytest.raises(NotMeasurable, match="do not reach down to the middle of the heart"):
        measures.heart_position(chest_of(chest_shapes))


@pytest.mark.parametrize(
    "measure", [measures.upper_mediastinum_position, measures.upper_mediastinum_width]
)
def test_without_both_lungs_beside_the_aortic_arch_the_mediastinum_is_not_measured(
    chest_shapes: Shapes, measure: Callable[[Chest], Measurement]
) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, 180, 236, 240)
    with pytest.raises(NotMeasurable, match="do not both reach the height of the aortic arch"):
        measure(chest_of(chest_shapes))


def test_lungs_above_one_another_have_no_common_width(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, 205, 236, 245)
    with pytest.raises(NotMeasurable, match="do not lie beside one another"):
        measures.cardiothoracic_ratio(chest_of(chest_shapes))


def test_the_ratio_of_boxes_is_heart_over_chest() -> None:
    boxes = {
        HEART: Box(30, 50, 70, 80),
        RIGHT_LUNG: Box(0, 0, 40, 80),
        LEFT_LUNG: Box(60, 0, 100, 80),
    }
    assert measures.ratio_of_boxes(boxes) == pytest.approx(0.4)


def test_the_ratio_of_boxes_needs_no_pixels() -> None:
    boxes = {
        HEART: Box(0.3, 0.5, 0.7, 0.8),
        RIGHT_LUNG: Box(0, 0, 0.4, 0.8),
        LEFT_LUNG: Box(0.5, 0, 0.8, 0.8),
    }
    assert measures.ratio_of_boxes(boxes) == pytest.approx(0.5)


def test_without_a_lung_or_with_lungs_the_wrong_way_round_there_is_no_ratio_of_boxes() -> None:
    heart = Box(30, 50, 70, 80)
    assert measures.ratio_of_boxes({HEART: heart, RIGHT_LUNG: Box(0, 0, 40, 80)}) is None
    turned = {HEART: heart, RIGHT_LUNG: Box(90, 0, 100, 80), LEFT_LUNG: Box(0, 0, 40, 80)}
    assert measures.ratio_of_boxes(turned) is None


def test_a_value_at_the_limit_is_as_likely_on_either_side() -> None:
    verdict = measures.CARDIOTHORACIC_RATIO.judge(0.5)
    assert (verdict.presence, verdict.score) == ("uncertain", 0.5)


def test_the_score_is_the_normal_distribution_of_the_distance_to_the_limit() -> None:
    reference = measures.CARDIOTHORACIC_RATIO
    verdict = reference.judge(0.5 + 2 * reference.error)
    assert verdict.presence == "present"
    assert verdict.score == pytest.approx(0.97725, abs=1e-4)


def test_a_sharp_limit_is_uncertain_on_both_sides_and_a_range_only_outside() -> None:
    sharp, span = measures.CARDIOTHORACIC_RATIO, measures.RIGHT_AREA_SHARE
    assert sharp.judge(0.5 - sharp.error).presence == "uncertain"
    assert span.judge(span.normal[1] - 0.5 * span.error).presence == "absent"
    assert span.judge(span.normal[1] + 0.5 * span.error).presence == "uncertain"


@pytest.mark.parametrize(("value", "side"), [(0.4, -1), (0.7, 1)])
def test_a_range_is_judged_on_both_sides(value: float, side: int) -> None:
    verdict = measures.RIGHT_AREA_SHARE.judge(value)
    assert (verdict.presence, verdict.side) == ("present", side)


def test_a_small_value_of_a_one_sided_limit_is_no_finding() -> None:
    assert measures.CARDIOTHORACIC_RATIO.judge(0.2).presence == "absent"


@pytest.mark.parametrize(("width", "possible"), [(20, False), (45, True), (78, True), (88, False)])
def test_a_ratio_that_no_chest_has_is_not_measured(
    chest_shapes: Shapes, width: float, possible: bool
) -> None:
    chest_shapes[HEART] = ellipse(146, 160, width, 35)
    chest = chest_of(chest_shapes)
    if possible:
        assert measures.cardiothoracic_ratio(chest).value == pytest.approx(width / 100, abs=0.01)
    else:
        with pytest.raises(NotMeasurable, match="is not possible"):
            measures.cardiothoracic_ratio(chest)


MEASURES: dict[str, tuple[Callable[[Chest], Measurement], measures.ReferenceRange]] = {
    "cardiothoracic ratio": (measures.cardiothoracic_ratio, measures.CARDIOTHORACIC_RATIO),
    "difference in lung height": (
        measures.lung_height_difference,
        measures.LUNG_HEIGHT_DIFFERENCE,
    ),
    "right lung's share of the area": (measures.right_area_share, measures.RIGHT_AREA_SHARE),
    "position of the heart": (measures.heart_position, measures.HEART_POSITION),
    "position of the upper mediastinum": (
        measures.upper_mediastinum_position,
        measures.UPPER_MEDIASTINUM_POSITION,
    ),
    "width of the upper mediastinum": (
        measures.upper_mediastinum_width,
        measures.UPPER_MEDIASTINUM_WIDTH,
    ),
}


@pytest.mark.parametrize("name", MEASURES)
def test_a_measurement_names_itself_its_range_and_its_source(
    chest_shapes: Shapes, name: str
) -> None:
    measure, reference = MEASURES[name]
    found = measure(chest_of(chest_shapes))
    assert (found.name, found.unit, found.source) == (name, "1", reference.source)
    assert (found.normal, found.tolerance) == (reference.normal, 1.645 * reference.error)


def test_the_height_of_a_lung_is_in_pixels_and_names_its_definition(chest_shapes: Shapes) -> None:
    height = measures.lung_height(chest_of(chest_shapes), RIGHT_LUNG)
    assert (height.name, height.unit) == ("height of the right lung", "{pixels}")
    assert height.source == "definition: apex to the highest point of the visible base"
    assert (height.normal, height.tolerance) == (None, 0)


def test_another_range_than_the_usual_one_is_kept(chest_shapes: Shapes) -> None:
    chest = chest_of(chest_shapes)
    found = measures.cardiothoracic_ratio(chest, measures.CARDIOTHORACIC_RATIO_AP)
    assert found.normal == (0, 0.56)


def test_the_cardiac_diameter_meets_at_the_centre_of_the_chest(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = turned(ellipse(146, 160, 45, 35), 20, 146, 160)
    found = measures.cardiothoracic_ratio(chest_of(chest_shapes))
    right, left, thorax = drawn(found)
    heart = chest_of(chest_shapes).outlines[HEART]
    assert (right[0], left[2]) == pytest.approx((heart.box.x0, heart.box.x1))
    assert right[2] == left[0] == pytest.approx(136, abs=0.5)
    assert right[1] < 158  # the rightmost point lies above the middle of a turned heart
    assert left[1] > 162
    assert (thorax[0], thorax[2]) == pytest.approx((36, 236), abs=0.5)
    assert labels(found) == [
        "cardiac diameter, right part",
        "cardiac diameter, left part",
        "thoracic diameter",
    ]


@pytest.mark.parametrize(("heart", "meet"), [(195, 162 + 6.6), (75, 108 - 6.6)])
def test_a_heart_beside_the_centre_keeps_a_tenth_of_its_diameter_there(
    chest_shapes: Shapes, heart: float, meet: float
) -> None:
    chest_shapes[HEART] = ellipse(heart, 160, 33, 35)
    right, left, _ = drawn(measures.cardiothoracic_ratio(chest_of(chest_shapes)))
    assert right[2] == left[0] == pytest.approx(meet, abs=0.6)


def test_the_thoracic_diameter_is_drawn_where_the_chest_is_widest(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = ellipse(71, 120, 35, 75)
    chest_shapes[LEFT_LUNG] = ellipse(191, 120, 45, 75)
    found = measures.cardiothoracic_ratio(chest_of(chest_shapes))
    assert drawn(found)[2:] == near((36, 120, 236, 120), by=3.5)


def test_the_chest_is_drawn_where_it_is_widest_whichever_lung_is_the_larger(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[RIGHT_LUNG] = ellipse(81, 120, 45, 75)
    chest_shapes[LEFT_LUNG] = ellipse(201, 120, 35, 75)
    found = measures.cardiothoracic_ratio(chest_of(chest_shapes))
    assert drawn(found)[2:] == near((36, 120, 236, 120), by=3.5)


def test_the_lines_of_a_lung_s_height_are_the_height_and_the_level_of_the_dome(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[LEFT_LUNG] = trapezoid(146, 236, 40, 160, 0.5)
    found = measures.lung_height(chest_of(chest_shapes), LEFT_LUNG)
    height, dome = found.lines
    assert height.x0 == height.x1
    assert (height.y0, height.y1) == pytest.approx((40, dome.y0), abs=0.5)
    assert found.value == pytest.approx(dome.y0 - 40, abs=0.5)
    assert dome.y0 == dome.y1
    assert dome.x0 == min(height.x0, dome.x0)
    assert labels(found) == ["height of the left lung", "dome, left lung"]


def test_the_dome_is_read_clear_of_the_heart(chest_shapes: Shapes) -> None:
    """A twentieth of the lung's width beside it, where the base is highest medially."""
    chest_shapes[LEFT_LUNG] = trapezoid(146, 236, 40, 160, 0.5)
    chest = chest_of(chest_shapes)
    x = 191 + 0.05 * 90
    expected = (x, 160 + 0.5 * (x - 146))
    assert measures.visible_dome(chest, chest.outlines[LEFT_LUNG], LEFT_LUNG) == pytest.approx(
        expected, abs=0.8
    )


def test_the_dome_of_the_right_lung_is_read_to_the_heart_s_right_border(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[RIGHT_LUNG] = trapezoid(36, 106, 40, 200, -0.5)  # higher medially
    chest_shapes[HEART] = ellipse(146, 160, 55, 35)  # from 91 on
    chest = chest_of(chest_shapes)
    x = 91 - 0.05 * 70
    expected = (x, 200 - 0.5 * (x - 36))
    assert measures.visible_dome(chest, chest.outlines[RIGHT_LUNG], RIGHT_LUNG) == pytest.approx(
        expected, abs=0.8
    )


def test_the_dome_is_read_clear_of_the_recess_s_tip(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = trapezoid(146, 236, 40, 210, -0.25)  # higher laterally
    chest = chest_of(chest_shapes)
    x = 236 - 0.02 * 90
    expected = (x, 210 - 0.25 * (x - 146))
    assert measures.visible_dome(chest, chest.outlines[LEFT_LUNG], LEFT_LUNG) == pytest.approx(
        expected, abs=0.8
    )


def test_a_heart_that_does_not_reach_a_lung_hides_nothing_of_its_base(
    chest_shapes: Shapes,
) -> None:
    chest_shapes[LEFT_LUNG] = trapezoid(146, 236, 40, 160, 0.5)
    chest_shapes[HEART] = ellipse(100, 160, 30, 35)
    chest = chest_of(chest_shapes)
    x, y = measures.visible_dome(chest, chest.outlines[LEFT_LUNG], LEFT_LUNG)
    assert (x, y) == pytest.approx((146, 160), abs=3)


@pytest.mark.parametrize(("border", "seen"), [(210.5, True), (213, False)])
def test_a_dome_needs_a_fifth_of_the_lung_s_width_in_sight(
    chest_shapes: Shapes, border: float, seen: bool
) -> None:
    """From 0.05 of its 90 pixels beside the heart to 0.02 beside its recess."""
    chest_shapes[HEART] = ellipse(border - 45, 160, 45, 35)
    chest = chest_of(chest_shapes)
    if seen:
        assert measures.lung_height(chest, LEFT_LUNG).value == pytest.approx(160, abs=0.5)
    else:
        with pytest.raises(NotMeasurable, match="the heart hides the dome under the left lung"):
            measures.lung_height(chest, LEFT_LUNG)


def test_the_difference_in_height_shows_the_lines_of_both_lungs(chest_shapes: Shapes) -> None:
    found = measures.lung_height_difference(chest_of(chest_shapes))
    assert labels(found) == [
        "height of the right lung",
        "dome, right lung",
        "height of the left lung",
        "dome, left lung",
    ]


def test_the_share_of_the_area_shows_each_lung_s_width_at_its_centroid(
    chest_shapes: Shapes,
) -> None:
    found = measures.right_area_share(chest_of(chest_shapes))
    assert drawn(found) == near((36, 115, 106, 115), (146, 120, 236, 120))
    assert labels(found) == ["right lung at its centroid", "left lung at its centroid"]


def test_the_width_of_a_lung_is_that_of_its_row(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = lambda x, y: (
        (abs(x - 66 - 0.2 * (y - 115)) < 25) & (abs(y - 115) < 75)
    )
    right, _ = drawn(measures.right_area_share(chest_of(chest_shapes)))
    assert right == pytest.approx((41, 115, 91, 115), abs=0.6)


@pytest.mark.parametrize(("name", "edge"), [(RIGHT_LUNG, "upper"), (LEFT_LUNG, "lower")])
def test_lungs_that_are_cut_have_no_share_of_the_area(
    chest_shapes: Shapes, name: str, edge: str
) -> None:
    x0, x1 = (36, 106) if name == RIGHT_LUNG else (146, 236)
    top, base = (-10, 190) if edge == "upper" else (40, 290)
    chest_shapes[name] = rectangle(x0, top, x1, base)
    with pytest.raises(NotMeasurable, match=f"the {name} reaches the {edge} edge"):
        measures.right_area_share(chest_of(chest_shapes))


def test_the_heart_s_position_is_drawn_at_its_centroid(chest_shapes: Shapes) -> None:
    found = measures.heart_position(chest_of(chest_shapes))
    assert drawn(found) == near((136, 160, 146, 160), (136, 125, 136, 195))
    assert labels(found) == ["to the centre of the heart", "centre of the chest"]


def test_the_upper_mediastinum_s_position_is_drawn_at_the_height_of_the_arch(
    chest_shapes: Shapes,
) -> None:
    """0.20 to 0.32 of the lungs' mean height, 155, below the lower one of the apices, 40."""
    found = measures.upper_mediastinum_position(chest_of(chest_shapes))
    assert drawn(found) == near((136, 80.3, 126, 80.3), (136, 71, 136, 89.6))
    assert labels(found) == ["to the centre of the upper mediastinum", "centre of the chest"]


def test_the_arch_lies_below_the_lower_one_of_the_apices(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, 60, 236, 200)
    _, centre = drawn(measures.upper_mediastinum_position(chest_of(chest_shapes)))
    height = (150 + 140) / 2
    assert (centre[1], centre[3]) == pytest.approx((60 + 0.2 * height, 60 + 0.32 * height), abs=0.5)


def test_the_upper_mediastinum_s_position_is_the_mean_over_the_arch(chest_shapes: Shapes) -> None:
    """Where the left lung's border runs outwards, the centre moves by half of that."""
    chest_shapes[LEFT_LUNG] = lambda x, y: (
        (x >= 146 + 0.6 * (y - 71)) & (x < 236) & (y >= 40) & (y < 200)
    )
    found = measures.upper_mediastinum_position(chest_of(chest_shapes))
    mean = (106 + 146 + 0.6 * (80.3 - 71)) / 2 - 136
    assert found.value == pytest.approx(mean / 200, abs=0.003)


def test_the_upper_mediastinum_is_measured_where_it_is_widest(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = lambda x, y: (x >= 146 - (y - 71)) & (x < 236) & (y >= 40) & (y < 200)
    found = measures.upper_mediastinum_width(chest_of(chest_shapes))
    assert drawn(found) == near((106, 71, 146, 71), by=0.8)
    assert labels(found) == ["upper mediastinum"]
    assert found.value == pytest.approx(40 / 200, abs=0.005)


def test_the_upper_mediastinum_may_be_widest_at_the_foot_of_the_arch(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = lambda x, y: (x >= 36) & (x < 177 - y) & (y >= 40) & (y < 140)
    found = measures.upper_mediastinum_width(chest_of(chest_shapes))
    foot = 40 + 0.32 * (100 + 160) / 2
    assert drawn(found) == near((177 - foot, foot, 146, foot), by=0.8)


def test_lungs_that_overlap_at_the_arch_leave_no_upper_mediastinum(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 150, 190)
    with pytest.raises(NotMeasurable, match="do not both reach the height of the aortic arch"):
        measures.upper_mediastinum_width(chest_of(chest_shapes))


def test_lungs_that_touch_at_the_arch_leave_no_upper_mediastinum(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 146, 190)
    with pytest.raises(NotMeasurable, match="do not both reach the height of the aortic arch"):
        measures.upper_mediastinum_width(chest_of(chest_shapes))


def test_the_limits_of_what_is_possible_are_possible(chest_shapes: Shapes) -> None:
    chest = chest_of(chest_shapes)
    ratio = measures.cardiothoracic_ratio(chest).value
    for possible in ((ratio, 0.8), (0.25, ratio)):
        reference = replace(measures.CARDIOTHORACIC_RATIO, possible=possible)
        assert measures.cardiothoracic_ratio(chest, reference).value == ratio


def test_the_thoracic_diameter_goes_from_lung_to_lung(chest_shapes: Shapes) -> None:
    assert measures.thoracic_diameter(chest_of(chest_shapes)) == pytest.approx(200, abs=0.5)


def test_lungs_whose_outer_borders_meet_have_no_ratio_of_boxes() -> None:
    boxes = {
        HEART: Box(30, 50, 70, 80),
        RIGHT_LUNG: Box(40, 0, 50, 80),
        LEFT_LUNG: Box(30, 0, 40, 80),
    }
    assert measures.ratio_of_boxes(boxes) is None


@pytest.mark.parametrize(
    ("value", "presence", "side"),
    [
        (0.40, Presence.PRESENT, -1),
        (0.48, Presence.PRESENT, -1),
        (0.49, Presence.UNCERTAIN, -1),
        (0.506, Presence.ABSENT, -1),  # shown as 51 %, as the limit is
        (0.55, Presence.ABSENT, -1),
        (0.56, Presence.ABSENT, 1),
        (0.604, Presence.ABSENT, 1),
        (0.61, Presence.UNCERTAIN, 1),
        (0.63, Presence.PRESENT, 1),
    ],
)
def test_a_range_from_51_to_60_percent_is_judged_as_it_is_shown(
    value: float, presence: Presence, side: int
) -> None:
    verdict = measures.RIGHT_AREA_SHARE.judge(value)
    assert (verdict.presence, verdict.side) == (presence, side)


@pytest.mark.parametrize(
    ("value", "presence"),
    [
        (0.46, Presence.ABSENT),
        (0.47, Presence.UNCERTAIN),
        (0.53, Presence.UNCERTAIN),
        (0.54, Presence.PRESENT),
    ],
)
def test_a_sharp_limit_is_certain_beyond_its_tolerance(value: float, presence: Presence) -> None:
    verdict = measures.CARDIOTHORACIC_RATIO.judge(value)
    assert (verdict.presence, verdict.side) == (presence, 1)


def test_the_score_below_the_range_is_that_of_the_lower_limit() -> None:
    reference = measures.RIGHT_AREA_SHARE
    assert reference.judge(0.51 - reference.error).score == pytest.approx(0.84134, abs=1e-4)
    assert reference.judge(0.51 + reference.error).score == pytest.approx(0.84134, abs=1e-4)


def test_a_value_far_below_a_one_sided_limit_is_surely_no_finding() -> None:
    verdict = measures.CARDIOTHORACIC_RATIO.judge(0.2)
    assert (verdict.presence, verdict.side) == (Presence.ABSENT, 1)
    assert verdict.score == pytest.approx(1)
    assert measures.CARDIOTHORACIC_RATIO.judge(0.24).score == pytest.approx(1)
    low = measures.ReferenceRange((0.0, 0.5), 0.2, "made up", sharp=True)
    assert low.judge(0.2).score == pytest.approx(0.9332, abs=1e-4)  # 0.3 below the high limit
