"""What reports say of films that people read or outlined, and whether it is so, by finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import HEART, LUNGS, kind_of, side_of
from grounded.compose.confidence import Sort, sort_of
from grounded.data.example import Example
from grounded.data.nih import BOXES, TEXT
from grounded.data.regions import annotated_regions
from grounded.findings import Finding, Presence, ScoreKind
from grounded.generators.measured.generator import Measured
from grounded.generators.neural.borders import HEART_LABEL
from grounded.generators.neural.finding_net import COMPOSITES, FILM, columns_of, one_is_there
from grounded.protocols import Question
from grounded.report import GroundedReport, GroundedSentence
from grounded.reporter import Reporter
from grounded.train.findings.calibration import told
from grounded.train.findings.films import keep
from grounded.train.findings.truth import LABELS, READERS
from grounded.view import Projection, projection

SIDE = 192  # of the square in which outlines and regions are compared
UNKNOWN = float("nan")
Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A sentence of the findings, and of each of its findings whether it is so: 1, 0 or NaN."""

    film: str
    patient: str
    view: Projection
    sentence: GroundedSentence
    right: tuple[float, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.sentence.findings

    @property
    def is_right(self) -> float:
        """Whether all of it is so; NaN where that is not known."""
        return _all(self.right)

    def by_sort(self) -> dict[Sort, tuple[float, float]]:
        """By sort of statement in it: the least score, and whether all of it is so."""
        found: dict[Sort, tuple[float, list[float]]] = {}
        for finding, right in zip(self.findings, self.right, strict=True):
            score, kept = found.setdefault(sort_of(finding), (1.0, []))
            found[sort_of(finding)] = min(score, finding.score), [*kept, right]
        return {sort: (score, _all(kept)) for sort, (score, kept) in found.items()}


def _all(right: Sequence[float]) -> float:
    return 0.0 if 0.0 in right else UNKNOWN if np.isnan(right).any() else 1.0


def read_by_people(film: Example) -> bool:
    """Whether anybody who saw the film says what is in it."""
    people = [reading for reading in film.readings if reading.reader not in (TEXT, BOXES)]
    return any(reading.findings or reading.regions or reading.marks for reading in people)


def judged(reporter: Reporter, films: Iterable[Example]) -> Iterator[Judged]:
    """The findings' sentences of each film's report, beside what people saw in the film."""
    for film in films:
        yield from judge(reporter(film.path, force=True), film)


def judge(report: GroundedReport, film: Example) -> list[Judged]:
    """The sentences of one report. What nobody who saw the film speaks of is not known."""
    truth = _Truth.of(report, film)
    return [
        Judged(
            film.name,
            f"{film.source} {film.patient}",
            projection(film.view),
            sentence,
            tuple(truth.of_finding(finding, sentence) for finding in sentence.findings),
        )
        for sentence in report.section("findings")
        if sentence.findings
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Truth:
    """What people say. film: (F,) by the most trusted who speaks; regions: (R, F), by outlines, or
    as they are said of. A finding of a region is one of the film. measured: see
    `measured_by_people`."""

    film: Values
    names: tuple[str, ...]
    regions: Values
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, report: GroundedReport, film: Example) -> _Truth:
        names = report.regions.names
        kinds = (FILM, *dict.fromkeys(kind_of(name) for name in names))
        known = keep(film, (names, report.regions.boxes), kinds, SIDE)
        regions = known.regions[1:].copy()
        for reading in film.readings:
            for (name, label), presence in reading.regions.items():
                if name in names and label in LABELS and presence != Presence.UNCERTAIN:
                    there = float(presence == Presence.PRESENT)
                    regions[names.index(name), LABELS.index(label)] = there
        said = told(known)
        unheard = (np.isfinite(known.read) & np.isnan(said)).any(axis=0) & np.isnan(said[0])
        regions[:, unheard] = np.nan  # a denial of the film denied it of its regions
        read = np.full(len(LABELS), np.nan, np.float32)
        for row, reader in enumerate(READERS):
            if reader != TEXT:
                read = np.where(np.isfinite(read), read, said[row])
        somewhere = (regions == 1).any(axis=0) & np.isnan(read)
        read = np.where(somewhere, np.float32(1), read)
        return cls(read, names, regions, measured_by_people(film))

    def of_finding(self, finding: Finding, sentence: GroundedSentence) -> float:
        """1 where it is as it is said, 0 where it is not, NaN where nobody says.

        What is said to be there, or possible, has to be in its own region. What is denied of both
        lungs has to be nowhere in the film. Where outlines and a region half agree is not known.
        What was measured has to be so on people's outlines, if there are any.
        """
        if self.measured and finding.score_kind is ScoreKind.DISTANCE:
            return self._by_outlines(finding)
        if finding.label not in (*LABELS, *COMPOSITES):
            return UNKNOWN
        columns = columns_of(finding.label, LABELS)
        film = float(one_is_there(self.film[None, columns])[0])
        row = self.names.index(finding.region)
        here = float(one_is_there(self.regions[row : row + 1, columns])[0])
        if finding.label in COMPOSITES and film == 1:
            film = UNKNOWN  # a part of it is somewhere, which need not be where it would count
        if finding.presence == Presence.ABSENT:
            return 1 - film if self._denies_film(finding, sentence) else 1 - _first(here, film)
        return here if np.isfinite(here) else 0.0 if film == 0 else UNKNOWN

    def _by_outlines(self, finding: Finding) -> float:
        if finding.label not in self.measured:
            return UNKNOWN
        # of one side people's outlines say that it is there; it is not on the other then
        there = self.measured[finding.label].get(side_of(finding.region), 0.0)
        return 1 - there if finding.presence == Presence.ABSENT else there

    def _denies_film(self, finding: Finding, sentence: GroundedSentence) -> bool:
        denied = {item.region for item in sentence.findings if item.label == finding.label}
        lungs = [name for name in LUNGS if name in self.names]
        return denied >= set(lungs) or finding.region not in _paired(self.names)


def measured_by_people(film: Example) -> dict[str, dict[str, float]]:
    """What the same measurements say on the outlines that people drew: by label, of each side of
    which it is said, 1 where it is there, 0 where it is not, NaN where that cannot be told.

    What lies beyond its usual range is there, however near; of the heart, which has one agreed
    limit, nobody can tell near to it. Nothing without outlines of lungs and heart.
    """
    if not {*LUNGS, HEART} <= set(film.outlines):
        return {}
    question = Question.of_film(film.image(), annotated_regions(film))
    [sentences] = Measured(style="long").describe([question])
    known: dict[str, dict[str, float]] = {}
    for finding in (finding for sentence in sentences for finding in sentence.findings):
        known.setdefault(finding.label, {})[side_of(finding.region)] = _beyond(finding)
    return known


def _beyond(finding: Finding) -> float:
    if finding.presence == Presence.UNCERTAIN and finding.label == HEART_LABEL:
        return UNKNOWN
    return float(finding.presence != Presence.ABSENT)


def _first(here: float, film: float) -> float:
    """What is true of a region, or, where that is not known, of a film without the finding."""
    return here if np.isfinite(here) else 0.0 if film == 0 else UNKNOWN


def _paired(names: Sequence[str]) -> set[str]:
    return {name for name in names if name.startswith(("right ", "left "))}
