"""The errors of a report, counted: what it misses, what it says without support or wrongly.

Findings are read from both texts by the rule-based labeller, so that the same finding in other
words is no error. A finding that one text says to be there (or possible) and the other does not is
missed or unsupported. One that both say may still differ:

- place: another third of the lung (upper, mid, lower), or boxes elsewhere (`grounded_errors`),
- side: right, left or both,
- severity: small or mild, moderate, large or severe,
- certainty: one says "possible"; or one uses a wider word (an opacity for a pneumonia),
- measurement: sizes that differ by more than a fifth and 3 mm; a nodule for a mass,
- comparison: an earlier film in the written text alone, or another change since then.

What a text does not mention counts as denied, and what only one text specifies is no error. Errors
are weighted by urgency and attribute, see `configs/findings/urgency.toml`.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from grounded.errors import ConfigError
from grounded.findings import UNSPECIFIED, Presence, label_of
from grounded.language.attributes import (
    Change,
    Zone,
    changes_named,
    degrees_named,
    sizes_named,
    zones_named,
)
from grounded.language.labeller import Labeller, sentences
from grounded.language.mentions import sides_named, words_for_both, words_of_comparison

ROUTINE = "routine"
KINDS = ("missed", "unsupported", "wrong")
ATTRIBUTES = (
    *("presence", "place", "side", "severity", "certainty", "measurement"),
    "comparison",
)
_PARTS: Mapping[str, float] = {**dict.fromkeys(ATTRIBUTES, 0.5), "presence": 1.0}
LEFT_OUT = ("No Finding", "Support Devices")
"""Labels that are not counted: neither is a finding of the patient."""
TOLERANCE, TOLERANCE_MM = 0.2, 3.0  # within which two measured sizes are the same
_ALSO_SAID = {"Consolidation": "Lung Opacity", "Nodule": "Lung Lesion", "Mass": "Lung Lesion"}
_WIDER = {
    **_ALSO_SAID,
    **dict.fromkeys(("Pneumonia", "Atelectasis", "Edema", "Lung Lesion"), "Lung Opacity"),
    "Pleural Thickening": "Pleural Other",
    "Fibrosis": "Lung Opacity",
    "Pleural Effusion": "Blunted Costophrenic Angle",  # what is seen of a small one
}
_IN_LUNG = frozenset(
    {*_WIDER, "Lung Opacity", "Emphysema", "Pneumothorax", "Calcification", "Pleural Other"}
) - {"Pleural Effusion"}
_IN_HEMITHORAX = _IN_LUNG | {"Pleural Effusion", "Blunted Costophrenic Angle", "Fracture"}
_CLAUSE = re.compile(r",|;|\b(?:and|with|but|as well as|along with)\b")


@dataclass(frozen=True, slots=True)
class Urgency:
    """weights: by tier. tiers: of findings; one that is not among them is routine. attributes: the
    part of a finding's weight that a wrong attribute counts. source: where the table comes from."""

    weights: Mapping[str, float]
    tiers: Mapping[str, str]
    attributes: Mapping[str, float] = field(default_factory=lambda: dict(_PARTS))
    source: str = ""

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
            parts = {key: float(part) for key, part in table.get("attributes", {}).items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{file} is no table of urgency: {error!r}") from error
        if unknown := {*tiers.values(), ROUTINE} - set(weights):
            raise ConfigError(f"{file} has no weight for {', '.join(sorted(unknown))}")
        if unknown := set(parts) - set(ATTRIBUTES):
            raise ConfigError(f"{file}: no attribute {', '.join(sorted(unknown))} is counted")
        return cls(weights, tiers, {**_PARTS, **parts}, str(table.get("source", file.name)).strip())

    @property
    def name(self) -> str:
        """What tells this table from another one, whatever their files are called."""
        whole = repr([sorted(part.items()) for part in (self.weights, self.tiers, self.attributes)])
        return f"urgency table {hashlib.sha256(whole.encode()).hexdigest()[:8]}"

    def tier(self, label: str) -> str:
        return self.tiers.get(label, ROUTINE)

    def weight(self, label: str) -> float:
        return self.weights[self.tier(label)]


@dataclass(frozen=True, slots=True)
class Stated:
    """A finding that a report says is there or may be; what is not said of it is empty.

    severities: 0 to 2, all that are named. sizes_mm: the longest sides. changes: since an earlier
    film; compared: whether there are words for one at all.
    """

    presence: Presence
    sides: frozenset[str] = frozenset()
    severities: frozenset[int] = frozenset()
    compared: bool = False
    zones: frozenset[Zone] = frozenset()
    sizes_mm: tuple[float, ...] = ()
    changes: frozenset[Change] = frozenset()


@dataclass(frozen=True, slots=True)
class CountedError:
    """One error. kind: "missed", "unsupported" or "wrong"; attribute: what of the finding is.

    amount: how far off, up to 1; a size may be a little wrong or by much.
    """

    label: str
    kind: str
    attribute: str
    amount: float = 1.0


def stated(text: str, labeller: Labeller) -> dict[str, Stated]:
    """The findings of a report that are there or possible; the narrower one where both are said."""
    found: dict[str, Stated] = {}
    for sentence in sentences(text):
        for label, new in _stated_in(sentence, labeller).items():
            found[label] = _joined(found.get(label), new)
    return _narrowest(found)


def stated_by(findings: Mapping[str, Presence]) -> dict[str, Stated]:
    """The findings of labels without words that are there or possible."""
    there = {
        label: Stated(presence)
        for label, presence in findings.items()
        if presence != Presence.ABSENT and label not in LEFT_OUT
    }
    return _narrowest(there)


def _narrowest(found: Mapping[str, Stated]) -> dict[str, Stated]:
    return {k: v for k, v in found.items() if not any(_ALSO_SAID.get(n) == k for n in found)}


def errors_of(written: str, reference: str, labeller: Labeller) -> list[CountedError]:
    """The errors of a written report against a reference."""
    return errors_between(stated(written, labeller), stated(reference, labeller))


def errors_between(said: Mapping[str, Stated], true: Mapping[str, Stated]) -> list[CountedError]:
    """The errors of what is said against what is true, both as `stated` gives them."""
    if not _IN_HEMITHORAX.isdisjoint(true):  # there is one, and it has a name
        said = {label: item for label, item in said.items() if label != UNSPECIFIED}
    missed = [label for label in true if label not in said]
    extra = [label for label in said if label not in true]
    found: list[CountedError] = []
    for label in list(missed):
        near = next((other for other in extra if _near(label, other)), None)
        if near is not None:
            missed.remove(label)
            extra.remove(near)
            by = "measurement" if _WIDER.get(label) == _WIDER.get(near) else "certainty"
            found.append(CountedError(label, "wrong", by))
            apart = _differs(label, said[near], true[label])
            found += [error for error in apart if error.attribute != by]
    # "opacity, may be pneumonia" says no more than "pneumonia"
    missed = [label for label in missed if not _implied(label, said)]
    extra = [label for label in extra if not _implied(label, true)]
    found += [CountedError(label, "missed", "presence") for label in missed]
    found += [CountedError(label, "unsupported", "presence") for label in extra]
    for label in said.keys() & true.keys():
        found += _differs(label, said[label], true[label])
    return sorted(found, key=lambda error: (error.kind, error.label, error.attribute))


def errors_against_findings(
    said: Mapping[str, Stated], known: Mapping[str, Presence]
) -> list[CountedError]:
    """The errors against labels without a text; a finding of which nothing is known is no error.

    known: presence by label, as readers or a data set have it. An uncertain one is no error either.
    """
    found = []
    for label, presence in known.items():
        if label in LEFT_OUT:
            continue
        near = label in said or any(_near(label, other) for other in said)
        if presence == Presence.PRESENT and not near:
            found.append(CountedError(label, "missed", "presence"))
        elif presence == Presence.ABSENT and label in said:
            found.append(CountedError(label, "unsupported", "presence"))
    return sorted(found, key=lambda error: (error.kind, error.label))


def weight_of(errors: Sequence[CountedError], urgency: Urgency) -> float:
    """The sum of the errors' weights, each the finding's times the attribute's times how far
    off."""
    return sum(
        urgency.weight(error.label) * urgency.attributes[error.attribute] * error.amount
        for error in errors
    )


def _near(label: str, other: str) -> bool:
    """Whether one word is the wider of the other, or both are kinds of lesion by size."""
    kinds = {_WIDER.get(label), _WIDER.get(other)}
    return other in _wider(label) or label in _wider(other) or kinds == {"Lung Lesion"}


def _implied(label: str, others: Mapping[str, Stated]) -> bool:
    return any(label in _wider(other) for other in others)


def _wider(label: str) -> list[str]:
    found = []
    while label in _WIDER:
        label = _WIDER[label]
        found.append(label)
    return found


def _stated_in(sentence: str, labeller: Labeller) -> dict[str, Stated]:
    """The findings of a sentence; each with what is said in its own part of it."""
    there = {
        finding.label: finding.presence
        for finding in labeller.label(sentence)
        if finding.presence != Presence.ABSENT and finding.label not in LEFT_OUT
    }
    for label in list(there):
        if any(label in _wider(other) for other in there if other != label):
            del there[label]
    if not there:
        return {}
    whole = _attributes(sentence)
    if len(there) == 1:
        [(label, presence)] = there.items()
        return {label: replace(whole, presence=presence)}
    own: dict[str, Stated] = {}
    for clause in _CLAUSE.split(sentence):
        if clause.strip():
            parts = _attributes(clause)
            for finding in labeller.label(clause):
                own[finding.label] = _joined(own.get(finding.label), parts)
    return {label: _completed(own.get(label), whole, presence) for label, presence in there.items()}


def _attributes(text: str) -> Stated:
    sides = frozenset(map(str, sides_named(text)))
    if words_for_both(text):
        sides = frozenset(("right", "left"))
    return Stated(
        Presence.PRESENT,
        sides,
        degrees_named(text),
        bool(words_of_comparison(text)),
        zones_named(text),
        sizes_named(text),
        changes_named(text),
    )


def _completed(own: Stated | None, whole: Stated, presence: Presence) -> Stated:
    """What a clause says, with side, place and comparison of its sentence where it has none."""
    if own is None:
        return replace(whole, presence=presence, severities=frozenset(), sizes_mm=())
    return replace(
        own,
        presence=presence,
        sides=own.sides or whole.sides,
        zones=own.zones or whole.zones,
        compared=own.compared or whole.compared,
        changes=own.changes or whole.changes,
    )


def _differs(label: str, said: Stated, true: Stated) -> list[CountedError]:
    apart: dict[str, float] = {}
    if said.sides and true.sides and said.sides != true.sides:
        apart["side"] = 1.0 if said.sides.isdisjoint(true.sides) else 0.5
    if label in _IN_LUNG and said.zones and true.zones and said.zones.isdisjoint(true.zones):
        apart["place"] = 1.0
    if said.severities and true.severities and said.severities.isdisjoint(true.severities):
        steps = min(abs(a - b) for a in said.severities for b in true.severities)
        apart["severity"] = steps / 2
    if said.presence != true.presence:
        apart["certainty"] = 1.0
    if said.sizes_mm and true.sizes_mm:
        size, should = max(said.sizes_mm), max(true.sizes_mm)
        share = abs(size - should) / max(size, should)
        if share > TOLERANCE and abs(size - should) > TOLERANCE_MM:
            apart["measurement"] = share
    if _compared_otherwise(said, true):
        apart["comparison"] = 1.0
    return [CountedError(label, "wrong", attribute, amount) for attribute, amount in apart.items()]


def _compared_otherwise(said: Stated, true: Stated) -> bool:
    if not said.compared:
        return False
    if not true.compared:
        return True
    return bool(said.changes and true.changes and said.changes.isdisjoint(true.changes))


def _joined(before: Stated | None, new: Stated) -> Stated:
    """Join two mentions of a finding: present if either is, and all that they say of it."""
    if before is None:
        return new
    both = Presence.PRESENT in (before.presence, new.presence)
    return Stated(
        Presence.PRESENT if both else Presence.UNCERTAIN,
        before.sides | new.sides,
        before.severities | new.severities,
        before.compared or new.compared,
        before.zones | new.zones,
        (*before.sizes_mm, *new.sizes_mm),
        before.changes | new.changes,
    )
