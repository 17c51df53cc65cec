"""What an audit says of a report: for each sentence, whether the film is what it rests on.

The values only; `grounded.explain.audit` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grounded.errors import ReportError


class Verdict(StrEnum):
    """How far a sentence rests on the film, and on the place in it that it points at."""

    SUPPORTED = "supported"
    """It falls when its own place is altered, and by that place rather than by the film as a whole:
    further than 97 of 100 places do in which there is no such finding, in each way."""
    WEAK = "weakly supported"
    """So, but only further than 95 of 100 such places, or not in each way of altering it."""
    ELSEWHERE = "not by its region"
    """It changes with the film, but its own place has no more to do with it than others have."""
    BLIND = "does not use the image"
    """Nothing that was done to the film changed it."""
    OPEN = "not audited"
    """It claims no finding, or it changes with the film and points at no place to alter."""

    @property
    def rank(self) -> int:
        """0 for the best; a sentence is as good as the worst of its claims."""
        return tuple(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_list(self) -> list[float]:
        return [self.value, self.low, self.high]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a claim under one condition.

    says: whether the claim was made again. probability: of the claim, where the generator gives
    one; 0.95 or 0.05 for one that only says or does not say it.
    """

    says: bool
    probability: float


@dataclass(frozen=True, slots=True)
class Check:
    """One claim of a sentence under all conditions.

    claim: "Pleural Effusion present, right lung", or the name of a measurement. own: how far the
    claim falls when its own place is altered, in log-odds of the claim, the mean over the ways of
    altering it; of a measurement, how far the value moves with its border, in tolerances of the
    measurement. other: the same when a matched other place is altered. conditions: by name.
    specific: how far it falls by its own place rather than by the film as a whole, what the verdict
    goes by (see `grounded.explain.audit.verdicts`); None for a measurement.
    """

    claim: str
    verdict: Verdict
    own: Interval | None = None
    other: Interval | None = None
    conditions: Mapping[str, Answer] = field(default_factory=dict)
    specific: Interval | None = None

    @property
    def text(self) -> str:
        """For people: the claim, its verdict, and how far it falls by what."""
        effects = (
            ("own place", self.own),
            ("other place", self.other),
            ("by the place itself", self.specific),
        )
        said = ", ".join(
            f"{name} {effect.value:+.2f} ({effect.low:+.2f} to {effect.high:+.2f})"
            for name, effect in effects
            if effect is not None
        )
        return f"{self.claim}: {self.verdict}" + (f"; {said}" if said else "")

    def to_dict(self) -> dict[str, Any]:
        return {
            "claim": self.claim,
            "verdict": str(self.verdict),
            "own": self.own.to_list() if self.own else None,
            "other": self.other.to_list() if self.other else None,
            "specific": self.specific.to_list() if self.specific else None,
            "conditions": {
                name: {"says": answer.says, "probability": answer.probability}
                for name, answer in self.conditions.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Check:
        own, other, specific = (
            Interval(*data[key]) if data.get(key) else None for key in ("own", "other", "specific")
        )
        answers = {
            name: Answer(bool(item["says"]), float(item["probability"]))
            for name, item in data["conditions"].items()
        }
        return cls(str(data["claim"]), Verdict(data["verdict"]), own, other, answers, specific)


@dataclass(frozen=True, slots=True)
class SentenceAudit:
    """The verdict on one sentence, and the checks of its claims."""

    text: str
    checks: tuple[Check, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """That of its worst claim."""
        audited = [check.verdict for check in self.checks if check.verdict != Verdict.OPEN]
        return max(audited, key=lambda verdict: verdict.rank, default=Verdict.OPEN)

    def to_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "verdict": str(self.verdict),
            "checks": [check.to_dict() for check in self.checks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SentenceAudit:
        return cls(str(data["text"]), tuple(Check.from_dict(item) for item in data["checks"]))


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a number of claims, with the 95 % interval (Wilson, 1927)."""

    hits: int
    count: int

    @property
    def interval(self) -> Interval:
        """Raises ZeroDivisionError for a share of nothing."""
        z, n, part = 1.96, self.count, self.hits / self.count
        middle, wide = part + z * z / (2 * n), z * (part * (1 - part) / n + (z / n / 2) ** 2) ** 0.5
        return Interval(part, (middle - wide) / (1 + z * z / n), (middle + wide) / (1 + z * z / n))

    def __str__(self) -> str:
        if not self.count:
            return "-"
        found = self.interval
        return (
            f"{found.value:.2f} ({max(found.low, 0.0):.2f} to {min(found.high, 1.0):.2f}, "
            f"{self.hits} of {self.count})"
        )


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of one report.

    subject: what wrote it. sentences: those of the findings, in their order. measures: by the names
    of the literature, over the claims of the report. hiding: what altering a place does by itself,
    by way: how far the log-odds of a finding rise where it is not and the place is altered. notes:
    which conditions were left out, and why.
    """

    subject: str
    sentences: tuple[SentenceAudit, ...]
    measures: Mapping[str, Share] = field(default_factory=dict)
    hiding: Mapping[str, Interval] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def verdict(self, text: str) -> Verdict:
        """On a sentence by its words; a sentence that was changed since is not audited."""
        return next((s.verdict for s in self.sentences if s.text == text), Verdict.OPEN)

    @property
    def text(self) -> str:
        """For people: a line a sentence with its verdict, the checks below it, the measures."""
        lines = [f"AUDIT of {self.subject}"]
        for sentence in self.sentences:
            lines.append(f"[{sentence.verdict}] {sentence.text}")
            lines += [f"    {check.text}" for check in sentence.checks]
        lines += [f"{name}: {share}" for name, share in self.measures.items() if share.count]
        lines += [
            f"what altering does by itself ({way}): {effect.value:+.2f} log-odds "
            f"({effect.low:+.2f} to {effect.high:+.2f})"
            for way, effect in self.hiding.items()
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "measures": {
                name: {"hits": share.hits, "count": share.count}
                for name, share in self.measures.items()
            },
            "hiding": {way: effect.to_list() for way, effect in self.hiding.items()},
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Audit:
        """Raises ReportError for what is no audit."""
        try:
            return cls(
                str(data["subject"]),
                tuple(SentenceAudit.from_dict(item) for item in data["sentences"]),
                {
                    name: Share(int(s["hits"]), int(s["count"]))
                    for name, s in data["measures"].items()
                },
                {way: Interval(*values) for way, values in data["hiding"].items()},
                tuple(data["notes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReportError(f"this is no audit of a report: {error!r}") from error
