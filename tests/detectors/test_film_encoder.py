"""The encoder: films in, maps out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.detectors.organs.encoder import STRIDE, Encoder, FilmEncoder
from grounded.errors import ConfigError
from grounded.nn.weights import parameters, write
from grounded.synthetic.phantom import chest_phantom

SIZES = {"side": 64, "widths": [8, 8, 8, 8, 8], "fused": 8, "features": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    out = tmp_path_factory.mktemp("encoder")
    write(out, SIZES, parameters(FilmEncoder(**SIZES)))  # type: ignore[arg-type]
    return out


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder(folder)


def film(seed: int, height: int, width: int) -> np.ndarray:
    return chest_phantom(seed, (height, width)).pixels


def test_a_map_has_a_cell_for_each_stride_of_the_input() -> None:
    for side in (64, 96):
        net = FilmEncoder(**{**SIZES, "side": side}).eval()  # type: ignore[arg-type]
        assert net(torch.zeros(2, 1, side, side)).shape == (2, 6, side // STRIDE, side // STRIDE)


@pytest.mark.parametrize("shape", [(64, 64), (97, 141), (300, 211)])
def test_films_of_any_shape_lie_in_the_map_as_their_placement_says(
    encoder: Encoder, shape: tuple[int, int]
) -> None:
    [(maps, placement)] = encoder.encode([film(0, *shape)])
    assert maps.shape == (6, 8, 8)
    assert placement.model_shape == (64, 64)
    height, width = shape
    x0, y0, x1, y1 = placement.to_model([[0, 0, width, height]])[0]
    assert max(x1 - x0, y1 - y0) == pytest.approx(64)
    assert (x1 - x0) / (y1 - y0) == pytest.approx(width / height, rel=0.03)


def test_a_batch_gives_what_its_films_give_one_by_one(encoder: Encoder) -> None:
    films = [film(seed, 90 + 10 * seed, 100) for seed in range(3)]
    together = encoder.encode(films)
    for one, (maps, placement) in zip(films, together, strict=True):
        [(alone, lies)] = encoder.encode([one])
        assert torch.allclose(maps, alone, atol=1e-5)
        assert placement == lies


def test_no_films_give_no_maps(encoder: Encoder) -> None:
    assert encoder.encode([]) == []


def test_brightness_and_contrast_of_a_film_do_not_matter(encoder: Encoder) -> None:
    plain = film(0, 80, 80)
    (one, _), (other, _) = encoder.encode([plain, 0.3 + 0.4 * plain])
    assert torch.allclose(one, other, atol=0.02)


def test_the_files_that_were_read_are_named(encoder: Encoder, folder: Path) -> None:
    assert set(encoder.weights_sha256) == {"encoder/model.safetensors"}


def test_sizes_and_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        FilmEncoder(side=50)
    with pytest.raises(ConfigError, match="no weights"):
        Encoder(tmp_path)
    write(tmp_path, {**SIZES, "side": 50}, {})
    with pytest.raises(ConfigError, match="multiple of 32"):
        Encoder(tmp_path)
