"""What is known of a film's regions, and what is left of it in a training sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.chest.names import REGIONS
from grounded.data.example import Example, FilmReading
from grounded.errors import ConfigError
from grounded.geometry import Box
from grounded.synthetic.lesions import Lesion
from grounded.train.augmentation import Strength, Window
from grounded.train.findings.run import UNCHANGED
from grounded.train.findings.samples import (
    FindingSamples,
    KnownFilm,
    Painted,
    Painting,
    Pairs,
    base_known,
    changed,
    moved_boxes,
    painted,
    where,
    with_abnormal,
)

from .known import (
    ABNORMAL,
    DEVICES,
    EFFUSION,
    HEART,
    OPACITY,
    PAIRS,
    SIDE,
    known_films,
    row,
    unknown,
)

IN_LUNGS = [name for name in REGIONS if "lung" in name]
ALWAYS = Painting(often=1.0, more=0.0, distract=0.0, kinds={"consolidation": 1.0})
ZONE = "right lower lung zone"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> KnownFilm:
    return known_films(tmp_path_factory.mktemp("films"), 1)[0]


def box_of(film: KnownFilm, region: str) -> Box:
    return Box(*film.boxes[row(region)])


def lesion_in(x0: float, y0: float, x1: float, y1: float) -> Lesion:
    area = np.zeros((SIDE, SIDE), dtype=np.float32)
    area[round(y0) : round(y1), round(x0) : round(x1)] = 1
    return Lesion(("Lung Opacity",), "consolidation", area, "right", "small", "")


def said_of(film: KnownFilm, lesion: Lesion) -> dict[str, float]:
    masks = {name: (mask / 255).astype(np.float32) for name, mask in film.masks.items()}
    found = where(lesion, film.boxes, masks, PAIRS.mask[:, OPACITY])
    return dict(zip(REGIONS, found.tolist(), strict=True))


def test_a_lesion_is_present_in_the_regions_that_hold_it_and_absent_on_the_other_side(
    film: KnownFilm,
) -> None:
    x, y = box_of(film, ZONE).center
    said = said_of(film, lesion_in(x - 4, y - 4, x + 4, y + 4))
    assert said[ZONE] == said["right lung"] == 1
    assert said["right upper lung zone"] == said["left lung"] == said["left lower lung zone"] == 0
    assert np.isnan(said["trachea"])  # opacities are not read there


def test_a_region_that_holds_a_little_of_a_lesion_is_unknown(film: KnownFilm) -> None:
    zone = box_of(film, ZONE)
    x = zone.center[0]
    said = said_of(film, lesion_in(x - 8, zone.y0 - 2, x + 8, zone.y0 + 18))
    assert said[ZONE] == 1
    assert np.isnan(said["right mid lung zone"])


def test_a_region_that_was_not_found_is_unknown(film: KnownFilm) -> None:
    boxes = film.boxes.copy()
    boxes[row(ZONE)] = np.nan
    x, y = box_of(film, ZONE).center
    said = said_of(replace(film, boxes=boxes), lesion_in(x - 4, y - 4, x + 4, y + 4))
    assert np.isnan(said[ZONE])
    assert said["right lung"] == 1


def test_what_is_painted_is_known_where_it_lies(film: KnownFilm) -> None:
    for seed in range(12):
        state = painted(film, PAIRS, ALWAYS, np.random.default_rng(seed))
        [lesion] = state.lesions
        other = "left" if lesion.side == "right" else "right"
        present = {REGIONS[i] for i in np.flatnonzero(state.known[:, OPACITY] == 1)}
        assert f"{lesion.side} lung" in present
        assert state.known[row(f"{other} lung"), OPACITY] == 0
        assert state.known[row(f"{lesion.side} lung"), ABNORMAL] == 1
        assert state.known[row("trachea"), DEVICES] == 0
        assert (state.film != film.film / np.float32(255)).any()


def test_a_second_lesion_keeps_what_the_first_made_known(film: KnownFilm) -> None:
    kinds = {"effusion": 1.0, "consolidation": 1.0}
    often = Painting(often=1.0, more=0.7, distract=0.0, kinds=kinds)
    for seed in range(8):
        state = painted(film, PAIRS, often, np.random.default_rng(seed))
        for lesion in state.lesions:
            column = PAIRS.labels.index(lesion.labels[0])
            part = "costophrenic angle" if column == EFFUSION else "lung"
            assert state.known[row(f"{lesion.side} {part}"), column] == 1


def test_a_film_that_readers_described_is_never_painted(film: KnownFilm) -> None:
    described = replace(film, paintable=False, real=True)
    state = painted(described, PAIRS, ALWAYS, np.random.default_rng(0))
    assert state.lesions == ()
    assert np.array_equal(state.known, film.known, equal_nan=True)


def test_distractions_change_the_film_and_not_what_is_known(film: KnownFilm) -> None:
    distracting = Painting(often=0.0, distract=1.0)
    changed_films = 0
    for seed in range(8):
        state = painted(film, PAIRS, distracting, np.random.default_rng(seed))
        changed_films += bool((state.film != film.film / np.float32(255)).any())
        assert np.array_equal(state.known, film.known, equal_nan=True)
    assert changed_films > 3


def test_a_region_is_abnormal_if_any_finding_is_present_and_normal_if_all_are_absent() -> None:
    known = unknown()
    known[row("right lung"), OPACITY] = 1
    known[row("left lung"), OPACITY] = 0
    known[row("cardiac silhouette"), HEART] = 0
    found = with_abnormal(known, PAIRS)[:, ABNORMAL]
    assert found[row("right lung")] == 1
    assert found[row("left lung")] == found[row("cardiac silhouette")] == 0
    assert np.isnan(found[row("left upper lung zone")])


def test_devices_make_nothing_abnormal() -> None:
    known = unknown()
    known[row("right lung"), [OPACITY, DEVICES]] = 0, 1
    known[row("trachea"), DEVICES] = 1
    found = with_abnormal(known, PAIRS)
    assert found[row("right lung"), ABNORMAL] == 0
    assert np.isnan(found[row("trachea"), ABNORMAL])
    assert found[row("trachea"), DEVICES] == 1


def test_findings_are_known_only_where_they_are_read() -> None:
    known = with_abnormal(np.zeros_like(unknown()), PAIRS)
    assert np.isnan(known[row("spine")]).all()
    assert np.isnan(known[row("right lung"), EFFUSION])
    assert (known[PAIRS.mask][:-1] == 0).any()


def test_what_readers_left_open_is_unknown() -> None:
    notes = FilmReading(
        "notes",
        regions={
            ("right lung", "Lung Opacity"): "uncertain",
            ("left lung", "Lung Opacity"): "present",
        },
    )
    known = base_known(Example("x", "covid", "x", Path("x.png"), readings=(notes,)), PAIRS)
    assert np.isnan(known[row("right lung"), OPACITY])
    assert known[row("left lung"), OPACITY] == 1


def test_the_kinds_of_all_findings_are_those_of_abnormal() -> None:
    pairs = Pairs.of({"Cardiomegaly": ["cardiac silhouette"], "Lung Opacity": ["lung"]})
    assert pairs.labels == ("Cardiomegaly", "Lung Opacity", "Abnormal")
    assert set(pairs.all_kinds) == {"lung", "cardiac silhouette"}


def test_findings_and_kinds_of_region_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ConfigError, match="no finding 'Opacity'; there are: No Finding"):
        Pairs.of({"Opacity": ["lung"]})
    with pytest.raises(ConfigError, match="'right lung', which is no kind of region"):
        Pairs.of({"Lung Opacity": ["lung", "right lung"]})


def bright(film: KnownFilm, box: Box) -> Painted:
    """A dark film with one bright box."""
    pixels = np.random.default_rng(0).uniform(0.2, 0.4, (SIDE, SIDE)).astype(np.float32)
    pixels[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)] += 0.6
    return Painted(pixels, {}, film.known)


def test_boxes_follow_the_film(film: KnownFilm) -> None:
    place = Box(40, 56, 72, 96)
    boxes = np.full_like(film.boxes, np.nan)
    boxes[row(ZONE)] = tuple(place)
    kept = replace(film, boxes=boxes)
    strength = replace(UNCHANGED, crop=0.1, pad=0.1)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sample = changed(kept, bright(kept, place), 96, strength, 0.0, rng)
        assert sample.there.nonzero().flatten().tolist() == [row(ZONE)]
        y, x = np.nonzero(sample.film[0].numpy() > 0.78)
        extent = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert sample.boxes[row(ZONE)].tolist() == pytest.approx(extent, abs=1.5)


def test_an_unchanged_film_keeps_its_boxes_to_scale(film: KnownFilm) -> None:
    state = Painted((film.film / 255).astype(np.float32), {}, film.known)
    sample = changed(film, state, SIDE // 2, UNCHANGED, 0.0, np.random.default_rng(0))
    assert sample.there.all()
    assert np.allclose(sample.boxes.numpy(), film.boxes / 2, atol=1)
    assert np.array_equal(sample.known.numpy(), film.known, equal_nan=True)


def test_jitter_moves_edges_a_little(film: KnownFilm) -> None:
    affine, content = Window(Box(0, 0, SIDE, SIDE)).to_model(SIDE)
    exact, _ = moved_boxes(film.boxes, affine, content, 0.0, np.random.default_rng(0))
    moved, there = moved_boxes(film.boxes, affine, content, 0.03, np.random.default_rng(0))
    sizes = np.tile(exact[:, 2:] - exact[:, :2], 2)
    assert there.all()
    assert 0.01 < np.abs((moved - exact) / sizes).mean() < 0.05


def test_regions_that_a_crop_cuts_off_are_not_there(film: KnownFilm) -> None:
    below = Window(Box(0, 0.6 * SIDE, SIDE, SIDE))  # the lower part of the film alone
    affine, content = below.to_model(SIDE)
    boxes, there = moved_boxes(film.boxes, affine, content, 0.0, np.random.default_rng(0))
    assert not there[[row("right upper lung zone"), row("right lung")]].any()
    assert there[row("right costophrenic angle")]
    assert (boxes[~there] == 0).all()


def samples(films: Sequence[KnownFilm], real: float = 0.0, seed: int = 3) -> FindingSamples:
    return FindingSamples(
        films,
        PAIRS,
        side=64,
        count=20,
        seed=seed,
        real=real,
        painting=Painting(),
        strength=Strength(),
    )


def test_a_sample_follows_from_seed_and_number(film: KnownFilm) -> None:
    first, second = samples([film]), samples([film])
    assert len(first) == 20
    first[0]
    for one, other in zip(first[7], second[7], strict=True):
        assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))
    assert not torch.equal(first[7].film, first[8].film)
    assert not torch.equal(first[7].film, samples([film], seed=4)[7].film)


def test_a_sample_has_the_shapes_of_the_network(film: KnownFilm) -> None:
    sample = samples([film])[0]
    assert sample.film.shape == (1, 64, 64)
    assert sample.boxes.shape == (29, 4)
    assert sample.known.shape == (29, len(PAIRS.labels))
    assert 0 <= sample.film.min() <= sample.film.max() <= 1


def test_films_that_readers_described_are_drawn_as_often_as_asked(film: KnownFilm) -> None:
    described = replace(film, real=True, paintable=False)
    both = [film, described]
    assert all(samples(both, real=1.0)[number].real for number in range(5))
    assert not any(samples(both, real=0.0)[number].real for number in range(5))
    assert not samples([film], real=1.0)[0].real  # there are none
    assert samples([described], real=0.0)[0].real  # there are no others


def test_the_masks_of_a_film_lie_where_its_boxes_do(film: KnownFilm) -> None:
    for organ, mask in film.masks.items():
        y, x = np.nonzero(mask)
        extent = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert film.boxes[row(organ)] == pytest.approx(extent, abs=1.5)
