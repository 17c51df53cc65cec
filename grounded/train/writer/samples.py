"""What the writer learns from: a brief, and a sentence that fulfils it.

Statements are drawn by the square root of how often they are made, so that rare ones are learned
and frequent ones do not drown them; the sentence for a statement likewise. A sentence that says how
large something is, or what it looks like, is only learned beside what shows it, as a ratio does a
heart's size. Else a writer would make such words up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from grounded.chest.names import REGIONS, kind_of
from grounded.generators.neural.writer import Brief
from grounded.train.writer.corpus import Findings, Phrase

_RATIOS = {"absent": (0.36, 0.50), "uncertain": (0.49, 0.53), "present": (0.50, 0.72)}
_RATIOS_OF_SIZE = {"small": (0.50, 0.57), "moderate": (0.54, 0.63), "large": (0.58, 0.75)}
SIZED = 4.0  # how much more often words for a size are drawn where a ratio shows it


class Statement(NamedTuple):
    """What a phrase says, whatever its words."""

    kind: str
    findings: Findings


def by_statement(phrases: Iterable[Phrase]) -> dict[Statement, list[Phrase]]:
    """The phrases that say the same, in the order in which they come."""
    groups: dict[Statement, list[Phrase]] = {}
    for phrase in phrases:
        groups.setdefault(Statement(phrase.kind, phrase.findings), []).append(phrase)
    return groups


def hold_out(
    phrases: Sequence[Phrase], part: float, seed: int
) -> tuple[list[Phrase], list[Phrase]]:
    """Phrases to train on, and those of `part` of the statements, which are never trained on.

    A statement is held out only if the rest says each of its findings, with its status, of the same
    kind of region: what is new is how they go together, or else there would be nothing to learn it
    from.
    """
    groups = by_statement(phrases)
    often: dict[tuple[str, str, str], int] = {}
    for kind, findings in groups:
        for label, presence in findings:
            key = kind, label, presence
            often[key] = often.get(key, 0) + 1
    statements = list(groups)
    held: set[Statement] = set()
    for index in np.random.default_rng(seed).permutation(len(statements)):
        statement = statements[index]
        keys = [(statement.kind, *finding) for finding in statement.findings]
        if len(held) >= part * len(statements):
            break
        if len(keys) > 1 and all(often[key] > 1 for key in keys):
            held.add(statement)
            for key in keys:
                often[key] -= 1
    train = [p for p in phrases if Statement(p.kind, p.findings) not in held]
    return train, [p for p in phrases if Statement(p.kind, p.findings) in held]


def region_of(kind: str) -> str:
    """A region of the kind, by its full name: the right one of two."""
    return next((region for region in REGIONS if kind_of(region) == kind), kind)


class Sample(NamedTuple):
    brief: Brief
    template: str


class WriterSamples(Dataset[Sample]):
    """Briefs and sentences; the sample of a number is always the same."""

    def __init__(self, phrases: Sequence[Phrase], seed: int) -> None:
        groups = by_statement(phrases)
        self._seed, self._groups = seed, list(groups.values())
        self._often = _parts(
            np.sqrt([sum(phrase.count for phrase in group) for group in self._groups])
        )
        self._often_within = [_often(group) for group in self._groups]

    def __getitem__(self, number: int) -> Sample:
        random = np.random.default_rng([self._seed, number])
        group = int(random.choice(len(self._groups), p=self._often))
        phrases = self._groups[group]
        phrase = phrases[random.choice(len(phrases), p=self._often_within[group])]
        ratio = _ratio(phrase, random) if phrase.ratio else None
        brief = Brief(region_of(phrase.kind), phrase.kind, dict(phrase.findings), ratio)
        return Sample(brief, phrase.text)


def _often(phrases: Sequence[Phrase]) -> NDArray[np.float64]:
    """How often each phrase of one statement is drawn."""
    often = np.sqrt([phrase.count for phrase in phrases])
    borne_out = often * [_borne_out(phrase) for phrase in phrases]
    ratio = np.array([phrase.ratio for phrase in phrases])
    return _halves(borne_out if borne_out.any() else often, ratio)


def _borne_out(phrase: Phrase) -> float:
    """How much the more often a phrase is said; 0 if it says a size or a look that nothing shows.

    A ratio shows how large a heart is.
    """
    if phrase.variety or (phrase.size and not phrase.ratio):
        return 0.0
    return SIZED if phrase.size else 1.0


def _ratio(phrase: Phrase, random: np.random.Generator) -> float:
    """A cardiothoracic ratio with which the phrase is true."""
    presence = dict(phrase.findings).get("Cardiomegaly", "uncertain")
    low, high = _RATIOS[presence]
    if presence == "present":
        low, high = _RATIOS_OF_SIZE.get(phrase.size, (low, high))
    return float(random.uniform(low, high))


def _parts(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    parts: NDArray[np.float64] = weights / weights.sum()
    return parts


def _halves(weights: NDArray[np.float64], ratio: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Parts of one, half of it for the phrases with a ratio where there are both."""
    with_ratio, without = weights * ratio, weights * ~ratio
    if with_ratio.any() and without.any():
        return (_parts(with_ratio) + _parts(without)) / 2
    return _parts(weights)
