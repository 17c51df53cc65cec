"""Teachers: what other networks see in films of patients that they were not trained on.

Few films were outlined, and reports leave out much that can be seen. So the patients are split into
folds, networks that learn from all folds but one read the films of that one, and what they say of
film, regions and cells is taught beside what people say (Hinton et al., "Distilling the knowledge
in a neural network", 2015; Xie et al., "Self-training with noisy student", CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grounded.train.findings.films import Known, Lesson
from grounded.train.findings.network import FindingConfig, ReadingNet
from grounded.train.findings.run import Looked, look, train_findings
from grounded.train.findings.truth import LABELS
from grounded.train.loop import Progress

TEACHERS = "teachers"
FINDINGS = slice(0, len(LABELS))  # what they are asked of; the view is known of all films


def with_lessons(
    config: FindingConfig,
    films: Sequence[Known],
    apart: Sequence[Known],
    output: Path,
    progress: Progress | None = None,
) -> list[Known]:
    """The films with what the teachers of `config` say of each; as they are where it has none.

    Teachers are trained in `output`/teachers, a folder each; a run that was stopped goes on there.
    """
    if config.teachers is None:
        return list(films)
    told: dict[str, Lesson] = {}
    for fold in range(config.teachers.folds):
        theirs = [film for film in films if fold_of(film, config.teachers.folds) == fold]
        heard = [
            look(teacher(config, fold, number, films, apart, output, progress), theirs)
            for number in range(config.teachers.each)
        ]
        names = [film.name for film in theirs]
        told |= dict(zip(names, lessons(heard), strict=True))
    return [replace(film, lesson=told[film.name]) for film in films]


def teacher(
    config: FindingConfig,
    fold: int,
    number: int,
    films: Sequence[Known],
    apart: Sequence[Known],
    output: Path,
    progress: Progress | None = None,
) -> ReadingNet:
    """One of the networks that never see the patients of a fold, trained. See `with_lessons`."""
    if config.teachers is None:
        raise ValueError("the configuration has no teachers")
    folds, drop = config.teachers.folds, config.teachers.drop
    own = replace(config, teachers=None, drop=drop, seed=config.seed + 1 + folds * number)
    others = [film for film in films if fold_of(film, folds) != fold]
    folder = output / TEACHERS / f"{fold}_{number}"
    return train_findings(own, others, apart, folder, progress=progress)


def fold_of(film: Known, folds: int) -> int:
    """The fold of the film's patient."""
    return int(sha256(film.patient.encode()).hexdigest(), 16) % folds


def lessons(heard: Sequence[Looked]) -> Iterator[Lesson]:
    """What several networks say of each film together: the mean of their log-odds."""
    film = np.mean([each.film for each in heard], axis=0)
    maps = np.mean([each.maps for each in heard], axis=0)
    for row, regions in enumerate(zip(*(each.regions for each in heard), strict=True)):
        yield Lesson(
            _probability(film[row, FINDINGS]),
            _probability(np.mean(regions, axis=0)[:, FINDINGS]),
            (_probability(maps[row, FINDINGS]) * 255).round().astype(np.uint8),
        )


def _probability(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)
