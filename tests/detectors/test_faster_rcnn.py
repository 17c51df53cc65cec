"""Faster R-CNN behind the detector's protocol: one best box a region."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from grounded import Atlas, Box, Image
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.faster_rcnn.net import RegionRCNN, RegionTargets
from grounded.detectors.features import EncodedFilm
from grounded.errors import ConfigError
from grounded.protocols import RegionDetector

TINY = {"regions": 29, "side": 64, "head": 64, "sampled": 32}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with random weights."""
    folder = tmp_path_factory.mktemp("faster_rcnn")
    torch.manual_seed(0)
    save_file(RegionRCNN(**TINY).state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(TINY))
    return folder


def films() -> list[Image]:
    rng = np.random.default_rng(0)
    shapes = ((64, 64), (50, 91), (200, 33), (1, 1))
    return [Image.of(rng.random(shape, dtype=np.float32)) for shape in shapes]


def test_it_is_a_detector_of_the_whole_atlas(weights: Path) -> None:
    detector = FasterRCNNDetector(weights, threshold=0)
    assert isinstance(detector, RegionDetector)
    for film, regions in zip(films(), detector.detect(films()), strict=True):
        assert {*regions.names, *regions.missing} == set(Atlas.open("chest29").names)
        for region in regions:
            assert region.box.clip(film.info.frame) == region.box


def test_what_it_is_not_sure_of_is_missing(weights: Path) -> None:
    [regions] = FasterRCNNDetector(weights, threshold=0.99).detect(films()[:1])
    assert len(regions) == 0
    assert len(regions.missing) == 29


def test_a_batch_gives_the_same_as_one_by_one(weights: Path) -> None:
    detector = FasterRCNNDetector(weights, threshold=0)
    for film, batched in zip(films(), detector.detect(films()), strict=True):
        [single] = detector.detect([film])
        assert single.names == batched.names
        assert np.allclose(single.boxes, batched.boxes, atol=1e-2)
        assert np.allclose(single.scores, batched.scores, atol=1e-4)


def test_the_map_of_the_film_travels_with_its_regions(weights: Path) -> None:
    [regions] = FasterRCNNDetector(weights, threshold=0).detect(films()[:1])
    drawn = regions.drawn("marked area", Box(1, 1, 9, 9))
    assert isinstance(drawn.encoding, EncodedFilm)
    assert drawn.encoding is regions.encoding


def test_an_unannotated_region_is_not_learnt_as_background() -> None:
    net = RegionRCNN(**TINY)
    known = torch.ones(29, dtype=torch.bool)
    known[5] = False
    target = RegionTargets(torch.tensor([[8.0, 8, 40, 50]]), torch.tensor([2]), known)
    net.losses(torch.rand(2, 1, 64, 64), [target, target])["loss_classifier"].backward()
    gradient = net.parts.roi_heads.box_predictor.cls_score.weight.grad
    assert torch.count_nonzero(gradient[5 + 1]) == 0
    assert torch.count_nonzero(gradient[6 + 1]) > 0


def test_weights_for_another_atlas_are_refused(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "knee.toml"
    file.write_text(
        'name = "knee"\nbody_part = "knee"\n[regions.patella]\nside = "unpaired"\n'
        'source = "annotated"\nusual_place = [0.3, 0.3, 0.6, 0.6]\n'
    )
    with pytest.raises(ConfigError, match="know 29 regions, the atlas 'knee' has 1"):
        FasterRCNNDetector(weights, atlas=str(file))


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(ValueError, match="backbone is one of"):
        RegionRCNN(backbone="resnet5")
