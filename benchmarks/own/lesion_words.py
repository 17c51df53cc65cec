"""Whether a writer's words on size and look follow what it is shown, on painted lesions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from own.asked import seen_each, truth_of
from own.sentence_figures import WordTable, Writes

from grounded.chest.names import kind_of
from grounded.generators.neural.finding_reader import FindingReader
from grounded.generators.neural.writer import Brief
from grounded.protocols import Question, RegionDetector
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import PaintedFilm
from grounded.train.writer.corpus import size_said, variety_said

KindFor = Callable[[str, str], str]
"""From a finding and a kind of region to the kind that there are words for."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A region that holds a painted lesion, and the brief to write of it."""

    brief: Brief
    size: str
    variety: str


def lesion_looks(
    detector: RegionDetector,
    reader: FindingReader,
    film: PaintedFilm,
    pairs: Pairs,
    kind_for: KindFor,
) -> Iterator[Look]:
    """Of each region that holds the film's lesion: told that it is there, and shown the region."""
    [regions] = detector.detect([film.image])
    truth = truth_of(film.known, pairs, regions)
    for name, seen in seen_each(reader, Question.of_film(film.image, regions)).items():
        for label in film.lesion.labels:
            if truth.get(name, {}).get(label):
                kind = kind_for(label, kind_of(name))
                brief = Brief(name, kind, {label: "present"}, None, seen)
                yield Look(brief, film.lesion.size, film.lesion.variety)


def word_tables(
    writer: Writes, looks: Sequence[Look], *, shown: bool = True
) -> tuple[WordTable, WordTable]:
    """Size and variety as painted against what the words say.

    shown: False hides the regions from the writer, for comparison. Varieties are of opacities.
    """
    briefs = [look.brief if shown else replace(look.brief, seen=None) for look in looks]
    texts = [words.template for words in writer.write(briefs)]
    return (
        WordTable.of((look.size, size_said(text)) for look, text in zip(looks, texts, strict=True)),
        WordTable.of(
            (look.variety, variety_said(text))
            for look, text in zip(looks, texts, strict=True)
            if "Lung Opacity" in look.brief.findings
        ),
    )
