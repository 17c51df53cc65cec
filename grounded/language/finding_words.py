"""A finding in a radiologist's words: short, without numbers, with nothing added to it.

The words are in `configs/findings/words.toml`. They say a label, whether it is there, and where:
no size, no number of it, nothing that was not read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from grounded.atlas import Atlas
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Presence
from grounded.language.agreement import join
from grounded.language.templates import REGION, SIDE, fill

_LEAD: Mapping[Presence, str] = {
    Presence.PRESENT: "",
    Presence.UNCERTAIN: "possible",
    Presence.ABSENT: "no",
}
_AT = ("costophrenic angle", "hemidiaphragm", "hilar structures")  # said "at the", not "in the"


@dataclass(frozen=True, slots=True)
class Term:
    """What one finding is called. See the comments of `configs/findings/words.toml`."""

    noun: str
    phrase: str
    kinds: tuple[str, ...]
    several: str = ""
    phrases: Mapping[str, str | Mapping[Presence, str]] = field(default_factory=dict)

    @property
    def listed(self) -> str:
        """In a list of what was not assessed."""
        return self.several or self.noun

    def template(self, presence: Presence, kind: str) -> str:
        """The sentence about a region of a kind, with blanks, without its full stop."""
        phrase = self.phrases.get(kind, self.phrase)
        if isinstance(phrase, Mapping):
            return phrase[presence]
        return phrase.format(_LEAD[presence])

    def named(self, kind: str) -> str:
        """The noun as a denial of several findings lists it."""
        return "rib fracture" if (self.noun, kind) == ("fracture", "lung") else self.noun


@dataclass(frozen=True, slots=True)
class FindingWords:
    """The terms of all findings that there are words for, in the order of a report."""

    terms: Mapping[str, Term]

    @classmethod
    def open(cls) -> FindingWords:
        """The words that ship."""
        return _shipped()

    def belonging(self, kind: str) -> tuple[str, ...]:
        """The findings that can be in a kind of region."""
        return tuple(label for label, term in self.terms.items() if kind in term.kinds)

    def say(self, label: str, presence: Presence, region: str, atlas: Atlas) -> str:
        """ "Possible opacity in the left lung." Raises InvalidValueError for an unknown finding.

        A region that the atlas does not have is a box drawn by hand, in which everything is.
        """
        term = self.term(label)
        if region in atlas:
            template = term.template(presence, atlas.kind(region))
        else:
            template = f"{_LEAD[presence]} {term.noun} in the {REGION}"
        return f"{fill(template.strip(), region, atlas)}."

    def deny(self, labels: Sequence[str], region: str, atlas: Atlas) -> str:
        """ "No opacity or nodule in the left lung." """
        if len(labels) == 1:
            return self.say(labels[0], Presence.ABSENT, region, atlas)
        kind = atlas.kind(region)
        nouns = _either([self.term(label).named(kind) for label in labels])
        place = "at" if kind in _AT else "in"
        return f"{fill(f'no {nouns} {place} the {REGION}', region, atlas)}."

    def deny_in_film(self, labels: Sequence[str]) -> str:
        """ "No pleural effusion or pneumothorax." """
        return f"No {_either([self.term(label).named('lung') for label in labels])}."

    def not_assessed(self, labels: Sequence[str]) -> str:
        """ "Not assessed: nodules and pneumothorax."; "Not assessed." without labels."""
        listed = join([self.term(label).listed for label in labels])
        return f"Not assessed: {listed}." if listed else "Not assessed."

    def not_judged(self, labels: Sequence[str]) -> str:
        """ "Not judged: opacities.", of what can be neither stated nor denied."""
        return f"Not judged: {join([self.term(label).listed for label in labels])}."

    def named(self, label: str, kind: str) -> str:
        """The noun for a finding in a kind of region; its label in small letters without one."""
        return self.terms[label].named(kind) if label in self.terms else label.lower()

    def term(self, label: str) -> Term:
        """Raises InvalidValueError for a finding without words."""
        if label not in self.terms:
            raise InvalidValueError(
                f"there are no words for the finding {label!r}; there are for: "
                f"{', '.join(self.terms)}"
            )
        return self.terms[label]


def is_sided(term: Term) -> bool:
    """Whether it is said of a side ("left pleural effusion"), not of a region."""
    return SIDE in term.phrase


def _either(nouns: Sequence[str]) -> str:
    """ "opacity, nodule or mass"; what several begin with is said once."""
    nouns = list(dict.fromkeys(nouns))
    return " or ".join(filter(None, (", ".join(nouns[:-1]), *nouns[-1:])))


@cache
def _shipped() -> FindingWords:
    file = resources.files("grounded.configs") / "findings" / "words.toml"
    return FindingWords(_read(tomllib.loads(file.read_text(encoding="utf-8")), str(file)))


def _read(table: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, Term]:
    try:
        return {
            label: Term(**{**entry, "kinds": tuple(entry["kinds"])})
            for label, entry in table.items()
        }
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{where} holds no words for findings: {error!r}") from error
