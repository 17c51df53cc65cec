"""Borders, sizes and greys of a whole film; what a user states of it."""

import numpy as np
import pytest

from grounded import Box, Image
from grounded.errors import InvalidValueError
from grounded.films.framing import content_of

NOISE = np.random.default_rng(0).uniform(0.2, 0.8, (300, 280)).astype(np.float32)


def bordered(film: np.ndarray, *borders: tuple[int, float]) -> np.ndarray:
    for width, grey in borders:
        film = np.pad(film, width, constant_values=grey)
    return film.astype(np.float32)


def told(pixels: np.ndarray) -> str:
    return " ".join(Image.open(pixels).info.warnings)


@pytest.mark.parametrize("grey", [0.0, 1.0, 0.5])
def test_a_uniform_border_is_no_content(grey: float) -> None:
    film = bordered(NOISE, (40, grey))
    assert content_of(film) == Box(40, 40, 320, 340)
    assert "border was left out" in told(film) or grey == 0.5


def test_a_frame_around_a_black_border_is_no_content_either() -> None:
    film = bordered(NOISE, (30, 0.0), (6, 1.0), (4, 0.3))
    assert content_of(film) == Box(40, 40, 320, 340)


def test_a_letter_in_the_border_does_not_keep_it() -> None:
    film = bordered(NOISE, (60, 0.0))
    film[20:30, 30:38] = 1
    assert content_of(film) == Box(60, 60, 340, 360)


def test_a_border_of_a_compressed_film_may_be_noisy() -> None:
    film = bordered(NOISE, (40, 0.02))
    noise = np.random.default_rng(1).normal(0, 0.004, film.shape)
    content = content_of(np.clip(film + noise, 0, 1).astype(np.float32))
    assert content == Box(40, 40, 320, 340)


@pytest.mark.parametrize("film", [NOISE, bordered(NOISE, (4, 0.0)), np.zeros((300, 300), "f4")])
def test_a_film_without_a_border_worth_cutting_is_all_content(film: np.ndarray) -> None:
    assert content_of(film) is None


def test_networks_see_the_content_and_boxes_come_back_to_the_film() -> None:
    image = Image.open(bordered(NOISE, (40, 0.0)))
    placement = image.placement((96, 96))
    assert placement.extent().iou(Box(30, 40, 330, 340)) > 0.98  # content, padded to a square
    placed = placement.place(image.pixels)
    assert placed[placement.content].min() > 0.1
    box = [[60.0, 70.0, 200.0, 210.0]]
    np.testing.assert_allclose(placement.to_image(placement.to_model(box)), box)


@pytest.mark.parametrize("spacing", [(0.4, 0.2), (0.2, 0.4)])
def test_networks_see_square_pixels(spacing: tuple[float, float]) -> None:
    image = Image.open(NOISE, spacing_mm=spacing)
    placement = image.placement((128, 128))
    across, down = placement.scale
    assert down / across == pytest.approx(spacing[0] / spacing[1], rel=0.03)


def test_a_thumbnail_is_told() -> None:
    assert "only 64 x 64 pixels" in told(NOISE[:64, :64])


def test_a_nearly_empty_grey_range_is_told() -> None:
    assert "grey levels" in told(0.4 + 0.02 * NOISE)
    assert "grey levels" in told(np.round(NOISE * 8) / 8)


def test_half_a_film_is_told() -> None:
    film = NOISE.copy()
    film[160:] = 0.5
    assert "cut short" in told(film)


def test_what_the_user_states_counts_before_the_film() -> None:
    info = Image.open(NOISE, view="ap supine", spacing_mm=(0.2, 0.1), name="bed 3").info
    assert (info.view, info.spacing_mm, info.aspect, info.name) == ("AP", (0.2, 0.1), 2.0, "bed 3")


def test_a_view_that_is_none_is_named() -> None:
    with pytest.raises(InvalidValueError, match="PA, AP or LATERAL"):
        Image.open(NOISE, view="sideways")


def test_what_is_unusual_of_a_film_is_written_and_read() -> None:
    info = Image.open(bordered(NOISE, (40, 0.0)), spacing_mm=(0.2, 0.1)).info
    assert type(info).from_dict(info.to_dict()) == info
    assert "content" not in Image.open(NOISE).info.to_dict()


@pytest.mark.parametrize(("age", "child"), [(15.9, True), (16, False), (0.1, True), (None, False)])
def test_a_stated_age_decides_whether_a_film_is_a_child_s(age: float | None, child: bool) -> None:
    info = Image.open(NOISE, age=age).info
    assert info.child is child
    assert any("younger than 16" in text for text in info.warnings) is child


def test_an_age_that_nobody_has_is_named() -> None:
    with pytest.raises(InvalidValueError, match="0 to 130 years"):
        Image.open(NOISE, age=-1)
