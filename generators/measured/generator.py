"""Sentences that are measured on the outlines of lungs and heart, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounded.chest import measures
from grounded.chest.measures import Reference
from grounded.chest.names import HEART, HEMIDIAPHRAGMS, LUNGS, side_of
from grounded.chest.outline import NotMeasurable
from grounded.errors import InvalidValueError
from grounded.evidence import Line, Mask, Measurement
from grounded.findings import VOCABULARY
from grounded.generators.measured import statements
from grounded.generators.measured.wording import Lengths, Said, Subject
from grounded.geometry import Box
from grounded.protocols import Question
from grounded.regions import Region
from grounded.report import Scope, Sentence

ORIGIN = "measured"


def _figure(what: str, reference: Reference) -> str:
    """The figure that the scope states: how near a value comes to that of people's outlines."""
    return f"{what}, to ± {reference.tolerance:.2g} in 90 % of {measures.ERRORS_FROM}"


ASSESSED = {
    "Cardiomegaly": _figure("cardiothoracic ratio", measures.CARDIOTHORACIC_RATIO),
    "Enlarged Cardiomediastinum": _figure(
        "width of the upper mediastinum over the chest's", measures.UPPER_MEDIASTINUM_WIDTH
    ),
    "Elevated Hemidiaphragm": _figure(
        "relative difference in lung height", measures.LUNG_HEIGHT_DIFFERENCE
    ),
    "Mediastinal Shift": _figure(
        "positions of heart and upper mediastinum over the chest's width", measures.HEART_POSITION
    ),
    "Lung Volume Asymmetry": _figure(
        "share of the right lung in the area of both", measures.RIGHT_AREA_SHARE
    ),
}


@dataclass(frozen=True, slots=True)
class _Topic:
    """One thing that can be said of a film.

    name: in words. say: makes the sentence, without regions; raises NotMeasurable. regions: of
    which it speaks. otherwise: of which it speaks when none of them was found.
    """

    name: str
    say: Callable[[Subject], Said]
    regions: tuple[str, ...]
    otherwise: tuple[str, ...] = ()

    def sentence(self, subject: Subject) -> Sentence:
        """The sentence. Raises NotMeasurable with the reason."""
        if subject.view in ("lateral", "oblique"):
            raise NotMeasurable(
                f"{'an' if subject.view == 'oblique' else 'a'} {subject.view} film is not measured"
            )
        said = self.say(subject)
        regions = self.about(subject.names)
        return Sentence(
            text=said.text,
            regions=regions,
            origin=ORIGIN,
            evidence=said.measurements,
            findings=tuple(
                replace(finding, region=_nearest(finding.region, regions))
                for finding in said.findings
            ),
            score=said.score,
            abnormal=any(finding.presence == "present" for finding in said.findings),
            impression=said.impression,
        )

    def about(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The regions of which it speaks, out of those that were found."""
        return _kept(self.regions, names) or _kept(self.otherwise, names)


def _nearest(name: str, regions: tuple[str, ...]) -> str:
    """The region itself, or another on its side, or any."""
    same_side = [region for region in regions if side_of(region) == side_of(name)]
    return name if name in regions else (same_side or list(regions))[0]


def _kept(names: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name in found)


_HEART_SIZE = _Topic("heart size", statements.heart_size, (HEART,))
_TOPICS = (
    _HEART_SIZE,
    _Topic("height of the diaphragm", statements.diaphragm, (*HEMIDIAPHRAGMS, *LUNGS)),
    _Topic("relative size of the lungs", statements.lung_symmetry, LUNGS),
    _Topic("mediastinal shift", statements.mediastinal_position, ("mediastinum", HEART)),
    _Topic("mediastinal width", statements.mediastinal_width, ("upper mediastinum",), LUNGS),
)


@dataclass(frozen=True, slots=True)
class _Measurable:
    """What could be measured in a film, and why the rest could not."""

    sentences: Mapping[_Topic, Sentence]
    reasons: Mapping[_Topic, str]


class Measured:
    """Says what can be measured in a film, and of everything else that it was not assessed.

    For a whole film: the sentences of all topics, and why the heart was not measured if it was not.
    For single regions: what was measured there, and that nothing else was assessed there. For a box
    drawn by hand: what was measured along lines that lie in it. A region that was not assessed is
    never called normal.

    It needs the outlines of the lungs and the heart (`masks` of the regions); boxes alone are not
    measured. It has no weights and cannot be steered.
    """

    name = "measured"
    scope = Scope(ASSESSED, tuple(label for label in VOCABULARY if label not in ASSESSED))
    weights_sha256: Mapping[str, str] = {}

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question, by topic.

        Raises InvalidValueError for a question that sets findings: a measurement cannot be set.
        """
        return [self.answer(question) for question in questions]

    def answer(self, question: Question, spoken: Collection[str] = ()) -> list[Sentence]:
        """The sentences for one question. spoken: regions of which others said something already.

        Raises InvalidValueError as `describe`.
        """
        if question.findings:
            raise InvalidValueError(
                f"expected a question without findings, got {dict(question.findings)}: the "
                f"generator 'measured' measures and cannot be told; leave the findings out or load "
                f"a preset whose generator can be steered"
            )
        if not len(question.asked):
            return []
        subject = Subject.of(question)
        measurable = _measure(subject)
        if question.whole:
            return _of_film(question, subject, measurable)
        answer: list[Sentence] = []
        for region in question.asked:
            drawn = region.name not in question.found
            of_region = _of_drawn if drawn else _of_region
            answer += of_region(region, subject, measurable, region.name in spoken)
        return list(dict.fromkeys(answer))  # what speaks of two asked regions is said once


def _measure(subject: Subject) -> _Measurable:
    sentences: dict[_Topic, Sentence] = {}
    reasons: dict[_Topic, str] = {}
    for topic in _TOPICS:
        if not topic.about(subject.names):
            continue
        try:
            sentences[topic] = topic.sentence(subject)
        except NotMeasurable as reason:
            reasons[topic] = str(reason)
    return _Measurable(sentences, reasons)


def _of_film(question: Question, subject: Subject, measurable: _Measurable) -> list[Sentence]:
    sentences = list(measurable.sentences.values())
    reason = measurable.reasons.get(_HEART_SIZE)
    if reason is not None:
        regions = _HEART_SIZE.about(subject.names)
        text = f"The size of the heart was not measured: {reason}."
        places = tuple(_place(question.found[name]) for name in regions)
        sentences.insert(0, Sentence(text, regions, ORIGIN, places))
    if sentences:
        return sentences
    places = tuple(_place(region) for region in question.found)
    text = "Nothing was measured in this film: it takes the outlines of both lungs or of the heart."
    return [Sentence(text, question.found.names, ORIGIN, places)]


def _of_region(
    region: Region, subject: Subject, measurable: _Measurable, spoken: bool
) -> list[Sentence]:
    said = [item for item in measurable.sentences.values() if region.name in item.regions]
    reasons = [
        f"{topic.name}, as {reason}"
        for topic, reason in measurable.reasons.items()
        if region.name in topic.about(subject.names)
    ]
    return [*said, _rest(region, spoken or bool(said), reasons, subject.lengths)]


def _of_drawn(
    region: Region, subject: Subject, measurable: _Measurable, spoken: bool
) -> list[Sentence]:
    said = [
        replace(sentence, regions=(region.name,))
        for sentence in measurable.sentences.values()
        if _lies_in(sentence, region.box)
    ]
    return [*said, _rest(region, spoken or bool(said), (), subject.lengths)]


def _rest(region: Region, said: bool, reasons: Sequence[str], lengths: Lengths) -> Sentence:
    """What was not assessed, so that silence is not taken for a normal finding."""
    if said:
        text = f"Nothing else was assessed in the {region.name}"
    else:
        text = f"No finding was assessed in the {region.name} ({lengths.size(region.box)})"
    if reasons:
        text += f"; not measured: {'; '.join(reasons)}"
    return Sentence(f"{text}.", (region.name,), ORIGIN, (_place(region),))


def _place(region: Region) -> Box | Mask:
    return region.mask or region.box


def _lies_in(sentence: Sentence, box: Box) -> bool:
    """Whether one of the lines that were measured lies in the box by at least half."""
    lines = (
        line for item in sentence.evidence if isinstance(item, Measurement) for line in item.lines
    )
    return any(_share_inside(line, box) >= 0.5 for line in lines)


def _share_inside(line: Line, box: Box, samples: int = 65) -> float:
    points = np.linspace((line.x0, line.y0), (line.x1, line.y1), samples)
    return float(np.mean([box.contains(x, y) for x, y in points]))
