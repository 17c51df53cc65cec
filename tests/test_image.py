import hashlib
import json

import numpy as np
import pytest

from grounded import Image
from grounded.errors import InvalidValueError
from grounded.image import DicomReference, ImageInfo
from grounded.view import View


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "grey"),
        (np.zeros((0, 4), np.float32), "grey"),
        (np.full((4, 4), 255, np.float32), r"0\.\.1"),
        (np.full((4, 4), np.nan, np.float32), r"0\.\.1"),
    ],
)
def test_pixels_that_are_no_film_are_refused(pixels: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Image.of(pixels)


def test_an_image_copies_its_pixels_and_locks_them() -> None:
    pixels = np.zeros((2, 3), np.float32)
    image = Image.of(pixels)
    pixels[0, 0] = 1
    assert image.pixels[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        image.pixels[0, 0] = 1


def test_two_films_with_the_same_pixels_have_the_same_hash() -> None:
    first, second = (Image.of(np.full((2, 2), 0.5, np.float32), name=name) for name in "ab")
    assert first.info.sha256 == second.info.sha256


def test_the_same_film_with_other_pixels_keeps_what_is_known_of_it() -> None:
    film = Image.of(np.zeros((2, 3), np.float32), name="film", view="PA", header=b"kept")
    other = film.with_pixels(np.ones((3, 2), np.float32).T[:, ::-1], note="turned over")
    assert (other.info.name, other.info.view, other.header) == ("film", "PA", b"kept")
    assert other.info.warnings == ("turned over",)
    assert other.info.sha256 == Image.of(np.ones((2, 3), np.float32)).info.sha256


def test_the_info_round_trips() -> None:
    info = ImageInfo(
        height=3,
        width=4,
        spacing_mm=(0.1, 0.2),
        spacing_kind="detector",
        view="PA",
        name="film",
        sha256="ab",
        reference=DicomReference("1.2", "1.3", "1.4", "1.5", 2),
        warnings=("first frame of 2",),
        laterality="U",
    )
    assert ImageInfo.from_dict(info.to_dict()) == info


def test_an_impossible_spacing_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="spacing"):
        Image.of(np.zeros((2, 2), np.float32), spacing_mm=(0, 1))


def test_the_hash_is_that_of_the_pixels_and_of_nothing_else() -> None:
    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    film = Image.of(pixels)
    assert film.info.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert film.info.sha256 != hashlib.sha256().hexdigest()
    assert Image.of(pixels[::-1]).info.sha256 != film.info.sha256


def test_a_view_in_words_becomes_the_defined_term() -> None:
    image = Image.of(np.zeros((2, 3), np.float32), view="AP supine")
    assert image.info.view is View.AP
    assert ImageInfo.from_dict(image.info.to_dict()).view is View.AP


def test_a_view_that_nobody_states_is_written_as_an_empty_word() -> None:
    info = ImageInfo(2, 3)
    assert info.view is View.UNKNOWN
    assert json.loads(json.dumps(info.to_dict()))["view"] == ""


def test_a_word_that_is_no_view_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="a view is PA, AP or LATERAL"):
        ImageInfo(2, 3, view="sideways")


def test_a_copy_that_was_altered_knows_the_film_that_it_comes_from() -> None:
    film = Image.of(np.zeros((2, 3), np.float32))
    copy = film.altered(np.ones((2, 3), np.float32)).altered(np.zeros((2, 3), np.float32), "hidden")
    assert copy.origin == film.origin == film.info.sha256
    assert film.altered(np.ones((2, 3), np.float32)).info.sha256 != film.info.sha256
    assert copy.info.warnings == ("hidden",)
