"""What a writer is compared with: a sentence that is always said, and one that is looked up.

Both are asked as `grounded.generators.neural.writer.Writer` is and can take its place in a
generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from grounded.chest.names import chest_atlas
from grounded.findings import Presence
from grounded.generators.neural.writer import Brief, Words, says
from grounded.language.labeller import Labeller
from grounded.language.templates import fill
from grounded.train.writer.bank import Bank, Shelves
from grounded.train.writer.corpus import Phrase


class FrequentNormal:
    """Says the most frequent normal sentence of each kind of region, whatever it is told.

    Where no phrase denies a finding of a kind, it says nothing of it.
    """

    name = "the most frequent normal sentence"

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._said: dict[str, Phrase] = {}
        for phrase in phrases:
            before = self._said.get(phrase.kind)
            if _is_normal(phrase) and (before is None or phrase.count > before.count):
                self._said[phrase.kind] = phrase

    def write(
        self, briefs: Sequence[Brief], beams: int = 1, verify: Labeller | None = None
    ) -> list[Words]:
        """A sentence for each brief; there is but one attempt, so that `beams` changes nothing."""
        return [_words(self._said.get(brief.kind), brief, verify) for brief in briefs]


class Retrieval:
    """Says what could be said of the most similar region of the training films.

    Of the regions of the kind in which the findings that it is told are known, the one whose mean
    vector lies nearest (cosine); of the phrases of that kind, one that says the findings, looks
    of the size and variety of that region, and is the most frequent. A brief without findings
    takes over those of the region that was found.
    """

    name = "the nearest training sentence"

    def __init__(self, phrases: Sequence[Phrase], bank: Bank) -> None:
        self._shelves = Shelves(bank)
        self._means = functional.normalize(bank.vectors.float().mean(1), dim=1)  # (M, D)
        self._phrases: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            self._phrases.setdefault(phrase.kind, []).append(phrase)

    def write(
        self, briefs: Sequence[Brief], beams: int = 1, verify: Labeller | None = None
    ) -> list[Words]:
        """A sentence for each brief; there is but one attempt, so that `beams` changes nothing."""
        return [_words(self._look_up(brief), brief, verify) for brief in briefs]

    def _look_up(self, brief: Brief) -> Phrase | None:
        row = None if brief.seen is None else self._nearest(brief, brief.seen)
        bank, findings, size, variety = self._shelves.bank, brief.findings, "", ""
        if row is not None:
            findings = findings or bank.findings[row]
            size, variety = bank.sizes[row], bank.varieties[row]
        fitting = [
            phrase
            for phrase in self._phrases.get(brief.kind, [])
            if set(phrase.findings) <= set(findings.items())
            and not (phrase.ratio and brief.ratio is None)
        ]
        return max(fitting, key=lambda phrase: _fit(phrase, size, variety), default=None)

    def _nearest(self, brief: Brief, seen: Tensor) -> int | None:
        """The row of the most similar region, None if there is none of the kind."""
        rows = self._shelves.fitting(brief.kind, brief.findings)
        if not len(rows):
            rows = self._shelves.of(brief.kind)
        if not len(rows):
            return None
        alike = self._means[torch.from_numpy(rows)] @ seen.float().mean(0)
        return int(rows[int(alike.argmax())])


def _fit(phrase: Phrase, size: str, variety: str) -> tuple[int, int, int, int]:
    """The larger, the better: what it says is there, all that it says, how it looks, its count."""
    there = sum(presence != "absent" for _, presence in phrase.findings)
    looks = _likeness(phrase.size, size) + _likeness(phrase.variety, variety)
    return there, len(phrase.findings), looks, phrase.count


def _likeness(said: str, seen: str) -> int:
    return 0 if not said else 1 if said == seen else -1


def _is_normal(phrase: Phrase) -> bool:
    denied: Mapping[str, Presence] = dict(phrase.findings)
    return bool(denied) and not phrase.ratio and set(denied.values()) == {"absent"}


def _words(phrase: Phrase | None, brief: Brief, verify: Labeller | None) -> Words:
    template = phrase.text if phrase is not None else ""
    text = fill(template, brief.region, chest_atlas(), brief.ratio)
    return Words(text, template, (), bool(text) and (verify is None or says(text, brief, verify)))
