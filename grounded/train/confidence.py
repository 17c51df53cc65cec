"""Fits how probable sentences are right, and from which score on they hold a level.

The limits are Learn then Test's (Angelopoulos, Bates, Candès, Jordan and Lei, 2021), as MAPIE does
it: from the surest statements on, a limit is lowered while an exact test says that at most the
level's part of the statements above it is wrong. One statement is drawn for each patient, so that
the tests' draws are independent. Presence and absence of a finding share the chance of failing.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import binom

from grounded.compose.confidence import LEVELS, SIGNS, Curve, Fitted, Known, Sort, log_odds, sort_of
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example, split_by_patient
from grounded.data.nih import nih_films
from grounded.errors import DataError, MissingExtraError
from grounded.reporter import Reporter
from grounded.train.judged import Judged, judged, read_by_people
from grounded.train.loop import Progress
from grounded.view import Projection

FAILING = 0.1
POPULATION = "NIH ChestX-ray14, adults' films that radiologists read"
OUTLINED: Mapping[str, str] = {
    "wingspan": "Wingspan, adults' PA films with lungs and heart outlined by people",
    "jsrt": "JSRT, which the usual ranges were taken from, adults' PA films outlined by people",
}
"""What is measured is fitted on, by source. Films from which no range was taken come first."""
HELD_OUT = 0.15  # of the outlined films of each source: what training a detector keeps apart
FEWEST = 15  # patients with a statement of a sort, before its probability is fitted
EACH_VIEW = 8  # statements of films of each view, before the views are told apart
_MANY = 4  # tests, from which on they start twice
_STIFF = 0.5  # the standard deviation of slope and view about 1 and 0, before films are seen

Values = NDArray[np.float64]


Films = Mapping[str, Sequence[Example]]
"""The films to fit on, by what they are, in words."""


def untrained_films(data: Path) -> Films:
    """The films of `data`/nih that nothing is trained on, and for what is measured those of
    `chest_anatomy`, if it is there, that a detector's training holds out.

    Raises DataError for a folder without films that people read.
    """
    films = [f for f in nih_films(data / "nih") if f.split != "train" and read_by_people(f)]
    if not films:
        raise DataError(f"no film in {data / 'nih'} was read by people, but those to train on")
    return {POPULATION: films, **outlined_films(data)}


def outlined_films(data: Path) -> Films:
    """The films with outlines that a detector's training holds out; none without the folder."""
    folder = data / "chest_anatomy"
    if not folder.is_dir():
        return {}
    _, held = split_by_patient(chest_anatomy(folder), HELD_OUT, seed=0)
    return {name: [f for f in held if f.source == source] for source, name in OUTLINED.items()}


def fit_confidence(reporter: Reporter, films: Films, progress: Progress | None = None) -> Fitted:
    """Fit what a reporter's sentences are worth. The reporter must not withhold anything."""
    progress = progress or Progress()
    whole, done = sum(map(len, films.values())), 0
    said: dict[str, list[Judged]] = {name: [] for name in films}
    for name, film in ((name, film) for name, of in films.items() for film in of):
        said[name] += judged(reporter, [film])
        progress.advance(done := done + 1, whole)
    return fitted(said, _weights(reporter))


def _weights(reporter: Reporter) -> Mapping[str, str]:
    """What the statements follow from; the check of a film only lets it pass, or turns it."""
    known = reporter.provenance.weights_sha256
    return {name: digest for name, digest in known.items() if not name.startswith("check/")}


def fitted(
    said: Mapping[str, Sequence[Judged]],
    weights: Mapping[str, str],
    failing: float = FAILING,
) -> Fitted:
    """All that sentences whose truth is known show.

    said: by films; a sort of statement is known by the first of them that have enough of it, or
    else any. failing: see `Fitted`.
    """
    known: dict[Sort, Known] = {}
    for films, items in said.items():
        for sort, found in _of_films(films, items, failing / 2).items():
            if sort not in known or (found.curve and not known[sort].curve):
                known[sort] = found
    alone = Fitted(known, {}, failing, weights)
    several = {films: _several(items, films, alone) for films, items in said.items()}
    return replace(alone, several={name: curve for name, curve in several.items() if curve})


def _of_films(films: str, said: Sequence[Judged], failing: float) -> dict[Sort, Known]:
    parts, drawn = [part for item in said for part in _parts(item)], one_each(said)
    views = {item.view for item in said}
    of = films, views.pop() if len(views) == 1 else Projection.UNKNOWN
    return {
        sort: _known(of, [part for part in parts if part.sort == sort], drawn[sort], failing)
        for sort in dict.fromkeys(part.sort for part in parts)
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """A sort of statement in one sentence."""

    sort: Sort
    patient: str
    view: Projection
    score: float
    right: bool


def _parts(item: Judged) -> list[_Part]:
    return [
        _Part(sort, item.patient, item.view, score, bool(right))
        for sort, (score, right) in item.by_sort().items()
        if math.isfinite(right)
    ]


def one_each(said: Iterable[Judged], seed: int = 0) -> dict[Sort, list[tuple[float, bool]]]:
    """One statement of each patient, by sort, drawn blindly: its score, and whether it is so.

    A film is drawn first, so that a patient's many films count no more than another's one.
    """
    by_patient: dict[tuple[Sort, str], dict[str, list[tuple[float, bool]]]] = {}
    for item in said:
        for finding, right in zip(item.findings, item.right, strict=True):
            if math.isfinite(right):
                films = by_patient.setdefault((sort_of(finding), item.patient), {})
                films.setdefault(item.film, []).append((finding.score, bool(right)))
    random = np.random.default_rng(seed)
    drawn: dict[Sort, list[tuple[float, bool]]] = {}
    for (sort, _), films in sorted(by_patient.items()):
        chosen = films[sorted(films)[random.integers(len(films))]]
        drawn.setdefault(sort, []).append(chosen[random.integers(len(chosen))])
    return drawn


def _known(
    films: tuple[str, Projection],
    parts: Sequence[_Part],
    drawn: Sequence[tuple[float, bool]],
    failing: float,
) -> Known:
    scores = np.array([score for score, _ in drawn])
    right = np.array([is_so for _, is_so in drawn], dtype=bool)
    enough = len({part.patient for part in parts}) >= FEWEST
    return Known(
        curve=curve(parts) if enough else None,
        limits=limits(scores, right, failing),
        patients=len(drawn),
        wrong=int((~right).sum()),
        population=films[0],
        only=films[1],
    )


def curve(parts: Sequence[_Part]) -> Curve:
    """The probability of being right by score and view; stiff where there are few statements."""
    odds = np.array([log_odds(part.score) for part in parts])
    right = np.array([part.right for part in parts])
    view = np.array([SIGNS.get(part.view, 0.0) for part in parts])
    if min((view > 0).sum(), (view < 0).sum()) < EACH_VIEW:
        view = np.zeros(len(parts))
    return Curve(*_logistic(odds, right, view))


def _logistic(odds: Values, right: NDArray[np.bool_], view: Values) -> tuple[float, float, float]:
    """Slope, intercept and what the view adds; Platt's targets, so that all right is finite."""
    there, wrong = right.sum(), (~right).sum()
    targets = np.where(right, (there + 1) / (there + 2), 1 / (wrong + 2))

    def loss(values: Values) -> float:
        z = values[0] * odds + values[1] + values[2] * view
        stiff = ((values[0] - 1) ** 2 + values[2] ** 2) / (2 * _STIFF**2)
        return float((np.logaddexp(0, z) - targets * z).sum() + stiff)

    found = minimize(loss, np.array([1.0, 0.0, 0.0]), method="BFGS").x
    # a surer statement is never taken for a less probable one
    return max(float(found[0]), 0.0), float(found[1]), float(found[2])


def _several(said: Sequence[Judged], films: str, alone: Fitted) -> Curve | None:
    """From the product of the probabilities of a sentence's sorts to that of the sentence.

    None where too few sentences have several, all known by these films.
    """
    products, right = [], []
    for item in said:
        scores = {sort: score for sort, (score, _) in item.by_sort().items()}
        whole = alone.product(scores, item.view)
        if len(scores) < 2 or not math.isfinite(item.is_right) or whole is None:
            continue
        if {alone.sorts[sort].population for sort in scores} == {films}:
            products.append(log_odds(whole))
            right.append(bool(item.is_right))
    if len(right) < FEWEST:
        return None
    nothing = np.zeros(len(right))
    return Curve(*_logistic(np.array(products), np.array(right), nothing))


def limits(scores: Values, right: NDArray[np.bool_], failing: float) -> dict[float, float]:
    """The lowest score from which on each of `LEVELS` holds; without the levels that none holds.

    scores, right: of independent statements. failing: how often a limit may not hold. What a level
    withholds, a stricter one withholds too: all scores that pass a level's tests hold it together,
    so that of these the lowest can be taken that is no lower than the looser level's.
    """
    found: dict[float, float] = {}
    lowest = -math.inf
    for level in sorted(LEVELS, reverse=True):
        score = limit(scores, right, level, failing, lowest)
        if score is not None:
            found[level] = lowest = score
    return {level: found[level] for level in LEVELS if level in found}


def limit(
    scores: Values,
    right: NDArray[np.bool_],
    level: float,
    failing: float,
    lowest: float = -math.inf,
) -> float | None:
    """The lowest score, `lowest` or above, from which on at most `level` of the statements are
    wrong."""
    ranked = -np.sort(-scores)
    tested, starts = sequence(len(ranked), level, failing)
    if not tested:
        return None
    tried = [float(ranked[count - 1]) for count in tested]
    control, risk, in_sequence = risk_control()
    controller = control(
        lambda given: np.stack([1 - given, given], axis=1),
        risk,
        target_level=level,
        confidence_level=1 - failing,
        best_predict_param_choice=risk,
        list_predict_params=np.array(list(dict.fromkeys(tried))),
        fwer_method=in_sequence(n_starts=starts),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says in words that no score holds the level
        controller.calibrate(scores, right.astype(int))
    valid = np.asarray(controller.valid_predict_params, dtype=np.float64)
    valid = valid[valid >= lowest]
    return float(valid.min()) if len(valid) else None


def sequence(most: int, level: float, failing: float) -> tuple[list[int], int]:
    """How many of the surest statements are tested together, and from how many starts.

    Where there are enough for several tests, the tests start anew from the middle, and each start
    has half of the chance of failing: one wrong statement among the surest is not the end.
    """
    halved = counts(most, level, failing / 2)
    return (halved, 2) if len(halved) >= _MANY else (counts(most, level, failing), 1)


def counts(most: int, level: float, failing: float) -> list[int]:
    """The fewest statements of which none, one, two ... may be wrong, so that no test is wasted.

    All of them come last, which costs the others nothing: what holds a strict level holds one that
    is less so. It depends on nothing but their number.
    """
    found: list[int] = []
    wrong, count = 0, 1
    while count <= most:
        as_tested = math.ceil(count * (wrong / count))  # MAPIE rounds up what a float makes of it
        if binom.cdf(as_tested, count, level) <= failing:
            found.append(count)
            wrong += 1
        count += 1
    return found if not found or found[-1] == most else [*found, most]


def risk_control() -> tuple[Any, Any, Any]:
    """The controller, the part of the statements made that is wrong, and tests in sequence.

    Raises MissingExtraError without MAPIE.
    """
    try:
        from mapie.risk_control import (
            BinaryClassificationController,
            BinaryRisk,
            FWERFixedSequenceTesting,
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"fitting the confidence needs {error.name}; install it: "
            f"pip install 'grounded[confidence]'"
        ) from error
    wrong = BinaryRisk(
        risk_occurrence=lambda truth, said: truth != said,
        risk_condition=lambda truth, said: said == 1,
        higher_is_better=False,
    )
    return BinaryClassificationController, wrong, FWERFixedSequenceTesting


def lines(made: Fitted) -> list[str]:
    """A line for each sort: how many were wrong, and the limits at the usual levels."""
    return [_line(sort, known) for sort, known in made.sorts.items()]


def _line(sort: Sort, known: Known) -> str:
    label, presence, kind = sort
    scores = {level: known.limit(level) for level in (0.01, 0.05, 0.1, 0.2)}
    held = ", ".join(
        f"{100 * level:g} %: {'withheld' if score is None else f'{score:.3f}'}"
        for level, score in scores.items()
    )
    said = f"{label} {presence} ({kind}): {known.wrong} of {known.patients} wrong"
    return f"{said}{'' if known.curve else ', too few for a probability'}; from {held}"
