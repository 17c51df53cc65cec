"""Where in the film a sentence comes from: the map of evidence that it was read from, as it is.

For generators whose map holds the log-odds of each finding cell by cell. Nothing has to be followed
back: what is drawn is what was pooled when the region was read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grounded.errors import ConfigError
from grounded.evidence import Heatmap
from grounded.explain.places import with_heat
from grounded.protocols import Localised, Question, SentenceGenerator, encoded_film
from grounded.report import Sentence

STRONG = 5.0
"""Log-odds from which on heat is drawn at its full strength. Of films for calibration in which an
opacity is called present, 0.03 of the film is as strong, in and about the densest parts; above 2 it
is 0.16, whole lungs. Of an effusion 0.01 is."""


class EvidenceMap:
    """Adds the places of its regions to each sentence, and its finding's map to those read from it.

    Values above 0 speak for the finding, those below 0 against it.
    """

    name = "map of evidence"

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """Add places and heatmap to each sentence, behind its own evidence.

        Raises ConfigError for a generator that reads no map of evidence.
        """
        return with_heat(question, sentences, self.heatmaps(question, sentences, generator))

    def heatmaps(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]:
        """One for each sentence, None for those that do not stand on the map."""
        if not isinstance(generator, Localised):
            raise ConfigError(
                f"the generator {generator.name!r} reads no map of evidence; use "
                f"grounded.explain.gradient:Gradient or grounded.explain.places:RegionBoxes"
            )
        if not sentences:
            return []
        extent = encoded_film(question).placement.extent()
        maps = generator.evidence(question, sentences).numpy().astype(np.float32)
        return [
            Heatmap(values, extent, self.name, STRONG) if np.isfinite(values).all() else None
            for values in maps
        ]
