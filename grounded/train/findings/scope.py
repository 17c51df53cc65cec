"""What may be stated: what films that were held out show of each finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.intervals import Estimate, Rate
from grounded.generators.neural.finding_net import FILM
from grounded.train.findings.calibration import Fitted, StatementConfig, is_empty, seen_of
from grounded.train.findings.films import Known
from grounded.train.findings.network import ReadingNet
from grounded.train.findings.run import look
from grounded.train.findings.truth import READERS


@dataclass(frozen=True, slots=True)
class Held:
    """One finding on films held out. reader: who says what there is. found: of films that have it,
    those in which it would be called present. alarms: of `clear` ones, those in which it would be.
    """

    label: str
    reader: str
    area: Estimate
    present: int
    films: int
    found: Rate
    alarms: Rate
    clear: str

    def holds(self, limits: StatementConfig) -> bool:
        return self.area.low >= limits.area and self.alarms.value <= limits.alarms

    def __str__(self) -> str:
        return (
            f"AUROC {self.area.value:.2f} ({self.area.low:.2f} to {self.area.high:.2f}) by "
            f"{self.reader}, {self.present} of {self.films} films not trained on have it; "
            f"called present in {self.found.hits} of {self.found.count} held out "
            f"and in {self.alarms.hits} of {self.alarms.count} {self.clear}"
        )


def on_held_out(
    net: ReadingNet, calibration: Sequence[Known], held: Sequence[Known], calibrations: Fitted
) -> list[Held]:
    """Each finding by radiologists, or by report labels where they did not look for it.

    The area is that of all films that were not trained on, as no calibration moves it; what is said
    at the limits is that of the films that the limits were not set with. False statements are
    counted in films found empty, or in those without the finding where none was looked through for
    everything. A finding of which nobody speaks is left out.
    """
    films = [*calibration, *held]
    seen = seen_of(look(net, films), films, net.findings.kinds)
    apart = {film.name for film in held}
    new = np.array([film.name in apart for film in films])
    empty = np.array([is_empty(film) for film in films]) & new
    found = []
    for label, item in seen.items():
        speak = [r for r in (0, len(READERS) - 1) if np.isfinite(item.read[:, r]).any()]
        if not speak or label not in calibrations:
            continue
        row = speak[0]
        known, there = np.isfinite(item.read[:, row]), item.read[:, row] == 1
        limits = calibrations[label][FILM]
        said = np.array([limits.presence(limits.probability(x)) == "present" for x in item.film])
        whose = [film.patient for film, use in zip(films, known, strict=True) if use]
        area = area_under_roc(item.film[known], there[known], whose)
        counts = int(there.sum()), int(known.sum())
        clear = empty if empty.any() else new & (item.read[:, row] == 0)
        named = "films found empty" if empty.any() else "films without it"
        hits, alarms = _rate(said[there & new]), _rate(said[clear])
        found.append(Held(label, READERS[row], area, *counts, hits, alarms, named))
    return found


def _rate(said: NDArray[np.bool_]) -> Rate:
    return Rate(int(said.sum()), len(said))
