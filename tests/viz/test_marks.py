from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, Heatmap, Mask, Regions
from grounded.errors import ReportError
from grounded.viz.marks import (
    closed_lines,
    corners,
    film_of,
    heat_maximum,
    heat_top,
    is_crowded,
    marks_in,
    marks_of,
    owner,
)


def test_regions_are_numbered_in_the_order_of_the_report(drawn):
    assert [(mark.number, mark.name) for mark in marks_of(drawn)] == [
        (1, "right lung"),
        (2, "left lung"),
        (3, "cardiac silhouette"),
        (4, "spine"),
    ]


def test_a_mark_knows_the_sentences_that_point_at_it(drawn):
    marks = marks_of(drawn)
    assert [mark.sentences for mark in marks] == [(1, 3, 4), (2,), (3,), ()]
    assert [mark.cited for mark in marks] == [True, True, True, False]


def test_marks_of_a_sentence_come_in_its_order(drawn):
    marks = marks_in(drawn.sentences[2], marks_of(drawn))
    assert [mark.name for mark in marks] == ["cardiac silhouette", "right lung"]


def test_a_box_has_four_corners_and_an_outline_lies_in_its_extent(drawn):
    right, left = marks_of(drawn)[:2]
    assert left.lines[0].shape == (4, 2)
    outline = right.lines[0]
    assert len(outline) > 40
    assert np.all(outline >= [80, 120])
    assert np.all(outline <= [260, 600])


def test_the_corners_of_a_box_are_four_open_lines():
    lines = corners(Box(0, 0, 60, 120))
    assert [line.shape for line in lines] == [(3, 2)] * 4
    assert [line.tolist() for line in lines] == [
        [[10, 0], [0, 0], [0, 10]],
        [[10, 120], [0, 120], [0, 110]],
        [[50, 0], [60, 0], [60, 10]],
        [[50, 120], [60, 120], [60, 110]],
    ]


def test_specks_of_a_mask_are_not_drawn():
    values = np.zeros((60, 60), np.float32)
    values[10:50, 10:50] = 1
    values[2, 2] = 1
    assert len(closed_lines(Mask(values, Box(0, 0, 60, 60)))) == 1


def test_every_large_part_of_a_mask_is_drawn():
    values = np.zeros((60, 60), np.float32)
    values[2:58, 2:28] = values[2:58, 32:58] = 1
    assert len(closed_lines(Mask(values, Box(0, 0, 60, 60)))) == 2


def test_an_empty_mask_is_drawn_as_its_box():
    lines = closed_lines(Mask(np.zeros((4, 4), np.float32), Box(1, 2, 3, 4)))
    assert np.array_equal(lines[0], [[1, 2], [3, 2], [3, 4], [1, 4]])


def test_evidence_belongs_to_the_region_with_the_same_place(drawn):
    marks = marks_of(drawn)
    own = owner(Box(400, 120, 570, 590), marks)
    assert own is not None
    assert own.name == "left lung"
    assert owner(Box(10, 10, 30, 30), marks) is None


def test_a_mask_belongs_to_the_region_with_that_mask_and_a_box_to_that_with_the_box(drawn):
    marks = marks_of(drawn)
    [right] = [mark for mark in marks if mark.name == "right lung"]
    assert owner(right.region.mask, marks) is right
    assert owner(right.region.box, marks) is right
    [left] = [mark for mark in marks if mark.name == "left lung"]
    assert owner(Mask(np.ones((4, 4), np.float32), left.region.box), marks) is None
    assert owner(Heatmap(np.ones((2, 2), np.float32), left.region.box, "made up"), marks) is None


def test_a_place_that_differs_a_little_is_one_of_its_own(drawn):
    x0, y0, x1, y1 = Box(400, 120, 570, 590)
    assert owner(Box(x0, y0, x1 - 5, y1), marks_of(drawn)) is None  # 3 % less


def test_a_box_is_known_from_an_outline(drawn):
    assert [mark.is_box for mark in marks_of(drawn)] == [False, True, False, True]


def test_the_heat_of_all_sentences_has_one_maximum(drawn):
    assert heat_maximum(drawn) == 2.0


def test_heat_is_drawn_in_full_from_what_is_strong_on(drawn):
    weak = Heatmap(np.full((2, 2), 0.1, np.float32), Box(0, 0, 5, 5), "made up", strong=0.8)
    sentence = replace(drawn.sentences[0], evidence=(weak,))
    assert heat_maximum(replace(drawn, sentences=(sentence,))) == pytest.approx(0.8)
    hot = replace(weak, values=np.full((2, 2), 3.0, np.float32))
    both = replace(sentence, evidence=(weak, hot))
    assert heat_maximum(replace(drawn, sentences=(both,))) == pytest.approx(0.8)


def test_the_top_of_the_scale_says_whether_there_is_more(drawn):
    assert heat_top(drawn) == "2"
    values = np.array([[0.1, -4]], np.float32)
    for top, written in ((0.8, "0.8"), (0.05, "0.05+"), (0.0, "0.1")):
        heat = Heatmap(values, Box(0, 0, 5, 5), "made up", strong=top)
        sentence = replace(drawn.sentences[0], evidence=(heat,))
        assert heat_top(replace(drawn, sentences=(sentence,))) == written
    assert heat_top(replace(drawn, sentences=drawn.sentences[2:])) == ""


@pytest.mark.parametrize("value", [-1, 0])
def test_without_heat_the_maximum_is_zero(drawn, value):
    cold = Heatmap(np.full((2, 2), value, np.float32), Box(0, 0, 5, 5), "made up", strong=1.0)
    sentence = replace(drawn.sentences[0], evidence=(cold,))
    assert heat_maximum(replace(drawn, sentences=(sentence,))) == 0.0


def test_a_report_without_film_says_how_to_give_it(drawn):
    with pytest.raises(ReportError, match=r"GroundedReport\.open\(.*film="):
        film_of(replace(drawn, film=None))


def test_many_cited_regions_crowd_a_film_and_many_others_do_not(drawn):
    names = tuple(f"place {number}" for number in range(15))
    boxes = np.tile([10.0, 10.0, 40.0, 40.0], (15, 1))
    regions = Regions(names, boxes, np.ones(15))
    said = replace(drawn.sentences[1], regions=names)
    assert is_crowded(marks_of(replace(drawn, regions=regions, sentences=(said,))))
    fewer = replace(said, regions=names[:14])
    assert not is_crowded(marks_of(replace(drawn, regions=regions, sentences=(fewer,))))
    assert not is_crowded(marks_of(replace(drawn, regions=regions, sentences=())))
