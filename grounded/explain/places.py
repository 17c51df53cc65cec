"""The places that a sentence stands on: outlines or boxes of its regions, heatmaps beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grounded.errors import ConfigError
from grounded.evidence import Evidence, Heatmap
from grounded.protocols import Attributable, Question, SentenceGenerator
from grounded.report import Sentence

STRONG = 640
"""Heat is strong from 1 on, of log-odds or of log-probability, in a part of the map of one in
STRONG. Where an opacity is sure, it is stronger; where a lung is clear, it is next to none."""


class RegionBoxes:
    """Adds to each sentence the outline, or the box, of each region that it was read from.

    It needs no model and says nothing about how the generator came to the sentence: it is the
    place that the generator was shown.
    """

    name = "region boxes"

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """Add the places of its regions to each sentence, behind its own evidence."""
        return [
            replace(sentence, evidence=(*sentence.evidence, *places(question, sentence)))
            for sentence in sentences
        ]


def places(question: Question, sentence: Sentence) -> list[Evidence]:
    """The outline, or the box, of each region of a sentence."""
    found: list[Evidence] = []
    for name in sentence.regions:
        region = (question.asked if name in question.asked else question.found)[name]
        found.append(region.mask or region.box)
    return found


def with_heat(
    question: Question, sentences: Sequence[Sentence], heatmaps: Sequence[Heatmap | None]
) -> list[Sentence]:
    """Add the places of its regions and its heatmap to each sentence."""
    return [
        replace(
            sentence,
            evidence=(
                *sentence.evidence,
                *places(question, sentence),
                *([] if heatmap is None else [heatmap]),
            ),
        )
        for sentence, heatmap in zip(sentences, heatmaps, strict=True)
    ]


def attributable(generator: SentenceGenerator) -> Attributable:
    """The generator, if its sentences can be followed back. Raises ConfigError if not."""
    if isinstance(generator, Attributable):
        return generator
    raise ConfigError(
        f"the generator {generator.name!r} reads no map of the film, so its sentences cannot be "
        f"followed back; use grounded.explain.places:RegionBoxes as the explainer"
    )
