"""Greys before a film's window, and the window that shows them as the film asks."""

import numpy as np
import pytest

from grounded import Image
from grounded.errors import InvalidValueError
from grounded.greys import WHITE, Greys, Scale, Window, window_of

GREYS = np.arange(0, WHITE + 1, 16)


def sigmoid(greys: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(greys - 30_000) / 1500))


@pytest.mark.parametrize(
    ("shown", "straight"),
    [
        (np.clip((GREYS - 20_000) / 3000, 0, 1), True),
        (np.clip((GREYS + 9000) / 90_000, 0, 1), True),
        (GREYS >= 40_000, True),
        (np.clip((40_000 - GREYS) / 3000, 0, 1), False),
        (sigmoid(GREYS), False),
        ((GREYS / WHITE) ** 2, False),
    ],
    ids=["narrow", "wider than the film", "a threshold", "falling", "sigmoid", "a table"],
)
def test_the_window_found_shows_greys_as_they_were_shown(shown: np.ndarray, straight: bool) -> None:
    window = window_of(GREYS, shown)
    assert (not window.curve) == straight
    assert abs(window.shown(GREYS) - shown).max() < 1 / 255


def test_a_film_without_any_window_is_shown_whole() -> None:
    assert window_of(GREYS, np.full(len(GREYS), 0.5)) == Window()


def test_a_negative_that_is_turned_over_shows_the_opposite() -> None:
    values = np.array([[0, 10_000, 25_000, 31_000, WHITE]], np.uint16)
    window = Window(20_000, 40_000, (0.0, 0.1, 0.5, 1.0))
    greys = Greys(values, Scale(window, 12, slope=2.0, intercept=5.0))
    over = greys.turned_over()
    assert np.allclose(over.scale.window.shown(over.values), 1 - window.shown(values), atol=1e-4)
    assert np.allclose(over.scale.slope * over.values + over.scale.intercept, 2.0 * values + 5.0)


def test_what_greys_mean_round_trips() -> None:
    scale = Scale(Window(1.0, 2.0, (0.0, 0.5, 1.0)), 12, 0.5, -3.0)
    assert Scale.from_dict(scale.to_dict()) == scale


def test_a_film_without_greys_of_its_own_has_those_of_its_pixels() -> None:
    film = Image.of(np.array([[0, 0.5], [1, 0.25]], np.float32))
    assert film.greys.values.tolist() == [[0, 32768], [WHITE, 16384]]
    assert film.scale == Scale()


def test_greys_of_another_size_or_type_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="beside the pixels"):
        Image.of(np.zeros((2, 2), np.float32), unwindowed=Greys(np.zeros((2, 3), np.uint16)))
    with pytest.raises(InvalidValueError, match="uint16"):
        Greys(np.zeros((2, 2), np.float32))
    with pytest.raises(InvalidValueError, match="upwards"):
        Window(3.0, 3.0)
