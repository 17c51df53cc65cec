"""The map of evidence, drawn as it was read."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grounded import Box, Heatmap
from grounded.errors import ConfigError
from grounded.explain.evidence import STRONG, EvidenceMap
from grounded.generators.neural.generator import Neural
from grounded.generators.template import Template
from grounded.protocols import Explainer

from .conftest import CELLS, FEATURES, Ask, hot, measured, read


def heatmap(neural: Neural, ask: Ask, film: torch.Tensor, label: str = "Lung Opacity") -> Heatmap:
    [heat] = EvidenceMap().heatmaps(ask((64, 64), film), [read("right lung", label)], neural)
    assert heat is not None
    return heat


def test_it_is_an_explainer() -> None:
    assert isinstance(EvidenceMap(), Explainer)


def test_the_map_is_drawn_as_it_is(neural: Neural, ask: Ask) -> None:
    film = torch.randn(FEATURES, CELLS, CELLS, generator=torch.Generator().manual_seed(0))
    heat = heatmap(neural, ask, film)
    np.testing.assert_allclose(heat.values, film[0], rtol=1e-5)
    assert heat.strong == STRONG


def test_each_finding_has_its_own_channel(neural: Neural, ask: Ask) -> None:
    assert heatmap(neural, ask, hot(3, 2)).values[3, 2] == 1
    assert not heatmap(neural, ask, hot(3, 2), "Pleural Effusion").values.any()


def test_the_map_is_calibrated_as_the_film_is(neural: Neural, ask: Ask) -> None:
    calibrations = neural.reader.calibrations["Lung Opacity"]
    film = replace(calibrations["film"], slope=3.0, intercept=-1.0)
    neural.reader.calibrations = {"Lung Opacity": {**calibrations, "film": film}}
    values = heatmap(neural, ask, hot(3, 2)).values
    assert (values[3, 2], values[0, 0]) == (2, -1)


def test_the_extent_is_the_whole_letterboxed_film(neural: Neural, ask: Ask) -> None:
    question = ask((200, 100))
    [heat] = EvidenceMap().heatmaps(question, [read("left lung")], neural)
    assert heat is not None
    assert heat.extent == Box(-50, 0, 150, 200)


def test_sentences_that_were_measured_get_no_map(neural: Neural, ask: Ask) -> None:
    first, second = EvidenceMap().explain(ask(), [measured(), read("left lung")], neural)
    assert [type(item) for item in first.evidence] == [Box]
    assert [type(item) for item in second.evidence] == [Box, Heatmap]


def test_no_sentences_are_a_fine_answer(neural: Neural, ask: Ask) -> None:
    assert EvidenceMap().explain(ask(), [], neural) == []


def test_a_generator_without_such_a_map_is_refused(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="RegionBoxes"):
        EvidenceMap().explain(ask(), [read("left lung")], Template())
