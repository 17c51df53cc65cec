from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, Mask, Regions
from grounded.errors import InvalidValueError, RegionError


class Film:
    """Features that remember the boxes they were pooled from."""

    def __init__(self, boxes: np.ndarray) -> None:
        self.boxes = boxes

    def pool(self, boxes: np.ndarray) -> "Film":
        return Film(boxes)

    def take(self, rows: np.ndarray) -> "Film":
        return Film(self.boxes[rows])


BOXES = np.array([[0.0, 0, 4, 8], [5, 0, 9, 8], [2, 3, 7, 8]])


def regions() -> Regions:
    outline = np.zeros((4, 4), np.float32)
    outline[:, 2:] = 1
    return Regions(
        ("right lung", "left lung", "cardiac silhouette"),
        BOXES,
        np.array([0.9, 0.8, 0.7]),
        masks=(None, None, Mask(outline, Box(*BOXES[2]))),
        features=Film(BOXES),
        missing={"carina": "outside the film"},
    )


def test_a_name_gives_the_row() -> None:
    region = regions()["left lung"]
    assert (region.box, region.score) == (Box(5, 0, 9, 8), 0.8)


def test_names_or_a_condition_give_a_part_with_its_features() -> None:
    found = regions()
    for part in (found[["left lung"]], found[np.array([False, True, False])]):
        assert part.names == ("left lung",)
        assert isinstance(part.features, Film)
        assert part.features.boxes == pytest.approx(BOXES[1:2])


def test_a_missing_region_says_why() -> None:
    with pytest.raises(RegionError, match=r"carina.*outside the film"):
        regions()["carina"]


def test_an_unknown_region_says_what_was_found() -> None:
    with pytest.raises(RegionError, match="found: right lung, left lung"):
        regions()["liver"]


def test_a_point_is_in_an_outline_only_inside_of_it() -> None:
    assert regions().at(3, 5).names == ("right lung",)  # in the heart's box, not in its outline
    assert regions().at(6, 5).names == ("left lung", "cardiac silhouette")
    assert len(regions().at(100, 100)) == 0


def test_a_box_drawn_by_hand_is_the_box_that_is_pooled() -> None:
    drawn = regions().drawn("marked area", Box(1, 1, 2, 2))
    assert isinstance(drawn.features, Film)
    assert drawn.features.boxes == pytest.approx(drawn.boxes)


def test_no_regions_is_a_fine_answer() -> None:
    nothing = Regions.none({"carina": "blank film"})
    assert list(nothing) == []
    assert Regions.from_dict(nothing.to_dict(), nothing.missing).missing == nothing.missing


def test_regions_round_trip() -> None:
    found = regions()
    again = Regions.from_dict(found.to_dict(), found.missing)
    assert again.names == found.names
    assert again.boxes == pytest.approx(found.boxes)
    assert [mask is None for mask in again.masks] == [True, True, False]


def test_a_note_on_a_region_goes_with_it() -> None:
    noted = replace(regions(), notes=("", "not selected", ""))
    assert noted["left lung"].note == "not selected"
    assert noted[["left lung"]].notes == ("not selected",)
    assert Regions.from_dict(noted.to_dict()).notes == noted.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.ones(2)}, "as many"),
        ({"scores": np.array([2.0, 1, 1])}, r"0\.\.1"),
        ({"names": ("a", "a", "b")}, "twice"),
        ({"missing": {"right lung": "why"}}, "found and missing"),
        ({"boxes": np.zeros((3, 4))}, "a box needs"),
    ],
)
def test_arrays_that_do_not_align_are_refused(change: dict[str, object], message: str) -> None:
    fields = {"names": regions().names, "boxes": BOXES, "scores": np.ones(3), **change}
    with pytest.raises(InvalidValueError, match=message):
        Regions(**fields)  # type: ignore[arg-type]
