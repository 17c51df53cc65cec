"""What a reader of findings makes of films that several people read, and how often they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from grounded import Reporter
from grounded.data.example import Example, Mark
from grounded.data.nih import RADIOLOGISTS
from grounded.evaluate.detection import calibration_error
from grounded.evaluate.discrimination import area_under_roc
from grounded.evaluate.intervals import Estimate, Rate
from grounded.findings import Finding
from grounded.generators.neural.finding_net import COMPOSITES, FILM, parts_of
from grounded.generators.neural.finding_reader import FindingReader, Read
from grounded.generators.neural.generator import Neural
from grounded.geometry import Box
from grounded.protocols import Question, encoded_film
from grounded.report import GroundedReport
from grounded.train.findings.calibration import composite_truth
from grounded.train.findings.films import keep
from grounded.train.findings.truth import LABELS, READERS

READ: tuple[str, ...] = (*LABELS, *COMPOSITES)
FEWEST = 5  # films with a finding, and without, that a row needs
HALF = 0.5  # of an object, that the sentence's region should hold


@dataclass(frozen=True, slots=True, eq=False)
class InRegion:
    """What is read of one finding in one region. given: its probability, were it in the film."""

    label: str
    kind: str
    truth: float
    given: float


@dataclass(frozen=True, slots=True, eq=False)
class ReadFilm:
    """A film, what people say of it, and what is read.

    truth: (READERS, F). probabilities: (F,) of the film. ap: the probability of that view. regions:
    where the truth is known. stated: what the reader says of regions and is no absence. said: what
    the report says so, with the region. hits: by label that radiologists outlined, whether the
    map's strongest place lies in an outline.
    """

    film: Example
    truth: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    ap: float
    regions: tuple[InRegion, ...]
    stated: tuple[Finding, ...]
    said: tuple[tuple[Finding, Box], ...]
    hits: dict[str, bool]

    @property
    def size(self) -> str:
        """Pixels of the collection's longest side."""
        return f"{self.film.about['resolution']:.0f} px"


def outlined(film: Example) -> tuple[Mark, ...]:
    """What radiologists outlined in it, if they read it."""
    return film.reading(RADIOLOGISTS).marks


def read_films(reporter: Reporter, films: Iterable[Example]) -> Iterator[ReadFilm]:
    """Each film read from its file, as a user would have it read."""
    generator = reporter.generator
    if not isinstance(generator, Neural):
        raise SystemExit(f"the generator {generator.name!r} reads no findings")
    for film in films:
        yield _read(reporter, generator.reader, film)


def _read(reporter: Reporter, reader: FindingReader, film: Example) -> ReadFilm:
    reading = reporter.read(film.path, force=True)
    question = Question.of_film(reading.image, reading.regions, reading.findings)
    reads = reader.read(question)
    probabilities = reader.film(question)
    places = [read.place.name for read in reads], np.array([tuple(r.place.box) for r in reads])
    side = encoded_film(question).placement.model_shape[0]
    truth = keep(film, places if reads else ((), np.zeros((0, 4))), reader.net.kinds, side)
    composites = {label: composite_truth(label, truth, reader.net.kinds) for label in COMPOSITES}
    known = dict(zip(LABELS, truth.regions.T, strict=True))
    known |= {label: regions for label, (_, regions) in composites.items()}
    return ReadFilm(
        film=film,
        truth=np.column_stack([truth.read, *(read for read, _ in composites.values())]),
        probabilities=np.array([probabilities.get(label, np.nan) for label in READ]),
        ap=reader.is_ap(question),
        regions=tuple(_in_regions(reads, known, probabilities)),
        stated=tuple(f for read in reads for f in read.findings if f.presence != "absent"),
        said=tuple(_said(reading.report())),
        hits=dict(_hits(question, outlined(film), reader)),
    )


def _in_regions(
    reads: Sequence[Read],
    known: Mapping[str, NDArray[np.float32]],
    probabilities: Mapping[str, float],
) -> Iterator[InRegion]:
    """known: (R + 1,) by label, of the film and then of what was read."""
    for row, read in enumerate(reads, start=1):
        for label, probability in read.probabilities.items():
            value = float(known[label][row])
            if np.isfinite(value):
                given = probability / max(probabilities[label], 1e-9)
                yield InRegion(label, read.place.kind, value, given)


def _said(report: GroundedReport) -> Iterator[tuple[Finding, Box]]:
    """Findings that sentences call present or uncertain, those that are read, with the place."""
    for sentence in report.section("findings"):
        for finding in sentence.findings:
            if finding.presence != "absent" and finding.label in READ:
                yield finding, report.regions[finding.region].box


def _hits(
    question: Question, objects: Sequence[Mark], reader: FindingReader
) -> Iterator[tuple[str, bool]]:
    encoded = encoded_film(question)
    for label in reader.labels:
        if outlines := shapes_of(label, objects):
            heat = reader.evidence(encoded.film, label).numpy()
            row, column = np.unravel_index(int(heat.argmax()), heat.shape)
            height, width = encoded.placement.model_shape
            place = [(column + 0.5) * width / heat.shape[1], (row + 0.5) * height / heat.shape[0]]
            [[x, y]] = encoded.placement.to_image([place])
            at = float(x), float(y)
            yield label, any(cv2.pointPolygonTest(item, at, False) >= 0 for item in outlines)


def shapes_of(label: str, objects: Sequence[Mark]) -> list[NDArray[np.float32]]:
    """The outlines of a finding, or of the parts of a composite."""
    parts = parts_of(label)
    return [np.asarray(item.shape, dtype=np.float32) for item in objects if item.label in parts]


@dataclass(frozen=True, slots=True)
class FilmFigures:
    """One finding, as one reader sees it in one group of films.

    sensitivity, specificity: of what is called present. error: of calibration, present and absent
    weighing the same, as the probabilities hold at even odds.
    """

    label: str
    reader: str
    group: str
    present: int
    absent: int
    area: Estimate
    sensitivity: Rate
    specificity: Rate
    error: float


def film_figures(
    reader: FindingReader,
    films: Sequence[ReadFilm],
    group: Callable[[ReadFilm], str | None],
    readers: Sequence[str] = READERS,
) -> list[FilmFigures]:
    """By finding, reader and group. group: the name of a film's, None to leave it out."""
    rows = []
    groups = sorted({name for film in films if (name := group(film)) is not None})
    for column, label in enumerate(READ):
        if label not in reader.labels:
            continue
        for who in readers:
            for name in groups:
                chosen = [f for f in films if group(f) == name and _knows(f, who, column)]
                truth = np.array([f.truth[READERS.index(who), column] for f in chosen]) == 1
                if min(truth.sum(), len(truth) - truth.sum()) >= FEWEST:
                    rows.append(_figures(reader, chosen, truth, (label, who, name), column))
    return rows


def _knows(film: ReadFilm, reader: str, column: int) -> bool:
    return bool(np.isfinite(film.truth[READERS.index(reader), column]))


def _figures(
    reader: FindingReader,
    films: Sequence[ReadFilm],
    truth: NDArray[np.bool_],
    head: tuple[str, str, str],
    column: int,
) -> FilmFigures:
    scores = np.array([f.probabilities[column] for f in films])
    calibration = reader.calibrations[head[0]][FILM]
    said = np.array([calibration.presence(score) == "present" for score in scores])
    weights = np.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
    return FilmFigures(
        *head,
        present=int(truth.sum()),
        absent=int((~truth).sum()),
        area=area_under_roc(scores, truth, [f.film.patient for f in films]),
        sensitivity=rate(said[truth]),
        specificity=rate(~said[~truth]),
        error=calibration_error(list(scores), list(truth), weights=list(weights)),
    )


def region_areas(films: Sequence[ReadFilm]) -> list[tuple[str, str, int, int, Estimate, Estimate]]:
    """(finding, kind, present, absent, area, area in films that have it) by kind of region."""
    rows = []
    keys = sorted({(item.label, item.kind) for film in films for item in film.regions})
    for label, kind in keys:
        items = [
            (film, item)
            for film in films
            for item in film.regions
            if (item.label, item.kind) == (label, kind)
        ]
        column = READ.index(label)
        truth = np.array([item.truth == 1 for _, item in items])
        if min(truth.sum(), len(truth) - truth.sum()) < FEWEST:
            continue
        scores = np.array([item.given * film.probabilities[column] for film, item in items])
        whose = [film.film.patient for film, _ in items]
        has = {film.film.name for film, item in items if item.truth == 1}
        within = np.array([film.film.name in has for film, _ in items])
        rows.append(
            (
                label,
                kind,
                int(truth.sum()),
                int((~truth).sum()),
                area_under_roc(scores, truth, whose),
                area_under_roc(
                    scores[within],
                    truth[within],
                    [w for w, use in zip(whose, within, strict=True) if use],
                ),
            )
        )
    return rows


def held_objects(films: Sequence[ReadFilm]) -> dict[str, Rate]:
    """By label: how often a region of a true statement holds half of an outlined object."""
    held: dict[str, list[bool]] = {}
    for film in films:
        for label, boxes in _present(film).items():
            objects = shapes_of(label, outlined(film.film))
            if objects:
                best = max(_share(polygon, box) for polygon in objects for box in boxes)
                held.setdefault(label, []).append(best >= HALF)
    return {label: rate(np.array(values)) for label, values in held.items()}


def _present(film: ReadFilm) -> dict[str, list[Box]]:
    found: dict[str, list[Box]] = {}
    for finding, box in film.said:
        if finding.presence == "present":
            found.setdefault(finding.label, []).append(box)
    return found


def _share(polygon: NDArray[np.float64], box: Box) -> float:
    """The share of a polygon's area that lies in a box."""
    corners = np.array([[box.x0, box.y0], [box.x1, box.y0], [box.x1, box.y1], [box.x0, box.y1]])
    size = max(256.0 / max(np.ptp(polygon[:, 0]), np.ptp(polygon[:, 1]), 1e-6), 1e-6)
    low = polygon.min(axis=0)
    shape = np.ceil(np.ptp(polygon, axis=0) * size).astype(int)[::-1] + 2
    object_, inside = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    cv2.fillPoly(object_, [np.round((polygon - low) * size).astype(np.int32)], 1)
    cv2.fillPoly(inside, [np.round((corners - low) * size).astype(np.int32)], 1)
    return float((object_ & inside).sum() / max(object_.sum(), 1))


def pointing(films: Sequence[ReadFilm], *, stated: bool) -> dict[str, Rate]:
    """How often the map's strongest place lies in an outline. stated: where it is said present."""
    hits: dict[str, list[bool]] = {}
    for film in films:
        said = _present(film)
        for label, hit in film.hits.items():
            if not stated or label in said:
                hits.setdefault(label, []).append(hit)
    return {label: rate(np.array(values)) for label, values in hits.items()}


def rate(values: NDArray[np.bool_]) -> Rate:
    return Rate(int(values.sum()), len(values))
