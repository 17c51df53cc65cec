"""What can be audited: whatever makes claims about films and can be asked again.

A `Reporter` is asked for the findings that it reads, with their probabilities. Where its film is
encoded, altered films are encoded in one batch and read in the regions of the film as it was, so
that only what the generator sees has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from grounded.atlas import Atlas
from grounded.audit import Answer
from grounded.evidence import Measurement
from grounded.explain.audit.altering import Alteration, Place, altered_image, coarsely
from grounded.findings import Presence
from grounded.geometry import Placement
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.protocols import FindingsReader, FindsAlone, Question, read_findings
from grounded.regions import Region, Regions
from grounded.report import GroundedReport, Sentence
from grounded.reporter import Reading, Reporter

if TYPE_CHECKING:
    from torch import Tensor

SAYS, SAYS_NOT = 0.95, 0.05
"""The probability of a claim that is made, or is not, without any number."""


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One finding that a sentence states, or one measurement that it gives.

    sentence: which one. region: by name, "" where there is none. place: None where nothing can be
    altered. side: "right", "left" or "". measurement: for a claim that was measured.
    """

    sentence: int
    text: str
    label: str
    presence: Presence
    region: str = ""
    place: Place | None = None
    side: str = ""
    measurement: Measurement | None = None

    @property
    def words(self) -> str:
        if self.measurement is not None:
            return self.measurement.name
        where = self.region or self.side
        return f"{self.label or self.text} {self.presence}" + (f", {where}" if where else "")


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """A film's sentences, the claims that they make, and its regions, none if unknown."""

    sentences: tuple[str, ...]
    claims: tuple[Claim, ...]
    regions: Regions = field(default_factory=Regions.none)


class Subject(Protocol):
    """Makes claims about films, and answers whether it would make them of other films too."""

    name: str

    def said(self, image: Image) -> Said:
        """What it says of a film."""
        ...

    def regions(self, image: Image) -> Regions:
        """The regions of a film, none if it finds none."""
        ...

    def ask(self, images: Sequence[Image], claims: Sequence[Claim]) -> list[list[Answer]]:
        """Answer each claim for each film: a list a film, in the order of the claims."""
        ...

    def ask_altered(
        self, image: Image, alterations: Sequence[Alteration], claims: Sequence[Claim]
    ) -> list[list[Answer]]:
        """Answer each claim for one film in several states; its regions stay where they were."""
        ...

    def values(
        self, image: Image, films: Sequence[Image], measurements: Sequence[Measurement]
    ) -> list[list[float]]:
        """Each film's measurements by name; NaN where one is not measured."""
        ...

    def mirrored(self, claim: Claim) -> Claim:
        """The claim with right and left exchanged."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Changed:
    """The encoding of an altered film; see `grounded.regions.Encoded`."""

    film: Tensor
    placement: Placement
    encoder: str
    encode: Callable[[Sequence[NDArray[np.float32]]], Tensor] | None = None


class ReporterSubject:
    """A reporter under audit. Its check is left out: it is the models that are asked.

    report: whose sentences are audited, if they are not those that the reporter writes now.
    reading: of the film, so that it is not encoded again. known: the regions of films by their
    pixels' hash, to be shared with other subjects that have the same detector.
    """

    def __init__(
        self,
        reporter: Reporter,
        report: GroundedReport | None = None,
        reading: Reading | None = None,
        known: dict[str, Regions] | None = None,
    ) -> None:
        self.reporter = replace(reporter, check=None)
        self.name = f"{reporter.generator.name} ({reporter.preset or 'own parts'})"
        self._report = report
        self._known: dict[str, Regions] = {} if known is None else known
        if reading is not None:
            self._known[reading.image.info.sha256] = reading.regions

    @property
    def atlas(self) -> Atlas:
        return self.reporter.detector.atlas

    def said(self, image: Image) -> Said:
        report = self._report
        if report is None:
            [reading] = self.reporter.read_all([image])
            self._known[image.info.sha256] = reading.regions
            report = reading.report()
        sentences = report.section("findings")
        return Said(
            tuple(sentence.text for sentence in sentences),
            tuple(self._claims(report)),
            self.regions(image),
        )

    def regions(self, image: Image) -> Regions:
        key = image.info.sha256
        if key not in self._known:
            [self._known[key]] = self.reporter.detector.detect([image])
        return self._known[key]

    def ask(self, images: Sequence[Image], claims: Sequence[Claim]) -> list[list[Answer]]:
        new = {i.info.sha256: i for i in images if i.info.sha256 not in self._known}
        if new:
            detected = self.reporter.detector.detect(list(new.values()))
            self._known |= dict(zip(new, detected, strict=True))
        regions = [self._known[image.info.sha256] for image in images]
        return self._answers(
            [Question.of_film(*pair) for pair in zip(images, regions, strict=True)], claims
        )

    def ask_altered(
        self, image: Image, alterations: Sequence[Alteration], claims: Sequence[Claim]
    ) -> list[list[Answer]]:
        regions, encoding = self.regions(image), self.regions(image).encoding
        if not alterations:
            return []
        if encoding is None or encoding.encode is None:
            films = [altered_image(image, alteration) for alteration in alterations]
            if regions.features is not None or encoding is not None:
                return self.ask(films, claims)
            return self._answers([Question.of_film(film, regions) for film in films], claims)
        frame = image.info.frame
        maps = encoding.encode([coarsely(each, image.pixels, frame) for each in alterations])
        changed = [
            replace(regions, encoding=_Changed(map_, encoding.placement, encoding.encoder))
            for map_ in maps
        ]
        return self._answers([Question.of_film(image, each) for each in changed], claims)

    def values(
        self, image: Image, films: Sequence[Image], measurements: Sequence[Measurement]
    ) -> list[list[float]]:
        questions = [
            Question.of_film(image, regions)
            for image, regions in zip(films, self._as_in(image, films), strict=True)
        ]
        found = []
        for answer in self.reporter.generator.describe(questions):
            items = [item for s in answer for item in s.evidence if isinstance(item, Measurement)]
            found.append([_value_of(measurement, items) for measurement in measurements])
        return found

    def _as_in(self, image: Image, films: Sequence[Image]) -> list[Regions]:
        """The regions of versions of a film, each with the map of the film itself if it has one.

        A border was moved, no finding: what is read stays, and is not encoded again.
        """
        detector, encoding = self.reporter.detector, self.regions(image).encoding
        if encoding is None or not isinstance(detector, FindsAlone):
            return detector.detect(films)
        return [replace(regions, encoding=encoding) for regions in detector.find(films)]

    def mirrored(self, claim: Claim) -> Claim:
        if claim.region not in self.atlas:
            return claim
        other = self.atlas.counterpart(claim.region) or claim.region
        return replace(claim, region=other, side=self.atlas.paired_side(other))

    def _answers(
        self, questions: Sequence[Question], claims: Sequence[Claim]
    ) -> list[list[Answer]]:
        generator = self.reporter.generator
        if isinstance(generator, FindingsReader):
            read = read_findings(generator, questions)
            by_place = [{(item.label, item.region): item for item in film} for film in read]
            if all((claim.label, claim.region) in film for claim in claims for film in by_place):
                said: Sequence[Mapping[tuple[str, str], Presence]] = [{}] * len(questions)
            else:
                said = self._described(questions)
        else:
            by_place, said = [{}] * len(questions), self._described(questions)
        answers = []
        for findings, spoken in zip(by_place, said, strict=True):
            row = []
            for claim in claims:
                item = findings.get((claim.label, claim.region))
                if item is None or item.probability is None:
                    says = spoken.get((claim.label, claim.region)) == claim.presence
                    row.append(Answer(says, SAYS if says else SAYS_NOT))
                    continue
                absent = claim.presence == Presence.ABSENT
                probability = 1 - item.probability if absent else item.probability
                row.append(Answer(item.presence == claim.presence, probability))
            answers.append(row)
        return answers

    def _described(self, questions: Sequence[Question]) -> list[dict[tuple[str, str], Presence]]:
        """What the sentences say, by finding and region; of words alone, what they say."""
        return [
            {
                claim: presence
                for sentence in answer
                for claim, presence in _stated(sentence).items()
            }
            for answer in self.reporter.generator.describe(questions)
        ]

    def _claims(self, report: GroundedReport) -> list[Claim]:
        """The claims of the sentences in their order.

        Where a report holds no finding and no measurement at all, as from a generator that writes
        words alone, a sentence claims what our labeller reads in it, or else its very words.
        """
        sentences = report.section("findings")
        words_alone = not any(s.findings or s.measurements for s in sentences)
        claims: list[Claim] = []
        for number, said in enumerate(sentences):
            if said.measurements:
                claims += [
                    Claim(number, said.text, "", Presence.PRESENT, measurement=item)
                    for item in dict.fromkeys(said.measurements)
                ]
                continue
            stated: list[tuple[str, Presence, str]] = [
                (f.label, f.presence, f.region) for f in said.findings
            ]
            if words_alone:
                stated = [(*claim, said.regions[0]) for claim in _in_words(said.text)]
            claims += [
                self._claim(number, said.text, label, presence, report.regions[region])
                for label, presence, region in stated
            ]
        return claims

    def _claim(
        self, number: int, text: str, label: str, presence: Presence, region: Region
    ) -> Claim:
        place = Place(region.name, (region.mask or region.box,), (region.name,))
        side = self.atlas.paired_side(region.name) if region.name in self.atlas else ""
        return Claim(number, text, label, presence, region.name, place, side)


def _stated(sentence: Sentence) -> dict[tuple[str, str], Presence]:
    """By finding and region."""
    if sentence.findings:
        return {(f.label, f.region): f.presence for f in sentence.findings}
    if not sentence.regions or sentence.evidence:
        return {}
    return {(label, sentence.regions[0]): is_ for label, is_ in _in_words(sentence.text)}


def _in_words(text: str) -> list[tuple[str, Presence]]:
    """What a text says of findings by our labeller; the text itself where that is nothing."""
    found = [(str(item.label), item.presence) for item in Labeller.open().label(text)]
    return found or [(text, Presence.PRESENT)]


class Put(ReporterSubject):
    """A reporter to which given claims are put, whether or not it makes them itself."""

    def __init__(
        self,
        reporter: Reporter,
        claims: Sequence[Claim],
        known: dict[str, Regions] | None = None,
    ) -> None:
        super().__init__(reporter, known=known)
        self._claims_put = tuple(claims)

    def said(self, image: Image) -> Said:
        texts = tuple(claim.text for claim in self._claims_put)
        return Said(texts, self._claims_put, self.regions(image))


def _value_of(measurement: Measurement, found: Sequence[Measurement]) -> float:
    """The value of the measurement of that name and lines of that label; NaN for none."""
    labels = [line.label for line in measurement.lines]
    same = [
        item.value
        for item in found
        if item.name == measurement.name and [line.label for line in item.lines] == labels
    ]
    return same[0] if same else float("nan")
