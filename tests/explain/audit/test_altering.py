import numpy as np
import pytest

from grounded import Box, Image
from grounded.errors import DataError
from grounded.explain.audit.altering import (
    Blank,
    Noise,
    Painted,
    Place,
    Smooth,
    Tissue,
    altered_image,
    coarsely,
    filled,
    mirrored_image,
)
from grounded.explain.audit.pool import read_pool

from .conftest import BOXES, SIDE, TwoLungs, film_of

FILM = film_of("right lung")
RIGHT = Place("right lung", (Box(*BOXES[0]),), ("right lung",))
FRAME = Box(0, 0, SIDE, SIDE)


def inside(pixels: np.ndarray) -> np.ndarray:
    return pixels[20:76, 12:40]


def test_a_hole_is_filled_by_its_surroundings() -> None:
    film = np.full((40, 60), 0.4, np.float32)
    hidden = np.zeros_like(film)
    hidden[10:30, 20:40] = 1
    film[10:30, 20:40] = 1.0
    assert np.allclose(filled(film, hidden), 0.4, atol=1e-5)


def test_a_hidden_region_loses_its_opacity_and_nothing_else_changes() -> None:
    hidden = Smooth(RIGHT)(FILM.pixels, FRAME)
    assert inside(hidden).max() < 0.5 < inside(FILM.pixels).max()
    assert np.array_equal(hidden[:, 60:], FILM.pixels[:, 60:])


def test_a_large_film_is_filled_as_a_small_one_is() -> None:
    large = np.kron(FILM.pixels, np.ones((16, 16), np.float32))
    hidden = Smooth(RIGHT)(large, FRAME)
    assert hidden.shape == large.shape
    small = Smooth(RIGHT)(FILM.pixels, FRAME)
    assert abs(hidden[8::16, 8::16] - small).mean() < 0.01


def test_hiding_the_rest_leaves_the_region() -> None:
    hidden = Smooth(RIGHT, rest=True)(FILM.pixels, FRAME)
    assert np.allclose(inside(hidden), inside(FILM.pixels))
    assert hidden[:, 70:].std() < FILM.pixels[:, 70:].std()


def test_tissue_comes_from_the_same_region_of_the_other_film() -> None:
    from grounded.explain.audit.altering import Donor

    [regions] = TwoLungs().detect([FILM])
    other = film_of(seed=7)
    hidden = Tissue(RIGHT, regions, Donor(other, regions))(FILM.pixels, FRAME)
    assert abs(inside(hidden).mean() - 0.25) < 0.06
    assert inside(hidden).std() > 0.01  # texture, not a smooth surface


def test_a_place_gets_a_haze_or_air_and_keeps_its_markings() -> None:
    hazy, airy = (Painted(RIGHT, way)(FILM.pixels, FRAME) for way in ("haze", "air"))
    assert np.allclose(inside(hazy) - inside(FILM.pixels), 0.2, atol=0.01)
    assert np.allclose(inside(airy) / inside(FILM.pixels), 0.5, atol=0.02)


def test_fluid_fills_a_place_from_below() -> None:
    film = np.where(np.arange(SIDE) < SIDE // 2, 0.2, 0.6) * np.ones((SIDE, 1))
    wet = Painted(RIGHT, "fluid")(film.astype(np.float32), FRAME)
    assert wet[70:80, 15:35].min() > 0.5
    assert np.allclose(wet[16:26, 15:35], 0.2, atol=0.02)


def test_noise_and_blank_keep_the_mean_alone() -> None:
    for made in (Noise(), Blank()):
        changed = made(FILM.pixels, FRAME)
        assert abs(changed.mean() - FILM.pixels.mean()) < 0.02
    assert Blank()(FILM.pixels, FRAME).std() < 1e-6


def test_a_large_film_is_altered_as_in_its_small_version() -> None:
    large = np.kron(FILM.pixels, np.ones((8, 8), np.float32))
    coarse = coarsely(Smooth(RIGHT), large, FRAME)
    assert np.abs(coarse - Smooth(RIGHT)(large, FRAME)).mean() < 0.01
    assert np.array_equal(coarse[:, 480:], large[:, 480:])


def test_an_altered_film_is_a_film_of_its_own() -> None:
    assert altered_image(FILM, Blank()).info.sha256 != FILM.info.sha256
    twice = mirrored_image(mirrored_image(FILM))
    assert twice.info.sha256 == FILM.info.sha256
    assert isinstance(twice, Image)


def test_a_pool_ships_and_a_folder_without_table_is_refused(tmp_path) -> None:
    [film] = read_pool()
    assert film.findings == frozenset()
    with pytest.raises(DataError, match=r"films\.csv"):
        read_pool(tmp_path)


def test_a_pool_knows_what_its_films_have(tmp_path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), (FILM.pixels * 255).astype(np.uint8))
    (tmp_path / "films.csv").write_text("file,findings\na.png,Lung Opacity; Pleural Effusion\n")
    [film] = read_pool(tmp_path)
    assert film.findings == {"Lung Opacity", "Pleural Effusion"}
