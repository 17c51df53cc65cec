"""What the words of a sentence claim beyond the findings that it is to say.

A closed list: a sentence of a finding may use the words for it, for its regions, and those that
claim nothing by themselves. Any other word adds something that nobody read in the film, be it how
large or severe, how old, of which texture, from which cause, or another thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from grounded.atlas import SIDES, Atlas
from grounded.findings import Finding
from grounded.language.agreement import plural
from grounded.language.finding_words import IN_LUNG, FindingWords, Term

_NEUTRAL = frozenset(
    (
        *("a", "an", "the", "no", "not", "there", "is", "are", "may", "be", "can", "cannot"),
        *("in", "within", "at", "on", "over", "above", "of", "to", "by", "for", "and", "or", "nor"),
        *("seen", "present", "identified", "noted", "evidence", "possible", "possibly"),
        *("questionable", "excluded", "suspected", "projecting", "either", "neither"),
        *("shows", "lung", "lungs", "side", "sided", "sides"),
    )
)
_BOTH = frozenset(("both", "bilateral", "bilaterally"))
_CLEAR = "clear"
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")


def beyond(text: str, findings: Sequence[Finding], atlas: Atlas) -> tuple[str, ...]:
    """The words, each once, that neither the findings nor their regions account for.

    Numbers are among them. A lung is clear only when all is denied that is seen in one.
    """
    own = _accounted(findings, atlas)
    denied = {finding.label for finding in findings if finding.presence == "absent"}
    if denied.issuperset(IN_LUNG):
        own.add(_CLEAR)
    words = dict.fromkeys(_WORD.findall(text.lower()))
    return tuple(word for word in words if word not in own and word not in _NEUTRAL)


def _accounted(findings: Sequence[Finding], atlas: Atlas) -> set[str]:
    """The words for the findings and for where they are."""
    own: set[str] = set()
    sides = {atlas.side(f.region) for f in findings if f.region in atlas}
    if sides.issuperset(SIDES):
        own |= _BOTH
    for finding in findings:
        own |= _of_region(finding.region, atlas)
        own |= _of_finding(finding.label)
    return own


def _of_region(name: str, atlas: Atlas) -> set[str]:
    if name not in atlas:
        return set(_words([name]))
    kind = atlas.kind(name)
    names = (name, atlas.written(name), kind, plural(kind), *atlas[name].aliases)
    return set(_words(names))


@cache
def _of_finding(label: str) -> frozenset[str]:
    term = FindingWords.open().terms.get(label)
    return frozenset(_words(_said(term) if term else [label]))


def _said(term: Term) -> Iterator[str]:
    yield from (term.noun, plural(term.noun), term.listed, term.phrase, *term.also)
    yield from term.synonyms
    for phrase in term.phrases.values():
        yield from (phrase,) if isinstance(phrase, str) else phrase.values()


def _words(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _WORD.findall(re.sub(r"<\w+>", " ", text.lower()))
