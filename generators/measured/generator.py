"""Sentences that are measured on the outlines of lungs and heart, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from grounded.chest import measures
from grounded.chest.measures import ReferenceRange
from grounded.chest.names import (
    HEART,
    HEMIDIAPHRAGMS,
    LEFT_LUNG,
    LUNGS,
    RIGHT_LUNG,
    chest_atlas,
    kind_of,
    side_of,
)
from grounded.chest.outline import Chest, Edge, NotMeasurable
from grounded.errors import InvalidValueError
from grounded.evidence import Line, Mask, Measurement
from grounded.findings import ASSESSABLE, Label
from grounded.generators.measured import statements
from grounded.generators.measured.wording import NOTHING, Hidden, Known, Said, Style, Subject
from grounded.geometry import Box
from grounded.language.agreement import join, plural, polish
from grounded.language.finding_words import FindingWords
from grounded.language.phrasing import PLAIN, Phrasing
from grounded.protocols import Question
from grounded.provenance import Scope
from grounded.regions import Region, Regions
from grounded.report import Sentence
from grounded.view import Projection

ORIGIN = "measured"


def _figure(what: str, reference: ReferenceRange, held: str) -> str:
    """The figure that the scope states: how near a value comes to that of people's outlines, and
    how well it tells what lies beyond the limits by these.

    held: on films held out, by benchmarks/measured_findings.py.
    """
    near = f"to ± {reference.tolerance:.2g} in 90 % of {measures.ERRORS_FROM}"
    return f"{what}, {near}; {held}"


ASSESSED = {
    "Cardiomegaly": _figure(
        "cardiothoracic ratio",
        measures.CARDIOTHORACIC_RATIO,
        "AUROC 1.00 by people's outlines, 34 of 62 are large; called so in 0 "
        "of 62 films found empty",
    ),
    "Enlarged Cardiomediastinum": _figure(
        "width of the upper mediastinum over the chest's",
        measures.UPPER_MEDIASTINUM_WIDTH,
        "AUROC 0.83 (0.61 to 0.98) by people's outlines, 9 of 63 are wide; 0.96 (0.91 to 1.00) "
        "of 63 with that border moved; called so in 0 of 62 films found empty",
    ),
    "Elevated Hemidiaphragm": _figure(
        "relative difference in lung height",
        measures.LUNG_HEIGHT_DIFFERENCE,
        "AUROC 1.00 by people's outlines of 32 films with that border moved, 13 have it (of 32 as "
        "they are 1, too few); called so in 1 of 62 films found empty",
    ),
    "Mediastinal Shift": _figure(
        "positions of heart and upper mediastinum over the chest's width",
        measures.HEART_POSITION,
        "AUROC 0.98 (0.94 to 1.00) by people's outlines of 64 films with that border moved, 14 "
        "have it (of 63 as they are 2, too few); called so in 0 of 62 films found empty",
    ),
    "Lung Volume Asymmetry": _figure(
        "share of the right lung in the area of both",
        measures.RIGHT_AREA_SHARE,
        "AUROC 0.94 (0.81 to 1.00) by people's outlines, 6 of 63 have it; "
        "called so in 0 of 62 films found empty",
    ),
}


@dataclass(frozen=True, slots=True)
class _Topic:
    """One thing that can be said of a film.

    name: in words. label: its finding. say: makes the sentence, without regions; raises
    NotMeasurable. regions: of which it speaks. otherwise: of which it speaks when none of them was
    found. doubts: whether a report says so wherever it cannot be judged, and not only where
    something hides it.
    sided: whether it tells right from left.
    """

    name: str
    label: Label
    say: Callable[[Subject], Said]
    regions: tuple[str, ...]
    otherwise: tuple[str, ...] = ()
    doubts: bool = False
    sided: bool = False

    def sentence(self, subject: Subject, style: Style) -> Sentence:
        """The sentence. Raises NotMeasurable with the reason."""
        if subject.view in (Projection.LATERAL, Projection.OBLIQUE):
            article = "an" if subject.view == Projection.OBLIQUE else "a"
            raise NotMeasurable(f"{article} {subject.view} film is not measured")
        if subject.child:
            raise NotMeasurable("this is a child's film, and the limits are those of adults")
        if subject.sides_in_doubt and self.sided:
            raise NotMeasurable("the film is mirrored or the heart lies on the right")
        said = self.say(subject)
        regions = self.about(subject.names)
        return Sentence(
            text=said.short if style == "short" else said.text,
            regions=regions,
            origin=ORIGIN,
            evidence=said.measurements,
            findings=tuple(
                replace(
                    finding,
                    region=_nearest(finding.region, regions),
                    score_kind=said.score_kind,
                )
                for finding in said.findings
            ),
            score=said.score,
            score_kind=said.score_kind,
            abnormal=any(finding.presence == "present" for finding in said.findings),
            impression=said.impression,
            notes=said.notes,
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


_HEART_SIZE = _Topic(
    "heart size", "Cardiomegaly", statements.heart_size, (HEART, "right atrium"), doubts=True
)
_DIAPHRAGM = _Topic(
    "height of the diaphragm",
    "Elevated Hemidiaphragm",
    statements.diaphragm,
    HEMIDIAPHRAGMS,
    LUNGS,
    sided=True,
)
_SYMMETRY = _Topic(
    "relative size of the lungs",
    "Lung Volume Asymmetry",
    statements.lung_symmetry,
    LUNGS,
    sided=True,
)
_SHIFT = _Topic(
    "mediastinal shift",
    "Mediastinal Shift",
    statements.mediastinal_position,
    ("mediastinum", HEART),
    doubts=True,
    sided=True,
)
_WIDTH = _Topic(
    "mediastinal width",
    "Enlarged Cardiomediastinum",
    statements.mediastinal_width,
    ("upper mediastinum", "aortic arch", "mediastinum"),
    LUNGS,
    doubts=True,
)
_TOPICS = (_HEART_SIZE, _DIAPHRAGM, _SYMMETRY, _SHIFT, _WIDTH)
_PARTS: Mapping[str, Mapping[Edge, str]] = {
    RIGHT_LUNG: {"upper": "apex", "lower": "base", "left": "outer side"},
    LEFT_LUNG: {"upper": "apex", "lower": "base", "right": "outer side"},
}
_NORMAL = {  # what a report says in one line of the topics that are as usual
    _WIDTH: "the mediastinum is not widened",
    _SHIFT: "the mediastinum is not shifted",
    _DIAPHRAGM: "neither hemidiaphragm is elevated",
    _SYMMETRY: "the lungs are symmetric in size",
}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What a sentence was written from that says of findings that they cannot be judged."""

    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Measurable:
    """What could be measured in a film, and why the rest could not."""

    chest: Chest
    sentences: Mapping[_Topic, Sentence]
    reasons: Mapping[_Topic, NotMeasurable]


class Measured:
    """Says what can be measured in a film, and of everything else that it was not assessed.

    For a whole film: the sentences of all topics, those that are as usual in one line, and why
    heart or mediastinum cannot be judged if they cannot. For single regions: what was measured
    there, and what was not assessed. For a box drawn by hand: what was measured along lines that
    lie in it. A region that was not assessed is never called normal.

    It needs the outlines of the lungs and the heart (`masks` of the regions); boxes alone are not
    measured. It has no weights and cannot be steered. style: "short" sentences with one number at
    most, or "long" ones with all numbers; evidence and measurements are the same. varied: whether
    short sentences have one of several equivalent wordings, by film.
    """

    name = "measured"
    scope = Scope(ASSESSED, tuple(label for label in ASSESSABLE if label not in ASSESSED))
    weights_sha256: Mapping[str, str] = {}

    def __init__(self, style: Style = "short", varied: bool = False) -> None:
        if style not in get_args(Style):
            raise InvalidValueError(f"a style is one of {get_args(Style)}, got {style!r}")
        self._style: Style = style
        self._varied = varied and style == "short"

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question, by topic.

        Raises InvalidValueError for a question that sets findings: a measurement cannot be set.
        """
        return [self._described(question) for question in questions]

    def _described(self, question: Question) -> list[Sentence]:
        if question.findings:
            raise InvalidValueError(
                f"expected a question without findings, got {dict(question.findings)}: the "
                f"generator 'measured' measures and cannot be told; leave the findings out or load "
                f"a preset whose generator can be steered"
            )
        said = self.answer(question)
        if question.whole:
            return said or _nothing(question)
        answer: list[Sentence] = []
        for region in question.asked:
            own = [item for item in said if region.name in item.regions]
            answer += [*own, *unassessed(region, kind_of(region.name), own)]
        return list(dict.fromkeys(answer))  # what speaks of two asked regions is said once

    def answer(self, question: Question, known: Known = NOTHING) -> list[Sentence]:
        """What is measured of a question, and what cannot be; nothing is a fine answer.

        known: see `Known`, from whoever reads the film.
        """
        return self.said(question, self.measure(question, known)) if len(question.asked) else []

    def measure(self, question: Question, known: Known = NOTHING) -> Measurable:
        """What is measured of a question's film, whichever of its regions are asked about."""
        return _measure(Subject.of(question, known), self._style)

    def said(self, question: Question, measurable: Measurable) -> list[Sentence]:
        """What of the film's measurements answers a question. Of what a reader has set, nothing is
        called not judged."""
        given = {label for of_region in question.findings.values() for label in of_region}
        reasons = {t: why for t, why in measurable.reasons.items() if t.label not in given}
        measurable = replace(measurable, reasons=reasons)
        phrasing = phrasing_of(question, self._varied)
        answer: list[Sentence] = []
        if question.whole:
            answer = _of_film(question, measurable, self._style, phrasing)
        else:
            for region in question.asked:
                if region.name in question.found:
                    answer += _of_region(region, question.found, measurable)
                else:
                    answer += _of_drawn(region, measurable)
        reworded = [replace(item, text=phrasing.reworded(item.text)) for item in answer]
        return list(dict.fromkeys(reworded))


def phrasing_of(question: Question, varied: bool) -> Phrasing:
    """How a film's sentences are worded; a film whose pixels have no digest has plain ones."""
    return Phrasing(question.image.origin) if varied else PLAIN


def unassessed(
    region: Region, kind: str, said: Sequence[Sentence], looked_for: Iterable[Label] = ()
) -> list[Sentence]:
    """What was not assessed in a region, so that silence is not taken for a normal finding.

    kind: of region that it is. said: what is said of it; what is not judged counts as said.
    looked_for: what else was, and is said with another finding.
    """
    words = FindingWords.open()
    dealt_with = {finding.label for sentence in said for finding in sentence.findings}
    dealt_with.update(looked_for)
    for sentence in said:
        if isinstance(sentence.written, Unjudged):
            dealt_with.update(sentence.written.labels)
    belonging = words.belonging(kind)
    left = [label for label in belonging if label not in dealt_with]
    if said and not left:
        return []
    text = words.not_assessed(left)
    if not belonging and region.name in chest_atlas():
        text = f"Not assessed: nothing is looked for in the {chest_atlas().written(region.name)}."
    return [Sentence(text, (region.name,), ORIGIN, (_place(region),))]


def _measure(subject: Subject, style: Style) -> Measurable:
    sentences: dict[_Topic, Sentence] = {}
    reasons: dict[_Topic, NotMeasurable] = {}
    for topic in _TOPICS:
        if not topic.about(subject.names):
            continue
        try:
            sentences[topic] = topic.sentence(subject, style)
        except NotMeasurable as reason:
            reasons[topic] = reason
    return Measurable(subject.chest, sentences, reasons)


def _of_film(
    question: Question, measurable: Measurable, style: Style, phrasing: Phrasing
) -> list[Sentence]:
    doubts = _not_judged(
        question.found,
        {
            topic: reason
            for topic, reason in measurable.reasons.items()
            if topic.doubts or isinstance(reason, Hidden)
        },
    )
    doubts += _cut_off(question.found, measurable.chest)
    if style == "long":
        return [*doubts, *measurable.sentences.values()]
    usual = [topic for topic in _NORMAL if _is_usual(measurable.sentences.get(topic))]
    said = [item for topic, item in measurable.sentences.items() if topic not in usual]
    return [*doubts, *said, *_as_usual(measurable, usual, phrasing)]


def _cut_off(found: Regions, chest: Chest) -> list[Sentence]:
    """The quality of the film: which parts of the lungs its edges cut off, in one line."""
    cut: dict[str, list[str]] = {}
    for name in LUNGS:
        if name in chest.outlines:
            for edge, part in _PARTS[name].items():
                if chest.outlines[name].touches(edge, chest.frame):
                    cut.setdefault(part, []).append(name)
    if not cut:
        return []
    regions = tuple(name for name in LUNGS if any(name in names for names in cut.values()))
    parts = [
        f"the {part} of the {names[0]}" if len(names) == 1 else f"the {plural(part)} of both lungs"
        for part, names in cut.items()
    ]
    text = f"The edge of the film cuts off {join(parts)}."
    return [Sentence(text, regions, ORIGIN, tuple(_place(found[name]) for name in regions))]


def _is_usual(sentence: Sentence | None) -> bool:
    return sentence is not None and all(f.presence == "absent" for f in sentence.findings)


def _as_usual(
    measurable: Measurable, usual: Sequence[_Topic], phrasing: Phrasing
) -> list[Sentence]:
    """What is as usual, in one line, with the measurements and findings of all."""
    if not usual:
        return []
    parts = [_NORMAL[topic] for topic in usual]
    if usual[:2] == [_WIDTH, _SHIFT]:
        parts[:2] = ["the mediastinum is not widened or shifted"]
    merged = _merged([measurable.sentences[topic] for topic in usual])
    text = join([phrasing.reworded(part) for part in parts])
    return [replace(merged, text=f"{polish(text)}.")]


def _merged(sentences: Sequence[Sentence]) -> Sentence:
    """One for all, with every region, measurement, finding and note once; the least sure counts."""
    return replace(
        sentences[0],
        regions=tuple(dict.fromkeys(x for s in sentences for x in s.regions)),
        evidence=tuple(dict.fromkeys(x for s in sentences for x in s.evidence)),
        findings=tuple(dict.fromkeys(x for s in sentences for x in s.findings)),
        notes=tuple(dict.fromkeys(x for s in sentences for x in s.notes)),
        score=min(sentence.score for sentence in sentences),
    )


def _not_judged(
    found: Regions, reasons: Mapping[_Topic, NotMeasurable], region: str = ""
) -> list[Sentence]:
    """That something cannot be judged, and why; topics with one cause share a sentence.

    region: the one that is asked about, if it is one; else all regions of the topics.
    """
    topics: dict[str, list[_Topic]] = {}
    for topic, reason in reasons.items():
        cause = reason.by if isinstance(reason, Hidden) else str(reason)
        topics.setdefault(cause, []).append(topic)
    sentences = []
    for cause, of_reason in topics.items():
        whose = [r.whose for t in of_reason if isinstance(r := reasons[t], Hidden)]
        words = Hidden.of(cause, whose) if whose else cause
        about = tuple(
            dict.fromkeys(name for topic in of_reason for name in topic.about(found.names))
        )
        both_sides = any(topic.sided for topic in of_reason)  # the reason may lie on the other
        regions = (region,) if region and not both_sides else about
        text = polish(f"{join([topic.name for topic in of_reason])} cannot be judged, as {words}.")
        places = tuple(_place(found[name]) for name in regions)
        unjudged = Unjudged(tuple(topic.label for topic in of_reason))
        sentences.append(Sentence(text, regions, ORIGIN, places, score=0.5, written=unjudged))
    return sentences


def _nothing(question: Question) -> list[Sentence]:
    if not len(question.found):
        return []
    places = tuple(_place(region) for region in question.found)
    text = "Nothing was measured in this film: it takes the outlines of both lungs or of the heart."
    return [Sentence(text, question.found.names, ORIGIN, places)]


def _of_region(region: Region, found: Regions, measurable: Measurable) -> list[Sentence]:
    said = [item for item in measurable.sentences.values() if region.name in item.regions]
    reasons = {
        topic: reason
        for topic, reason in measurable.reasons.items()
        if region.name in topic.about(found.names)
    }
    return [*said, *_not_judged(found, reasons, region.name)]


def _of_drawn(region: Region, measurable: Measurable) -> list[Sentence]:
    return [
        replace(
            sentence,
            regions=(region.name,),
            findings=tuple(replace(item, region=region.name) for item in sentence.findings),
        )
        for sentence in measurable.sentences.values()
        if _lies_in(sentence, region.box)
    ]


def _place(region: Region) -> Box | Mask:
    return region.mask or region.box


def _lies_in(sentence: Sentence, box: Box) -> bool:
    """Whether most of the lines that were measured lie in the box by at least half."""
    lines = [
        line for item in sentence.evidence if isinstance(item, Measurement) for line in item.lines
    ]
    return sum(_share_inside(line, box) >= 0.5 for line in lines) > len(lines) / 2


def _share_inside(line: Line, box: Box, samples: int = 65) -> float:
    points = np.linspace((line.x0, line.y0), (line.x1, line.y1), samples)
    return float(np.mean([box.contains(x, y) for x, y in points]))
