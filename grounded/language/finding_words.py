"""A finding in a radiologist's words: short, without numbers, with nothing added to it.

The words are in `configs/findings/words.toml`. They say a label, whether it is there, and where:
no size, no number of it, nothing that was not read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import chain
from typing import Any

from grounded.atlas import Atlas
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Finding, Presence
from grounded.language.agreement import join, polish
from grounded.language.phrasing import PLAIN, Phrasing
from grounded.language.templates import REGION, SIDE, fill

IN_LUNG = ("Lung Opacity", "Nodule", "Mass", "Atelectasis")
CLEAR = (*IN_LUNG, "Pleural Effusion", "Pneumothorax")
"""A lung is called clear when all of these were looked for in it and are absent."""
_LEAD: Mapping[Presence, str] = {
    Presence.PRESENT: "",
    Presence.UNCERTAIN: "possible",
    Presence.ABSENT: "no",
}
# {phrase}: "left pleural effusion", "opacity in the left lung"; {one}: with its article; {place}:
# where, if that stands behind what is there. The first of each is the plain one.
_FRAMES: Mapping[Presence, tuple[str, ...]] = {
    Presence.PRESENT: (
        "{phrase}",
        "there is {one}{place}",
        "{one} is seen{place}",
        "{one} is present{place}",
    ),
    Presence.UNCERTAIN: (
        "{phrase}",
        "there may be {one}{place}",
        "{one} may be present{place}",
        "{one} is possible{place}",
    ),
    Presence.ABSENT: (
        "{phrase}",
        "there is {what}{place}",
        "{what} is seen{place}",
        "{what} is identified{place}",
    ),
}
_EITHER_WAY = 2  # of the frames: they hold any phrase, "opacity projecting over the left lung" too
_PLACE = re.compile(r" (?:in|within|at|on|over|above|projecting over) the <.*")
_AT = ("costophrenic angle", "hemidiaphragm", "hilar structures")  # said "at the", not "in the"


@dataclass(frozen=True, slots=True)
class Term:
    """What one finding is called. See the comments of `configs/findings/words.toml`."""

    noun: str
    phrase: str
    kinds: tuple[str, ...]
    several: str = ""
    among: str = ""
    phrases: Mapping[str, str | Mapping[Presence, str]] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    countable: bool = False
    synonyms: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """In a list of what was not assessed."""
        return self.several or self.among or self.noun

    def wordings(self, presence: Presence, kind: str) -> tuple[str, ...]:
        """What says it of a region of a kind, with blanks, without a full stop; the plain one
        first. kind: "" of a box drawn by hand."""
        phrase = (
            self.phrases.get(kind, self.phrase) if kind else f"{{}} {self.noun} in the {REGION}"
        )
        if isinstance(phrase, Mapping):
            return (phrase[presence],)
        own = kind in self.phrases or not kind or presence == Presence.ABSENT
        others = [self._framed(other, presence)[:_EITHER_WAY] for other in self.also if not own]
        return tuple(chain(self._framed(phrase, presence), *others))

    def _framed(self, phrase: str, presence: Presence) -> list[str]:
        bare = phrase.format("").strip()
        place = found[0] if (found := _PLACE.search(bare)) else ""
        what = bare.removesuffix(place)
        return [
            frame.format(
                phrase=phrase.format(_LEAD[presence]).strip(),
                one=f"a {what}" if self.countable else what,
                what=f"no {what}",
                place=place,
            )
            for frame in _FRAMES[presence]
        ]

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

    def say(
        self,
        label: str,
        presence: Presence,
        region: str,
        atlas: Atlas,
        phrasing: Phrasing = PLAIN,
    ) -> str:
        """ "Possible opacity in the left lung." Raises InvalidValueError for an unknown finding.

        A region that the atlas does not have is a box drawn by hand, in which everything is.
        """
        kind = atlas.kind(region) if region in atlas else ""
        wordings = self.term(label).wordings(presence, kind)
        return f"{fill(phrasing.choose(wordings, f'{label} {presence}'), region, atlas)}."

    def name(self, finding: Finding, atlas: Atlas) -> str:
        """ "possible left pleural effusion", within a sentence."""
        term = self.term(finding.label)
        phrase = term.phrases.get(atlas.kind(finding.region), term.phrase)
        if isinstance(phrase, Mapping):
            phrase = term.phrase
        words = fill(phrase.format(_LEAD[finding.presence]).strip(), finding.region, atlas)
        return f"{words[0].lower()}{words[1:]}"

    def deny(
        self, labels: Sequence[str], region: str, atlas: Atlas, phrasing: Phrasing = PLAIN
    ) -> str:
        """ "No opacity or nodule in the left lung." """
        if len(labels) == 1:
            return self.say(labels[0], Presence.ABSENT, region, atlas, phrasing)
        kind = atlas.kind(region)
        terms = [self.term(label) for label in labels]
        nouns = _either([term.among or term.named(kind) for term in terms])
        place = "at" if kind in _AT else "in"
        return f"{fill(_denial(nouns, f' {place} the {REGION}', phrasing), region, atlas)}."

    def deny_in_film(self, labels: Sequence[str], phrasing: Phrasing = PLAIN) -> str:
        """ "No pleural effusion or pneumothorax." """
        nouns = _either([self.term(label).named("lung") for label in labels])
        return f"{polish(_denial(nouns, '', phrasing))}."

    def not_assessed(self, labels: Sequence[str]) -> str:
        """ "Not assessed: nodules and pneumothorax."; "Not assessed." without labels."""
        listed = [name for label in labels for name in self.term(label).listed.split(" and ")]
        return f"Not assessed: {join(listed)}." if listed else "Not assessed."

    def not_judged(self, labels: Sequence[str], region: str = "") -> str:
        """ "Not judged: opacities.", of what can be neither stated nor denied; "... in the left
        lung." of one region."""
        place = f" in the {region}" if region else ""
        return f"Not judged: {join([self.term(label).listed for label in labels])}{place}."

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


def _denial(nouns: str, place: str, phrasing: Phrasing) -> str:
    wordings = [
        frame.format(phrase=f"no {nouns}{place}", what=f"no {nouns}", place=place)
        for frame in _FRAMES[Presence.ABSENT]
    ]
    return phrasing.choose(wordings, "what is absent")


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
        return {label: _term(entry) for label, entry in table.items()}
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{where} holds no words for findings: {error!r}") from error


def _term(entry: Mapping[str, Any]) -> Term:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Term(**{**values, "kinds": tuple(entry["kinds"])})
