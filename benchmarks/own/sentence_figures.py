"""What a writer's sentences are worth: whether they say what they were told, and how they sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from grounded.evaluate.intervals import Rate
from grounded.findings import Finding, Presence
from grounded.generators.neural.planned import plainly, told
from grounded.generators.neural.writer import Brief, Words, Writer, says
from grounded.language.labeller import Labeller
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.samples import by_statement, region_of


class Writes(Protocol):
    """Anything that writes from briefs, as `grounded.generators.neural.writer.Writer` does."""

    def write(
        self, briefs: Sequence[Brief], beams: int = 1, verify: Labeller | None = None
    ) -> list[Words]: ...


class SaidFinding(NamedTuple):
    """A finding that a sentence was to say, and the sentence."""

    finding: Finding
    text: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Whether the labeller reads in sentences the finding that each was to say, and no other.

    agreed: those in which it does. plain: those in the fixed words for a finding, because no other
    words agreed or because the writer wrote just these. wrong:
    the sentences that do not agree.
    """

    agreed: Rate
    plain: Rate
    wrong: tuple[SaidFinding, ...]


def agrees(said: SaidFinding, labeller: Labeller) -> bool:
    """Whether a sentence says its finding; what follows from it may be left out."""
    labels = {f.label: f.presence for f in labeller.label(said.text)}
    return labels in (told(said.finding), {said.finding.label: said.finding.presence})


def fidelity(sentences: Sequence[SaidFinding], labeller: Labeller) -> Fidelity:
    """Of sentences as they are."""
    wrong = tuple(said for said in sentences if not agrees(said, labeller))
    plain = sum(said.text == plainly(said.finding) for said in sentences)
    count = len(sentences)
    return Fidelity(Rate(count - len(wrong), count), Rate(plain, count), wrong)


def taught(phrases: Sequence[Phrase], *, alone: bool = False) -> list[Finding]:
    """Each finding, with its status, that a phrase says of a kind of region (of the right one).

    alone: only those that some phrase says without another finding but what follows from it.
    """
    found: dict[tuple[str, str, Presence], None] = {}
    for kind, findings in by_statement(phrases):
        for label, presence in findings:
            single = told(Finding(label, presence, region_of(kind))) == dict(findings)
            if single or len(findings) == 1 or not alone:
                found[kind, label, presence] = None
    return [Finding(label, presence, region_of(kind)) for kind, label, presence in sorted(found)]


def statement_briefs(phrases: Sequence[Phrase]) -> list[Brief]:
    """Each statement that the phrases make, of several findings too; nothing is seen."""
    return [
        Brief(region_of(statement.kind), statement.kind, dict(statement.findings))
        for statement in by_statement(phrases)
    ]


def brief_fidelity(
    writer: Writes, briefs: Sequence[Brief], labeller: Labeller, *, verified: bool
) -> Rate:
    """The briefs whose sentence says all that it was told, and nothing else."""
    written = writer.write(briefs, verify=labeller if verified else None)
    agreed = [says(w.text, b, labeller) for w, b in zip(written, briefs, strict=True)]
    return Rate(sum(agreed), len(agreed))


def write(
    writer: Writes, findings: Sequence[Finding], briefs: Sequence[Brief], labeller: Labeller | None
) -> list[SaidFinding]:
    """A sentence for each finding from its brief, greedily.

    labeller: verifies them, and what still does not say its finding is put plainly, as the
    generator does; None leaves them as they are first written.
    """
    written = writer.write(briefs, verify=labeller)
    return [
        SaidFinding(finding, words.text if words.agrees else plainly(finding))
        for finding, words in zip(findings, written, strict=True)
    ]


class Wording(NamedTuple):
    """verbatim: sentences that occur among the phrases of training. distinct: how many different
    ones there are among all."""

    verbatim: Rate
    distinct: Rate


def wording(templates: Sequence[str], training: Collection[str]) -> Wording:
    """Of sentences with blanks. training: the texts of the phrases."""
    known = set(training)
    verbatim = sum(template in known for template in templates)
    different = len(set(templates))
    return Wording(Rate(verbatim, len(templates)), Rate(different, len(templates)))


def sayable(phrases: Iterable[Phrase], writer: Writer) -> list[Phrase]:
    """The phrases of kinds and findings that the writer has words for, and not too long for it."""
    return [
        phrase
        for phrase in phrases
        if phrase.kind in writer.kinds
        and {label for label, _ in phrase.findings} <= set(writer.labels)
        and len(writer.tokenizer.encode(phrase.text).ids) < writer.net.length
    ]


@dataclass(frozen=True, slots=True)
class WordTable:
    """What was painted (rows) and what the words say of it (columns, "" for nothing), as counts."""

    counts: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> WordTable:
        return cls(Counter(pairs))

    @property
    def painted(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(painted for painted, _ in self.counts))

    @property
    def said(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(said for _, said in self.counts))

    @property
    def agreed(self) -> Rate:
        """Of the sentences that say something, those that say what was painted."""
        stated = {pair: count for pair, count in self.counts.items() if pair[1]}
        right = sum(count for (painted, said), count in stated.items() if painted == said)
        return Rate(right, sum(stated.values()))

    @property
    def chance(self) -> float:
        """The part that would agree if the same words were dealt out at random; NaN for none."""
        stated = {pair: count for pair, count in self.counts.items() if pair[1]}
        total = sum(stated.values())
        if not total:
            return float("nan")
        rows: Counter[str] = Counter()
        columns: Counter[str] = Counter()
        for (painted, said), count in stated.items():
            rows[painted] += count
            columns[said] += count
        return sum(rows[name] * columns[name] for name in rows) / total**2
