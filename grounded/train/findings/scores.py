"""What a reader of findings says of regions whose truth is known, through the whole pipeline.

The film is detected, encoded and read exactly as for a report. Sources: "described" films, whose
notes say what is to be seen; "clear" films, in which nothing is taken to be; and "painted" ones,
the clear films with one lesion each at a known place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from grounded.chest.names import HEART, LEFT_LUNG, REGIONS, RIGHT_LUNG
from grounded.data.example import Example
from grounded.data.finding_films import paintable
from grounded.data.regions import region_boxes
from grounded.generators.neural.finding_reader import FindingReader
from grounded.image import Image
from grounded.protocols import Question, RegionDetector
from grounded.synthetic import lesions
from grounded.synthetic.lesions import Lesion
from grounded.train.findings.samples import Pairs, base_known, rastered, where, with_abnormal

Source = Literal["described", "clear", "painted"]


@dataclass(frozen=True, slots=True)
class RegionScore:
    """One finding of one region: the network's logit, and whether it is there."""

    film: str
    source: Source
    region: str
    label: str
    logit: float
    truth: bool


@dataclass(frozen=True, slots=True, eq=False)
class PaintedFilm:
    """A film with one lesion, and what is then known of its regions, (R, F) as in Pairs."""

    name: str
    image: Image
    lesion: Lesion
    known: NDArray[np.float32]


def score_films(
    detector: RegionDetector,
    reader: FindingReader,
    examples: Iterable[Example],
    pairs: Pairs,
) -> Iterator[RegionScore]:
    """The films as they are. Regions that the detector does not find are not scored."""
    for example in examples:
        image = example.image()
        source: Source = "described" if example.described else "clear"
        known = base_known(example, pairs)
        yield from scores_of(detector, reader, image, example.name, source, known, pairs)


def score_painted(
    detector: RegionDetector,
    reader: FindingReader,
    films: Iterable[PaintedFilm],
    pairs: Pairs,
) -> Iterator[RegionScore]:
    """Films with one lesion each."""
    for film in films:
        yield from scores_of(detector, reader, film.image, film.name, "painted", film.known, pairs)


def painted_films(
    detector: RegionDetector,
    examples: Sequence[Example],
    pairs: Pairs,
    *,
    kinds: Sequence[str] = lesions.KINDS,
    seed: int = 0,
) -> Iterator[PaintedFilm]:
    """Each clear film once with a lesion of each kind, at its own resolution.

    Kinds of lesion whose finding is not in `pairs` are left out.
    """
    kinds = [kind for kind in kinds if set(lesions.LABELS[kind]) <= set(pairs.labels)]
    for number, example in enumerate(examples):
        if example.described or not paintable(example):
            continue
        image = example.image()
        [regions] = detector.detect([image])
        masks = {
            organ: (rastered(mask, np.ones(4), image.shape) / 255).astype(np.float32)
            for organ in (RIGHT_LUNG, LEFT_LUNG, HEART)
            if organ in regions and (mask := regions[organ].mask) is not None
        }
        if len(masks) < 3:
            continue
        for kind in kinds:
            rng = np.random.default_rng([seed, number, lesions.KINDS.index(kind)])
            film, after, lesion = lesions.paint(image.pixels, masks, kind, rng)
            known = base_known(example, pairs)
            boxes = region_boxes(regions)
            for label in lesion.labels:
                column = pairs.labels.index(label)
                new = where(lesion, boxes, after, pairs.mask[:, column])
                known[:, column] = np.where(known[:, column] == 1, 1, new)
            yield PaintedFilm(
                f"{example.name} {kind}",
                Image.of(np.clip(film, 0, 1)),
                lesion,
                with_abnormal(known, pairs),
            )


def scores_of(
    detector: RegionDetector,
    reader: FindingReader,
    image: Image,
    name: str,
    source: Source,
    known: NDArray[np.float32],
    pairs: Pairs,
) -> Iterator[RegionScore]:
    """Every finding of every region of one film that is read and of which the truth is known."""
    for (region, label), logit in read_logits(detector, reader, image).items():
        truth = known[REGIONS.index(region), pairs.labels.index(label)]
        if np.isfinite(truth):
            yield RegionScore(name, source, region, label, logit, bool(truth))


def read_logits(
    detector: RegionDetector, reader: FindingReader, image: Image
) -> Mapping[tuple[str, str], float]:
    """By region and label, of all that is read in a film."""
    [regions] = detector.detect([image])
    question = Question.of_film(image, regions)
    places = reader.places(question)
    if not places:
        return {}
    with torch.inference_mode():
        logits = reader.logits(reader.encoding(question), places)[0]
    return {
        (place.name, label): float(logits[row, column])
        for row, place in enumerate(places)
        for column, label in enumerate(reader.net.labels)
    }


def patients_of(examples: Sequence[Example]) -> dict[str, str]:
    """By film, painted ones as well."""
    found: dict[str, str] = {}
    for film in examples:
        names = [film.name, *(f"{film.name} {kind}" for kind in lesions.KINDS)]
        found |= dict.fromkeys(names, f"{film.source} {film.patient}")
    return found
