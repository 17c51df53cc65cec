"""How well logits tell regions with a finding from those without: areas under the ROC curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from grounded.evaluate.intervals import Estimate, interval, ratio_estimate, redraws
from grounded.train.findings.scores import RegionScore


class Separation(NamedTuple):
    """Areas under the curve.

    overall: the chance that a region with the finding has the higher logit of the two (ties count
    half), over all pairs. within_film: over those pairs alone that lie in one film, which what all
    regions of a film share, such as its collection, cannot explain. films: how many have such
    pairs; an interval of no width, as where all pairs are right, says no more than their number.
    """

    overall: Estimate
    within_film: Estimate
    films: int


def separation(scores: Sequence[RegionScore], patients: Mapping[str, str]) -> Separation:
    """Both areas, of scores of one finding. patients: by film; intervals draw them again.

    A film that is not in `patients` stands for itself.
    """
    if not any(s.truth for s in scores) or all(s.truth for s in scores):
        return Separation(Estimate.none(), Estimate.none(), 0)
    of_patients = [patients.get(s.film, s.film) for s in scores]
    films = [s.film for s in scores]
    above, pairs = _pairs(scores, of_patients)
    drawn = redraws(len(pairs))
    value = float(above.sum() / pairs.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        areas = _weighted(drawn, above) / _weighted(drawn, pairs)
    owner = dict(zip(films, of_patients, strict=True))
    names = sorted(owner)  # the order of the rows of _pairs
    above_in, pairs_in = (each.diagonal() for each in _pairs(scores, films))
    within = ratio_estimate(above_in, pairs_in, [owner[film] for film in names])
    return Separation(interval(value, areas), within, int((pairs_in > 0).sum()))


def _pairs(
    scores: Sequence[RegionScore], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(G, G) each, by sorted groups: present regions of one that lie above absent ones of the
    other, and how many pairs there are."""
    names, rows = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    logits = np.array([s.logit for s in scores])
    truth = np.array([s.truth for s in scores], dtype=np.bool_)
    member = np.eye(len(names))[rows]  # (N, G)
    present, absent = logits[truth, None], logits[None, ~truth]
    above = (present > absent) + 0.5 * (present == absent)  # (P, A)
    return (
        member[truth].T @ above @ member[~truth],
        np.outer(member[truth].sum(axis=0), member[~truth].sum(axis=0)),
    )


def _weighted(drawn: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the pairs (G, G) in each draw (D, G), each as often as both of its groups."""
    total: NDArray[np.float64] = ((drawn @ pairs) * drawn).sum(axis=1)
    return total
