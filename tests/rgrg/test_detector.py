"""RGRG's detector behind the protocol, and the network below it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.ops import roi_align

from grounded import Box, Regions
from grounded.detectors.rgrg.detector import BLANK, UNLIKE, RgrgDetector, load_detector, model_input
from grounded.detectors.rgrg.net import DetectorNet, _choose, sampling_weights
from grounded.errors import ConfigError, InvalidValueError
from grounded.geometry import Placement
from grounded.protocols import RegionDetector


@pytest.fixture(scope="module")
def faithful(folder: Path) -> RgrgDetector:
    return RgrgDetector(folder / "detector")


@pytest.fixture(scope="module")
def grounded(folder: Path) -> RgrgDetector:
    return RgrgDetector(folder / "detector", mode="grounded")


def test_it_fits_the_protocol_and_its_name_says_how_it_reads(faithful, grounded) -> None:
    assert isinstance(faithful, RegionDetector)
    assert "features pooled on the proposal" in faithful.name
    assert "features pooled on the shown box" in grounded.name
    assert list(faithful.weights_sha256) == ["rgrg/model.safetensors"]


def test_every_region_is_found_or_missing_with_a_reason(faithful, chest) -> None:
    [regions] = faithful.detect([chest()])
    assert 0 < len(regions) < 29
    assert set(regions.names) | set(regions.missing) == set(faithful.atlas.names)
    assert set(regions.missing.values()) == {UNLIKE}
    order = [faithful.atlas.order(name) for name in regions.names]
    assert order == sorted(order)


def test_boxes_lie_in_the_film(faithful, chest) -> None:
    [regions] = faithful.detect([chest(shape=(90, 200))])
    assert (regions.boxes >= 0).all()
    assert (regions.boxes <= [200, 90, 200, 90]).all()


def test_a_batch_gives_what_its_films_give_one_by_one(faithful, chest) -> None:
    films = [chest(0), chest(1, (70, 90)), chest(2)]
    for alone, together in zip(films, faithful.detect(films), strict=True):
        [expected] = faithful.detect([alone])
        assert together.names == expected.names
        assert together.boxes == pytest.approx(expected.boxes, abs=1e-2)
        torch.testing.assert_close(
            together.features.vectors, expected.features.vectors, atol=1e-4, rtol=1e-4
        )


def test_no_films_give_no_regions(faithful) -> None:
    assert faithful.detect([]) == []


def test_a_blank_film_has_no_region_and_says_why(faithful, chest) -> None:
    blank = chest().of(np.full((60, 50), 0.5, np.float32))
    full, empty = faithful.detect([chest(), blank])
    assert len(full) > 0
    assert len(empty) == 0
    assert set(empty.missing.values()) == {BLANK}
    assert len(empty.missing) == 29


def test_a_lateral_film_is_read_and_every_region_says_so(faithful, chest) -> None:
    [regions] = faithful.detect([chest(view="LL")])
    assert all("calls this a LL view" in note for note in regions.notes)


def test_the_grounded_mode_reads_the_very_box_that_it_shows(grounded, faithful, chest) -> None:
    film = chest(shape=(150, 130))
    [regions] = grounded.detect([film])
    for region in regions:
        drawn = regions.drawn("mine", region.box)
        torch.testing.assert_close(
            drawn.features.vectors, regions[[region.name]].features.vectors, atol=1e-4, rtol=1e-4
        )
    [published] = faithful.detect([film])
    assert regions.boxes == pytest.approx(published.boxes)
    assert not torch.allclose(published.features.vectors, regions.features.vectors, atol=1e-3)


def test_a_box_drawn_by_hand_is_read_from_the_same_encoded_film(faithful, chest) -> None:
    [regions] = faithful.detect([chest()])
    drawn = regions.drawn("mine", Box(10, 20, 60, 80))
    assert drawn.features.film is regions.features.film
    assert drawn.features.vectors.shape == (1, 24)
    assert torch.isfinite(drawn.features.readings.selection_logits).all()


def test_what_is_not_selected_is_noted(faithful, chest) -> None:
    [regions] = faithful.detect([chest()])
    for row, region in enumerate(regions):
        assert ("not selected" in region.note) != bool(regions.features.selected[row])


def test_the_published_pooling_is_roi_aligns_mean() -> None:
    random = torch.Generator().manual_seed(0)
    maps = torch.randn(1, 5, 16, 16, generator=random)
    corners = torch.rand(40, 4, generator=random) * 512
    low, high = corners[:, :2].minimum(corners[:, 2:]), corners[:, :2].maximum(corners[:, 2:])
    boxes = torch.cat([low, high], 1)
    boxes = torch.cat([boxes, torch.tensor([[500.0, 500, 512, 512], [0, 0, 512, 512]])])
    expected = roi_align(maps, [boxes], 8, 1 / 32, sampling_ratio=2)
    down, across = sampling_weights(boxes, (16, 16))
    found = torch.einsum("niy,njx,cyx->ncij", down, across, maps[0])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_proposal_speaks_only_for_the_region_it_resembles_most() -> None:
    logits = torch.full((2, 30), -9.0)
    logits[0, [4, 7]] = torch.tensor([3.0, 2.0])  # region 3, and region 6 less
    logits[1, [4, 9]] = torch.tensor([1.0, 2.0])  # region 8
    proposals = torch.tensor([[0.0, 0, 1, 1], [2, 2, 3, 3]])
    decoded = torch.arange(2 * 30 * 4.0).view(2, 30, 4)
    chosen, boxes, scores, detected = _choose(proposals, decoded, logits)
    assert detected.nonzero()[:, 0].tolist() == [3, 8]
    assert torch.equal(chosen[8], proposals[1])
    assert torch.equal(boxes[8], decoded[1, 9])
    assert (scores > 0).nonzero()[:, 0].tolist() == [3, 8]


def test_no_proposal_detects_nothing() -> None:
    _, boxes, scores, detected = _choose(
        torch.empty(0, 4), torch.empty(0, 30, 4), torch.empty(0, 30)
    )
    assert boxes.shape == (29, 4)
    assert not detected.any()
    assert not scores.any()


def test_one_proposal_detects_one_region(folder: Path, chest) -> None:
    net = load_detector(folder / "detector")[0].net
    film = chest()
    maps = net.encode(model_input(film, Placement.letterbox(film.shape, (128, 128))))
    choice = net.choose(maps, [torch.tensor([[10.0, 10, 90, 80]])])
    assert int(choice.detected.sum()) == 1


def test_the_input_is_the_film_letterboxed_and_normalised(chest) -> None:
    film = chest(shape=(100, 50))
    seen = model_input(film, Placement.letterbox(film.shape, (128, 128)))
    assert seen.shape == (1, 1, 128, 128)
    assert float(seen[0, 0, 0, 0]) == pytest.approx(-0.471 / 0.302)


def test_the_29_classes_are_the_atlas(faithful) -> None:
    assert sorted(faithful.names) == sorted(faithful.atlas.names)


def test_an_empty_selection_of_features_is_fine(faithful, chest) -> None:
    [regions] = faithful.detect([chest()])
    nothing: Regions = regions[np.zeros(len(regions), bool)]
    assert nothing.features.vectors.shape == (0, 24)


@pytest.mark.parametrize("keywords", [{"mode": "both"}, {"dtype": "half"}])
def test_an_unknown_setting_is_refused(folder: Path, keywords: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError, match="is one of"):
        RgrgDetector(folder / "detector", **keywords)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="does not describe RGRG's detector"):
        RgrgDetector(folder / "generator")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights in"):
        RgrgDetector(tmp_path)


def test_the_network_trains_with_torchvisions_losses(tiny) -> None:
    net = DetectorNet(tiny.detector).train()
    targets = [{"boxes": torch.tensor([[10.0, 10, 60, 70]]), "labels": torch.tensor([3])}]
    maps = net.encode(torch.zeros(1, 1, 128, 128))
    _, losses = net.rpn(net._image_list(maps), {"0": maps}, targets)
    assert set(losses) == {"loss_objectness", "loss_rpn_box_reg"}
