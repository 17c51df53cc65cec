"""Heatmaps by covering parts of the film, through real tiny networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grounded import Box, Heatmap
from grounded.detectors.features import EncodedFilm
from grounded.detectors.organs.encoder import Encoder
from grounded.errors import ConfigError, InvalidValueError
from grounded.explain.occlusion import Occlusion, covered_films
from grounded.generators.neural.generator import Neural
from grounded.generators.template import Template
from grounded.image import Image
from grounded.protocols import Explainer, Question, encoded_film

from .conftest import FEATURES, Ask, measured, read


def bright_parts(question: Question) -> Question:
    """The same question, its film encoded by an encoder that shows where the film is bright."""

    def encode(films: list[np.ndarray]) -> torch.Tensor:
        maps = torch.zeros(len(films), FEATURES, *films[0].shape)
        maps[:, 0] = torch.from_numpy(np.stack(films))
        return maps

    encoded = encoded_film(question)
    film = encoded.placement.place(question.image.pixels)
    encoding = EncodedFilm(encode([film])[0], encoded.placement, encoded.encoder, encode)  # type: ignore[arg-type]
    return replace(question, found=replace(question.found, encoding=encoding))


def spotted(question: Question, x: int, y: int) -> Question:
    """A grey film of the same shape with one bright spot."""
    pixels = np.full(question.image.shape, 0.2, np.float32)
    pixels[y - 2 : y + 3, x - 2 : x + 3] = 1
    return replace(question, image=Image.of(pixels))


def test_it_is_an_explainer():
    assert isinstance(Occlusion(), Explainer)


@pytest.mark.parametrize(
    ("shape", "grid"), [((64, 64), (6, 6)), ((91, 50), (6, 3)), ((30, 150), (1, 6))]
)
def test_the_grid_covers_the_film_with_cells_that_are_about_square(
    neural: Neural, ask: Ask, shape: tuple[int, int], grid: tuple[int, int]
) -> None:
    question = ask(shape)
    [heat] = Occlusion(cells=6).heatmaps(question, [read("left lung")], neural)
    assert heat is not None
    assert heat.values.shape == grid
    assert heat.extent == Box(0, 0, shape[1], shape[0])
    assert heat.method == "occlusion, fall of the finding"


@pytest.mark.parametrize(("x", "y"), [(12, 40), (20, 15), (25, 50)])
def test_the_support_falls_most_where_the_evidence_was(
    neural: Neural, ask: Ask, x: int, y: int
) -> None:
    question = bright_parts(spotted(ask((64, 64)), x, y))
    [heat] = Occlusion(cells=8).heatmaps(question, [read("right lung")], neural)
    assert heat is not None
    row, column = np.unravel_index(heat.values.argmax(), heat.values.shape)
    assert (row, column) == (y // 8, x // 8)


def test_the_fall_is_that_of_the_support_of_the_covered_film(neural: Neural, ask: Ask) -> None:
    question, sentence = ask(), read("left lower lung zone")
    encoded = encoded_film(question)
    film = encoded.placement.place(question.image.pixels)[encoded.placement.content]
    [heat] = Occlusion(cells=4).heatmaps(question, [sentence], neural)
    covered = list(covered_films(film, (4, 2)))[5]
    assert encoded.encode is not None
    maps = torch.cat([encoded.film[None], encoded.encode([covered])])
    with torch.inference_mode():
        whole, without = neural.support(question, [sentence], maps, "finding")[:, 0].tolist()
    assert heat is not None
    assert heat.values[2, 1] == pytest.approx(whole - without, abs=1e-5)


def test_several_sentences_are_explained_as_each_alone(neural: Neural, ask: Ask) -> None:
    question, explainer = ask(), Occlusion(cells=4)
    sentences = [read("left lung"), read("right lower lung zone")]
    together = explainer.heatmaps(question, sentences, neural)
    for sentence, heat in zip(sentences, together, strict=True):
        [alone] = explainer.heatmaps(question, [sentence], neural)
        assert heat is not None
        assert alone is not None
        np.testing.assert_allclose(heat.values, alone.values, atol=1e-5)


def test_sentences_that_were_measured_get_no_heatmap(neural: Neural, ask: Ask) -> None:
    first, second = Occlusion(cells=2).explain(ask(), [measured(), read("left lung")], neural)
    assert [type(item) for item in first.evidence] == [Box]
    assert [type(item) for item in second.evidence] == [Box, Heatmap]


def test_no_sentences_are_a_fine_answer(neural: Neural, ask: Ask) -> None:
    assert Occlusion().explain(ask(), [], neural) == []


def test_one_cell_covers_the_whole_film(neural: Neural, ask: Ask) -> None:
    [heat] = Occlusion(cells=1).heatmaps(ask((64, 64)), [read("left lung")], neural)
    assert heat is not None
    assert heat.values.shape == (1, 1)


def test_a_cover_takes_the_grey_of_its_surroundings_and_has_a_soft_edge() -> None:
    film = np.zeros((80, 80), np.float32)
    film[:, 40:] = 1
    covered = list(covered_films(film, (8, 8)))
    assert len(covered) == 64
    change = covered[8 * 4 + 3] - film  # just left of the edge between dark and light
    assert 0.2 < change[45, 35] < 0.5
    steps = np.abs(np.diff(change[:40, 35]))
    assert 0 < steps.max() < 0.15
    assert np.all(change[:30] == 0)
    assert np.array_equal(film[:, 40:], np.ones((80, 40)))


def test_a_film_as_the_encoder_sees_it_is_encoded_as_the_film_itself(
    ask: Ask, encoder: Encoder
) -> None:
    for shape in ((91, 50), (50, 91), (300, 211), (64, 64)):
        encoded = encoded_film(ask(shape))
        film = encoded.placement.place(ask(shape).image.pixels)[encoded.placement.content]
        torch.testing.assert_close(encoder.maps([film])[0], encoded.film, atol=1e-4, rtol=1e-4)


def test_a_generator_that_reads_no_map_is_refused(ask: Ask) -> None:
    with pytest.raises(ConfigError, match="RegionBoxes"):
        Occlusion().explain(ask(), [read("left lung")], Template())


def test_a_map_that_cannot_be_made_again_is_refused(neural: Neural, ask: Ask) -> None:
    question = ask((64, 64), torch.zeros(FEATURES, 8, 8))
    with pytest.raises(ConfigError, match="encoder"):
        Occlusion().explain(question, [read("left lung")], neural)


def test_a_film_is_covered_in_one_cell_at_least() -> None:
    with pytest.raises(InvalidValueError, match="got 0"):
        Occlusion(cells=0)
