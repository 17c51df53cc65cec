"""The map of evidence, in the frame of the film."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded import Box, Image, Regions
from grounded.detectors.organs.encoder import STRIDE, Encoder, FilmEncoder
from grounded.errors import ConfigError
from grounded.nn.weights import parameters, write

CONFIG = {"findings": 3, "side": 64, "scale": 0.1, "width": 8}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    write(folder, CONFIG, parameters(FilmEncoder(**CONFIG)))  # type: ignore[arg-type]
    return Encoder(folder)


def films(*shapes: tuple[int, int]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    rng = np.random.default_rng(0)
    return [rng.random(shape, dtype=np.float32) for shape in shapes]


def test_the_map_has_a_channel_for_each_finding_and_one_for_the_view(encoder: Encoder) -> None:
    [(film, placement)] = encoder.encode(films((90, 50)))
    assert film.shape == (4, 64 // STRIDE, 64 // STRIDE)
    assert placement.model_shape == (64, 64)


def test_the_view_is_the_same_in_all_cells(encoder: Encoder) -> None:
    view = encoder.maps(films((64, 64)))[0, -1]
    assert torch.all(view == view[0, 0])


def test_right_and_left_are_read_alike(encoder: Encoder) -> None:
    [film] = films((64, 64))
    [as_it_is] = encoder.maps([film])
    [mirrored] = encoder.maps([np.ascontiguousarray(film[:, ::-1])])
    assert torch.allclose(mirrored.flip(2), as_it_is, atol=1e-5)


def test_a_batch_equals_films_one_by_one(encoder: Encoder) -> None:
    shapes = films((90, 50), (64, 64), (30, 70))
    together = encoder.encode(shapes)
    for film, (values, _) in zip(shapes, together, strict=True):
        assert torch.allclose(values, encoder.maps([film])[0], atol=1e-5)


def test_no_films_give_no_maps(encoder: Encoder) -> None:
    assert encoder.encode([]) == []


def test_a_side_that_does_not_fit_the_trunk_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {**CONFIG, "side": 60}, {"none": torch.zeros(1)})
    with pytest.raises(ConfigError, match="multiple of 32"):
        Encoder(tmp_path)


def test_the_map_of_a_mirrored_film_is_the_mirror_image_of_the_map(encoder: Encoder) -> None:
    film = np.random.default_rng(5).random((64, 64), dtype=np.float32)
    mirrored = film[:, ::-1].copy()
    usual, turned = encoder.maps([film, mirrored], mirrored=[False, True])
    torch.testing.assert_close(turned.flip(2), usual, rtol=0, atol=0)


def test_changed_versions_of_a_film_lie_as_it_does(encoder: Encoder) -> None:
    pixels = np.random.default_rng(6).random((90, 64), dtype=np.float32)
    film = Image.of(np.pad(pixels, ((30, 0), (0, 0))))
    info = replace(film.info, content=Box(0, 30, 64, 120), sides_in_doubt=True)
    film = replace(film, info=info)
    [found] = encoder.beside([film], [Regions.none()])
    assert found.encoding is not None
    assert found.encoding.encode is not None
    again = found.encoding.encode([film.pixels])
    torch.testing.assert_close(again[0], found.encoding.film, rtol=0, atol=0)
