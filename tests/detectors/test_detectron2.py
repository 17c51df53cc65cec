"""The detectron2 backend: its messages everywhere, the models themselves where it is installed."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from grounded import Box, Image, Placement
from grounded.detectors.detectron2 import Detectron2Detector, load_weights, resized
from grounded.errors import ConfigError, MissingExtraError

INSTALLED = importlib.util.find_spec("detectron2") is not None
needs_detectron2 = pytest.mark.skipif(not INSTALLED, reason="detectron2 is not installed")
pytestmark = [  # detectron2's own, not ours
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
NAMES = ("right lung", "left lung", "cardiac silhouette")
TWO_STAGES = """
VERSION: 2
MODEL:
  META_ARCHITECTURE: GeneralizedRCNN
  WEIGHTS: ""
  PIXEL_MEAN: [120.1]
  PIXEL_STD: [77.0]
  BACKBONE: {NAME: build_resnet_backbone, FREEZE_AT: 0}
  RESNETS:
    {DEPTH: 18, NORM: BN, OUT_FEATURES: [res4], RES2_OUT_CHANNELS: 64, STEM_OUT_CHANNELS: 64}
  ANCHOR_GENERATOR: {SIZES: [[16, 32]], ASPECT_RATIOS: [[1.0]]}
  RPN: {IN_FEATURES: [res4], PRE_NMS_TOPK_TEST: 50, POST_NMS_TOPK_TEST: 20}
  ROI_HEADS: {NAME: StandardROIHeads, IN_FEATURES: [res4], NUM_CLASSES: 3}
  ROI_BOX_HEAD: {NAME: FastRCNNConvFCHead, NUM_FC: 1, FC_DIM: 32, POOLER_RESOLUTION: 7}
INPUT: {FORMAT: L, MIN_SIZE_TEST: 64, MAX_SIZE_TEST: 96}
"""
ONE_STAGE = """
VERSION: 2
MODEL:
  META_ARCHITECTURE: RetinaNet
  WEIGHTS: ""
  BACKBONE: {NAME: build_retinanet_resnet_fpn_backbone, FREEZE_AT: 0}
  RESNETS:
    {DEPTH: 18, NORM: BN, OUT_FEATURES: [res3, res4, res5], RES2_OUT_CHANNELS: 64}
  FPN: {IN_FEATURES: [res3, res4, res5], OUT_CHANNELS: 16}
  ANCHOR_GENERATOR: {SIZES: [[8], [16], [32], [64], [128]]}
  RETINANET: {NUM_CLASSES: 3, NUM_CONVS: 1, PRIOR_PROB: 0.5}
INPUT: {MIN_SIZE_TEST: 64, MAX_SIZE_TEST: 96}
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Detectron2Detector]:
    def build(text: str = TWO_STAGES, **options: object) -> Detectron2Detector:
        torch.manual_seed(0)
        (tmp_path / "tiny.yaml").write_text(text)
        keywords = {"names": NAMES, "min_score": 0.0} | options
        return Detectron2Detector(tmp_path / "tiny.yaml", **keywords)  # type: ignore[arg-type]

    return build


def _film(height: int = 100, width: int = 80, seed: int = 0) -> Image:
    return Image.of(np.random.default_rng(seed).random((height, width), dtype=np.float32))


def test_a_film_is_resized_as_detectron2_resizes_it() -> None:
    assert resized(_film(), 64, 96) == Placement((100, 80), (80, 64), (0.8, 0.8), (0, 0))
    assert resized(_film(300, 100), 64, 96).model_shape == (96, 32)
    assert resized(_film(), 0, 96).model_shape == (100, 80)


def test_a_border_is_left_out_and_pixels_become_square() -> None:
    film = Image.of(np.pad(_film().pixels, ((20, 0), (0, 40))), aspect=2.0)
    film = replace(film, info=replace(film.info, content=Box(0, 20, 80, 120)))
    placement = resized(film, 40, 1000)
    assert placement.model_shape == (100, 40)
    assert placement.to_model([[0, 20, 80, 120]]).tolist() == [[0, 0, 40, 100]]
    expected = cv2.resize(_film().pixels, (40, 100), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(placement.place(film.pixels), expected, atol=1e-6)


@pytest.mark.skipif(INSTALLED, reason="detectron2 is installed")
def test_without_detectron2_the_error_points_to_its_own_installation_page() -> None:
    with pytest.raises(MissingExtraError, match=r"detectron2\.readthedocs\.io"):
        Detectron2Detector()


def test_an_unknown_configuration_is_named() -> None:
    with pytest.raises(ConfigError, match="'nothing'; expected a YAML file or one of chest29"):
        Detectron2Detector("nothing")


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"model": {}}))
    with pytest.raises(ConfigError, match="pickles"):
        load_weights(nn.Linear(2, 1), tmp_path / "model.pkl")


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"model": nn.Linear(2, 1)}, tmp_path / "model.pth")
    with pytest.raises(ConfigError, match="weights alone"):
        load_weights(nn.Linear(2, 1), tmp_path / "model.pth")


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    torch.save(
        {"model": {"weight": torch.zeros(3, 3), "other": torch.zeros(1)}}, tmp_path / "m.pth"
    )
    with pytest.raises(ConfigError, match=r"missing bias; extra other; .*weight \(3, 3\)"):
        load_weights(nn.Linear(2, 1), tmp_path / "m.pth")


@needs_detectron2
@pytest.mark.parametrize("text", [TWO_STAGES, ONE_STAGE])
def test_each_region_has_at_most_one_box_inside_the_film(
    make: Callable[..., Detectron2Detector], text: str
) -> None:
    [regions] = make(text).detect([_film()])
    assert len(regions) > 0
    assert set(regions.names) | set(regions.missing) == set(NAMES)
    assert regions.boxes.min() >= 0
    assert (regions.boxes[:, 2:] <= (80, 100)).all()


@needs_detectron2
def test_a_batch_equals_singles(make: Callable[..., Detectron2Detector]) -> None:
    detector = make()
    films = [_film(), _film(120, 90, 1), _film(seed=2)]
    singles = [detector.detect([film])[0] for film in films]
    for one, both in zip(singles, detector.detect(films), strict=True):
        assert one.names == both.names
        np.testing.assert_allclose(one.boxes, both.boxes, atol=1e-2)
    assert detector.detect([]) == []


@needs_detectron2
def test_a_drawn_box_is_read_like_a_found_one(make: Callable[..., Detectron2Detector]) -> None:
    [regions] = make().detect([_film()])
    region = next(iter(regions))
    drawn = regions.drawn("marked area", region.box)
    torch.testing.assert_close(drawn.features.vectors, regions.features.vectors[:1])  # type: ignore[union-attr]


@needs_detectron2
def test_a_high_threshold_leaves_every_region_missing(
    make: Callable[..., Detectron2Detector],
) -> None:
    [regions] = make(min_score=1.0).detect([_film()])
    assert len(regions) == 0
    assert set(regions.missing) == set(NAMES)


@needs_detectron2
def test_saved_weights_give_the_same_boxes(
    make: Callable[..., Detectron2Detector], tmp_path: Path
) -> None:
    detector = make()
    torch.save({"model": detector.model.state_dict()}, tmp_path / "model.pth")
    torch.manual_seed(1)
    again = Detectron2Detector(
        tmp_path / "tiny.yaml", tmp_path / "model.pth", names=NAMES, min_score=0.0
    )
    film = _film()
    np.testing.assert_array_equal(again.detect([film])[0].boxes, detector.detect([film])[0].boxes)
    assert list(again.weights_sha256) == ["model.pth"]


@needs_detectron2
def test_a_wrong_number_of_classes_is_refused(make: Callable[..., Detectron2Detector]) -> None:
    with pytest.raises(ConfigError, match="3 classes, but there are 2 regions"):
        make(names=NAMES[:2])


@needs_detectron2
def test_a_configuration_with_code_in_it_is_refused(
    make: Callable[..., Detectron2Detector],
) -> None:
    with pytest.raises(ConfigError, match="no detectron2 configuration"):
        make("MODEL: !!python/object/apply:os.getcwd []")
