"""Where in the film a sentence comes from: cover parts of the film, read it again, see what falls.

The slow reference (occlusion, Zeiler and Fergus, arXiv:1311.2901): it looks at the film alone, not
into the networks. A part is covered by the mean grey of its surroundings, with a soft edge, so that
no edge is seen that is not of the film's. All sentences are explained by the same covered films,
which is why this is no call of a library that explains one value of one network at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from grounded.errors import ConfigError, InvalidValueError
from grounded.evidence import Heatmap
from grounded.explain.places import STRONG, attributable, with_heat
from grounded.protocols import Question, SentenceGenerator, Target, encoded_film
from grounded.regions import Encoded
from grounded.report import Sentence

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 16  # covered films in one pass
SURROUNDINGS = 5  # cells along a side of the square whose mean covers a cell


class Occlusion:
    """Adds the places of its regions to each sentence, and a heatmap to those read from the map.

    of: whose support is watched, the "finding" behind a sentence or its "words". cells: how many
    parts the longer side of the film is covered in, one by one. A heatmap holds how far the support
    falls, in its own unit, where a part is covered; below 0 where it rises.
    """

    name = "occlusion"

    def __init__(self, of: Target = "finding", cells: int = 16) -> None:
        if cells < 1:
            raise InvalidValueError(f"a film is covered in 1 cell or more, got {cells}")
        self._of: Target = of
        self._cells = cells

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
        film = encoded.placement.place(question.image.pixels)[encoded.placement.content]
        grid = _grid((film.shape[0], film.shape[1]), self._cells)
        with torch.inference_mode():
            whole = source.support(question, sentences, encoded.film[None], self._of)  # (1, S)
            covered = torch.cat(
                [
                    source.support(question, sentences, maps, self._of)
                    for maps in _encoded(encoded, covered_films(film, grid))
                ]
            )
            falls = (whole - covered).T.reshape(len(sentences), *grid).numpy()  # (S, R, C)
        method = f"{self.name}, fall of the {self._of}"
        frame = question.image.info.frame
        return [
            Heatmap(fall, frame, method, STRONG / fall.size) if np.isfinite(fall).all() else None
            for fall in falls
        ]


def covered_films(
    film: NDArray[np.float32], grid: tuple[int, int]
) -> Iterator[NDArray[np.float32]]:
    """The film (H, W) once for each cell of a grid (rows, columns), row by row, the cell covered.

    The cover reaches half a cell over the edges of the cell, fading.
    """
    import cv2

    sides = [
        max(1, round(SURROUNDINGS * size / n)) for size, n in zip(film.shape, grid, strict=True)
    ]
    mean = cv2.blur(film, (sides[1], sides[0]), borderType=cv2.BORDER_REPLICATE)
    change = mean - film
    down, across = (_covers(size, n) for size, n in zip(film.shape, grid, strict=True))
    for row in down:
        for column in across:
            yield film + np.outer(row, column) * change


def _covers(size: int, cells: int) -> NDArray[np.float32]:
    """How far each of `size` pixels along one side is covered with each cell: (cells, size)."""
    at = (np.arange(size) + 0.5) * cells / size  # in cells
    away = np.abs(at - (np.arange(cells)[:, None] + 0.5))  # from a cell's centre
    return np.asarray(np.clip(2 - 2 * away, 0, 1), dtype=np.float32)


def _grid(shape: tuple[int, int], cells: int) -> tuple[int, int]:
    """Rows and columns of cells that are about square."""
    return max(1, round(cells * shape[0] / max(shape))), max(
        1, round(cells * shape[1] / max(shape))
    )


def _encoded(encoded: Encoded, films: Iterator[NDArray[np.float32]]) -> Iterator[Tensor]:
    """The maps of films, AT_ONCE at a time: (B, D, h, w)."""
    if encoded.encode is None:
        raise ConfigError(
            "the detector has no way to make the map of a covered film; give the preset's "
            '[detector] an encoder = "folder of FilmEncoder weights", or use '
            "grounded.explain.gradient:Gradient"
        )
    while batch := list(islice(films, AT_ONCE)):
        yield encoded.encode(batch)
