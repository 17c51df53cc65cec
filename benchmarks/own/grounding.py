"""Whether heatmaps point at the thing: on lesions that were painted at a known place.

A lesion counts once, with the smallest of the regions that hold it and in which its finding is
read. The sentence for it is made as for a reader who sets the finding, so that what is measured is
where the explanation lies, and not whether the finding was seen; that is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grounded.chest.names import LUNGS, REGIONS
from grounded.evidence import Heatmap
from grounded.generators.neural.generator import Neural
from grounded.geometry import Box, union
from grounded.protocols import Question, RegionDetector, SentenceGenerator, encoded_film
from grounded.report import Sentence
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import PaintedFilm

Row = NDArray[np.float64]
CENTRE, CHANCE = "centre of the region", "any place in the lungs"
"""What a heatmap has to be better than."""


class Heater(Protocol):
    """An explainer that can be asked for its heatmaps alone."""

    def heatmaps(
        self, question: Question, sentences: Sequence[Sentence], generator: SentenceGenerator
    ) -> list[Heatmap | None]: ...


@dataclass(frozen=True, slots=True)
class Pointing:
    """One heatmap of one lesion.

    in_region, in_lesion: whether its peak lies in the box of the region, and in the lesion grown by
    a cell of the encoder's map. share: the part of the heat above 0 that lies in the region's box;
    None for a point. said: whether the finding is read as present there.
    """

    film: str
    label: str
    region: str
    method: str
    in_region: bool
    in_lesion: bool
    share: float | None
    said: bool


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A painted lesion as it is asked about, with the sentence that is said of it.

    grown: (H, W), the lesion and what lies within a cell of the encoder's map. said: whether the
    finding is read as more likely than not in the region.
    """

    film: str
    question: Question
    label: str
    sentence: Sentence
    grown: NDArray[np.bool_]
    said: bool

    @property
    def region(self) -> str:
        return self.sentence.regions[0]

    @property
    def box(self) -> Box:
        return self.question.found[self.region].box

    def pointed(self, method: str, x: float, y: float, share: float | None = None) -> Pointing:
        """What a peak at a place of the film is worth; NaN for a heatmap that points nowhere."""
        height, width = self.grown.shape
        hit = 0 <= x < width and 0 <= y < height and bool(self.grown[int(y), int(x)])
        inside = self.box.contains(x, y)
        return Pointing(self.film, self.label, self.region, method, inside, hit, share, self.said)


def targets(
    detector: RegionDetector, generator: Neural, films: Iterable[PaintedFilm], pairs: Pairs
) -> Iterator[Target]:
    """The lesions whose finding is read in a region that holds them."""
    for film in films:
        [found] = detector.detect([film.image])
        reads = {
            r.place.name: r for r in generator.reader.read(Question.of_film(film.image, found))
        }
        for label in film.lesion.labels:
            held = [
                name
                for name, read in reads.items()
                if label in read.probabilities and _holds(film, name, label, pairs)
            ]
            if held:
                region = min(held, key=lambda name: found[name].box.area)
                question = Question(
                    film.image, found, found[[region]], {region: {label: "present"}}
                )
                [sentences] = generator.describe([question])
                yield Target(
                    film.name,
                    question,
                    label,
                    next(s for s in sentences if s.findings[0].label == label),
                    grown(film.lesion.area, encoded_film(question).film.shape[1]),
                    reads[region].probabilities[label] >= 0.5,
                )


def pointings(
    generator: SentenceGenerator, methods: Mapping[str, Heater], target: Target
) -> Iterator[Pointing]:
    """How well each method points at a lesion. One that says nothing of it is left out."""
    for name, method in methods.items():
        [heat] = method.heatmaps(target.question, [target.sentence], generator)
        if heat is not None:
            yield target.pointed(name, *peak(heat), share_inside(heat, target.box))


def baselines(target: Target, rng: Generator) -> Iterator[Pointing]:
    """A place drawn from the box around the lungs, and the centre of the region."""
    found = target.question.found
    lungs = union(found[name].box for name in LUNGS if name in found)
    yield target.pointed(CHANCE, rng.uniform(lungs.x0, lungs.x1), rng.uniform(lungs.y0, lungs.y1))
    yield target.pointed(CENTRE, *target.box.center)


def peak(heat: Heatmap) -> tuple[float, float]:
    """The centre of the hottest cell, image frame; NaN where nothing is above 0."""
    if heat.values.max() <= 0:
        return np.nan, np.nan
    rows, columns = heat.values.shape
    row, column = divmod(int(heat.values.argmax()), columns)
    return (
        heat.extent.x0 + (column + 0.5) * heat.extent.width / columns,
        heat.extent.y0 + (row + 0.5) * heat.extent.height / rows,
    )


def share_inside(heat: Heatmap, box: Box) -> float:
    """The part of the heat above 0 that lies in a box; cells at its edge count in part."""
    rows, columns = heat.values.shape
    down = _covered(heat.extent.y0, heat.extent.height, rows, box.y0, box.y1)
    across = _covered(heat.extent.x0, heat.extent.width, columns, box.x0, box.x1)
    hot = np.maximum(heat.values.astype(np.float64), 0)
    return float(down @ hot @ across / hot.sum()) if hot.any() else 0.0


def grown(area: NDArray[np.float32], cells: int) -> NDArray[np.bool_]:
    """Where a lesion (H, W) is, and what lies within a cell of it.

    cells: of the encoder's map along the film's longer side.
    """
    reach = max(1, round(max(area.shape) / cells))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    lesion = (area >= 0.5 * area.max()).astype(np.uint8)
    return np.asarray(cv2.dilate(lesion, disc) > 0)


def _holds(film: PaintedFilm, region: str, label: str, pairs: Pairs) -> bool:
    return bool(film.known[REGIONS.index(region), pairs.labels.index(label)] == 1)


def _covered(start: float, length: float, cells: int, low: float, high: float) -> Row:
    """The part of each of the cells along one side that lies between low and high: (cells,)."""
    edges = start + np.arange(cells + 1) * length / cells
    shared = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    return np.asarray(np.clip(shared, 0, None) / (length / cells), dtype=np.float64)
