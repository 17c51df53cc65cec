"""The shipped generator: findings of each region are read from the film and put in words.

A straight line: what has to be seen is read from the encoder's map in the region's own box
(`finding_reader`), what may be said of it is chosen (`planned`) and said in plain words
(`grounded.language.finding_words`), and what can be measured is measured, unless what was read
hides its borders (`borders`, `measured`). A reader may set findings; they are said in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from grounded.chest.measures import CARDIOTHORACIC_RATIO
from grounded.chest.names import LUNGS, kind_of, side_of
from grounded.errors import InvalidValueError
from grounded.evidence import Measurement
from grounded.findings import ASSESSABLE, Finding, ReadFinding, SetFindings
from grounded.generators.measured.generator import (
    ASSESSED,
    Measurable,
    Measured,
    phrasing_of,
    unassessed,
)
from grounded.generators.measured.wording import Style
from grounded.generators.neural.borders import HEART_FIGURE, HEART_LABEL, known, view_of
from grounded.generators.neural.finding_net import COMPOSITES, logit_of
from grounded.generators.neural.finding_reader import FindingReader, Place, Read
from grounded.generators.neural.planned import (
    DENIED,
    ELSEWHERE,
    HERE,
    MEASURED_HERE,
    ORIGIN,
    SET,
    Stated,
    drawn,
    looked_for,
    of_film,
    of_region,
    to_be_said,
    undenied,
    with_set,
)
from grounded.generators.neural.tissue import Tissue
from grounded.generators.neural.writer import Brief, Writer, Written
from grounded.language.labeller import Labeller
from grounded.nn.device import DType
from grounded.protocols import Question, Target
from grounded.provenance import Scope
from grounded.regions import Region
from grounded.report import Sentence
from grounded.view import Projection

Words = Literal["varied", "plain", "writer"]
"""In what words findings are said: in one of several equivalent wordings, by film; always in the
same; or in those of the writer that was trained."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What is read and measured of a question's film, whichever of its regions are asked about.

    denied: see `_denied`.
    """

    question: Question
    read: list[Stated]
    denied: Mapping[str, float]
    measurable: Measurable

    def serves(self, question: Question) -> bool:
        """Whether it is what another question, of the same reading, stands on too."""
        own = self.question
        return (
            question.image is own.image
            and question.found is own.found
            and question.read is own.read
            and question.findings == own.findings
            and question.whole == own.whole
        )


class Neural:
    """weights: a folder with `findings`, and `writer` where its words are wanted.

    style: "short" sentences with one number at most, or "long" ones with all that was measured.
    words: "plain", "varied" by film, or those of the "writer" for the findings that it was trained
    on: it writes as the reports that it learnt from. beams: of the writer.

    It needs a detector that makes the encoder's map of the film, and outlines for what is measured.
    Its scope holds what is measured, and those findings that are read well enough on real films.
    encoder_sha256: of the encoder that its weights belong to. device, dtype: of the writer, see
    `grounded.nn.device`; regions are read from the map where it lies. Raises ConfigError for
    weights that cannot be used, or that do not belong together.
    """

    name = "neural"

    def __init__(
        self,
        weights: str | os.PathLike[str],
        style: Style = "short",
        words: Words = "plain",
        beams: int = 1,
        device: str = "cpu",
        dtype: DType = "float32",
    ) -> None:
        if words not in get_args(Words):
            raise InvalidValueError(f"words are one of {get_args(Words)}, got {words!r}")
        folder = Path(weights)
        self.reader = FindingReader(folder / "findings")
        self.writer = Writer(folder / "writer", device, dtype) if words == "writer" else None
        self.measured = Measured(style, words == "varied")
        self.encoder_sha256 = self.reader.encoder_sha256
        self.weights_sha256: Mapping[str, str] = {
            **self.reader.weights_sha256,
            **(self.writer.weights_sha256 if self.writer else {}),
        }
        self._beams, self._varied = beams, words == "varied"
        self._labeller = Labeller.open()
        assessed = {**ASSESSED, **_figures(self.reader.assessed)}
        self.scope = Scope(assessed, tuple(x for x in ASSESSABLE if x not in assessed))

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        """See `grounded.protocols.FindingsReader`; what is measured is not among it.

        Raises ConfigError when the detector made no map.
        """
        return [
            tuple(item for read in self.reader.read(question) for item in read.found)
            for question in questions
        ]

    def view(self, question: Question) -> Projection:
        """See `grounded.protocols.ReadsView`."""
        return view_of(self.reader, question)

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question: what was read, then what was measured.

        Of a whole film: the findings that are there or may be, then what is absent, then what was
        not looked for. Of single regions: everything that is assessed there, and what of it is not.
        Raises ConfigError when the detector made no map, InvalidValueError when a finding is set
        that there are no words for.
        """
        answers: list[list[Sentence]] = []
        seen: _Seen | None = None
        for question in questions:
            if seen is None or not seen.serves(question):
                seen = self._see(question)
            answers.append(self._described(question, seen))
        return self._in_words_of_the_writer(answers) if self.writer else answers

    def _see(self, question: Question) -> _Seen:
        reads = self.reader.read(replace(question, asked=question.found))
        denied = _denied(self.reader.film(question), reads, question.whole)
        read = _stated(reads, denied)
        of_film_ = known(self.reader, question, with_set(read, question.findings))
        return _Seen(question, read, denied, self.measured.measure(question, of_film_))

    def _described(self, question: Question, seen: _Seen) -> list[Sentence]:
        given = question.findings
        measured = self.measured.said(question, seen.measurable) if len(question.asked) else []
        film = with_set(seen.read, given, measured)
        kept = [sentence for sentence in measured if not _is_set(sentence, given)]
        if not question.whole:
            return self._of_regions(question, film, kept, seen.denied)
        lungs = [name for name in LUNGS if name in question.found]
        read = [item for item in film if not _is_measured(item)]
        return [*of_film(read, lungs, phrasing_of(question, self._varied)), *kept]

    def _of_regions(
        self,
        question: Question,
        film: Sequence[Stated],
        measured: Sequence[Sentence],
        denied: Mapping[str, float],
    ) -> list[Sentence]:
        """What is said of the regions that are asked about, one after the other."""
        reads = {read.place.name: read for read in self.reader.read(question)}
        answer: list[Sentence] = []
        phrasing = phrasing_of(question, self._varied)
        for region in question.asked:
            name, read = region.name, reads.get(region.name)
            kind = read.place.kind if read else kind_of(name)
            here = [item for item in film if item.finding.region == name]
            tissue = Tissue.of(region.box, question.found) if name not in question.found else None
            if tissue:
                given = {name: question.findings.get(name, {})}
                here = drawn(with_set(_stated([read] if read else [], denied), given))
            here = undenied(here, film, read.place.side if read else side_of(name))
            said = of_region([item for item in here if not _is_measured(item)], kind, phrasing)
            of_it = [sentence for sentence in measured if name in sentence.regions]
            said += of_it
            if not tissue or tissue.in_lung:
                said += unassessed(region, kind, said, looked_for(here))
            if tissue and not (of_it if tissue.in_lung else said):
                said += _unread(region, tissue)
            answer += said
        return list(dict.fromkeys(answer))

    def _in_words_of_the_writer(self, answers: list[list[Sentence]]) -> list[list[Sentence]]:
        """The same, what it has words for in those of the writer if they say what they should."""
        assert self.writer is not None
        rows = [
            (at, row)
            for at, answer in enumerate(answers)
            for row, sentence in enumerate(answer)
            if sentence.origin in (ORIGIN, SET)
            and [f.label in self.writer.labels for f in sentence.findings] == [True]
        ]
        chosen = [answers[at][row] for at, row in rows]
        ratios = [_ratio(answers[at]) for at, _ in rows]
        briefs = [
            self._brief(sentence.findings[0], kind_of(sentence.regions[0]), ratio)
            for sentence, ratio in zip(chosen, ratios, strict=True)
        ]
        written = self.writer.write(briefs, self._beams, verify=self._labeller)
        for (at, row), sentence, brief, words in zip(rows, chosen, briefs, written, strict=True):
            if words.agrees:
                own = Written(brief, words.template)
                answers[at][row] = replace(sentence, text=words.text, written=own)
        return answers

    def support(
        self, question: Question, sentences: Sequence[Sentence], maps: Tensor, of: Target
    ) -> Tensor:
        """See `grounded.protocols.Attributable`. Sentences that were measured have none.

        Nor have words: what is written follows from the findings alone.
        """
        values = maps.new_full((len(sentences), len(maps)), torch.nan)
        places = self._read_at(question, sentences) if of != "words" else {}
        if not places:
            return values.T
        logits = self.reader.logits(self.reader.encoding(question), list(places.values()), maps)
        labels = [sentences[row].findings[0].label for row in places]
        found = torch.stack(
            [
                logit_of(label, logits[:, row], self.reader.net.labels)
                for row, label in enumerate(labels)
            ],
            dim=1,
        )  # (B, N)
        known = [
            self.reader.calibrations[label][place.kind]
            for label, place in zip(labels, places.values(), strict=True)
        ]
        slopes = logits.new_tensor([calibration.slope for calibration in known])
        found = found * slopes + logits.new_tensor([c.intercept for c in known])
        return values.index_put((torch.tensor(list(places)),), found.T).T

    def evidence(self, question: Question, sentences: Sequence[Sentence]) -> Tensor:
        """See `grounded.protocols.Localised`."""
        film = self.reader.encoding(question).film
        maps = torch.full((len(sentences), *film.shape[1:]), torch.nan)
        for row in self._read_at(question, sentences):
            labels = dict.fromkeys(finding.label for finding in sentences[row].findings)
            read = [x for x in labels if x in self.reader.labels]
            maps[row] = torch.stack([self.reader.evidence(film, x) for x in read]).amax(dim=0)
        return maps

    def _read_at(self, question: Question, sentences: Sequence[Sentence]) -> dict[int, Place]:
        """The rows of the sentences that stand on the map, and where each was read."""
        places = {place.name: place for place in self.reader.places(question)}
        return {
            row: places[sentence.regions[0]]
            for row, sentence in enumerate(sentences)
            if sentence.origin in (ORIGIN, SET)
            and sentence.regions[0] in places
            and sentence.findings
            and places[sentence.regions[0]].kind
            in self.reader.calibrations.get(sentence.findings[0].label, {})
        }

    def _brief(self, finding: Finding, kind: str, ratio: float | None) -> Brief:
        """What the writer has to say; in words for another kind where it has none for this one."""
        assert self.writer is not None
        kind = self.writer.terms.kind_for(finding.label, kind)
        return Brief(finding.region, kind, to_be_said(finding), _known(ratio, finding))


def _stated(reads: Iterable[Read], denied: Mapping[str, float]) -> list[Stated]:
    """What was read and may be said. denied: see `_denied`."""
    return [
        Stated(f, notes=notes, open=f.presence == "absent" and 1 - f.score >= denied[f.label])
        for read in reads
        for notes in [_as_what(read)]
        for f in read.findings
    ]


def _denied(film: Mapping[str, float], reads: Iterable[Read], whole: bool) -> dict[str, float]:
    """By label the probability in a region below which it is denied there.

    film: the probability of each finding in the film. whole: whether all of it is asked about: then
    nothing is denied that is too likely and not called present in any region.
    """
    findings = [finding for read in reads for finding in read.findings]
    there = {finding.label for finding in findings if finding.presence == "present"}
    in_doubt = 0.0 if whole else HERE
    limits = {label: DENIED if p < DENIED else in_doubt for label, p in film.items()}
    return {label: ELSEWHERE if label in there else limits[label] for label in limits}


def _as_what(read: Read) -> tuple[str, ...]:
    """For a box drawn by hand: as what it was read."""
    place = read.place
    if kind_of(place.name) == place.kind:
        return ()
    if place.kind == "lung" and not place.side:
        return ("read as a part of both lungs",)
    return (f"read as a part of the {' '.join(filter(None, (place.side, place.kind)))}",)


def _figures(read: Mapping[str, str]) -> dict[str, str]:
    """What the scope states of each finding that is read: its figure, and how it is said."""
    figures = dict(read)
    if HEART_LABEL in figures:
        figures[HEART_LABEL] = f"{HEART_FIGURE} {figures[HEART_LABEL]}"
    for label in COMPOSITES.keys() & figures.keys():
        figures[label] += f"; {COMPOSITES[label].said}"
    return figures


def _is_measured(item: Stated) -> bool:
    """Whether it is said with a measurement."""
    return item.label in MEASURED_HERE and item.origin != SET


def _is_set(sentence: Sentence, given: SetFindings) -> bool:
    """Whether a reader has set what it says."""
    labels = {label for of_region in given.values() for label in of_region}
    return any(finding.label in labels for finding in sentence.findings)


def _unread(region: Region, tissue: Tissue) -> list[Sentence]:
    """What of a drawn box is not assessed, since it does not lie in the lungs."""
    text = tissue.unread(region.name)
    return [Sentence(text, (region.name,), ORIGIN)] if text else []


def _known(ratio: float | None, finding: Finding) -> float | None:
    """The ratio that the sentence on a finding may state: of the heart, and not against it."""
    if ratio is None or finding.label != "Cardiomegaly":
        return None
    large = ratio > CARDIOTHORACIC_RATIO.normal[1]
    return None if large != (finding.presence == "present") else ratio


def _ratio(measured: Iterable[Sentence]) -> float | None:
    """The cardiothoracic ratio, if it was measured."""
    values = (
        item.value
        for sentence in measured
        for item in sentence.evidence
        if isinstance(item, Measurement) and item.name == "cardiothoracic ratio"
    )
    return next(values, None)
