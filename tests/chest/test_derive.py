"""Regions that follow from the outlines of organs lie where the geometry says."""

from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, Mask, Regions
from grounded.atlas import Atlas
from grounded.chest.derive import PARTS, derive
from grounded.errors import InvalidValueError

from ..detectors.conftest import FRAME, organs_of

SIDED = ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone", "hemidiaphragm")


@pytest.fixture
def chest(organs: Regions) -> Regions:
    return derive(organs, FRAME)


def within(masks: dict[str, Mask], frame: Box) -> Regions:
    """The organs as they are seen in a part of the film, in that part's own frame."""
    cut = {}
    rows, columns = slice(int(frame.y0), int(frame.y1)), slice(int(frame.x0), int(frame.x1))
    for name, mask in masks.items():
        values = mask.values[rows, columns]
        if values.any():
            cut[name] = Mask(values, Box(0, 0, frame.width, frame.height))
    return organs_of(cut)


def test_a_whole_chest_has_all_regions_of_the_atlas(chest: Regions) -> None:
    assert set(chest.names) == set(Atlas.open("chest29").names)
    assert not chest.missing


def test_what_is_derived_here_is_what_the_atlas_calls_derived() -> None:
    assert set(PARTS) == {r.name for r in Atlas.open("chest29") if r.source == "derived"}


def test_organs_keep_their_boxes_scores_and_outlines(organs: Regions, chest: Regions) -> None:
    for organ in organs:
        assert chest[organ.name].box == organ.box
        assert chest[organ.name].mask is organ.mask


@pytest.mark.parametrize("part", SIDED)
def test_mirrored_lungs_have_mirrored_regions(chest: Regions, part: str) -> None:
    right, left = chest[f"right {part}"].box, chest[f"left {part}"].box
    if part == "hemidiaphragm":  # the heart hides the inner part of the left one
        assert np.isclose(FRAME.x1 - left.x1, right.x0)
    else:
        assert np.allclose((FRAME.x1 - left.x1, FRAME.x1 - left.x0), (right.x0, right.x1))


def test_right_regions_lie_left_in_the_picture(chest: Regions) -> None:
    for region in chest:
        opposite = region.name.replace("right ", "left ")
        if opposite != region.name and opposite in chest:
            assert region.box.center[0] < chest[opposite].box.center[0], region.name


@pytest.mark.parametrize("side", ["right", "left"])
def test_zones_tile_their_lung(chest: Regions, side: str) -> None:
    lung = chest[f"{side} lung"].box
    upper, mid, lower = (
        chest[f"{side} {zone} lung zone"].box for zone in ("upper", "mid", "lower")
    )
    assert upper.y0 == lung.y0
    assert (upper.y1, mid.y1) == (mid.y0, lower.y0)
    assert lower.y1 == lung.y1
    assert np.isclose(upper.height, mid.height)
    assert min(upper.x0, mid.x0, lower.x0) == lung.x0
    assert max(upper.x1, mid.x1, lower.x1) == lung.x1


def test_the_apical_zone_ends_at_the_lower_margin_of_the_clavicle(chest: Regions) -> None:
    assert 100 < chest["right apical zone"].box.y1 < 119


def test_the_left_hilum_begins_higher_and_ends_higher_than_the_right_one(chest: Regions) -> None:
    right, left = chest["right hilar structures"].box, chest["left hilar structures"].box
    assert left.y0 < right.y0
    assert left.y1 < right.y1
    width = chest["left lung"].box.x1 - chest["right lung"].box.x0
    assert np.isclose(right.y0 - left.y0, 0.06 * width, atol=0.02 * width)
    assert np.isclose(right.y1 - left.y1, 0.05 * width, atol=0.02 * width)


def test_hila_lie_at_the_medial_border_of_their_lung(chest: Regions) -> None:
    for side in ("right", "left"):
        hilum, lung = chest[f"{side} hilar structures"].box, chest[f"{side} lung"].box
        assert lung.x0 < hilum.center[0] < lung.x1
        assert abs(hilum.center[0] - 256) < abs(lung.center[0] - 256)


def test_half_of_a_region_must_lie_in_the_film(masks: dict[str, Mask], chest: Regions) -> None:
    """The abdomen ends with the film; the trachea is cut from above, by more and by less."""
    trachea = chest["trachea"].box
    for part, there in ((0.6, True), (0.4, False)):
        top = trachea.y1 - part * trachea.height
        frame = Box(0, top, FRAME.x1, FRAME.y1)
        assert ("trachea" in derive(organs_of(masks), frame)) is there


def test_without_clavicles_the_apical_zone_follows_from_the_lung(masks: dict[str, Mask]) -> None:
    lungs = {name: mask for name, mask in masks.items() if "clavicle" not in name}
    apical = derive(organs_of(lungs), FRAME)["right apical zone"].box
    assert np.isclose(apical.height / (350 - 60), 0.15, atol=0.01)


def test_the_trachea_runs_down_the_middle_to_the_carina(chest: Regions) -> None:
    trachea, carina = chest["trachea"].box, chest["carina"].box
    assert np.isclose(trachea.center[0], 256, atol=1)
    assert np.isclose(carina.center[0], 256, atol=1)
    assert carina.contains(trachea.center[0], trachea.y1)


def test_the_aortic_arch_lies_where_the_left_border_steps_outwards(masks: dict[str, Mask]) -> None:
    knob = masks["left lung"].values.copy()
    knob[150:200, :310] = 0
    chest = derive(organs_of(masks | {"left lung": Mask(knob, FRAME)}), FRAME)
    arch = chest["aortic arch"].box
    assert np.isclose(arch.y0, 150, atol=8)
    assert np.isclose(arch.x1, 310, atol=8)


def test_costophrenic_angles_hold_the_lowest_lateral_point(chest: Regions) -> None:
    assert chest["right costophrenic angle"].box.contains(70, 429)
    assert chest["left costophrenic angle"].box.contains(512 - 71, 429)


def test_what_needs_a_lung_that_was_not_found_is_missing_with_that_reason(
    masks: dict[str, Mask],
) -> None:
    chest = derive(organs_of({"right lung": masks["right lung"]}), FRAME)
    assert "right upper lung zone" in chest
    assert chest.missing["left upper lung zone"] == (
        "it follows from the left lung, which was not found"
    )
    assert "trachea" in chest.missing


def test_no_organs_give_no_regions() -> None:
    chest = derive(Regions.none({"right lung": "it was not seen in the film"}), FRAME)
    assert len(chest) == 0
    assert set(PARTS) < set(chest.missing)


def test_a_film_that_ends_below_the_hila_lacks_what_lies_lower(masks: dict[str, Mask]) -> None:
    frame = Box(0, 0, 512, 280)
    chest = derive(within(masks, frame), frame)
    assert "right upper lung zone" in chest
    for name in ("right costophrenic angle", "left hemidiaphragm", "abdomen"):
        assert chest.missing[name] == "outside the film"


def test_a_film_that_begins_below_the_apices_lacks_what_lies_higher(
    masks: dict[str, Mask],
) -> None:
    frame = Box(0, 210, 512, 512)
    chest = derive(within(masks, frame), Box(0, 0, 512, 302))
    assert "right lower lung zone" in chest
    for name in ("right apical zone", "left upper lung zone", "trachea"):
        assert chest.missing[name] == "outside the film"


def test_every_box_lies_in_the_film(masks: dict[str, Mask]) -> None:
    frame = Box(0, 0, 430, 400)
    for region in derive(within(masks, frame), frame):
        assert region.box.clip(frame) == region.box


def test_a_region_that_is_cut_scores_its_visible_part(masks: dict[str, Mask]) -> None:
    frame = Box(0, 0, 512, 470)
    whole, cut = derive(organs_of(masks), FRAME), derive(within(masks, frame), frame)
    assert np.isclose(whole["spine"].score, 0.9)
    assert 0.45 < cut["trachea"].score <= 0.9
    low = derive(replace(organs_of(masks), scores=np.array([0.9, 0.6, 0.9, 0.9, 0.9])), FRAME)
    assert np.isclose(low["carina"].score, 0.6)


def test_a_chest_of_another_scale_and_place_has_the_same_regions(
    masks: dict[str, Mask], chest: Regions
) -> None:
    frame = Box(0, 0, 2000, 1500)
    extent = Box(300, 100, 300 + 1024, 100 + 1024)
    moved = derive(organs_of({k: Mask(m.values, extent) for k, m in masks.items()}), frame)
    for region in chest:
        if region.name != "abdomen":  # it ends with the film
            expected = np.array(tuple(region.box)) * 2 + [300, 100, 300, 100]
            assert np.allclose(tuple(moved[region.name].box), expected), region.name


def test_a_tilted_film_has_a_tilted_axis(masks: dict[str, Mask]) -> None:
    shear = {}
    for name, mask in masks.items():
        values = np.stack(
            [np.roll(row, int(0.25 * (256 - y))) for y, row in enumerate(mask.values)]
        )
        shear[name] = Mask(values, FRAME)
    chest = derive(organs_of(shear), FRAME)
    assert chest["trachea"].box.center[0] > chest["cardiac silhouette"].box.center[0]
    assert chest["spine"].box.width > 1.5 * derive(organs_of(masks), FRAME)["spine"].box.width


def test_lungs_on_the_wrong_sides_give_nothing(masks: dict[str, Mask]) -> None:
    swapped = {"right lung": masks["left lung"], "left lung": masks["right lung"]}
    chest = derive(organs_of(swapped), FRAME)
    assert len(chest) == 0
    assert chest.missing["left lung"] == "the outlines do not form a chest"
    assert set(chest.missing) == set(Atlas.open("chest29").names)


def test_lungs_that_overlap_leave_what_lies_between_them_out(masks: dict[str, Mask]) -> None:
    lungs = {"right lung": np.zeros((512, 512), np.float32)}
    lungs["left lung"] = lungs["right lung"].copy()
    lungs["right lung"][60:400, 60:300] = 1
    lungs["left lung"][60:400, 200:440] = 1
    chest = derive(organs_of({name: Mask(lung, FRAME) for name, lung in lungs.items()}), FRAME)
    assert chest.missing["upper mediastinum"] == (
        "the outlines of its organs have no plausible shape"
    )
    assert "right upper lung zone" in chest


def test_specks_do_not_crash() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        specks = {}
        for name in ("right lung", "left lung", "cardiac silhouette", "right clavicle"):
            values = np.zeros((64, 64), np.float32)
            y, x = rng.integers(0, 62, 2)
            values[y : y + rng.integers(1, 20), x : x + rng.integers(1, 20)] = 1
            specks[name] = Mask(values, FRAME)
        derive(organs_of(specks), FRAME)


def test_an_organ_without_an_outline_is_refused(organs: Regions) -> None:
    bare = replace(organs, masks=())
    with pytest.raises(InvalidValueError, match="no outline"):
        derive(bare, FRAME)
