"""Scores of regions whose truth is known, through the detector that ships and a small encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.chest.names import REGIONS
from grounded.data.example import Example, FilmReading
from grounded.data.finding_films import finding_films
from grounded.data.regions import region_boxes
from grounded.detectors.organs.detector import OrganDetector
from grounded.detectors.organs.encoder import FilmEncoder
from grounded.generators.neural.finding_net import FindingNet
from grounded.generators.neural.finding_reader import FindingReader
from grounded.nn.weights import parameters, write
from grounded.regions import Regions
from grounded.synthetic.phantom import write_phantoms
from grounded.train.findings.calibration import raw
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import (
    PaintedFilm,
    painted_films,
    read_logits,
    score_films,
    score_painted,
)

SHIPPED = Path(__file__).parents[3] / "configs" / "weights" / "organ_net"
SIZES = {"side": 64, "widths": [8, 8, 8, 8, 8], "fused": 8, "features": 6}
ZONES = ["upper lung zone", "mid lung zone", "lower lung zone"]
PAIRS = Pairs.of({"Lung Opacity": ["lung", *ZONES], "Cardiomegaly": ["cardiac silhouette"]})
OPACITY, HEART, ABNORMAL = range(3)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    folder = tmp_path_factory.mktemp("data")
    write_phantoms(folder / "chest_anatomy", 2, side=128)
    return finding_films(folder)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> OrganDetector:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoder")
    write(folder, SIZES, parameters(FilmEncoder(**SIZES)))  # type: ignore[arg-type]
    return OrganDetector(SHIPPED, encoder=folder)


@pytest.fixture(scope="module")
def reader() -> FindingReader:
    torch.manual_seed(1)
    return FindingReader.of(FindingNet(PAIRS.labels, PAIRS.all_kinds, 6, 8), raw(PAIRS))


@pytest.fixture(scope="module")
def painted(detector: OrganDetector, examples: list[Example]) -> list[PaintedFilm]:
    return list(painted_films(detector, examples, PAIRS))


def test_a_clear_film_has_nothing_in_any_region(
    detector: OrganDetector, reader: FindingReader, examples: list[Example]
) -> None:
    scores = list(score_films(detector, reader, examples[:1], PAIRS))
    opacity = [score for score in scores if score.label == "Lung Opacity"]
    assert len(opacity) == 8  # two lungs with three zones each
    assert not any(score.truth for score in opacity)
    assert {score.source for score in scores} == {"clear"}
    assert {score.film for score in scores} == {examples[0].name}


def test_a_described_film_is_scored_where_its_notes_say_something(
    detector: OrganDetector, reader: FindingReader, examples: list[Example]
) -> None:
    notes = FilmReading(
        "notes",
        regions={
            ("right lung", "Lung Opacity"): "present",
            ("left lung", "Lung Opacity"): "absent",
            ("left lower lung zone", "Lung Opacity"): "uncertain",
        },
    )
    described = replace(examples[0], readings=(notes,))
    scores = list(score_films(detector, reader, [described], PAIRS))
    said = {(s.region, s.truth) for s in scores if s.label == "Lung Opacity"}
    assert said == {("right lung", True), ("left lung", False)}
    assert {score.source for score in scores} == {"described"}


def test_a_score_is_what_the_reader_reads_in_the_film(
    detector: OrganDetector, reader: FindingReader, examples: list[Example]
) -> None:
    logits = read_logits(detector, reader, examples[0].image())
    for score in score_films(detector, reader, examples[:1], PAIRS):
        assert score.logit == logits[score.region, score.label]


def test_each_lesion_that_is_read_is_painted_once_into_each_clear_film(
    painted: list[PaintedFilm], examples: list[Example]
) -> None:
    names = [f"{e.name} {kind}" for e in examples for kind in ("consolidation", "cardiomegaly")]
    assert [film.name for film in painted] == names


def test_what_is_painted_is_the_truth(painted: list[PaintedFilm]) -> None:
    opacity, heart = painted[:2]
    other = "left" if opacity.lesion.side == "right" else "right"
    rows = [REGIONS.index(f"{side} lung") for side in (opacity.lesion.side, other)]
    assert opacity.known[rows, OPACITY].tolist() == [1, 0]
    assert opacity.known[rows, ABNORMAL].tolist() == [1, 0]
    row = REGIONS.index("cardiac silhouette")
    assert heart.known[row, [HEART, ABNORMAL]].tolist() == [1, 1]


def test_a_painted_film_is_the_film_but_for_its_lesion(
    painted: list[PaintedFilm], examples: list[Example]
) -> None:
    clear, film = examples[0].image().pixels, painted[0]
    changed = np.abs(film.image.pixels - clear) > 0.05
    assert changed.any()
    assert (film.lesion.area[changed] > 0).mean() > 0.95


def test_painted_films_are_scored_as_such(
    detector: OrganDetector, reader: FindingReader, painted: list[PaintedFilm]
) -> None:
    scores = list(score_painted(detector, reader, painted[:1], PAIRS))
    assert {score.source for score in scores} == {"painted"}
    assert {True, False} == {score.truth for score in scores if score.label == "Lung Opacity"}


def test_films_that_are_not_clear_are_not_painted(
    detector: OrganDetector, examples: list[Example]
) -> None:
    described = replace(examples[0], readings=(FilmReading("notes"), *examples[0].readings))
    unclear = replace(examples[1], readings=())
    assert list(painted_films(detector, [described, unclear], PAIRS)) == []


def test_no_films_have_no_scores(detector: OrganDetector, reader: FindingReader) -> None:
    assert list(score_films(detector, reader, [], PAIRS)) == []
    assert list(score_painted(detector, reader, [], PAIRS)) == []


def test_regions_that_were_not_found_have_no_box() -> None:
    found = Regions(("left lung",), np.array([[1.0, 2, 3, 4]]), np.ones(1))
    boxes = region_boxes(found)
    assert boxes[REGIONS.index("left lung")].tolist() == [1, 2, 3, 4]
    assert np.isnan(boxes).all(axis=1).sum() == len(REGIONS) - 1
