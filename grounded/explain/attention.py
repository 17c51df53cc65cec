"""Where a sentence may come from: how much its writer attended to each part of the region.

For comparison only. What a network attends to need not be what its words depend on (Jain and
Wallace, arXiv:1902.10186), and a writer can look at the box of its region alone, so this says
nothing of the rest of the film.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grounded.errors import ConfigError
from grounded.evidence import Heatmap
from grounded.explain.places import with_heat
from grounded.protocols import Attentive, Question, SentenceGenerator
from grounded.report import Sentence


class Attention:
    """Adds the places of its regions to each sentence, and a heatmap over the region's box.

    A heatmap holds the part of the attention that each cell of a coarse grid got while the sentence
    was written, in the mean over its words and the writer's layers and heads.
    """

    name = "attention"

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """Add places and heatmap to each sentence, behind its own evidence.

        Raises ConfigError for a generator whose writer looks at nothing.
        """
        return with_heat(question, sentences, self.heatmaps(question, sentences, generator))

    def heatmaps(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]:
        """One for each sentence, None for those that were written without looking."""
        if not isinstance(generator, Attentive):
            raise ConfigError(
                f"the generator {generator.name!r} has no writer whose attention could be shown; "
                f"use grounded.explain.places:RegionBoxes as the explainer"
            )
        if not sentences:
            return []
        looked = generator.attention(question, sentences).numpy()  # (S, h, w)
        return [
            Heatmap(grid, question.asked[sentence.regions[0]].box, self.name)
            if np.isfinite(grid).all()
            else None
            for sentence, grid in zip(sentences, looked, strict=True)
        ]
