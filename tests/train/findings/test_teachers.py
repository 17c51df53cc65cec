"""Teachers read only patients that they never saw, and what they say is taught where it lies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.train.findings.films import Change, Known, Lesson, batch_of, changed
from grounded.train.findings.loss import losses
from grounded.train.findings.network import FindingConfig, ReadingNet, TeacherConfig
from grounded.train.findings.run import Looked
from grounded.train.findings.teachers import fold_of, lessons, with_lessons
from grounded.train.findings.truth import LABELS, READERS
from grounded.train.loop import Progress

SIDE, COUNT = 64, len(LABELS)
CELLS = SIDE // 4  # of the kept truth


@pytest.fixture(scope="module")
def config(config: FindingConfig) -> FindingConfig:
    """With a teacher for each half of the patients."""
    return replace(config, teachers=TeacherConfig(folds=2, each=1))


def lesson(cells: float = 0.0, film: float = 0.5) -> Lesson:
    """What a teacher says of a film with two regions; the same of all of them."""
    grid = np.full((COUNT, SIDE // 8, SIDE // 8), round(255 * cells), np.uint8)
    return Lesson(np.full(COUNT, film, np.float32), np.full((3, COUNT), film, np.float32), grid)


def test_a_patient_is_read_by_those_who_never_saw_him(
    config: FindingConfig, films: list[Known], tmp_path: Path
) -> None:
    said: list[str] = []
    told = with_lessons(config, films, films, tmp_path, Progress(say=said.append))
    assert [film.name for film in told] == [film.name for film in films]
    assert {path.name for path in (tmp_path / "teachers").iterdir()} == {"0_0", "1_0"}
    folds = [fold_of(film, 2) for film in films]
    seen = [sum(fold != apart for fold in folds) for apart in (0, 1)]
    steps = [max(1, round(count / config.batch)) for count in seen]
    assert [f"step {step}:" in " ".join(said) for step in steps] == [True, True]
    for film in told:
        assert film.lesson is not None
        assert film.lesson.regions.shape == (len(film.boxes), COUNT)
        assert film.lesson.cells.shape == (COUNT, SIDE // 8, SIDE // 8)
        assert ((film.lesson.film > 0) & (film.lesson.film < 1)).all()


def test_all_films_of_a_patient_are_in_one_fold(films: list[Known]) -> None:
    again = replace(films[0], name="another film")
    assert fold_of(again, 5) == fold_of(films[0], 5)
    assert {fold_of(replace(films[0], patient=f"nih {n}"), 5) for n in range(60)} == set(range(5))


def test_without_teachers_films_stay_as_they_are(
    config: FindingConfig, films: list[Known], tmp_path: Path
) -> None:
    told = with_lessons(replace(config, teachers=None), films, films, tmp_path)
    assert told == films
    assert not list(tmp_path.iterdir())


def test_several_teachers_say_the_mean_of_their_log_odds() -> None:
    def heard(value: float) -> Looked:
        film = np.full((1, COUNT + 1), value, np.float32)
        maps = np.full((1, COUNT + 1, 2, 2), value, np.float32)
        return Looked(film, [np.repeat(film, 3, axis=0)], maps)

    [made] = lessons([heard(0.0), heard(2.0)])
    expected = 1 / (1 + np.exp(-1.0))
    assert made.film == pytest.approx(np.full(COUNT, expected))
    assert made.regions.shape == (3, COUNT)
    assert (made.cells == round(255 * expected)).all()


def test_films_without_a_lesson_are_unknown_to_teachers(films: list[Known]) -> None:
    batch = batch_of([replace(films[0], lesson=lesson(1.0)), films[1]], CELLS)
    assert batch.taught is not None
    assert torch.isfinite(batch.taught.film).all(dim=1).tolist() == [True, False]
    assert batch.taught.weights.mean(dim=(1, 2, 3)).tolist() == [1.0, 0.0]
    assert batch.taught.cells.mean(dim=(1, 2, 3)).tolist() == [1.0, 0.0]
    assert batch_of(films[:2], CELLS).taught is None


def test_what_is_taught_moves_with_the_film(films: list[Known]) -> None:
    known = lesson()
    known.cells[:, :, 0] = 255  # the column on the picture's left
    batch = batch_of([replace(films[0], lesson=known)], CELLS)
    mirror = Change(0, 0, 0, 0, 0, 0, 0, 0, mirror=1.0)
    moved = changed(batch, mirror, torch.Generator().manual_seed(0)).taught
    assert moved is not None
    assert torch.allclose(moved.cells[..., -1], torch.ones(()), atol=1e-3)
    assert moved.cells[..., :-1].max() < 1e-3


def test_teachers_pull_film_regions_and_cells(config: FindingConfig, films: list[Known]) -> None:
    net, trust, rare = ReadingNet(config), torch.ones(len(READERS)), torch.ones(COUNT)
    side = SIDE // 8

    def term(evidence: float, taught: Lesson) -> float:
        batch = batch_of([replace(films[0], lesson=taught)], CELLS)
        maps = torch.full((1, COUNT + 1, side, side), evidence)
        return float(losses(net, maps, batch, trust, rare, 1.0)["taught"].detach())

    assert term(4.0, lesson(1.0, 1.0)) < term(-4.0, lesson(1.0, 1.0))
    assert term(-4.0, lesson(0.0, 0.0)) < term(4.0, lesson(0.0, 0.0))


def test_the_weight_of_teachers_is_that_of_their_term(
    config: FindingConfig, films: list[Known]
) -> None:
    net = ReadingNet(config).requires_grad_(False)
    trust, rare = torch.ones(len(READERS)), torch.ones(COUNT)
    batch = batch_of([replace(films[0], lesson=lesson(1.0, 1.0))], CELLS)
    maps = torch.zeros(1, COUNT + 1, SIDE // 8, SIDE // 8)
    alone, doubled = (losses(net, maps, batch, trust, rare, weight) for weight in (0.0, 2.0))
    assert float(doubled["total"] - alone["total"]) == pytest.approx(2 * float(alone["taught"]))
    plain = losses(net, maps, batch._replace(taught=None), trust, rare)
    assert float(plain["total"]) == pytest.approx(float(alone["total"]))
