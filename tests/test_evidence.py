import json

import numpy as np
import pytest

from grounded import Box, Evidence, Heatmap, Line, Mask, Measurement
from grounded.errors import InvalidValueError, ReportError
from grounded.evidence import evidence_box, evidence_from_dict, evidence_to_dict, lies_in

RATIO = Measurement(
    "cardiothoracic ratio",
    0.48,
    "1",
    (Line(1, 5, 9, 5, "thorax"), Line(3, 4, 7, 4, "heart")),
    normal=(0.0, 0.5),
    tolerance=0.02,
    source="Danzer 1919",
)
VALUES = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
HEAT = Heatmap(VALUES, Box(0, 0, 8, 6), "m", strong=0.25)
ALL = [Box(1, 2, 3, 4), RATIO, Mask(VALUES, Box(0, 0, 8, 6)), HEAT]


@pytest.mark.parametrize("evidence", ALL, ids=lambda item: type(item).__name__)
def test_evidence_round_trips_through_json(evidence: Evidence) -> None:
    again = evidence_from_dict(json.loads(json.dumps(evidence_to_dict(evidence))))
    assert type(again) is type(evidence)
    assert evidence_box(again) == evidence_box(evidence)
    if isinstance(evidence, Mask | Heatmap) and isinstance(again, Mask | Heatmap):
        assert again.values == pytest.approx(evidence.values, abs=0.5 / 255)
    else:
        assert again == evidence


def test_a_heatmap_keeps_its_method_and_its_scale_through_json() -> None:
    again = evidence_from_dict(evidence_to_dict(HEAT))
    assert isinstance(again, Heatmap)
    assert (again.method, again.strong) == ("m", 0.25)
    without = {key: value for key, value in evidence_to_dict(HEAT).items() if key != "strong"}
    assert evidence_from_dict(without).strong == 0  # type: ignore[union-attr]


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ReportError, match="'cloud'"):
        evidence_from_dict({"kind": "cloud"})


def test_the_outline_of_a_rectangle_is_its_edge() -> None:
    values = np.zeros((10, 10), np.float32)
    values[2:5, 3:8] = 1  # cells: x 3..8, y 2..5 of 10, over 20 x 20 pixels of film
    [outline] = Mask(values, Box(100, 200, 120, 220)).outlines()
    assert outline.min(axis=0) == pytest.approx([106, 204])
    assert outline.max(axis=0) == pytest.approx([116, 210])


def test_an_organ_cut_by_the_grid_ends_at_its_edge() -> None:
    values = np.ones((4, 4), np.float32)
    [outline] = Mask(values, Box(0, 0, 8, 8)).outlines()
    assert outline.min() == 0
    assert outline.max() == 8


def test_a_mask_holds_a_point_of_its_organ_only() -> None:
    values = np.array([[0, 1]], np.float32)
    mask = Mask(values, Box(0, 0, 2, 1))
    assert mask.contains(1.5, 0.5)
    assert not mask.contains(0.5, 0.5)
    assert not mask.contains(2.5, 0.5)


def test_a_measurement_without_a_line_or_a_value_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no line"):
        Measurement("width", 1.0, "mm", ())
    with pytest.raises(InvalidValueError, match="no finite value"):
        Measurement("width", float("nan"), "mm", RATIO.lines)


def test_the_box_of_a_level_line_is_a_pixel_high() -> None:
    assert Measurement("w", 1, "mm", (Line(2, 5, 6, 5),)).box == Box(2, 4.5, 6, 5.5)


def test_values_that_are_not_a_grid_are_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"\(h, w\)"):
        Heatmap(np.zeros(3, np.float32), Box(0, 0, 1, 1), "m")
    with pytest.raises(InvalidValueError, match="finite"):
        Heatmap(np.full((2, 2), np.inf, np.float32), Box(0, 0, 1, 1), "m")
    with pytest.raises(InvalidValueError, match="strong"):
        Heatmap(VALUES, Box(0, 0, 1, 1), "m", strong=-1)
    with pytest.raises(InvalidValueError, match=r"0\.\.1"):
        Mask(np.full((2, 2), 2, np.float32), Box(0, 0, 1, 1))


def test_values_meet_the_pixels_that_they_cover() -> None:
    values = np.array([[0.0, 1.0], [0.5, 0.0]], np.float32)
    mask = Mask(values, Box(2, 0, 6, 8))  # cells of 2 x 4 pixels
    film = mask.in_film((8, 8))
    assert film.shape == (8, 8)
    assert (film[:, :2] == 0).all()
    assert (film[:, 6:] == 0).all()
    assert film[0, 5] == pytest.approx(1.0)
    assert film[7, 2] == pytest.approx(0.5)
    assert film[3:5, 2:4].mean() == pytest.approx(0.28125)


def test_heat_in_the_film_keeps_its_unit() -> None:
    heat = Heatmap(np.full((3, 3), -2.5, np.float32), Box(-4, -4, 20, 20), "test")
    assert (heat.in_film((9, 7)) == -2.5).all()


def test_a_point_is_held_by_the_cell_of_its_own_row_and_column() -> None:
    values = np.zeros((4, 2), np.float32)  # cells of 10 x 5 film pixels
    values[3, 0] = 1
    values[0, 1] = 0.5
    mask = Mask(values, Box(100, 200, 120, 220))
    inside = {
        (x, y) for x in (101, 109, 111, 119) for y in range(201, 220, 3) if mask.contains(x, y)
    }
    assert inside == {
        (101, 216),
        (109, 216),
        (101, 219),
        (109, 219),
        (111, 201),
        (119, 201),
        (111, 204),
        (119, 204),
    }
    assert not mask.contains(99, 217)
    assert not mask.contains(105, 220)
    assert mask.contains(100, 219.9)


FILM = Box(0, 0, 30, 20)


@pytest.mark.parametrize(
    ("evidence", "lies"),
    [
        (Box(0, 0, 30, 20), True),
        (Box(0, 0, 20, 30), False),  # rows and columns swapped
        (Box(29, 1, 31, 5), True),  # to a pixel
        (Box(-3, 1, 5, 5), False),
        (Measurement("m", 1, "1", (Line(1, 2, 29, 2),)), True),
        (Measurement("m", 1, "1", (Line(1, 2, 2, 29),)), False),
        (Measurement("m", 1, "1", (Line(1, 2, 9, 2), Line(-5, 2, 9, 2))), False),
        (Mask(VALUES, Box(-5, -5, 35, 35)), True),
        (Mask(VALUES, Box(1, 21, 5, 35)), False),
        (Heatmap(VALUES, Box(-10, 0, 40, 20), "m"), True),
        (Heatmap(VALUES, Box(30, 0, 40, 20), "m"), False),
    ],
)
def test_evidence_lies_in_the_film_or_not(evidence: Evidence, lies: bool) -> None:
    assert lies_in(evidence, FILM) is lies
