"""Targets for all regions, from the outlines of organs."""

import numpy as np
import pytest
import torch

from grounded import Atlas, Box
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example
from grounded.data.regions import annotated_regions
from grounded.synthetic.phantom import write_phantoms
from grounded.train.augmentation import Strength
from grounded.train.organs.derived import content, region_targets
from grounded.train.organs.samples import KeptFilm, changed

NAMES = Atlas.open("chest29").names


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    folder = tmp_path_factory.mktemp("chest_anatomy")
    write_phantoms(folder, 1, side=128)
    [example] = chest_anatomy(folder)
    return example


def test_an_outlined_film_has_all_regions(example: Example) -> None:
    regions = annotated_regions(example)
    assert set(regions.names) == set(NAMES)
    for organ, box in example.reference_boxes().items():
        assert np.allclose(tuple(regions[organ].box), tuple(box), atol=1.0)


def test_targets_move_with_the_film(example: Example) -> None:
    plain = {"crop": 0.0, "pad": 0.0, "rotation": 0.0, "stretch": 0.0, "extreme": 0.0}
    strength = Strength(**plain, patch=0.0, letters=0.0)
    sample = changed(KeptFilm.of(example, 128), 64, strength, np.random.default_rng(0))
    targets = region_targets(sample, NAMES)
    assert targets.known.all()
    regions = annotated_regions(example)
    for label, box in zip(targets.labels, targets.boxes, strict=True):
        expected = np.array(tuple(regions[NAMES[int(label)]].box)) / 2
        assert np.allclose(box.numpy(), expected, atol=2.5), NAMES[int(label)]


def test_what_follows_from_an_organ_without_an_outline_is_unknown(example: Example) -> None:
    sample = changed(KeptFilm.of(example, 128), 64, Strength(extreme=0.0), np.random.default_rng(0))
    unknown = {"cardiac silhouette", "mediastinum", "right atrium"}
    sample = sample._replace(has_mask=torch.tensor([1.0, 1, 0, 1, 1]))
    targets = region_targets(sample, NAMES)
    assert {n for n, known in zip(NAMES, targets.known, strict=True) if not known} == unknown
    assert not {NAMES[int(label)] for label in targets.labels} & unknown


def test_padding_is_no_film() -> None:
    film = np.zeros((8, 8), np.float32)
    film[2:6, 1:7] = 0.5
    assert content(film) == Box(1, 2, 7, 6)
    assert content(np.zeros((8, 8), np.float32)) == Box(0, 0, 8, 8)
