"""A sentence generator of one's own: how light each region is. See docs/write_a_generator.md."""

from collections.abc import Sequence

import numpy as np

from grounded import Image, Region, Sentence
from grounded.findings import VOCABULARY
from grounded.protocols import Question
from grounded.provenance import Scope

MARKED_DIFFERENCE = 0.15  # grey levels in 0..1


class Brightness:
    """Says of each region whether it is lighter or darker than the rest of the film.

    It assesses no finding of the vocabulary, and says so in its scope.
    """

    name = "brightness"
    scope = Scope({}, VOCABULARY)
    weights_sha256: dict[str, str] = {}  # noqa: RUF012 - no weights, no digests

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        return [
            [self._sentence(question.image, region) for region in question.asked]
            for question in questions
        ]

    def _sentence(self, image: Image, region: Region) -> Sentence:
        rows = slice(int(region.box.y0), int(np.ceil(region.box.y1)))
        columns = slice(int(region.box.x0), int(np.ceil(region.box.x1)))
        inside = float(image.pixels[rows, columns].mean())
        difference = inside - float(image.pixels.mean())
        if abs(difference) < MARKED_DIFFERENCE:
            words = "about as light as"
        else:
            words = "lighter than" if difference > 0 else "darker than"
        return Sentence(
            text=f"The {region.name} is {words} the film as a whole.",
            regions=(region.name,),  # where it was read: never empty
            origin=self.name,
            score=region.score,
        )
