"""From a sentence to the findings that it speaks of: rules, no model, the same every time.

The rules are in `configs/findings/labeller.toml`. They follow the usual recipe for radiology text
(CheXpert's labeller, Irvin et al., AAAI 2019; NegEx, Chapman et al., 2001): find a mention, then
look in its own clause for what denies it or makes it doubtful. Words and code are our own. How far
it agrees with CheXpert's labels is measured by `benchmarks/labeller_agreement.py`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from grounded.errors import ConfigError
from grounded.findings import CHEXPERT, UNSPECIFIED, VOCABULARY, Finding, Presence

NO_FINDING = "No Finding"
_DEVICES = "Support Devices"
_GAP = r"(?:\W+[\w'-]+){0,4}?"  # `~`: up to four words
_REACH = 90  # characters that a cue after the mention may stand away from it
_REACH_BACK = 400  # and one before it: longer than any clause of a report
_PART_OF = {"Consolidation": "Lung Opacity", "Nodule": "Lung Lesion", "Mass": "Lung Lesion"}
_WEIGHT: Mapping[Presence, int] = {Presence.ABSENT: 0, Presence.UNCERTAIN: 1, Presence.PRESENT: 2}
_SENTENCE = re.compile(  # a full stop, a list number, an empty line
    r"(?<=[a-zA-Z)\]%][.!?])\s+|(?<=[A-Za-z]\d\.)\s+|(?:(?<=\s)|^)\d{1,2}[.)]\s+|\n\s*\n|[;\u2022]"
)
_HEADING = re.compile(r"^\s*[A-Z][A-Z ]{3,}:\s*")


class _Phrases:
    """Phrases that are searched for together. Raises TypeError for what is no list of texts."""

    def __init__(self, phrases: Sequence[str]) -> None:
        # the longest come first, so that they win
        self._parts = [_expression(phrase) for phrase in sorted(phrases, key=len, reverse=True)]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """One expression for all. It is made when it is first needed: that takes time, and who
        loads a preset may not have a sentence yet."""
        return re.compile("|".join(f"(?:{part})" for part in self._parts))

    def found_in(self, text: str) -> bool:
        return self.pattern.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Rule:
    mentions: _Phrases
    normal: _Phrases | None
    ignore: _Phrases | None


@dataclass(frozen=True, slots=True)
class _Cues:
    stop: _Phrases
    unsaid: _Phrases
    pseudo: _Phrases
    absent_before: _Phrases
    absent_after: _Phrases
    uncertain_before: _Phrases
    uncertain_after: _Phrases


@dataclass(frozen=True, slots=True)
class Labeller:
    """Labels sentences and reports with the findings of the vocabulary."""

    cues: _Cues
    rules: Mapping[str, _Rule]

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Labeller:
        """From a TOML file, or the rules that ship. Raises ConfigError for a file without rules."""
        if path is None:
            return _shipped()
        try:
            return _read(Path(path).read_text(encoding="utf-8"), os.fspath(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"cannot read the labeller's rules {os.fspath(path)!r}: {error}"
            ) from error

    def label(self, sentence: str, region: str = "") -> list[Finding]:
        """What one sentence says, a finding at most once, in the vocabulary's order.

        A finding that is mentioned twice is present if any mention says so, else uncertain if any
        does. A consolidation is an opacity too, a nodule or a mass a lesion; to deny one does not
        deny the other. What was not assessed is not mentioned. region: what the sentence was said
        of. "No Finding" is said of reports only.
        """
        said: dict[str, Presence] = {}
        for label, presence in self._mentions(" ".join(sentence.lower().split())):
            before = said.get(label)
            if before is None or _WEIGHT[presence] > _WEIGHT[before]:
                said[label] = presence
        for label, wider in _PART_OF.items():
            presence = said.get(label, Presence.ABSENT)
            if (
                presence != Presence.ABSENT
                and _WEIGHT[presence] > _WEIGHT[said.get(wider, Presence.ABSENT)]
            ):
                said[wider] = presence
        return [Finding(label, said[label], region) for label in VOCABULARY if label in said]

    def label_report(self, text: str) -> dict[str, Presence]:
        """What a whole report says: present before uncertain before absent.

        "No Finding" is present when nothing else that CheXpert names, but support devices, and
        no unspecified abnormality is present or uncertain.
        """
        said: dict[str, Presence] = {}
        for sentence in sentences(text):
            for finding in self.label(sentence):
                before = said.get(finding.label)
                if before is None or _WEIGHT[finding.presence] > _WEIGHT[before]:
                    said[finding.label] = finding.presence
        names = {*CHEXPERT, UNSPECIFIED} - {NO_FINDING, _DEVICES}
        other = {said[key] for key in said.keys() & names}
        if text.strip() and other <= {"absent"}:
            said[NO_FINDING] = Presence.PRESENT
        return said

    def _mentions(self, sentence: str) -> Iterator[tuple[str, Presence]]:
        for label, rule in self.rules.items():
            text = _blanked(sentence, rule.ignore)
            for clause in _clauses(text, self.cues.stop):
                if self.cues.unsaid.found_in(clause):
                    continue
                normal = bytearray(len(clause))  # 1 where the words say that all is normal
                for match in rule.normal.pattern.finditer(clause) if rule.normal else ():
                    normal[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                if any(normal):
                    yield label, Presence.ABSENT
                for mention in rule.mentions.pattern.finditer(clause):
                    if not any(normal[mention.start() : mention.end()]):
                        yield label, self._presence(clause, mention)

    def _presence(self, clause: str, mention: re.Match[str]) -> Presence:
        cues = self.cues
        start = max(0, mention.start() - _REACH_BACK)
        end = mention.end() - start
        near = _blanked(
            clause[start : mention.end() + _REACH], cues.pseudo, keep=(mention.start() - start, end)
        )
        before, after = near[:end], near[end:]
        if cues.uncertain_before.pattern.search(before) or cues.uncertain_after.pattern.search(
            after
        ):
            return Presence.UNCERTAIN
        if cues.absent_before.found_in(before) or cues.absent_after.found_in(after):
            return Presence.ABSENT
        return Presence.PRESENT


@dataclass(frozen=True, slots=True)
class Remembering(Labeller):
    """A labeller that reads the same sentence once: many reports say the same of a clear film."""

    said: dict[tuple[str, str], list[Finding]] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, labeller: Labeller) -> Remembering:
        return cls(labeller.cues, labeller.rules)

    def label(self, sentence: str, region: str = "") -> list[Finding]:
        """What `Labeller.label` gives; the list is shared, so it is not to be changed."""
        key = (sentence, region)
        if key not in self.said:
            self.said[key] = Labeller.label(self, sentence, region)
        return self.said[key]


def sentences(report: str) -> list[str]:
    """The sentences of a report, without headings and list numbers."""
    pieces = (_HEADING.sub("", piece).strip() for piece in _SENTENCE.split(report))
    return [piece for piece in pieces if piece]


def _clauses(sentence: str, stop: _Phrases) -> list[str]:
    return [part for part in re.split(r"\x00", stop.pattern.sub("\x00", sentence)) if part.strip()]


def _blanked(text: str, phrases: _Phrases | None, keep: tuple[int, int] = (0, 0)) -> str:
    """The text with what matches replaced by as many spaces, but for what overlaps `keep`."""
    if phrases is None:
        return text

    def blank(match: re.Match[str]) -> str:
        overlaps = match.start() < keep[1] and keep[0] < match.end()
        return match[0] if overlaps else " " * len(match[0])

    return phrases.pattern.sub(blank, text)


@cache
def _shipped() -> Labeller:
    file = resources.files("grounded.configs") / "findings" / "labeller.toml"
    return _read(file.read_text(encoding="utf-8"), str(file))


def _read(text: str, where: str) -> Labeller:
    try:
        table = tomllib.loads(text)
        cues = {key: _Phrases(phrases) for key, phrases in table["cues"].items()}
        rules = {label: _rule(entry) for label, entry in table["findings"].items()}
        labeller = Labeller(_Cues(**cues), rules)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{where} holds no rules for the labeller: {error!r}") from error
    if unknown := set(rules) - set(VOCABULARY):
        raise ConfigError(f"{where} has rules for unknown findings: {', '.join(sorted(unknown))}")
    return labeller


def _rule(entry: Mapping[str, Any]) -> _Rule:
    optional = (_Phrases(entry[key]) if entry.get(key) else None for key in ("normal", "ignore"))
    return _Rule(_Phrases(entry["mentions"]), *optional)


def _expression(phrase: str) -> str:
    parts: list[str] = []
    for word in phrase.split():
        if word == "~":
            parts.append(_GAP)
            continue
        options = "|".join(
            re.escape(option).replace(r"\*", r"[\w-]*") for option in word.split("|")
        )
        parts.append((r"\W+" if parts else "") + rf"(?<![\w-])(?:{options})(?![\w-])")
    return "".join(parts)
