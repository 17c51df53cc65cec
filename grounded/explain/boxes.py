"""The plainest explanation: a sentence stands on the outlines or boxes of its regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grounded.evidence import Evidence
from grounded.protocols import Question, SentenceGenerator
from grounded.report import Sentence


class RegionBoxes:
    """Adds to each sentence the outline, or the box, of each region that it was read from.

    It needs no model and says nothing about how the generator came to the sentence: it is the
    place that the generator was shown.
    """

    name = "region boxes"

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """The same sentences, each with the places of its regions behind its own evidence."""
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
