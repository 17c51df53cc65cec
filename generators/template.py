"""One fixed sentence a region: the baseline that every generator has to beat, and a test double."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import ASSESSABLE
from grounded.protocols import Question
from grounded.provenance import Scope
from grounded.regions import Region
from grounded.report import Sentence

NEUTRAL = "{Region}: nothing was read here."


class Template:
    """Says one fixed sentence of a region in every film. It reads no pixel and assesses no finding.

    sentences: by region name, as a mapping or as a JSON or TOML file that holds one. A baseline for
    research is the most frequent normal sentence of each region of a training set. Without it, and
    for regions that it leaves out, the sentence is neutral and claims nothing. "{region}" in a
    sentence stands for the name of the region, "{Region}" for the name with a capital.
    default: the sentence for regions that `sentences` leaves out; "" says nothing of them.

    The sentences carry no findings and the score 0, because nothing supports them. Raises
    ConfigError for a file that cannot be read or an entry that is no text.
    """

    name = "template"
    scope = Scope({}, ASSESSABLE)
    weights_sha256: Mapping[str, str] = {}

    def __init__(
        self,
        sentences: Mapping[str, str] | str | os.PathLike[str] | None = None,
        default: str = NEUTRAL,
    ) -> None:
        given = _open(Path(sentences)) if isinstance(sentences, str | os.PathLike) else sentences
        self.sentences = dict(given or {})
        self.default = default
        for region, text in self.sentences.items():
            if not isinstance(text, str) or not text.strip():
                raise ConfigError(f"the sentence for {region!r} should be text, got {text!r}")

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """One sentence for each region asked about.

        Raises InvalidValueError for a question that sets findings.
        """
        return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> list[Sentence]:
        if question.findings:
            raise InvalidValueError(
                f"expected a question without findings, got {dict(question.findings)}: the "
                f"generator 'template' has fixed sentences; leave the findings out or load a "
                f"preset whose generator can be steered"
            )
        return [
            self._sentence(region, text)
            for region in question.asked
            if (text := self.sentences.get(region.name, self.default))
        ]

    def _sentence(self, region: Region, text: str) -> Sentence:
        name = region.name
        text = text.replace("{region}", name).replace("{Region}", name[:1].upper() + name[1:])
        return Sentence(text, (name,), self.name, (region.box,), score=0.0)


def _open(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:  # both parsers' errors are ValueErrors
        raise ConfigError(f"cannot read the sentences in {path}: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} should hold one sentence a region, got {type(data).__name__}")
    return data
