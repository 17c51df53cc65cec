"""The writer's attention as a heatmap, through real tiny networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grounded import Box, Heatmap
from grounded.errors import ConfigError
from grounded.explain.attention import Attention
from grounded.explain.gradient import Gradient
from grounded.generators.neural.generator import Neural
from grounded.generators.template import Template
from grounded.protocols import Explainer

from .conftest import CELLS, FEATURES, Ask, measured, read


def test_it_is_an_explainer():
    assert isinstance(Attention(), Explainer)


def test_a_heatmap_lies_over_the_box_of_the_region(neural: Neural, ask: Ask) -> None:
    question = ask()
    [heat] = Attention().heatmaps(question, [read("right lower lung zone")], neural)
    assert heat is not None
    assert heat.values.shape == (4, 4)
    assert heat.extent == question.found["right lower lung zone"].box
    assert np.all(heat.values > 0)
    assert heat.values.sum() < 1


def test_a_cell_that_draws_attention_is_shown_where_it_lies_on_both_sides(
    neural: Neural, ask: Ask
) -> None:
    # of a mirrored film, the left is read as the right was: the heat is mirrored as well
    film = 3 * torch.randn(FEATURES, CELLS, CELLS, generator=torch.Generator().manual_seed(3))
    [right] = Attention().heatmaps(ask((64, 64), film), [read("right lung")], neural)
    [left] = Attention().heatmaps(ask((64, 64), film.flip(2)), [read("left lung")], neural)
    assert right is not None
    assert left is not None
    np.testing.assert_allclose(left.values, right.values[:, ::-1], atol=1e-5)
    assert np.abs(right.values - right.values[:, ::-1]).max() > 1e-5


def test_sentences_are_looked_at_as_each_alone(neural: Neural, ask: Ask) -> None:
    question = ask()
    short = replace(read("left lung"), text="Opacity.")
    sentences = [read("right lung"), measured(), short]
    together = Attention().heatmaps(question, sentences, neural)
    assert together[1] is None
    for sentence, heat in zip(sentences[::2], together[::2], strict=True):
        [alone] = Attention().heatmaps(question, [sentence], neural)
        assert heat is not None
        assert alone is not None
        np.testing.assert_allclose(heat.values, alone.values, atol=1e-6)


def test_the_network_goes_on_as_before(neural: Neural, ask: Ask) -> None:
    question = ask()
    before = Gradient("words").heatmaps(question, [read("left lung")], neural)
    Attention().heatmaps(question, [read("left lung")], neural)
    after = Gradient("words").heatmaps(question, [read("left lung")], neural)
    assert before[0] is not None
    assert after[0] is not None
    assert np.array_equal(before[0].values, after[0].values)


def test_a_box_drawn_by_hand_is_the_extent(neural: Neural, ask: Ask) -> None:
    question = ask()
    box = Box(5, 10, 20, 70)
    drawn = replace(question, asked=question.found.drawn("marked area", box), whole=False)
    [sentence] = Attention().explain(drawn, [read("marked area")], neural)
    assert [type(item) for item in sentence.evidence] == [Box, Heatmap]
    assert isinstance(sentence.evidence[1], Heatmap)
    assert sentence.evidence[1].extent == box


def test_no_sentences_are_a_fine_answer(neural: Neural, ask: Ask) -> None:
    assert Attention().explain(ask(), [], neural) == []


def test_a_generator_without_a_writer_is_refused(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="RegionBoxes"):
        Attention().explain(ask(), [read("left lung")], Template())
