"""Deletion and insertion curves: the film hidden bit by bit, and shown bit by bit.

Petsiuk et al., RISE, BMVC 2018. In the order of a heatmap, of chance, and of the claim's box alone
(its inside first, in chance order). What is hidden is continued smoothly. A map that shows what
counts has a low area under the deletion curve and a high one under the insertion curve, and must do
better than chance and than the box alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from grounded.explain.audit.altering import Film, Place, blended, filled
from grounded.explain.audit.subjects import Claim, ReporterSubject
from grounded.findings import Finding, label_of
from grounded.geometry import Box
from grounded.image import Image
from grounded.protocols import Localised, Question, encoded_film
from grounded.report import Sentence

GRID, STEPS = 12, 6
ORDERS = ("heatmap", "chance", "box alone")


@dataclass(frozen=True, slots=True)
class Curves:
    """One claim's mean probability along each curve, by the order in which cells go or come."""

    claim: str
    deletion: Mapping[str, float]
    insertion: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The given cells (GRID, GRID) hidden."""

    hidden: NDArray[np.bool_]
    name: str = "cells"
    place: Place | None = None

    def __call__(self, film: Film, frame: Box) -> Film:
        size = film.shape[1], film.shape[0]
        cells = self.hidden.astype(np.float32)
        whole = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
        hidden = np.asarray(whole, dtype=np.float32)
        return film if not hidden.any() else blended(film, filled(film, hidden), hidden)


def curves(image: Image, subject: ReporterSubject, claims: Sequence[Claim]) -> list[Curves]:
    """The curves of each claim that has a heatmap; [] for a generator without a map."""
    found = []
    for claim in claims:
        heat = _heat(image, subject, claim)
        if heat is None or claim.place is None:
            continue
        inside = claim.place.on((GRID, GRID), image.info.frame)
        orders = dict(zip(ORDERS, _orders(heat, inside), strict=True))
        found.append(
            Curves(
                claim.words,
                {name: _area(image, subject, claim, o, False) for name, o in orders.items()},
                {name: _area(image, subject, claim, o, True) for name, o in orders.items()},
            )
        )
    return found


def maps_alike(
    image: Image, subject: ReporterSubject, other: ReporterSubject, claims: Sequence[Claim]
) -> list[float]:
    """How alike the maps of two generators are, by the rank correlation of their cells.

    With its weights shuffled a generator has to give another map (Adebayo et al., Sanity Checks for
    Saliency Maps, NeurIPS 2018). A map without any difference in it is like no other: 0.
    """
    found = []
    for claim in claims:
        maps = [_heat(image, each, claim) for each in (subject, other)]
        ranks = [rankdata(each.ravel()) for each in maps if each is not None]
        if len(ranks) == 2:
            flat = any(np.ptp(rank) == 0 for rank in ranks)
            found.append(0.0 if flat else float(np.corrcoef(ranks)[0, 1]))
    return found


def _heat(image: Image, subject: ReporterSubject, claim: Claim) -> NDArray[np.float32] | None:
    generator, regions = subject.reporter.generator, subject.regions(image)
    if not isinstance(generator, Localised) or regions.encoding is None:
        return None
    question = Question.of_film(image, regions)
    sentence = Sentence(claim.text, (claim.region,), generator.name, findings=(_finding(claim),))
    values = generator.evidence(question, [sentence])[0].numpy()
    if not np.isfinite(values).all():
        return None
    placement = encoded_film(question).placement
    rows, columns = placement.content
    scale = values.shape[0] / placement.model_shape[0]
    shown = values[
        round(rows.start * scale) : round(rows.stop * scale),
        round(columns.start * scale) : round(columns.stop * scale),
    ]
    grid = cv2.resize(shown, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(grid, dtype=np.float32)


def _orders(heat: Film, inside: Film) -> list[NDArray[np.intp]]:
    """The cells in the order of the heat, of chance, and of the box: (GRID * GRID,) each."""
    chance = np.random.default_rng(0).random(heat.size)
    return [
        np.argsort(-heat.ravel(), kind="stable"),
        np.argsort(chance, kind="stable"),
        np.argsort(chance - 2 * (inside.ravel() >= 0.5), kind="stable"),
    ]


def _area(
    image: Image, subject: ReporterSubject, claim: Claim, order: NDArray[np.intp], insert: bool
) -> float:
    """The mean probability of the claim while ever more cells are hidden, or shown."""
    films = []
    for count in np.linspace(0, order.size, STEPS).astype(int):
        hidden = np.full(order.size, insert)
        hidden[order[:count]] = not insert
        films.append(Cells(hidden.reshape(GRID, GRID)))
    answers = subject.ask_altered(image, films, [replace(claim)])
    return float(np.mean([row[0].probability for row in answers]))


def _finding(claim: Claim) -> Finding:
    return Finding(label_of(claim.label), claim.presence, claim.region)
