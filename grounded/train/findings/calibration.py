"""From logits to statements: a probability for each finding, and what is said at which.

All of it is fitted on films that the networks were not trained on. Of the film (Platt, 1999),
present and absent weigh the same, so a probability holds at even odds before the film is seen: how
common a finding is among the user's films is not known here. Of a region it is fitted on films that
have the finding somewhere, so it says where and not whether. From which probability on a film has a
finding follows from how often that would be said of films in which nothing was found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from grounded.data.nih import RADIOLOGISTS, RSNA, TEXT
from grounded.errors import ConfigError
from grounded.evaluate.intervals import Rate
from grounded.generators.neural.finding_net import (
    COMPOSITES,
    FILM,
    VIEW,
    columns_of,
    logit_of,
    one_is_there,
)
from grounded.generators.neural.finding_reader import Calibration
from grounded.train.findings.films import Known
from grounded.train.findings.network import FindingConfig, ReadingNet
from grounded.train.findings.run import Looked, look
from grounded.train.findings.truth import LABELS, READERS

FEWEST = 8  # films, or regions, with a finding and without that a calibration is fitted on
SURE = 6.0  # the log-odds of a region where the film's own reading is all that there is
ALL = 0.8  # the part of the regions from which on a finding is one of the whole lungs
_MARGIN = 1e-4  # how far a limit lies from the films that it was taken from
MOST = 0.5  # the part of a composite's parts that has to be looked for, and more
HERE = 0.5  # the probability from which on a region of a film with the finding has it

_RSNA = READERS.index(RSNA)
TOO_FEW = "not measured: too few have it"

Values = NDArray[np.float32]
Fitted = dict[str, dict[str, Calibration]]


@dataclass(frozen=True, slots=True)
class StatementConfig:
    """What is made of the probabilities.

    false: how often a finding may be called present in films in which nothing was found. often: the
    findings that may be called so more or less often, by name. doubt: how often a finding may be
    called present or uncertain there. right, possible: the least part of the films called present,
    and of those called uncertain, that surely has to have the finding, as people say. area,
    alarms: the lower bound of the area under the curve, and the upper limit of false statements,
    that films held out have to show before a finding is stated.
    """

    false: float = 0.01
    doubt: float = 0.02
    right: float = 0.0
    possible: float = 0.0
    area: float = 0.75
    alarms: float = 0.05
    often: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [*LABELS, *COMPOSITES]
        if unknown := sorted(set(self.often) - set(known)):
            raise ConfigError(f"[statements.often] names {unknown}, expected some of {known}")

    def of(self, label: str) -> tuple[float, float]:
        """How often a finding may be called present, and present or uncertain."""
        false = self.often.get(label, self.false)
        return false, max(false, self.doubt)


def fitted(
    net: ReadingNet, films: Sequence[Known], config: FindingConfig, limits: StatementConfig
) -> Fitted:
    """A calibration of each finding in the film and in each kind of region in which it is read.

    Nothing may be stated yet: that follows from what is measured on the films that are held out.
    """
    looked = look(net, films)
    empty = np.array([is_empty(film) or is_normal(film) for film in films])
    made: Fitted = {}
    for label, seen in seen_of(looked, films, net.findings.kinds).items():
        believed = _believed(seen.read)
        film = _of_film(seen.film, believed, seen.film[empty], label, limits)
        made[label] = {FILM: film}
        for kind in kinds_of(label, config):
            rows = _pairs(seen, [f.kinds for f in films], net.findings.kinds.index(kind))
            made[label][kind] = of_region(*rows)
    view = np.array([film.view for film in films], dtype=np.float32)
    made[VIEW] = {FILM: _of_view(*_finite(looked.film[:, -1], view))}
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One finding in N films: what the network reads of it, and what there is.

    film: (N,), logits. read: (N, READERS), by whom it is said. regions, known: of each film's
    regions, (R,), logits and whether it is there.
    """

    film: Values
    read: Values
    regions: list[Values]
    known: list[Values]


def seen_of(looked: Looked, films: Sequence[Known], kinds: Sequence[str]) -> dict[str, Seen]:
    """What was learnt, by label, and the composites that can be read in one of the net's kinds and
    of whose parts somebody speaks."""
    read = np.stack([told(film) for film in films])  # (N, READERS, F)
    found = {
        label: Seen(
            looked.film[:, column],
            read[:, :, column],
            [rows[:, column] for rows in looked.regions],
            [film.regions[:, column] for film in films],
        )
        for column, label in enumerate(LABELS)
    }
    for label, item in COMPOSITES.items():
        parts = columns_of(label, LABELS)
        spoken_of = np.isfinite(read[:, READERS.index(RADIOLOGISTS), parts]).any(axis=0).all()
        if item.kind in kinds and spoken_of:
            known = [composite_truth(label, film, kinds) for film in films]
            found[label] = Seen(
                _logits(label, looked.film),
                np.stack([read for read, _ in known]),
                [_logits(label, rows) for rows in looked.regions],
                [regions for _, regions in known],
            )
    return found


def _logits(label: str, logits: Values) -> Values:
    """The logits (N,) of one finding, from those of all learnt ones and the view, (N, F + 1)."""
    return np.asarray(logit_of(label, torch.from_numpy(logits), LABELS).numpy(), dtype=np.float32)


def kinds_of(label: str, config: FindingConfig) -> Sequence[str]:
    """In which kinds of region a finding is read."""
    return config.pairs[label] if label in config.pairs else (COMPOSITES[label].kind,)


def composite_truth(label: str, film: Known, kinds: Sequence[str]) -> tuple[Values, Values]:
    """What outlines say of a composite: of the film, (READERS,), and of its regions, (R,).

    Of regions of other kinds it is not known, nor of films in which most parts were not looked for.
    The film has it if one of the kind has.
    """
    row, parts = READERS.index(RADIOLOGISTS), columns_of(label, LABELS)
    there = one_is_there(film.regions[:, parts])
    if np.isfinite(film.read[row, parts]).mean() <= MOST:
        there[:] = np.nan
    own = film.kinds == kinds.index(COMPOSITES[label].kind)
    read = np.full(len(READERS), np.nan, np.float32)
    if own.any():
        read[row] = one_is_there(there[own][None])[0]
    return read, np.where(own, there, np.float32(np.nan))


def _believed(read: Values) -> Values:
    """What is known of a finding, (N,), from (N, READERS): by people who saw the films.

    Labels mined from reports count where too few people looked for it.
    """
    truth = np.full(len(read), np.nan, dtype=np.float32)
    for row in range(len(READERS)):
        if READERS[row] == TEXT and _enough(truth):
            break
        truth = np.where(np.isfinite(truth), truth, read[:, row])
    return np.asarray(truth, dtype=np.float32)


def told(film: Known) -> Values:
    """What each reader tells of what there is, (READERS, F).

    The challenge asked for opacities like those of pneumonia. In its films without such that are
    not normal there are others: where radiologists read them too, they outlined a consolidation in
    193 of 380. So its denial is only heard of a film in which nobody reports anything.
    """
    read = film.read.copy()
    denied = read[_RSNA] == 0
    if denied.any() and not is_normal(film):
        read[_RSNA, denied] = np.nan
    return read


def is_empty(film: Known) -> bool:
    """Whether radiologists read the film and found none of what they looked for."""
    read = film.read[READERS.index("radiologists")]
    return bool(np.isfinite(read).any() and not (read == 1).any() and np.isfinite(read[0]))


def is_normal(film: Known) -> bool:
    """Whether nobody sees anything: no opacity, and no label of any kind."""
    read = film.read
    challenged = read[_RSNA]
    return bool((challenged == 0).any() and not (read == 1).any())


def _of_view(logits: NDArray[np.float32], truth: NDArray[np.float32]) -> Calibration:
    slope, intercept = platt(logits, truth, balanced=True) if _enough(truth) else (1.0, 0.0)
    return Calibration(slope, intercept, HERE, HERE, False, "not measured")


def _of_film(
    logits: Values,
    truth: Values,
    empty: Values,
    label: str,
    limits: StatementConfig,
) -> Calibration:
    chosen, there = _finite(logits, truth)
    if not _enough(there):
        return Calibration(1.0, 0.0, 1.0, 1.0, False, TOO_FEW)
    slope, intercept = platt(chosen, there, balanced=True)
    made = Calibration(slope, intercept, 0.0, 0.0, False, "not measured")
    empty = empty if len(empty) else logits[truth == 0]  # no film was found empty: without this one
    clear = np.array([made.probability(logit) for logit in empty])
    firm, doubtful = (
        min(1.0, float(np.quantile(clear, 1 - part, method="higher")) + _MARGIN)
        for part in limits.of(label)
    )
    known = np.array([made.probability(logit) for logit in chosen])
    present = right_from(known, there, firm, limits.right, 1.0)
    below = known < present
    absent = right_from(known[below], there[below], min(doubtful, firm), limits.possible, present)
    return replace(made, present=present, absent=absent)


def right_from(
    probabilities: NDArray[np.float64], truth: Values, lowest: float, part: float, never: float
) -> float:
    """The least limit, `lowest` or above, from which on at least a part of the films surely has the
    finding (the lower bound of what they show); `never` where there is none."""
    if not part:
        return lowest
    higher = np.sort(probabilities[probabilities > lowest + _MARGIN]) - _MARGIN
    for limit in (lowest, *higher):
        called = truth[probabilities >= limit] == 1
        if len(called) and Rate(int(called.sum()), len(called)).estimate.low >= part:
            return float(limit)
    return never


def of_region(logits: Values, truth: Values) -> Calibration:
    """A region has what its film has where no more than a few other regions are said not to."""
    there, absent = int((truth == 1).sum()), int((truth == 0).sum())
    if absent == 0 or (absent < FEWEST <= there and there >= ALL * (there + absent)):
        return Calibration(0.0, SURE, HERE, HERE, False, "not measured")
    if not _enough(truth):
        return Calibration(0.0, 0.0, 1.0, 1.0, False, TOO_FEW)
    slope, intercept = platt(logits, truth, balanced=False)
    return Calibration(slope, intercept, HERE, HERE, False, "not measured")


def _pairs(seen: Seen, kinds: Sequence[NDArray[np.int64]], kind: int) -> tuple[Values, Values]:
    """Logits and truth of the regions of a kind in films that have the finding in some region."""
    logits, truth = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for read, known, places in zip(seen.regions, seen.known, kinds, strict=True):
        if (known == 1).any():
            rows = (places == kind) & np.isfinite(known)
            logits.append(read[rows])
            truth.append(known[rows])
    return np.concatenate(logits), np.concatenate(truth)


def _finite(logits: Values, truth: Values) -> tuple[Values, Values]:
    valid = np.isfinite(truth)
    return logits[valid], truth[valid]


def _enough(truth: Values) -> bool:
    return min(int((truth == 1).sum()), int((truth == 0).sum())) >= FEWEST


def platt(logits: Values, truth: Values, *, balanced: bool) -> tuple[float, float]:
    """Slope and intercept of the logistic function. balanced: present and absent weigh the same."""
    there = truth == 1
    counts = np.array([(~there).sum(), there.sum()], dtype=np.float64)
    weights = (0.5 / counts)[there.astype(int)] if balanced else np.full(len(there), 1 / len(there))
    # Platt's targets, so that a perfect separation has a finite slope
    targets = np.where(there, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))

    def loss(values: NDArray[np.float64]) -> float:
        z = values[0] * logits + values[1]
        return float((weights * (np.logaddexp(0, z) - targets * z)).sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="BFGS")
    return max(float(found.x[0]), 1e-3), float(found.x[1])


def assessed(calibrations: Fitted, holds: Mapping[str, bool], figures: Mapping[str, str]) -> Fitted:
    """The calibrations with what may be stated, and the figure of each finding.

    Where too few regions have a finding, nothing is stated of them.
    """
    return {
        label: {
            kind: calibration
            if calibration.figure == TOO_FEW
            else replace(
                calibration,
                assessed=holds.get(label, False),
                figure=figures.get(label, calibration.figure),
            )
            for kind, calibration in kinds.items()
        }
        for label, kinds in calibrations.items()
    }


def write_calibrations(path: Path, calibrations: Fitted) -> None:
    """Write calibrations in the form that `read_calibrations` of the reader reads."""
    table = {
        label: {kind: asdict(calibration) for kind, calibration in kinds.items()}
        for label, kinds in calibrations.items()
    }
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
