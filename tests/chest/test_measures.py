from collections.abc import Callable

import pytest

from grounded.chest import measures
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Chest, NotMeasurable
from grounded.evidence import Measurement
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


def test_a_heart_wider_than_the_chest_is_not_measured(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = ellipse(128, 160, 110, 35)
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
