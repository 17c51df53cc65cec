"""A short run on phantoms: it learns, stops and goes on, and its statements follow the figures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.errors import ConfigError
from grounded.generators.neural.finding_net import FILM, VIEW
from grounded.generators.neural.finding_reader import Calibration
from grounded.nn.weights import parameters
from grounded.train.findings.calibration import (
    FEWEST,
    TOO_FEW,
    StatementConfig,
    assessed,
    fitted,
    of_region,
    platt,
    right_from,
    seen_of,
)
from grounded.train.findings.films import Known
from grounded.train.findings.network import FindingConfig, Habits, ReadingNet
from grounded.train.findings.run import Looked, look, measure, train_findings
from grounded.train.findings.scope import on_held_out
from grounded.train.findings.truth import LABELS, READERS

BLUNTED, UNSPECIFIED = "Blunted Costophrenic Angle", "Unspecified Abnormality"


@pytest.fixture(scope="module")
def net(
    config: FindingConfig, films: list[Known], tmp_path_factory: pytest.TempPathFactory
) -> ReadingNet:
    return train_findings(config, films, films, tmp_path_factory.mktemp("run"))


def test_two_runs_of_one_configuration_are_the_same(
    net: ReadingNet, config: FindingConfig, films: list[Known], tmp_path: Path
) -> None:
    again = parameters(train_findings(config, films, films, tmp_path))
    for name, value in parameters(net).items():
        assert torch.allclose(value, again[name], atol=1e-6), name


def test_figures_are_named_by_reader_and_finding(net: ReadingNet, films: list[Known]) -> None:
    figures = measure(net, films)
    assert {"view", "mean"} <= figures.keys()
    assert all(0 <= value <= 1 for value in figures.values())


def test_each_film_and_region_is_read(net: ReadingNet, films: list[Known]) -> None:
    looked = look(net, films, batch=5)
    assert looked.film.shape == (len(films), len(LABELS) + 1)
    assert [len(rows) for rows in looked.regions] == [len(film.boxes) for film in films]
    assert np.allclose(looked.film, [rows[0] for rows in looked.regions])


def test_the_first_reader_is_taken_at_his_word() -> None:
    habits = Habits().requires_grad_(False)
    habits.slope.fill_(1.0)
    habits.offset.fill_(2.0)
    said = habits(torch.ones(2, len(LABELS)))
    assert said.shape == (2, len(READERS), len(LABELS))
    assert torch.all(said[:, 0] == 1)
    assert torch.all(said[:, 1] > 4)


def test_present_and_absent_weigh_the_same_where_nothing_is_known_before() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(4000) < 0.1).astype(np.float32)
    logits = (rng.normal(size=4000) + 2 * truth).astype(np.float32)
    slope, intercept = platt(logits, truth, balanced=True)
    assert -intercept / slope == pytest.approx(1.0, abs=0.15)  # even odds in the middle
    _, natural = platt(logits, truth, balanced=False)
    assert natural < intercept - 1


@pytest.mark.parametrize(
    ("without", "slope"), [(0, 0.0), (3, 0.0), (30, None)], ids=["none", "a few", "many"]
)
def test_a_finding_of_whole_lungs_is_where_the_film_has_it(
    without: int, slope: float | None
) -> None:
    rng = np.random.default_rng(0)
    truth = np.array([1] * 30 + [0] * without, dtype=np.float32)
    logits = (rng.normal(size=len(truth)) + truth).astype(np.float32)
    made = of_region(logits, truth)
    assert made.probability(0.0) > 0.99 if slope == 0 else made.slope > 0.1


def test_every_finding_has_a_calibration_of_the_film_and_of_its_regions(
    net: ReadingNet, films: list[Known], config: FindingConfig
) -> None:
    made = fitted(net, films, config, StatementConfig())
    assert made.keys() == {*LABELS, UNSPECIFIED, VIEW}
    assert all(made[label].keys() == {FILM, "lung"} for label in LABELS)
    assert not any(c.assessed for kinds in made.values() for c in kinds.values())


def test_a_finding_may_have_a_limit_of_its_own(
    net: ReadingNet, films: list[Known], config: FindingConfig
) -> None:
    strict = StatementConfig(false=0.01, doubt=0.1)
    before = fitted(net, FEWEST * films, config, strict)
    label, other, *_ = (each for each in LABELS if before[each][FILM].figure != TOO_FEW)
    loose = replace(strict, often={label: 0.6})
    assert (loose.of(label), loose.of(other)) == ((0.6, 0.6), (0.01, 0.1))
    after = fitted(net, FEWEST * films, config, loose)
    assert after[label][FILM].present < before[label][FILM].present
    assert after[other] == before[other]


def test_what_is_called_present_or_possible_is_so_often_enough() -> None:
    probabilities = np.array([0.2, 0.4, 0.6, 0.7, 0.8, 0.9])
    truth = np.array([0, 0, 0, 1, 0, 1], dtype=np.float32)
    assert right_from(probabilities, truth, 0.1, 0.0, 1.0) == 0.1
    assert right_from(probabilities, truth, 0.1, 0.2, 1.0) == pytest.approx(0.7, abs=1e-3)
    assert right_from(probabilities, truth, 0.65, 0.2, 1.0) == 0.65
    assert right_from(probabilities, truth, 0.1, 0.9, 1.0) == 1.0
    assert right_from(probabilities[:3], truth[:3], 0.1, 0.5, 1.0) == 1.0


def test_a_few_films_that_are_right_do_not_show_that_enough_are() -> None:
    sure = np.ones(40, np.float32)
    assert right_from(np.full(3, 0.8), sure[:3], 0.1, 0.5, 1.0) == 1.0
    assert right_from(np.full(40, 0.8), sure, 0.1, 0.5, 1.0) == 0.1


def test_a_finding_that_is_seldom_right_is_neither_present_nor_possible(
    net: ReadingNet, films: list[Known], config: FindingConfig
) -> None:
    loose = StatementConfig(false=0.5, doubt=0.9)
    before = fitted(net, FEWEST * films, config, loose)
    label = next(each for each in LABELS if before[each][FILM].figure != TOO_FEW)
    after = fitted(net, FEWEST * films, config, replace(loose, right=1.0, possible=1.0))
    assert after[label][FILM].present >= before[label][FILM].present
    assert after[label][FILM].absent == after[label][FILM].present


def test_a_composite_is_read_and_known_by_its_parts_in_its_kind_of_region(
    films: list[Known],
) -> None:
    parts = [LABELS.index(x) for x in ("Pleural Effusion", "Pleural Thickening")]
    known = np.full((3, len(LABELS)), np.nan, np.float32)
    known[1:, parts] = [[0, 0], [0, 1]]
    read = films[0].read.copy()
    read[0, parts] = 1
    of = replace(films[0], read=read, regions=known, kinds=np.array([0, 1, 2]))
    logits = np.zeros((3, len(LABELS) + 1), np.float32)
    logits[:, parts] = [[3, 1], [0, 0], [1, 2]]
    looked = Looked(logits[:1], [logits], np.zeros((1, len(LABELS) + 1, 1, 1), np.float32))
    seen = seen_of(looked, [of], (FILM, "lung", "costophrenic angle"))[BLUNTED]
    assert seen.film.tolist() == [3]
    assert seen.regions[0].tolist() == [3, 0, 2]
    assert seen.known[0] == pytest.approx([np.nan, np.nan, 1], nan_ok=True)
    assert seen.read[0, READERS.index("radiologists")] == 1
    assert np.isnan(seen.read[0, 1:]).all()
    assert BLUNTED not in seen_of(looked, [of], (FILM, "lung"))
    boxed = np.full_like(read, np.nan)
    boxed[1] = read[0]
    by_others = seen_of(
        Looked(logits[[0, 0]], [logits, logits], looked.maps[[0, 0]]),
        [of, replace(of, read=boxed)],
        (FILM, "lung", "costophrenic angle"),
    )[BLUNTED]
    assert np.isnan(by_others.known[1]).all()  # who boxed one part did not look for the others
    assert by_others.read[:, 0] == pytest.approx([1, np.nan], nan_ok=True)
    read[0, parts[1]] = np.nan  # nobody speaks of thickening
    assert BLUNTED not in seen_of(looked, [of], (FILM, "lung", "costophrenic angle"))


def test_a_limit_of_an_unknown_finding_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="Opacities"):
        StatementConfig(often={"Opacities": 0.1})


def test_only_what_holds_may_be_stated(
    net: ReadingNet, films: list[Known], config: FindingConfig
) -> None:
    made = fitted(net, films, config, StatementConfig())
    rows = on_held_out(net, films[:12], films[12:], made)
    assert [row.label for row in rows] == [*LABELS, UNSPECIFIED]
    assert not any(row.holds(StatementConfig(area=1.1)) for row in rows)
    fit = Calibration(1.0, 0.0, 0.4, 0.6, False, "not measured")
    few = replace(fit, figure=TOO_FEW)
    two = {"Nodule": {FILM: fit, "lung": few}, "Mass": {FILM: fit}}
    said = assessed(two, {"Nodule": True}, {"Nodule": "a figure"})
    assert said["Nodule"][FILM] == replace(fit, assessed=True, figure="a figure")
    assert said["Nodule"]["lung"] == few
    assert not said["Mass"][FILM].assessed
