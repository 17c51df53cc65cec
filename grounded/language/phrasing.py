"""Which of several equivalent wordings a film's sentences have: the same film, the same words.

Reports of many films need not all sound alike, and one film's report must not change from one
reading to the next. So the choice follows from the film's pixels, and the same topic has the same
wording wherever it is said in a report, so that what is said of both sides can become one sentence.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

_BLANKS = {
    "<side>": r"(?P<side>right|left)",
    "<other>": r"(?P<other>right|left)",
    "<ratio>": r"(?P<ratio>\d\.\d\d)",
}


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Chooses wordings for one film. film: the digest of its pixels; "" for the first always."""

    film: str = ""

    def choose(self, wordings: Sequence[str], topic: str) -> str:
        """One of the wordings, by film and topic."""
        if not self.film:
            return wordings[0]
        digest = hashlib.sha256(f"{self.film} {topic}".encode()).digest()
        return wordings[int.from_bytes(digest[:4]) % len(wordings)]

    def reworded(self, text: str) -> str:
        """A sentence of a measurement, or a part of one, in one of the wordings alike."""
        return self.choose(alike(text), text) if self.film else text


PLAIN = Phrasing()
"""The first wording of everything."""


def alike(text: str) -> tuple[str, ...]:
    """The wordings that say the same, the text itself first. See `configs/findings/alike.toml`."""
    for row in _shipped():
        if match := row.pattern.fullmatch(text):
            others = (_filled(other, match) for other in row.others)
            return (text, *others)
    return (text,)


@dataclass(frozen=True, slots=True)
class _Row:
    """pattern: of the first wording. others: with blanks."""

    pattern: re.Pattern[str]
    others: tuple[str, ...]


def _filled(text: str, match: re.Match[str]) -> str:
    for name, value in match.groupdict().items():
        text = text.replace(f"<{name}>", value)
    return text


def _pattern(text: str) -> re.Pattern[str]:
    expression = re.escape(text)
    for blank, pattern in _BLANKS.items():
        expression = expression.replace(re.escape(blank), pattern)
    return re.compile(expression)


@cache
def _shipped() -> tuple[_Row, ...]:
    file = resources.files("grounded.configs") / "findings" / "alike.toml"
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["alike"]
    return tuple(_Row(_pattern(first), tuple(others)) for first, *others in rows)
