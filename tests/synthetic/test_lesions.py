from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.errors import InvalidValueError
from grounded.findings import VOCABULARY
from grounded.synthetic.heart import cardiothoracic_ratio
from grounded.synthetic.lesions import KINDS, Lesion, paint
from grounded.synthetic.phantom import chest_phantom

Plane = NDArray[np.float32]
LOCAL = tuple(kind for kind in KINDS if kind not in ("cardiomegaly", "tubes"))


def chest(
    shape: tuple[int, int] = (256, 256), ratio: float = 0.45
) -> tuple[Plane, dict[str, Plane]]:
    phantom = chest_phantom(3, shape, cardiothoracic_ratio=ratio)
    heart = phantom.masks[HEART]
    masks = {HEART: heart.astype(np.float32)}
    for name in (RIGHT_LUNG, LEFT_LUNG):
        masks[name] = (phantom.masks[name] & ~heart).astype(np.float32)
    return phantom.pixels, masks


def painted(
    kind: str, seed: int = 0, side: str = "", strength: float | None = None
) -> tuple[Plane, dict[str, Plane], Lesion]:
    film, masks = chest()
    return paint(film, masks, kind, np.random.default_rng(seed), side=side, strength=strength)


def centre(area: Plane) -> tuple[float, float]:
    """x and y of an area's centre of mass."""
    y, x = np.mgrid[: area.shape[0], : area.shape[1]]
    return float((x * area).sum() / area.sum()), float((y * area).sum() / area.sum())


def height_along(masks: Mapping[str, Plane], side: str, y: float) -> float:
    rows = np.flatnonzero(masks[f"{side} lung"].any(axis=1))
    return float((y - rows[0]) / (rows[-1] - rows[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_labels_are_findings_of_the_vocabulary(kind: str) -> None:
    _, _, lesion = painted(kind)
    assert lesion.kind == kind
    assert lesion.labels
    assert set(lesion.labels) <= set(VOCABULARY)
    assert lesion.size in ("small", "moderate", "large")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_painted_film_stays_a_film(kind: str, seed: int) -> None:
    film, masks, lesion = painted(kind, seed)
    for plane in (film, lesion.area, *masks.values()):
        assert plane.dtype == np.float32
        assert plane.shape == (256, 256)
        assert np.isfinite(plane).all()
        assert 0 <= plane.min() <= plane.max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_state_of_rng_paints_the_same(kind: str) -> None:
    first, _, lesion = painted(kind, 5)
    second, _, again = painted(kind, 5)
    assert np.array_equal(first, second)
    assert np.array_equal(lesion.area, again.area)
    assert (lesion.side, lesion.size, lesion.variety) == (again.side, again.size, again.variety)


@pytest.mark.parametrize("kind", KINDS)
def test_other_seeds_paint_other_lesions(kind: str) -> None:
    assert not np.array_equal(painted(kind, 1)[0], painted(kind, 2)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_painted_in_place(kind: str) -> None:
    film, masks = chest()
    kept, kept_masks = film.copy(), {name: mask.copy() for name, mask in masks.items()}
    changed, _, _ = paint(film, masks, kind, np.random.default_rng(0))
    assert np.array_equal(film, kept)
    assert all(np.array_equal(masks[name], kept_masks[name]) for name in masks)
    assert not np.array_equal(changed, film)


@pytest.mark.parametrize("kind", [*LOCAL, "tubes"])
@pytest.mark.parametrize("seed", range(4))
def test_the_film_is_unchanged_outside_of_the_area(kind: str, seed: int) -> None:
    film, _ = chest()
    changed, masks, lesion = painted(kind, seed)
    difference = abs(changed - film)
    beside = 0.05 if kind == "pneumothorax" else 0.015
    assert difference[lesion.area == 0].max() <= beside
    assert difference[lesion.area > 0.5].mean() > 0.015
    assert all(np.array_equal(masks[name], chest()[1][name]) for name in masks)


@pytest.mark.parametrize("kind", LOCAL)
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed", range(3))
def test_a_lesion_lies_in_the_lung_of_its_side(kind: str, side: str, seed: int) -> None:
    _, masks, lesion = painted(kind, seed, side)
    own, other = masks[f"{side} lung"], masks[f"{'left' if side == 'right' else 'right'} lung"]
    assert lesion.side == side
    assert (lesion.area * own).sum() > 0.6 * lesion.area.sum()
    assert (lesion.area * other).sum() == 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_patients_right_is_on_the_left_of_the_picture(side: str) -> None:
    for kind in LOCAL:
        x, _ = centre(painted(kind, 1, side)[2].area)
        assert (x < 128) == (side == "right")


@pytest.mark.parametrize("seed", range(6))
def test_fluid_gathers_at_the_base_and_air_at_the_apex(seed: int) -> None:
    _, masks, fluid = painted("effusion", seed, "right", 0.3)
    _, _, air = painted("pneumothorax", seed, "right", 0.3)
    assert height_along(masks, "right", centre(fluid.area)[1]) > 0.6
    assert height_along(masks, "right", centre(air.area)[1]) < 0.5


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("seed", range(8))
def test_the_meniscus_climbs_towards_the_chest_wall(side: str, seed: int) -> None:
    _, masks, lesion = painted("effusion", seed, side, 0.6)
    if lesion.variety == "layering":
        return
    lung = masks[f"{side} lung"] > 0.5
    columns = np.flatnonzero(lung.any(axis=0))
    if side == "left":
        columns = columns[::-1]
    top = [float((lesion.area[:, c] > 0.5).argmax()) for c in columns]
    at_wall, in_the_middle = len(columns) // 10, len(columns) // 2
    assert top[at_wall] < top[in_the_middle] - 2


def test_a_stronger_effusion_is_larger() -> None:
    lesions = [painted("effusion", 4, "left", strength)[2] for strength in (0.1, 0.5, 1.0)]
    assert {lesion.variety for lesion in lesions} == {""}
    sizes = [lesion.area.sum() for lesion in lesions]
    assert sizes[0] < sizes[1] < sizes[2]


def test_air_of_the_pleural_space_is_darker_and_smoother_than_the_lung_was() -> None:
    film, _ = chest()
    changed, _, lesion = painted("pneumothorax", 0, "right", 0.7)
    air = lesion.area > 0.95
    assert changed[air].mean() <= film[air].mean() + 0.01


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_cardiomegaly_reaches_its_ratio(strength: float) -> None:
    film, masks = chest(ratio=0.45)
    _, moved, lesion = paint(
        film, masks, "cardiomegaly", np.random.default_rng(1), strength=strength
    )
    wanted = 0.535 + 0.14 * strength
    assert cardiothoracic_ratio(masks) == pytest.approx(0.45, abs=0.02)
    assert cardiothoracic_ratio(moved) == pytest.approx(wanted, abs=0.02)
    assert np.array_equal(lesion.area, moved[HEART])


def test_cardiomegaly_leaves_the_chest_wall_and_the_edge_of_the_film() -> None:
    film, masks = chest()
    changed, moved, _ = paint(film, masks, "cardiomegaly", np.random.default_rng(1), strength=0.7)
    lungs = np.flatnonzero((masks[RIGHT_LUNG] + masks[LEFT_LUNG]).any(axis=0))
    still = np.flatnonzero(((moved[RIGHT_LUNG] + moved[LEFT_LUNG]) > 0.5).any(axis=0))
    assert abs(lungs[[0, -1]] - still[[0, -1]]).max() <= 1
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert np.allclose(changed[edge], film[edge], atol=1e-4)


def test_a_heart_that_is_already_large_is_widened_a_little() -> None:
    film, masks = chest(ratio=0.68)
    before = cardiothoracic_ratio(masks)
    _, moved, _ = paint(film, masks, "cardiomegaly", np.random.default_rng(0), strength=0.1)
    assert before < cardiothoracic_ratio(moved) < before + 0.06


def test_every_device_is_drawn_at_some_time() -> None:
    seen = {painted("tubes", seed)[2].variety for seed in range(40)}
    assert seen == {
        "endotracheal tube",
        "central line",
        "gastric tube",
        "chest drain",
        "pacemaker",
    }


def test_devices_of_the_midline_have_no_side_and_lie_there() -> None:
    for seed in range(30):
        _, _, lesion = painted("tubes", seed)
        midline = lesion.variety in ("endotracheal tube", "gastric tube")
        assert (lesion.side == "") == midline
        if lesion.variety == "endotracheal tube":
            x, y = centre(lesion.area)
            assert 108 < x < 148
            assert y < 100


def test_a_chest_drain_lies_on_its_side() -> None:
    drains = [painted("tubes", seed)[2] for seed in range(30)]
    for lesion in drains:
        if lesion.variety == "chest drain":
            assert (centre(lesion.area)[0] < 128) == (lesion.side == "right")


@pytest.mark.parametrize("kind", LOCAL)
def test_a_missing_lung_is_not_painted(kind: str) -> None:
    film, masks = chest()
    masks[LEFT_LUNG] = np.zeros_like(film)
    for seed in range(3):
        assert paint(film, masks, kind, np.random.default_rng(seed))[2].side == "right"
    with pytest.raises(InvalidValueError, match="left lung"):
        paint(film, masks, kind, np.random.default_rng(0), side="left")


@pytest.mark.parametrize("kind", KINDS)
def test_without_lungs_nothing_can_be_painted(kind: str) -> None:
    film, masks = chest()
    with pytest.raises(InvalidValueError, match="missing"):
        paint(film, {HEART: masks[HEART]}, kind, np.random.default_rng(0))


def test_all_but_cardiomegaly_do_without_the_heart() -> None:
    film, masks = chest()
    del masks[HEART]
    for kind in (*LOCAL, "tubes"):
        assert paint(film, masks, kind, np.random.default_rng(2))[2].area.any()
    with pytest.raises(InvalidValueError, match="cardiac silhouette"):
        paint(film, masks, "cardiomegaly", np.random.default_rng(2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(96, 80), (200, 301), (400, 333)])
def test_a_film_of_any_size_is_painted(kind: str, shape: tuple[int, int]) -> None:
    film, masks = chest(shape)
    changed, _, lesion = paint(film, masks, kind, np.random.default_rng(4))
    assert changed.shape == lesion.area.shape == shape
    assert lesion.area.max() > 0.5


@pytest.mark.parametrize(
    ("kind", "side", "strength"),
    [("mass", "", 0.5), ("nodule", "middle", 0.5), ("nodule", "", 1.5)],
)
def test_what_cannot_be_painted_is_refused(kind: str, side: str, strength: float) -> None:
    film, masks = chest()
    with pytest.raises(InvalidValueError, match=r"got|no kind"):
        paint(film, masks, kind, np.random.default_rng(0), side=side, strength=strength)


def test_masks_of_another_size_are_refused() -> None:
    film, masks = chest()
    masks[HEART] = masks[HEART][:100]
    with pytest.raises(InvalidValueError, match="resize"):
        paint(film, masks, "nodule", np.random.default_rng(0))
