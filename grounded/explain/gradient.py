"""Where in the film a sentence comes from: gradient times activation on the encoder's map.

The log-odds of the finding behind a sentence (or the log-probability of its words) is followed back
to the encoder's map. At each place the gradient is multiplied by the activation and summed over the
channels, without averaging the gradient first, so that the map shows what the network used at that
place (HiResCAM, Draelos and Carin, arXiv:2011.08891). Values above 0 speak for the finding, those
below 0 against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from grounded.errors import ConfigError
from grounded.evidence import Heatmap
from grounded.explain.boxes import places
from grounded.protocols import (
    Attributable,
    Encoded,
    Question,
    SentenceGenerator,
    Target,
    encoded_film,
)
from grounded.report import Sentence

if TYPE_CHECKING:
    from torch import Tensor


class Gradient:
    """Adds the places of its regions to each sentence, and a heatmap to those read from the map.

    of: what is followed back, the "finding" behind a sentence or its "words". The heatmap covers
    the whole film: what lies outside of the region is shown as well.
    """

    name = "gradient x activation"

    def __init__(self, of: Target = "finding") -> None:
        self._of: Target = of

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """The same sentences, heatmap and places behind their own evidence.

        Raises ConfigError for a generator that reads no map, or a detector that makes none.
        """
        heatmaps = self.heatmaps(question, sentences, generator)
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

    def heatmaps(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]:
        """One for each sentence, None for those that do not stand on the map."""
        import torch

        if not sentences:
            return []
        source, encoded = attributable(generator), encoded_film(question)
        with torch.enable_grad():
            maps = encoded.film.detach().clone()[None].requires_grad_()
            support = source.support(question, sentences, maps, self._of)[0]  # (S,)
            return [
                self._heatmap(value, maps, encoded) if bool(torch.isfinite(value)) else None
                for value in support
            ]

    def _heatmap(self, value: Tensor, maps: Tensor, encoded: Encoded) -> Heatmap:
        import torch

        [gradient] = torch.autograd.grad(value, maps, retain_graph=True)
        heat = (gradient * maps).detach().sum(dim=1)[0]  # (h, w)
        return Heatmap(heat.numpy(), encoded.placement.extent(), f"{self.name} of the {self._of}")


def attributable(generator: SentenceGenerator) -> Attributable:
    """The generator, if its sentences can be followed back. Raises ConfigError if not."""
    if isinstance(generator, Attributable):
        return generator
    raise ConfigError(
        f"the generator {generator.name!r} reads no map of the film, so its sentences cannot be "
        f"followed back; use grounded.explain.boxes:RegionBoxes as the explainer"
    )
