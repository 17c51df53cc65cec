"""How heatmaps are scored: their peak, their share in a box, and lesions through the whole flow."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from own.grounding import (
    CENTRE,
    CHANCE,
    Pointing,
    Target,
    baselines,
    grown,
    peak,
    pointings,
    share_inside,
    targets,
)

from grounded import Atlas, Box, Finding, Heatmap, Image, Placement, Regions, Sentence
from grounded.chest.names import REGIONS
from grounded.detectors.features import EncodedFilm
from grounded.explain.attention import Attention
from grounded.explain.gradient import Gradient
from grounded.generators.neural.generator import Neural
from grounded.generators.neural.writer import Written
from grounded.generators.template import Template
from grounded.protocols import Question, SentenceGenerator
from grounded.synthetic.lesions import Lesion
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import PaintedFilm

from ..explain.conftest import BOXES, FEATURES, KINDS, NAMES, write_neural

FILM = Box(0, 0, 80, 60)
ENCODER = "0123456789abcdef"  # in the place of the SHA-256 of one
PAIRS = Pairs(("Lung Opacity", "Abnormal"), (frozenset(KINDS),) * 2)


def heat(cells: dict[tuple[int, int], float], extent: Box = FILM) -> Heatmap:
    values = np.zeros((6, 8), np.float32)
    for place, value in cells.items():
        values[place] = value
    return Heatmap(values, extent, "made up")


class Always:
    """An explainer that has one answer."""

    def __init__(self, answer: Heatmap | None) -> None:
        self.answer = answer

    def heatmaps(
        self, question: Question, sentences: list[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]:
        return [self.answer for _ in sentences]


@pytest.fixture
def target() -> Target:
    """A lesion of 6 x 6 pixels in the right lung."""
    boxes = np.array([[10, 10, 30, 50], [50, 10, 70, 50]])
    found = Regions(("right lung", "left lung"), boxes, np.ones(2))
    image = Image.of(np.zeros((60, 80), np.float32))
    area = np.zeros((60, 80), np.float32)
    area[34:40, 14:20] = 1
    finding = Finding("Lung Opacity", "present", "right lung")
    sentence = Sentence("Opacity.", ("right lung",), "test", findings=(finding,))
    question = Question(image, found, found[["right lung"]])
    return Target("film", question, "Lung Opacity", sentence, grown(area, 40), said=True)


def test_the_peak_is_the_centre_of_the_hottest_cell() -> None:
    assert peak(heat({(2, 5): 3, (1, 1): 1})) == (55, 25)
    assert peak(heat({(0, 0): 1}, Box(-40, 10, 120, 70))) == (-30, 15)


def test_heat_that_is_nowhere_above_zero_points_nowhere() -> None:
    assert all(math.isnan(value) for value in peak(heat({(2, 5): -3})))


def test_the_share_counts_cells_at_the_edge_in_part() -> None:
    spots = heat({(1, 1): 2, (4, 6): 2})
    assert share_inside(spots, FILM) == pytest.approx(1)
    assert share_inside(spots, Box(10, 10, 20, 20)) == pytest.approx(0.5)
    assert share_inside(spots, Box(15, 10, 20, 20)) == pytest.approx(0.25)
    assert share_inside(spots, Box(15, 15, 80, 60)) == pytest.approx(0.625)


def test_heat_below_zero_has_no_part_in_the_share() -> None:
    assert share_inside(heat({(1, 1): 2, (4, 6): -9}), Box(10, 10, 20, 20)) == pytest.approx(1)
    assert share_inside(heat({(4, 6): -9}), FILM) == 0


def test_a_lesion_grows_by_a_cell_of_the_map() -> None:
    area = np.zeros((60, 80), np.float32)
    area[30, 40], area[0, 0] = 0.8, 0.1
    near = grown(area, 20)  # a cell is 4 pixels
    assert near[30, 36]
    assert near[34, 40]
    assert not near[30, 35]
    assert not near[0, 0]


def test_a_peak_is_scored_by_region_and_lesion(target: Target) -> None:
    inside = target.pointed("m", 17, 37)
    beside = target.pointed("m", 25, 15)
    other = target.pointed("m", 60, 30)
    outside = target.pointed("m", -5, 200)
    nowhere = target.pointed("m", math.nan, math.nan)
    scored = [(p.in_region, p.in_lesion) for p in (inside, beside, other, outside, nowhere)]
    assert scored == [(True, True), (True, False), (False, False), (False, False), (False, False)]


class Finder:
    """A detector that finds the same regions in every film, with a map of noise."""

    name, atlas = "finder", Atlas.open("chest29")
    weights_sha256: Mapping[str, str] = {}
    encoder_sha256 = ENCODER

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        film = torch.randn(FEATURES, 8, 8, generator=torch.Generator().manual_seed(0))
        placement = Placement.letterbox((64, 64), (64, 64))
        regions = Regions(NAMES, BOXES * 64, np.ones(len(NAMES)))
        return [replace(regions, encoding=EncodedFilm(film, placement, ENCODER)) for _ in images]


@pytest.fixture(scope="module")
def neural(tmp_path_factory: pytest.TempPathFactory) -> Neural:
    return Neural(write_neural(tmp_path_factory.mktemp("neural"), ENCODER), words="writer")


def painted(*holders: str, label: str = "Lung Opacity") -> PaintedFilm:
    """A film with a lesion that some regions hold."""
    area = np.zeros((64, 64), np.float32)
    area[45:50, 40:50] = 1
    known = np.zeros((len(REGIONS), 2), np.float32)
    known[[REGIONS.index(name) for name in holders]] = 1
    lesion = Lesion((label,), "consolidation", area, "left", "small", "")
    return PaintedFilm("film", Image.of(np.zeros((64, 64), np.float32)), lesion, known)


def test_a_lesion_is_asked_about_in_the_smallest_region_that_holds_it(neural: Neural) -> None:
    film = painted("left lung", "left lower lung zone")
    [target] = targets(Finder(), neural, [film], PAIRS)
    assert target.region == "left lower lung zone"
    assert target.sentence.findings == (Finding("Lung Opacity", "present", "left lower lung zone"),)
    assert target.pointed("m", 45, 47) == Pointing(
        "film", "Lung Opacity", "left lower lung zone", "m", True, True, None, target.said
    )
    written = target.sentence.written
    assert isinstance(written, Written)
    shorter = replace(written, template="Opacity.")  # random weights write no such words
    said = replace(target.sentence, text="Opacity.", written=shorter)
    target = replace(target, sentence=said)
    methods = {"gradient": Gradient(), "words": Gradient("words"), "attention": Attention()}
    assert [p.method for p in pointings(neural, methods, target)] == list(methods)


def test_a_lesion_that_no_region_holds_is_left_out(neural: Neural) -> None:
    assert list(targets(Finder(), neural, [painted()], PAIRS)) == []


def test_a_lesion_whose_finding_is_not_read_is_left_out(neural: Neural) -> None:
    film = painted("left lung", label="Pneumothorax")
    assert list(targets(Finder(), neural, [film], PAIRS)) == []


def test_every_method_is_scored_that_says_something(target: Target) -> None:
    methods = {"hit": Always(heat({(3, 1): 1})), "miss": Always(heat({(3, 6): 1}))}
    found = list(pointings(Template(), {**methods, "silent": Always(None)}, target))
    assert [(p.method, p.in_region, p.in_lesion, p.share) for p in found] == [
        ("hit", True, True, 1.0),
        ("miss", False, False, 0.0),
    ]
    assert {(p.film, p.label, p.region, p.said) for p in found} == {
        ("film", "Lung Opacity", "right lung", True)
    }


def test_the_baselines_know_nothing_of_the_lesion(target: Target) -> None:
    rng = np.random.default_rng(0)
    points = [point for _ in range(300) for point in baselines(target, rng)]
    centre = {(p.in_region, p.in_lesion, p.share) for p in points if p.method == CENTRE}
    assert centre == {(True, False, None)}
    chance = [p.in_region for p in points if p.method == CHANCE]
    assert np.mean(chance) == pytest.approx(20 / 60, abs=0.1)  # the lung's part of both lungs' box
