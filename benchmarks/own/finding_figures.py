"""What a reader of findings is worth: each finding, by source of the film and kind of region."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grounded.chest.names import kind_of
from grounded.evaluate.detection import calibration_error
from grounded.evaluate.intervals import Rate
from grounded.findings import Presence
from grounded.generators.neural.finding_reader import Calibration
from grounded.train.findings.scores import RegionScore
from grounded.train.findings.separation import Separation, separation

SOURCES: Mapping[str, tuple[str, ...]] = {
    "described": ("described",),
    "clear": ("clear",),
    "real": ("described", "clear"),
    "painted": ("painted",),
}
"""The sources that a figure stands on, by name; "real" holds what no lesion was painted into."""


@dataclass(frozen=True, slots=True)
class Statements:
    """What is said of regions that have a finding, and of those that do not, as counts."""

    there: Counter[Presence]
    not_there: Counter[Presence]

    @property
    def sensitivity(self) -> Rate:
        """Said to be present, of the regions that have the finding."""
        return Rate(self.there["present"], sum(self.there.values()))

    @property
    def specificity(self) -> Rate:
        """Said to be absent, of the regions that do not have it."""
        return Rate(self.not_there["absent"], sum(self.not_there.values()))

    @property
    def missed(self) -> Rate:
        """Said to be absent, of the regions that have it."""
        return Rate(self.there["absent"], sum(self.there.values()))

    @property
    def false_alarms(self) -> Rate:
        """Said to be present, of the regions that do not have it."""
        return Rate(self.not_there["present"], sum(self.not_there.values()))

    @property
    def uncertain(self) -> Rate:
        """Neither, of all."""
        total = sum(self.there.values()) + sum(self.not_there.values())
        return Rate(self.there["uncertain"] + self.not_there["uncertain"], total)

    def to_dict(self) -> dict[str, Any]:
        names = ("sensitivity", "specificity", "missed", "false_alarms", "uncertain")
        return {name: getattr(self, name).to_dict() for name in names}


@dataclass(frozen=True, slots=True)
class FindingFigures:
    """One finding over the scored regions of one source, of one kind ("" for all kinds).

    patients: those in whose films it is present, and absent. calibration: mean gap between
    probability and frequency as the regions come. even: the same where present and absent regions
    weigh the same, which is what a probability refers to.
    """

    label: str
    source: str
    kind: str
    patients: tuple[int, int]
    separation: Separation
    statements: Statements
    calibration: float
    even: float

    @property
    def present(self) -> int:
        return self.statements.sensitivity.count

    @property
    def absent(self) -> int:
        return self.statements.specificity.count

    def to_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "source": self.source,
            "kind": self.kind,
            "present": self.present,
            "absent": self.absent,
            "patients_present": self.patients[0],
            "patients_absent": self.patients[1],
            "auroc": self.separation.overall.to_dict(),
            "auroc_within_film": self.separation.within_film.to_dict(),
            "films_within": self.separation.films,
            "calibration_error": None if math.isnan(self.calibration) else self.calibration,
            "calibration_error_even_odds": None if math.isnan(self.even) else self.even,
            **self.statements.to_dict(),
        }


def finding_figures(
    scores: Sequence[RegionScore],
    calibrations: Mapping[str, Calibration],
    patients: Mapping[str, str],
) -> list[FindingFigures]:
    """Of each finding, in the calibrations' order, by source, over all kinds and by kind.

    Rows without any region are left out. patients: by film; a film that is not in it stands for
    itself.
    """
    rows = []
    for label, calibration in calibrations.items():
        of_label = [s for s in scores if s.label == label]
        for source, members in SOURCES.items():
            of_source = [s for s in of_label if s.source in members]
            for kind in ("", *sorted({kind_of(s.region) for s in of_source})):
                chosen = [s for s in of_source if kind in ("", kind_of(s.region))]
                if chosen:
                    rows.append(_figures(chosen, label, source, kind, calibration, patients))
    return rows


def statements(scores: Sequence[RegionScore], calibration: Calibration) -> Statements:
    """What would be said, were all of it said."""
    counts: dict[bool, Counter[Presence]] = {True: Counter(), False: Counter()}
    for score in scores:
        presence = calibration.presence(calibration.probability(score.logit))
        counts[score.truth][presence] += 1
    return Statements(counts[True], counts[False])


def _figures(
    scores: Sequence[RegionScore],
    label: str,
    source: str,
    kind: str,
    calibration: Calibration,
    patients: Mapping[str, str],
) -> FindingFigures:
    probabilities = [calibration.probability(s.logit) for s in scores]
    truth = [s.truth for s in scores]
    with_it, without = (
        len({patients.get(s.film, s.film) for s in scores if s.truth == side})
        for side in (True, False)
    )
    return FindingFigures(
        label,
        source,
        kind,
        (with_it, without),
        separation(scores, patients),
        statements(scores, calibration),
        calibration_error(probabilities, truth),
        calibration_error(probabilities, truth, weights=_even(truth)),
    )


def _even(truth: Sequence[bool]) -> list[float]:
    """Weights with which both sides weigh the same; zeros, for no figure, if one is missing."""
    present = int(np.sum(truth))
    absent = len(truth) - present
    if not present or not absent:
        return [0.0] * len(truth)
    return [0.5 / present if side else 0.5 / absent for side in truth]
