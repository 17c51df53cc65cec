"""The shipped detector: from a network's maps to all regions, in the film's own pixels."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from grounded import Atlas, Box, Image, Mask, Placement
from grounded.chest.names import ORGANS
from grounded.detectors.features import EncodedFilm
from grounded.detectors.organs.detector import (
    OrganDetector,
    OrganOutlines,
    extent,
    film_regions,
    organ_regions,
    outline_mask,
    without_holes,
)
from grounded.detectors.organs.encoder import FilmEncoder
from grounded.detectors.organs.net import OrganNet
from grounded.errors import ConfigError
from grounded.nn.weights import write
from grounded.protocols import RegionDetector

CHEST = Atlas.open("chest29")
TINY = {"side": 64, "widths": [4, 4, 8, 8, 8], "decoder_width": 4, "features": 6}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network with random weights."""
    folder = tmp_path_factory.mktemp("organ_net")
    torch.manual_seed(0)
    net = OrganNet(**TINY)
    save_file(net.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(TINY))
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder with random weights."""
    folder = tmp_path_factory.mktemp("encoder")
    config = {"findings": 5, "side": 64, "scale": 0.1, "width": 8}
    torch.manual_seed(0)
    write(folder, config, FilmEncoder(**config).state_dict())  # type: ignore[arg-type]
    return folder


def films() -> list[Image]:
    rng = np.random.default_rng(0)
    shapes = ((64, 64), (50, 91), (200, 33), (1, 1), (7, 128))
    return [Image.of(rng.random(shape, dtype=np.float32)) for shape in shapes]


def outlines(
    maps: NDArray[np.float32], placement: Placement, scores: NDArray[np.float64] | None = None
) -> OrganOutlines:
    cell = placement.model_shape[0] / maps.shape[2]
    return OrganOutlines(
        maps,
        placement.to_image(np.stack([extent(organ) * cell for organ in maps])),
        np.full(len(maps), 0.9) if scores is None else scores,
        placement,
    )


def chest_maps(masks: dict[str, Mask], step: int) -> NDArray[np.float32]:
    """The drawn chest on a coarser grid, as the network would give it."""
    values = np.stack([masks[organ].values for organ in ORGANS])
    side = values.shape[1] // step
    return values.reshape(len(ORGANS), side, step, side, step).mean(axis=(2, 4))


def test_it_is_a_detector(weights: Path) -> None:
    detector = OrganDetector(weights)
    assert isinstance(detector, RegionDetector)
    assert list(detector.weights_sha256) == ["organ_net/model.safetensors"]


def test_every_region_is_found_or_missing_with_a_reason(weights: Path) -> None:
    detector = OrganDetector(weights, threshold=0)
    for regions in detector.detect(films()):
        assert {*regions.names, *regions.missing} == set(detector.atlas.names)
        assert all(regions.missing.values())


def test_a_batch_gives_the_same_as_one_by_one(weights: Path) -> None:
    detector = OrganDetector(weights, threshold=0)
    for film, batched in zip(films(), detector.detect(films()), strict=True):
        [single] = detector.detect([film])
        assert single.names == batched.names
        assert np.allclose(single.boxes, batched.boxes, atol=1e-3)
        assert np.allclose(single.scores, batched.scores, atol=1e-5)


def test_blank_films_do_not_crash(weights: Path) -> None:
    blank = [Image.of(np.full((40, 60), grey, np.float32)) for grey in (0, 0.5, 1)]
    assert len(OrganDetector(weights).detect(blank)) == 3


def test_no_films_give_no_regions(weights: Path) -> None:
    assert OrganDetector(weights).detect([]) == []


def test_with_an_encoder_the_map_of_the_film_travels_with_its_regions(
    weights: Path, encoder: Path
) -> None:
    detector = OrganDetector(weights, threshold=0, encoder=encoder)
    for film, batched in zip(films(), detector.detect(films()), strict=True):
        [single] = detector.detect([film])
        drawn = single.drawn("marked area", Box(1, 1, 30, 30))
        assert isinstance(batched.encoding, EncodedFilm)
        assert isinstance(drawn.encoding, EncodedFilm)
        assert batched.encoding.film.shape == (6, 8, 8)
        assert torch.allclose(drawn.encoding.film, batched.encoding.film, atol=1e-4)
        assert drawn.encoding.placement.image_shape == film.pixels.shape


def test_without_an_encoder_there_is_no_map(weights: Path) -> None:
    assert all(found.encoding is None for found in OrganDetector(weights).detect(films()))


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json and model\.safetensors"):
        OrganDetector(tmp_path / "none")


def test_known_cells_of_the_map_give_the_exact_place_in_the_film() -> None:
    placement = Placement.letterbox((100, 200), (64, 64))  # a scale of 0.32; the film is rows 16-48
    maps = np.zeros((5, 32, 32), np.float32)
    maps[:, 10:20, 4:12] = 1  # model pixels x 8 to 24, y 20 to 40
    found = outlines(maps, placement)
    mask = outline_mask(found, 0)
    assert mask is not None
    expected = (8 / 0.32, (20 - 16) / 0.32, 24 / 0.32, (40 - 16) / 0.32)
    assert np.allclose(tuple(mask.extent), expected)
    organs = organ_regions(found, Box(0, 0, 200, 100), 0.5)
    assert np.allclose(organs.boxes, expected)


def test_organs_end_with_the_film() -> None:
    placement = Placement.letterbox((100, 190), (64, 64))
    organs = organ_regions(
        outlines(np.ones((5, 32, 32), np.float32), placement), Box(0, 0, 190, 100), 0
    )
    assert np.allclose(organs.boxes, (0, 0, 190, 100))


def test_a_drawn_chest_comes_back_with_all_regions(masks: dict[str, Mask]) -> None:
    found = outlines(chest_maps(masks, 4), Placement.letterbox((1024, 1024), (64, 64)))
    regions = film_regions(found, Box(0, 0, 1024, 1024), CHEST, 0.5)
    assert regions.names == CHEST.names
    for organ in ORGANS:
        region = regions[organ]
        assert region.mask is not None
        assert np.allclose(tuple(region.box), extent(masks[organ].values) * 2, atol=12)


def test_an_organ_of_a_low_score_is_missing_and_so_is_what_follows_from_it(
    masks: dict[str, Mask],
) -> None:
    placement = Placement.letterbox((512, 512), (64, 64))
    scores = np.array([0.9, 0.2, 0.8, 0.9, 0.9])
    found = outlines(chest_maps(masks, 4), placement, scores)
    regions = film_regions(found, Box(0, 0, 512, 512), CHEST, 0.5)
    assert regions.missing["left lung"] == "it was not seen in the film"
    assert "follows from the left lung" in regions.missing["left hemidiaphragm"]
    assert "right hemidiaphragm" in regions


def test_a_heart_without_lungs_is_no_heart(masks: dict[str, Mask]) -> None:
    placement = Placement.letterbox((512, 512), (64, 64))
    scores = np.array([0.1, 0.1, 0.9, 0.9, 0.1])
    organs = organ_regions(
        outlines(chest_maps(masks, 4), placement, scores), Box(0, 0, 512, 512), 0.5
    )
    assert len(organs) == 0
    assert organs.missing["cardiac silhouette"] == "no lung was seen in the film"


def test_holes_are_filled_and_borders_stay() -> None:
    values = np.full((7, 7), 0.9, np.float32)
    values[0] = values[-1] = values[:, 0] = values[:, -1] = 0.2
    values[3, 3] = 0.1
    solid = without_holes(values)
    assert solid[3, 3] == 0.5
    assert np.array_equal(np.delete(solid, 24), np.delete(values, 24))
