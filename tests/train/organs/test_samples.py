"""Training samples: what is annotated, and what is left of it in the film."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grounded import Box
from grounded.chest.names import ORGANS
from grounded.data.chest_anatomy import chest_anatomy
from grounded.detectors.organs.net import film_tensor
from grounded.synthetic.phantom import write_phantoms
from grounded.train.augmentation import Strength
from grounded.train.organs.samples import WHITE, KeptFilm, OrganSamples, changed

NONE = Strength(**dict.fromkeys(vars(Strength()), 0.0))
CROPS = Strength(**{**dict.fromkeys(vars(Strength()), 0.0), "extreme": 1.0})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> KeptFilm:
    folder = tmp_path_factory.mktemp("films")
    write_phantoms(folder, 1, side=128)
    return KeptFilm.of(chest_anatomy(folder)[0], 128)


def boxed(side: int = 100) -> KeptFilm:
    pixels = np.random.default_rng(0).integers(0, WHITE, (side, side), dtype=np.uint16)
    return KeptFilm(pixels, {}, {0: Box(10, 10, 40, 80), 1: Box(60, 10, 90, 80)}, absent=False)


def samples(films: list[KeptFilm], **changes: object) -> OrganSamples:
    keywords = {"side": 64, "count": 40, "seed": 3, "shares": (0.4, 0.3, 0.1, 0.2)}
    return OrganSamples(films, strength=Strength(), **(keywords | changes))  # type: ignore[arg-type]


def test_an_unchanged_film_is_much_like_what_inference_sees(film: KeptFilm) -> None:
    sample = changed(film, 128, NONE, np.random.default_rng(0))
    seen, _ = film_tensor((film.film / WHITE).astype(np.float32), 128)
    assert abs(sample.film - seen).mean() < 0.06
    assert sample.present.all()
    assert sample.has_mask.all()


def test_boxes_are_the_extents_of_the_masks(film: KeptFilm) -> None:
    for seed in range(10):
        sample = changed(film, 64, Strength(), np.random.default_rng(seed))
        for row in range(len(ORGANS)):
            if not sample.has_box[row]:
                continue
            mask = sample.masks[row] > 0.5
            columns = torch.nonzero(mask.any(dim=0)).flatten()
            assert abs(float(columns[0]) - float(sample.boxes[row, 0]) * 64) < 1
            assert abs(float(columns[-1] + 1) - float(sample.boxes[row, 2]) * 64) < 1


def test_organs_cut_off_by_the_film_are_absent(film: KeptFilm) -> None:
    present = [changed(film, 64, CROPS, np.random.default_rng(seed)).present for seed in range(30)]
    share = torch.stack(present).mean(dim=0)
    assert (share > 0.1).all()
    assert (share < 1).all()


def test_a_film_with_boxes_only_has_no_masks_and_knows_the_lungs_alone() -> None:
    sample = changed(boxed(), 64, NONE, np.random.default_rng(0))
    assert not sample.has_mask.any()
    assert sample.has_box.tolist() == [1, 1, 0, 0, 0]
    assert sample.has_presence.tolist() == [1, 1, 0, 0, 0]
    assert np.allclose(sample.boxes[0], [0.1, 0.1, 0.4, 0.8], atol=1e-6)


def test_a_lateral_film_has_empty_masks_and_nothing_present() -> None:
    lateral = KeptFilm(boxed().film, {}, {}, absent=True)
    sample = changed(lateral, 64, NONE, np.random.default_rng(0))
    assert sample.has_mask.all()
    assert not sample.masks.any()
    assert sample.has_presence.all()
    assert not sample.present.any()


def test_a_sample_follows_from_seed_and_number(film: KeptFilm) -> None:
    first, second = samples([film, boxed()]), samples([film, boxed()])
    for number in (0, 7, 39):
        for one, other in zip(first[number], second[number], strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(first[0].film, first[1].film)


def test_kinds_of_films_that_are_lacking_are_not_drawn() -> None:
    assert samples([boxed()]).shares.tolist() == pytest.approx([0, 0.6, 0, 0.4])


def test_a_film_is_kept_at_its_longest_side(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 1, side=96)
    kept = KeptFilm.of(chest_anatomy(tmp_path)[0], 48)
    assert kept.film.shape == (48, 48)
    assert set(kept.masks) == set(range(5))
