"""Heatmaps by gradient x activation, through real tiny networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grounded import Box, Heatmap
from grounded.errors import ConfigError, InvalidValueError
from grounded.explain.gradient import Gradient, spread
from grounded.explain.places import STRONG
from grounded.generators.neural.generator import Neural
from grounded.generators.template import Template
from grounded.protocols import Explainer, Question, Target

from .conftest import CELLS, FEATURES, LABELS, NAMES, Ask, hot, measured, read


def heatmap(
    neural: Neural, question: Question, region: str, of: Target = "finding", spread: float = 0
) -> Heatmap:
    [heat] = Gradient(of, spread).heatmaps(question, [read(region)], neural)
    assert heat is not None
    return heat


def cells(heat: Heatmap) -> list[tuple[int, int]]:
    """Where there is any heat, rows first."""
    return [(int(row), int(column)) for row, column in np.argwhere(heat.values != 0)]


def peak(heat: Heatmap) -> tuple[float, float]:
    """The centre of the hottest cell, image frame."""
    row, column = np.unravel_index(heat.values.argmax(), heat.values.shape)
    box, (rows, columns) = heat.extent, heat.values.shape
    return (
        box.x0 + (column + 0.5) / columns * box.width,
        box.y0 + (row + 0.5) / rows * box.height,
    )


def test_it_is_an_explainer():
    assert isinstance(Gradient(), Explainer)


@pytest.mark.parametrize("shape", [(91, 50), (40, 120), (64, 64)])
def test_a_heatmap_has_the_maps_resolution_over_the_whole_letterboxed_film(
    neural: Neural, ask: Ask, shape: tuple[int, int]
) -> None:
    question = ask(shape)
    heat = heatmap(neural, question, "right lung")
    assert heat.values.shape == (CELLS, CELLS)
    assert heat.extent == question.found.encoding.placement.extent()  # type: ignore[union-attr]
    assert np.abs(heat.values).max() > 0
    assert heat.method == "gradient x activation of the finding"


@pytest.mark.parametrize(
    ("region", "row", "column"), [("right lung", 4, 1), ("left lung", 2, 6), ("left lung", 5, 5)]
)
def test_the_peak_lies_where_the_evidence_is(
    neural: Neural, ask: Ask, region: str, row: int, column: int
) -> None:
    question = ask((64, 64), hot(row, column))
    assert cells(heatmap(neural, question, region)) == [(row, column)]
    soft = heatmap(neural, question, region, spread=1.5)
    assert np.unravel_index(soft.values.argmax(), soft.values.shape) == (row, column)


def test_the_peak_of_a_narrow_film_is_found_in_its_own_pixels(neural: Neural, ask: Ask) -> None:
    heat = heatmap(neural, ask((200, 100), hot(3, 2)), "right lung")
    # the film is 32 x 64 in the model frame, 16 from the left; the cell's centre is (20, 28) there
    assert peak(heat) == pytest.approx(((20 - 16) / 0.32, 28 / 0.32))


def test_the_peak_of_a_wide_film_is_found_in_its_own_pixels(neural: Neural, ask: Ask) -> None:
    heat = heatmap(neural, ask((100, 200), hot(3, 2)), "right lung")
    assert peak(heat) == pytest.approx((20 / 0.32, (28 - 16) / 0.32))


def test_evidence_outside_of_the_region_gives_it_no_heat(neural: Neural, ask: Ask) -> None:
    assert cells(heatmap(neural, ask((64, 64), hot(4, 6)), "right lung")) == []


def test_evidence_against_a_finding_is_below_zero(neural: Neural, ask: Ask) -> None:
    heat = heatmap(neural, ask((64, 64), hot(4, 1, -1.0)), "right lung")
    assert heat.values[4, 1] < 0


def test_the_gradient_is_that_of_the_support(neural: Neural, ask: Ask) -> None:
    film = torch.randn(FEATURES, CELLS, CELLS, generator=torch.Generator().manual_seed(1))
    question, sentences = ask((64, 64), film), [read("right lung"), read("left lung")]
    more = torch.stack([film * 0.999, film * 1.001])
    with torch.inference_mode():
        slightly = neural.support(question, sentences, more, "finding")  # (2, S)
    heats = Gradient(spread=0).heatmaps(question, sentences, neural)
    for heat, (less, most) in zip(heats, slightly.T, strict=True):
        assert heat is not None
        assert heat.values.sum() == pytest.approx(float(most - less) / 0.002, rel=0.05, abs=0.01)


def test_several_sentences_are_explained_as_each_alone(neural: Neural, ask: Ask) -> None:
    question = ask()
    sentences = [read(name, label) for name in NAMES[:4] for label in LABELS[:2]]
    together = Gradient().heatmaps(question, sentences, neural)
    for sentence, heat in zip(sentences, together, strict=True):
        [alone] = Gradient().heatmaps(question, [sentence], neural)
        assert heat is not None
        assert alone is not None
        np.testing.assert_allclose(heat.values, alone.values, atol=1e-5)


def test_heat_grows_with_the_evidence_and_is_not_normalised(neural: Neural, ask: Ask) -> None:
    question = ask((64, 64), hot(4, 1))
    before = heatmap(neural, question, "right lung", spread=1.5)
    with torch.no_grad():
        neural.reader.net.scale.weight.mul_(3)
    after = heatmap(neural, question, "right lung", spread=1.5)
    np.testing.assert_allclose(after.values, 3 * before.values, rtol=1e-4)


def test_heat_is_in_log_odds_as_they_are_calibrated(neural: Neural, ask: Ask) -> None:
    question = ask((64, 64), hot(4, 1))
    before = heatmap(neural, question, "right lung")
    reader = neural.reader
    of_lungs = reader.calibrations["Lung Opacity"]["lung"]
    reader.calibrations = {"Lung Opacity": {"lung": replace(of_lungs, slope=0.25)}}
    after = heatmap(neural, question, "right lung")
    np.testing.assert_allclose(after.values, before.values / 4, rtol=1e-4)


def test_sentences_that_were_measured_get_no_heatmap(neural: Neural, ask: Ask) -> None:
    question = ask()
    sentences = [measured(), read("left lung")]
    first, second = Gradient().explain(question, sentences, neural)
    assert first.evidence == (question.found["spine"].box,)
    assert second.evidence[0] == question.found["left lung"].box
    assert [type(item) for item in second.evidence[1:]] == [Heatmap]


def test_a_finding_that_is_not_read_gets_no_heatmap_nor_do_words(neural: Neural, ask: Ask) -> None:
    assert Gradient().heatmaps(ask(), [read("left lung", "Consolidation")], neural) == [None]
    assert Gradient("words").heatmaps(ask(), [read("left lung")], neural) == [None]


def test_a_box_drawn_by_hand_is_explained(neural: Neural, ask: Ask) -> None:
    question = ask()
    drawn = replace(
        question, asked=question.found.drawn("marked area", Box(5, 10, 20, 70)), whole=False
    )
    [sentence] = Gradient().explain(drawn, [read("marked area")], neural)
    assert [type(item) for item in sentence.evidence] == [Box, Heatmap]


def test_no_sentences_are_a_fine_answer(neural: Neural, ask: Ask) -> None:
    assert Gradient().explain(ask(), [], neural) == []


def test_the_network_keeps_no_gradient(neural: Neural, ask: Ask) -> None:
    net = neural.reader.net.requires_grad_()
    question = ask()
    Gradient().heatmaps(question, [read("left lung")], neural)
    assert all(value.grad is None for value in net.parameters())
    assert not question.found.encoding.film.requires_grad  # type: ignore[union-attr]


def test_it_works_where_gradients_are_switched_off(neural: Neural, ask: Ask) -> None:
    question = ask()
    expected = heatmap(neural, question, "left lung")
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            assert np.array_equal(heatmap(neural, question, "left lung").values, expected.values)


def test_a_generator_that_reads_no_map_cannot_be_followed_back(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="RegionBoxes"):
        Gradient().explain(ask(), [read("left lung")], Template())


def test_a_detector_that_makes_no_map_is_refused(neural: Neural, ask: Ask) -> None:
    question = ask()
    bare = replace(question.found, encoding=None)
    with pytest.raises(ConfigError, match="encoder"):
        Gradient().explain(replace(question, found=bare), [read("left lung")], neural)


def test_spreading_keeps_the_sum_away_from_the_edge():
    heat = np.zeros((40, 36), np.float32)
    heat[15:25, 15:20] = np.random.default_rng(0).normal(size=(10, 5))
    for sigma in (0.5, 1.5, 2.5):
        assert spread(heat, sigma).sum() == pytest.approx(heat.sum(), abs=1e-3)
    assert np.array_equal(spread(heat, 0), heat)


def test_heat_cannot_be_spread_by_less_than_nothing():
    with pytest.raises(InvalidValueError, match="-1"):
        Gradient(spread=-1)


def test_heat_is_strong_by_its_own_unit_whatever_the_film_shows(neural: Neural, ask: Ask) -> None:
    assert heatmap(neural, ask(), "left lung").strong == STRONG / CELLS**2
