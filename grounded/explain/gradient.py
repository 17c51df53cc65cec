"""Where in the film a sentence comes from: gradient times activation on the encoder's map.

The log-odds of the finding behind a sentence (or the log-probability of its words) is followed back
to the encoder's map. At each place the gradient is multiplied by the activation and summed over the
channels, without averaging the gradient first, so that the map shows what the network used at that
place (HiResCAM, Draelos and Carin, arXiv:2011.08891). Values above 0 speak for the finding, those
below 0 against it, in the unit of what is followed back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grounded.errors import InvalidValueError
from grounded.evidence import Heatmap
from grounded.explain.places import STRONG, attributable, with_heat
from grounded.protocols import Question, SentenceGenerator, Target, encoded_film
from grounded.report import Sentence

if TYPE_CHECKING:
    from torch import Tensor


class Gradient:
    """Adds the places of its regions to each sentence, and a heatmap to those read from the map.

    of: what is followed back, see `Target`; the heatmap of a "finding" or of "words" lies about the
    region's box, as that is where they are read, that of the "finding in the film" anywhere. It
    covers the whole film in any case, and nothing of it is cut off. spread: how far, in cells of
    the map (a Gaussian's sigma), the heat of a cell is shared with those around it; what one cell
    says for a finding its neighbour often takes back, as each of them sees far more of the film
    than its own square. The sum stays the same, away from the map's edge. 0 leaves the cells as
    they are.
    """

    name = "gradient x activation"

    def __init__(self, of: Target = "finding", spread: float = 1.0) -> None:
        if not spread >= 0:
            raise InvalidValueError(f"heat is spread over 0 cells or more, got {spread}")
        self._of: Target = of
        self._spread = spread

    def explain(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Sentence]:
        """Add places and heatmap to each sentence, behind its own evidence.

        Raises ConfigError for a generator that reads no map, or a detector that makes none.
        """
        return with_heat(question, sentences, self.heatmaps(question, sentences, generator))

    def heatmaps(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]:
        """One for each sentence, None for those that do not stand on the map."""
        import torch

        if not sentences:
            return []
        source, encoded = attributable(generator), encoded_film(question)
        extent, method = encoded.placement.extent(), f"{self.name} of the {self._of}"
        with torch.inference_mode(False), torch.enable_grad():
            maps = encoded.film.detach().clone()[None].requires_grad_()  # (1, D, h, w)
            support = source.support(question, sentences, maps, self._of)[0]  # (S,)
            heats = [
                spread(products(value, maps), self._spread) if torch.isfinite(value) else None
                for value in support
            ]
        return [
            None if heat is None else Heatmap(heat, extent, method, STRONG / heat.size)
            for heat in heats
        ]


def products(value: Tensor, maps: Tensor) -> NDArray[np.float32]:
    """The gradient of a value times the activation, (h, w), summed over the channels of one map.

    maps: (1, D, h, w). The graph stays, for other values.
    """
    import torch

    [gradient] = torch.autograd.grad(value, maps, retain_graph=True)
    return np.asarray((gradient * maps).detach().sum(dim=1)[0].numpy(), dtype=np.float32)


def spread(heat: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Heat (h, w) shared with the cells around; what goes over the edge is lost."""
    import cv2

    if sigma == 0:
        return heat
    return np.asarray(cv2.GaussianBlur(heat, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT))
