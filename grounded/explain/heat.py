"""Heatmaps beside the places of a sentence, and who can be asked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grounded.errors import ConfigError
from grounded.evidence import Heatmap
from grounded.explain.boxes import places
from grounded.protocols import Attributable, Question, SentenceGenerator
from grounded.report import Sentence

STRONG = 640
"""Heat is strong from 1 on, of log-odds or of log-probability, in a part of the map of one in
STRONG. Where an opacity is sure, it is stronger; where a lung is clear, it is next to none."""


def with_heat(
    question: Question, sentences: Sequence[Sentence], heatmaps: Sequence[Heatmap | None]
) -> list[Sentence]:
    """The same sentences, with the places of their regions and their heatmaps as evidence."""
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
        f"followed back; use grounded.explain.boxes:RegionBoxes as the explainer"
    )
