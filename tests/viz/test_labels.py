from itertools import combinations, pairwise

import pytest

from grounded import Box, Line
from grounded.viz.labels import Spot, Wanted, line_boxes, line_spots, mark_spots, place_labels
from grounded.viz.marks import marks_of

FRAME = Box(0, 0, 400, 300)


PLACE = Box(100, 100, 160, 140)


def wanted(count, size=(60, 20), names=PLACE):
    spots = (Spot(names.x0, names.y0, 1, 1), Spot(names.x0, names.y1, 1, -1))
    return [Wanted(str(number), (1, 2, 3), size, names, spots) for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 12])
def test_labels_of_one_place_do_not_cover_one_another(count):
    placed = place_labels(wanted(count), FRAME)
    assert len(placed) == count
    assert not any(a.box.overlap(b.box) for a, b in combinations(placed, 2))


def test_a_label_takes_its_best_spot_when_it_is_free():
    [label] = place_labels(wanted(1), FRAME)
    assert tuple(label.box) == (100, 100, 160, 120)
    assert not label.moved


def test_a_label_that_had_to_move_says_so_and_keeps_its_anchor():
    *_, last = place_labels(wanted(6), FRAME)
    assert last.moved
    assert Box(99, 99, 161, 141).contains(*last.anchor)


def test_labels_stay_inside_of_the_film():
    corner = Wanted("far", (1, 2, 3), (60, 20), Box(390, 290, 399, 299), (Spot(399, 299, 1, 1),))
    [label] = place_labels([corner], FRAME)
    assert tuple(label.box) == (340, 280, 400, 300)


def test_more_labels_than_there_is_room_for_are_all_placed():
    crowd = wanted(40, size=(30, 10), names=Box(5, 5, 15, 15))
    assert len(place_labels(crowd, Box(0, 0, 64, 64))) == 40


def test_no_labels_are_fine():
    assert place_labels([], FRAME) == []


def test_the_label_of_an_outline_hangs_on_its_upper_lateral_border(drawn):
    mark = marks_of(drawn)[0]
    spot = mark_spots(mark, drawn.image.frame)[0]
    assert spot.x < mark.region.box.center[0]
    assert spot.y < mark.region.box.center[1]


def test_a_small_box_is_labelled_outside_of_itself(drawn):
    mark = marks_of(drawn)[3]
    wide = Box(0, 0, 10_000, 10_000)
    assert mark_spots(mark, wide)[0].down == -1
    assert mark_spots(mark, drawn.image.frame)[0].down == 1


@pytest.mark.parametrize(
    ("line", "side"), [(Line(0, 50, 100, 50), (0, -1)), (Line(50, 0, 50, 100), (1, 0))]
)
def test_the_value_stands_beside_its_line(line, side):
    assert (line_spots(line)[0].right, line_spots(line)[0].down) == side


def test_a_label_keeps_away_from_what_is_taken():
    line = Line(100, 150, 200, 150)
    taken = line_boxes(line, 8)
    label = Wanted("value", (1, 2, 3), (60, 20), Box(100, 142, 200, 158), line_spots(line))
    [placed] = place_labels([label], FRAME, taken)
    assert not any(placed.box.overlap(box) for box in taken)
    assert not placed.moved


def test_boxes_along_a_line_leave_no_gap():
    boxes = line_boxes(Line(0, 0, 30, 40), 6)
    assert boxes[0].center == (0, 0)
    assert boxes[-1].center == (30, 40)
    assert all(one.overlap(other) > 0 for one, other in pairwise(boxes))


def test_a_line_of_no_length_has_boxes_too():
    assert len(line_boxes(Line(5, 5, 5, 5), 6)) == 2
