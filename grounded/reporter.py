"""The flow: open, detect, read, describe, explain, compose. A straight line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from grounded.errors import InvalidValueError, RegionError
from grounded.findings import Findings, Label, Presence, label_of, presence_of
from grounded.geometry import Box
from grounded.image import Image
from grounded.protocols import (
    Composer,
    Explainer,
    FilmCheck,
    Question,
    RegionDetector,
    SentenceGenerator,
    Trust,
    check_encoder,
    check_trust,
    read_findings,
    view_of,
)
from grounded.provenance import Provenance
from grounded.regions import Regions
from grounded.report import GroundedReport, GroundedSentence, Sentence
from grounded.view import Projection

Film: TypeAlias = Any
"""An `Image`, or whatever `Image.open` takes: a path, bytes, an open file, a PIL image, a pydicom
data set, a numpy array."""
DRAWN = "marked area"  # the name of a box drawn by hand


@dataclass(frozen=True, slots=True)
class Reporter:
    """A detector, a generator, an explainer and a composer that work together.

    A check, if there is one, looks at each film first: it may turn it over or refuse it. A
    confidence, if there is one, says how probable each sentence is right, and may withhold some. It
    holds no state about any film: `read` gives a `Reading` that does. Raises ConfigError for a
    generator that was trained on the maps of another encoder than the detector's, and for a
    confidence that was fitted on sentences of other weights.
    """

    detector: RegionDetector
    generator: SentenceGenerator
    explainer: Explainer
    composer: Composer
    preset: str = ""
    version: str = ""
    check: FilmCheck | None = None
    confidence: Trust | None = None

    def __post_init__(self) -> None:
        check_encoder(self.detector, self.generator)
        if self.confidence is not None:
            check_trust(self.confidence, self.provenance)

    def __call__(self, film: Film, *, force: bool = False) -> GroundedReport:
        """The report of one film: `read(film).report()`."""
        return self.read(film, force=force).report()

    def read(self, film: Film, *, force: bool = False) -> Reading:
        """Open, encode and read one film, to be asked as often as wanted.

        force: read it even if its header says that it is no frontal chest film.
        """
        [reading] = self._readings([_opened(film, force)])
        return reading

    def read_all(
        self, films: Iterable[Film], *, batch_size: int = 4, force: bool = False
    ) -> Iterator[Reading]:
        """Read many films, `batch_size` at a time through detector and generator.

        Raises InvalidValueError for a batch size below 1, before anything is read.
        """
        return (
            reading
            for batch in _batches(films, batch_size, force)
            for reading in self._readings(batch)
        )

    def report_all(
        self, films: Iterable[Film], *, batch_size: int = 4, force: bool = False
    ) -> Iterator[GroundedReport]:
        """Report many films; detector and generator each see `batch_size` films at once.

        Raises InvalidValueError for a batch size below 1, before anything is read.
        """
        return (
            report
            for batch in _batches(films, batch_size, force)
            for report in self._reports(self._readings(batch))
        )

    def _readings(self, images: Sequence[Image]) -> list[Reading]:
        if self.check is not None:
            images = [self.check.check(image) for image in images]
        found = self.detector.detect(images)
        if self.check is not None:
            for image, regions in zip(images, found, strict=True):
                self.check.confirm(image, regions)
        questions = [Question.of_film(*pair) for pair in zip(images, found, strict=True)]
        return [
            Reading(self, question.image, question.found, findings)
            for question, findings in zip(
                questions, read_findings(self.generator, questions), strict=True
            )
        ]

    def _reports(self, readings: Sequence[Reading]) -> list[GroundedReport]:
        questions = [Question.of_film(r.image, r.regions, r.findings) for r in readings]
        return [
            replace(report, answers=reading.answers)
            for report, reading in zip(self._composed(questions), readings, strict=True)
        ]

    def _composed(self, questions: Sequence[Question]) -> list[GroundedReport]:
        """The answer to each question as a report; a box drawn by hand is a region of it."""
        described = self.generator.describe(questions)
        return [
            self._report(question, sentences)
            for question, sentences in zip(questions, described, strict=True)
        ]

    def _report(self, question: Question, sentences: Sequence[Sentence]) -> GroundedReport:
        atlas, scope, trust = self.detector.atlas, self.generator.scope, self.confidence
        view = view_of(self.generator, question) if trust else Projection.UNKNOWN
        if trust is not None:
            sentences = trust.withhold(question, sentences, atlas, view)
            scope = trust.scope(scope)
        report = self.composer.compose(
            image=question.image,
            regions=question.found.joined(question.asked),
            sentences=self.explainer.explain(question, sentences, self.generator),
            atlas=atlas,
            scope=scope,
            provenance=self.provenance,
        )
        if trust is None:
            return report
        return replace(report, sentences=trust.rate(report.image, report.sentences, view))

    @property
    def provenance(self) -> Provenance:
        return Provenance(
            version=self.version,
            preset=self.preset,
            detector=self.detector.name,
            generator=self.generator.name,
            explainer=self.explainer.name,
            composer=self.composer.name,
            weights_sha256={
                f"{part}/{file}": digest
                for part, made in (
                    ("check", self.check),
                    ("detector", self.detector),
                    ("generator", self.generator),
                    ("confidence", self.confidence),
                )
                if made is not None
                for file, digest in made.weights_sha256.items()
            },
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reading:
    """One encoded film. Everything that is known of the film is in here, nothing in the models.

    findings: every finding that was read in every region, said or not; none from a generator that
    reads no findings. Reports and descriptions are made from them, nothing is read twice.
    """

    reporter: Reporter
    image: Image
    regions: Regions
    findings: Findings = field(default_factory=Findings)

    def report(
        self, findings: Mapping[str, Mapping[str, Presence | str]] | None = None
    ) -> GroundedReport:
        """The report of the whole film.

        findings: what the reader has set, by region (name or alias) and label, for generators that
        can be steered; it takes the place of what was read. Raises RegionError as `describe`.
        """
        given = {self.resolve(name): _set(labels) for name, labels in (findings or {}).items()}
        question = Question.of_film(self.image, self.regions, self.findings, given)
        [report] = self.reporter._composed([question])
        return replace(report, answers=self.answers)

    def describe(
        self,
        target: str | Box | Sequence[float],
        *,
        findings: Mapping[str, Presence | str] | None = None,
    ) -> tuple[GroundedSentence, ...]:
        """What is to be said of one region, or of a box drawn by hand: the findings of `answer`."""
        return self.answer(target, findings=findings).section("findings")

    def answer(
        self,
        target: str | Box | Sequence[float],
        *,
        findings: Mapping[str, Presence | str] | None = None,
    ) -> GroundedReport:
        """A report of one region, by name or alias, or of a box drawn by hand: a `Box`, or its four
        numbers x0, y0, x1, y1 in pixels of the film.

        It can be saved and drawn as any report; a drawn box is one of its regions, called "marked
        area". `GroundedReport.add` puts a sentence of it into another report. findings: what the
        reader has set, for generators that can be steered. Raises RegionError for a name that the
        atlas does not have or that was not found, InvalidValueError for a box outside of the film.
        """
        if isinstance(target, str):
            asked = self.regions[[self.resolve(target)]]
        else:
            box = target if isinstance(target, Box) else _box(target)
            asked = self.regions.drawn(DRAWN, box.clip(self.image.info.frame))
        given = dict.fromkeys(asked.names, _set(findings)) if findings else {}
        question = Question(self.image, self.regions, asked, given, read=self.findings)
        [report] = self.reporter._composed([question])
        return report

    def audit(self, pool: str | os.PathLike[str] | None = None) -> GroundedReport:
        """The report of the whole film with what each sentence rests on, as its `audit`.

        pool: a folder of other patients' films, see `grounded.explain.audit.pool`; one healthy
        chest ships. It takes seven to nine times as long as the report.
        """
        from grounded.explain.audit.reports import audited

        return audited(self.report(), self.image, self.reporter, pool, self)

    def answers(self) -> dict[str, GroundedReport]:
        """The answer for each region that was found, by name; all are made in one batch."""
        questions = [
            Question(self.image, self.regions, self.regions[[name]], read=self.findings)
            for name in self.regions.names
        ]
        return dict(zip(self.regions.names, self.reporter._composed(questions), strict=True))

    def __repr__(self) -> str:
        film, found = self.image.info.name or "film", len(self.regions)
        return f"<Reading of {film}: {found} regions, {len(self.findings)} findings read>"

    def _repr_html_(self) -> str:
        return self.report()._repr_html_()

    def resolve(self, name: str) -> str:
        """The standard name of a region that was found, from its name or an alias."""
        name = self.reporter.detector.atlas[name].name
        if name not in self.regions:
            reason = self.regions.missing.get(name, "the detector does not look for it")
            raise RegionError(f"{name!r} was not found in this film: {reason}")
        return name


def _opened(film: Film, force: bool) -> Image:
    image = film if isinstance(film, Image) else Image.open(film, force=force)
    return replace(image, forced=True) if force and not image.forced else image


def _batches(films: Iterable[Film], batch_size: int, force: bool) -> Iterator[list[Image]]:
    if isinstance(films, str | bytes | os.PathLike | Image):
        raise InvalidValueError("expected several films, got one; use read or report for it")
    if not isinstance(batch_size, int | np.integer) or batch_size < 1:
        raise InvalidValueError(f"batch_size is a whole number from 1 on, got {batch_size!r}")
    source = (_opened(film, force) for film in films)
    return iter(lambda: list(islice(source, batch_size)), [])


def _box(numbers: Sequence[float]) -> Box:
    try:
        x0, y0, x1, y1 = (float(number) for number in numbers)
    except (TypeError, ValueError):
        raise InvalidValueError(
            f"expected a region's name, a Box, or four numbers x0, y0, x1, y1, got {numbers!r}"
        ) from None
    return Box(x0, y0, x1, y1)


def _set(findings: Mapping[str, Presence | str]) -> dict[Label, Presence]:
    """What a reader has set. Raises InvalidValueError for a word that is no label or presence."""
    return {label_of(label): presence_of(word) for label, word in findings.items()}
