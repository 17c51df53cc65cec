"""What the writer learns from: a brief, and a sentence that fulfils it.

Statements are drawn by the square root of how often they are made, so that rare ones are learned
and frequent ones do not drown them; the sentence for a statement likewise. A sentence that says how
large something is, or what it looks like, is only learned beside what shows it: a region of that
size and look, or a ratio. Else a writer would make such words up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from grounded.chest.names import REGIONS, kind_of
from grounded.generators.neural.writer import Brief
from grounded.train.writer.bank import Bank, Shelves
from grounded.train.writer.corpus import Findings, Phrase

_RATIOS = {"absent": (0.36, 0.50), "uncertain": (0.49, 0.53), "present": (0.50, 0.72)}
_RATIOS_OF_SIZE = {"small": (0.50, 0.57), "moderate": (0.54, 0.63), "large": (0.58, 0.75)}
LOOKS = 4.0  # how much more often words for size and look are drawn where those are seen


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


@dataclass(frozen=True, slots=True)
class Sight:
    """How often the writer is shown no region, or another one than the brief names.

    unseen, mismatched: parts of the samples. The words follow the brief in any case.
    """

    unseen: float = 0.40
    mismatched: float = 0.15


class Look(NamedTuple):
    """How large a lesion is and how it looks, "" where that is not known."""

    size: str = ""
    variety: str = ""


class WriterSamples(Dataset[Sample]):
    """Briefs and sentences; the sample of a number is always the same."""

    def __init__(
        self, phrases: Sequence[Phrase], bank: Bank | None, sight: Sight, seed: int
    ) -> None:
        groups = by_statement(phrases)
        self._statements, self._groups = list(groups), list(groups.values())
        self._sight, self._seed = sight, seed
        self._often = _parts(
            np.sqrt([sum(phrase.count for phrase in group) for group in self._groups])
        )
        self._often_within: dict[tuple[int, Look], NDArray[np.float64]] = {}
        self._shelves = Shelves(bank) if bank is not None and len(bank) else None
        self._rows: dict[int, NDArray[np.intp]] = {}

    def __getitem__(self, number: int) -> Sample:
        random = np.random.default_rng([self._seed, number])
        return self._sample(int(random.choice(len(self._groups), p=self._often)), random)

    def _sample(self, group: int, random: np.random.Generator) -> Sample:
        seen, look = self._show(group, random)
        phrase = self._phrase(group, look, random)
        brief = Brief(
            region_of(phrase.kind),
            phrase.kind,
            dict(phrase.findings),
            _ratio(phrase, random) if phrase.ratio else None,
            seen,
        )
        return Sample(brief, phrase.text)

    def _phrase(self, group: int, look: Look, random: np.random.Generator) -> Phrase:
        phrases, key = self._groups[group], (group, look)
        if key not in self._often_within:
            often = np.sqrt([phrase.count for phrase in phrases])
            shown = often * [_shown(phrase, look) for phrase in phrases]
            ratio = np.array([phrase.ratio for phrase in phrases])
            self._often_within[key] = _halves(shown if shown.any() else often, ratio)
        return phrases[random.choice(len(phrases), p=self._often_within[key])]

    def _show(self, group: int, random: np.random.Generator) -> tuple[Tensor | None, Look]:
        """What is seen, and how it looks if it is what the statement speaks of."""
        if self._shelves is None or (choice := random.random()) < self._sight.unseen:
            return None, Look()
        bank, kind = self._shelves.bank, self._statements[group].kind
        fits = choice >= self._sight.unseen + self._sight.mismatched
        rows = self._fitting(self._shelves, group) if fits else self._shelves.of(kind)
        if not len(rows):
            return None, Look()
        row = int(random.choice(rows))
        look = Look(bank.sizes[row], bank.varieties[row]) if fits else Look()
        return bank.vectors[row].float(), look

    def _fitting(self, shelves: Shelves, group: int) -> NDArray[np.intp]:
        if group not in self._rows:
            kind, findings = self._statements[group]
            self._rows[group] = shelves.fitting(kind, dict(findings))
        return self._rows[group]


def _shown(phrase: Phrase, look: Look) -> float:
    """How much the more often a phrase is said of what looks so; 0 if it says what is not shown.

    A ratio shows how large a heart is.
    """
    size = look.size if not phrase.ratio else phrase.size
    pairs = [(phrase.size, size), (phrase.variety, look.variety)]
    if any(said and said != seen for said, seen in pairs):
        return 0.0
    return LOOKS if any(seen and said == seen for said, seen in pairs) else 1.0


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
