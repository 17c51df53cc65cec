"""Asks generators about the regions of films whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from own.answers import Answer
from own.sentence_figures import Writes
from torch import Tensor

from grounded.atlas import Atlas
from grounded.chest.names import REGIONS, kind_of
from grounded.data.example import Example
from grounded.findings import Presence
from grounded.generators.neural.finding_reader import Calibration, FindingReader, Place
from grounded.generators.neural.writer import Brief
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.protocols import Question, RegionDetector, SentenceGenerator, UsesEncoder
from grounded.regions import Regions
from grounded.report import Sentence
from grounded.synthetic.lesions import KINDS, Lesion
from grounded.train.findings.samples import ABNORMAL, Pairs, base_known
from grounded.train.findings.scores import painted_films
from grounded.train.writer.bank import Bank

Truth = Mapping[str, Mapping[str, bool]]
"""What is known of a film: by region, then by finding."""


class LastFilm:
    """A detector that remembers the last film, so that a film is encoded once however it is used.

    Only single films are remembered.
    """

    def __init__(self, detector: RegionDetector) -> None:
        self._detector = detector
        self.name: str = detector.name
        self.atlas: Atlas = detector.atlas
        self.weights_sha256: Mapping[str, str] = detector.weights_sha256
        self.encoder_sha256 = detector.encoder_sha256 if isinstance(detector, UsesEncoder) else ""
        self._last: tuple[Image, Regions] | None = None

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        if len(images) != 1:
            return self._detector.detect(images)
        if self._last is None or self._last[0] is not images[0]:
            self._last = (images[0], self._detector.detect(images)[0])
        return [self._last[1]]


def truth_of(known: NDArray[np.float32], pairs: Pairs, regions: Regions) -> Truth:
    """What is known (R, F), as in Pairs, of the regions that were found; others are left out."""
    truth = {
        name: {
            label: bool(value)
            for label, value in zip(pairs.labels, known[row], strict=True)
            if np.isfinite(value) and label != ABNORMAL
        }
        for row, name in enumerate(REGIONS)
        if name in regions
    }
    return {name: findings for name, findings in truth.items() if findings}


def describe_each(
    generator: SentenceGenerator,
    image: Image,
    regions: Regions,
    names: Sequence[str],
    findings: Mapping[str, Mapping[str, Presence]] | None = None,
) -> dict[str, list[Sentence]]:
    """The sentences of each named region, asked one by one, in one list of questions.

    findings: what is set, by region.
    """
    set_ = findings or {}
    questions = [Question(image, regions, regions[[name]], set_) for name in names]
    return dict(zip(names, generator.describe(questions), strict=True))


def stateable(truth: Truth, calibrations: Mapping[str, Calibration]) -> Truth:
    """The part of the truth that a reader may state: of each kind of region what it is good at."""
    kept = {
        name: {
            label: there
            for label, there in findings.items()
            if kind_of(name) in calibrations[label].assessed
        }
        for name, findings in truth.items()
    }
    return {name: findings for name, findings in kept.items() if findings}


def as_findings(truth: Truth) -> dict[str, dict[str, Presence]]:
    """The truth as findings to be set, by region."""
    return {
        name: {label: "present" if there else "absent" for label, there in findings.items()}
        for name, findings in truth.items()
    }


def answers(film: str, texts: Mapping[str, str], truth: Truth, labeller: Labeller) -> list[Answer]:
    """What was said of each region, as the labeller reads it, beside what is known of it."""
    return [
        Answer(film, name, text, labeller.label_report(text), truth.get(name, {}))
        for name, text in texts.items()
    ]


def joined(sentences: Mapping[str, Sequence[Sentence]]) -> dict[str, str]:
    """The sentences of each region as one text."""
    return {name: " ".join(s.text for s in said) for name, said in sentences.items()}


def written_each(
    writer: Writes, places: Sequence[Place], seen: Mapping[str, Tensor]
) -> dict[str, str]:
    """What a writer says of each place that it is told nothing of, but shown."""
    briefs = [Brief(place.name, place.kind, {}, None, seen[place.name]) for place in places]
    written = writer.write(briefs)
    return {place.name: words.text for place, words in zip(places, written, strict=True)}


def seen_each(reader: FindingReader, question: Question) -> dict[str, Tensor]:
    """What is seen in each place that is read, (16, D), by region."""
    places = reader.places(question)
    with torch.inference_mode():
        vectors = reader.seen(reader.encoding(question), places)[0]
    return {place.name: row for place, row in zip(places, vectors, strict=True)}


def training_bank(
    detector: RegionDetector,
    reader: FindingReader,
    examples: Iterable[Example],
    pairs: Pairs,
) -> Bank:
    """What is seen in films of training as they are, and in clear ones with a lesion painted in.

    The kinds of lesion take turns.
    """
    rows: list[tuple[Tensor, str, Mapping[str, Presence], str, str]] = []
    for number, example in enumerate(examples):
        image, known = example.image(), base_known(example, pairs)
        rows += _bank_rows(detector, reader, image, known, pairs, None)
        kinds = [KINDS[number % len(KINDS)]]
        for film in painted_films(detector, [example], pairs, kinds=kinds, seed=number):
            rows += _bank_rows(detector, reader, film.image, film.known, pairs, film.lesion)
    vectors, names, findings, sizes, varieties = zip(*rows, strict=True)
    return Bank(torch.stack(vectors).half(), names, findings, sizes, varieties)


def _bank_rows(
    detector: RegionDetector,
    reader: FindingReader,
    image: Image,
    known: NDArray[np.float32],
    pairs: Pairs,
    lesion: Lesion | None,
) -> Iterator[tuple[Tensor, str, Mapping[str, Presence], str, str]]:
    [regions] = detector.detect([image])
    truth = as_findings(truth_of(known, pairs, regions))
    for name, vectors in seen_each(reader, Question.of_film(image, regions)).items():
        findings = truth.get(name, {})
        inside = lesion if lesion and _holds(findings, lesion) else None
        size, variety = (inside.size, inside.variety) if inside else ("", "")
        yield vectors, kind_of(name), findings, size, variety


def _holds(findings: Mapping[str, Presence], lesion: Lesion) -> bool:
    return any(findings.get(label) == "present" for label in lesion.labels)
