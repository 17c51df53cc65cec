"""The errors of a report, counted: what it misses, what it says without support or wrongly.

Findings are read from both texts by the rule-based labeller, so that the same finding in other
words is no error. A finding that one text says to be there (or possible) and the other does not is
missed or unsupported. One that both say may still differ in its side, its severity, its certainty
(one says possible), or be compared with an earlier film in the written text alone. What a text does
not mention counts as denied. Errors are weighted by urgency, from `configs/findings/urgency.toml`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from grounded.errors import ConfigError
from grounded.findings import Presence, label_of
from grounded.language.labeller import Labeller, sentences
from grounded.language.mentions import sides_named, words_for_both, words_of_comparison

ROUTINE = "routine"
ATTRIBUTES = ("presence", "side", "severity", "certainty", "comparison")
_LEFT_OUT = ("No Finding", "Support Devices")
_WIDER = {"Consolidation": "Lung Opacity", "Nodule": "Lung Lesion", "Mass": "Lung Lesion"}
_SEVERITY = (
    re.compile(r"\b(?:trace|tiny|minimal\w*|small|mild\w*|slight\w*|subtle)\b"),
    re.compile(r"\b(?:moderate\w*|medium)\b"),
    re.compile(r"\b(?:large|severe\w*|marked\w*|massive|extensive)\b"),
)


@dataclass(frozen=True, slots=True)
class Urgency:
    """weights: by tier. tiers: of findings; one that is not among them is routine."""

    weights: Mapping[str, float]
    tiers: Mapping[str, str]

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Urgency:
        """From a TOML table, the shipped one for None. Raises ConfigError for another file."""
        shipped = Path(str(resources.files("grounded.configs"))) / "findings" / "urgency.toml"
        file = Path(path) if path is not None else shipped
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            weights = {tier: float(weight) for tier, weight in table["weights"].items()}
            tiers = {
                str(label_of(n)): tier for tier, names in table["tiers"].items() for n in names
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{file} is no table of urgency: {error!r}") from error
        if unknown := {*tiers.values(), ROUTINE} - set(weights):
            raise ConfigError(f"{file} has no weight for {', '.join(sorted(unknown))}")
        return cls(weights, tiers)

    def tier(self, label: str) -> str:
        return self.tiers.get(label, ROUTINE)

    def weight(self, label: str) -> float:
        return self.weights[self.tier(label)]


@dataclass(frozen=True, slots=True)
class Stated:
    """A finding that a report says is there or may be. severity: 0 to 2, None if not said."""

    presence: Presence
    sides: frozenset[str] = frozenset()
    severity: int | None = None
    compared: bool = False


@dataclass(frozen=True, slots=True)
class CountedError:
    """One error. kind: "missed", "unsupported" or "wrong"; attribute: what of the finding is."""

    label: str
    kind: str
    attribute: str


def stated(text: str, labeller: Labeller) -> dict[str, Stated]:
    """The findings of a report that are there or possible; the narrower one where both are said."""
    found: dict[str, Stated] = {}
    for sentence in sentences(text):
        lower = sentence.lower()
        sides = frozenset(map(str, sides_named(sentence)))
        if words_for_both(sentence):
            sides = frozenset(("right", "left"))
        degree = next((n for n, words in enumerate(_SEVERITY) if words.search(lower)), None)
        compared = bool(words_of_comparison(sentence))
        for finding in labeller.label(sentence):
            if finding.presence == Presence.ABSENT or finding.label in _LEFT_OUT:
                continue
            new = Stated(finding.presence, sides, degree, compared)
            found[finding.label] = _joined(found.get(finding.label), new)
    return {k: v for k, v in found.items() if not any(_WIDER.get(n) == k for n in found)}


def errors_of(written: str, reference: str, labeller: Labeller) -> list[CountedError]:
    """The errors of a written report against a reference."""
    said, true = stated(written, labeller), stated(reference, labeller)
    found = [CountedError(label, "missed", "presence") for label in true if label not in said]
    found += [CountedError(label, "unsupported", "presence") for label in said if label not in true]
    for label in said.keys() & true.keys():
        found += [CountedError(label, "wrong", a) for a in _differs(said[label], true[label])]
    return sorted(found, key=lambda error: (error.kind, error.label, error.attribute))


def weight_of(errors: Sequence[CountedError], urgency: Urgency) -> float:
    """The sum of the errors' weights; a wrong attribute counts half of a wrong finding."""
    return sum(
        urgency.weight(error.label) * (0.5 if error.kind == "wrong" else 1.0) for error in errors
    )


def _differs(said: Stated, true: Stated) -> list[str]:
    apart = []
    if said.sides and true.sides and said.sides != true.sides:
        apart.append("side")
    if None not in (said.severity, true.severity) and said.severity != true.severity:
        apart.append("severity")
    if said.presence != true.presence:
        apart.append("certainty")
    if said.compared and not true.compared:
        apart.append("comparison")
    return apart


def _joined(before: Stated | None, new: Stated) -> Stated:
    """Join two mentions of a finding: present if either is, all sides, the greater severity."""
    if before is None:
        return new
    degrees = [each.severity for each in (before, new) if each.severity is not None]
    both = Presence.PRESENT in (before.presence, new.presence)
    return Stated(
        Presence.PRESENT if both else Presence.UNCERTAIN,
        before.sides | new.sides,
        max(degrees, default=None),
        before.compared or new.compared,
    )
