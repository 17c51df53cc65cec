"""Generators that an audit has to tell from a real one, and a checker that sees no film.

Each is made from a reporter, so that words, regions and calibration are the real ones and only the
tie to the film is broken.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from grounded.errors import ConfigError
from grounded.findings import Findings, ReadFinding
from grounded.image import Image
from grounded.protocols import FindingsReader, Question, SentenceGenerator, read_findings
from grounded.provenance import Scope
from grounded.report import Sentence
from grounded.reporter import Reporter

if TYPE_CHECKING:
    from torch import nn

DEPTH = 4  # how far inside a part its networks are looked for


class IgnoresImage:
    """Reads in every film what the generator reads in one and the same."""

    def __init__(self, generator: SentenceGenerator, typical: Question) -> None:
        self.name = f"{generator.name}, ignoring the image"
        self.scope: Scope = generator.scope
        self.weights_sha256: Mapping[str, str] = generator.weights_sha256
        self._generator = generator
        [self._read] = read_findings(generator, [typical])

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        return [
            tuple(item for item in self._read if item.region in question.asked)
            for question in questions
        ]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        return _from_read(self._generator, questions, self.read(questions))


class WrongSide:
    """Says of each region what the generator reads in its counterpart on the other side."""

    def __init__(self, generator: SentenceGenerator, counterparts: Mapping[str, str]) -> None:
        self.name = f"{generator.name}, looking at the wrong side"
        self.scope: Scope = generator.scope
        self.weights_sha256: Mapping[str, str] = generator.weights_sha256
        self._generator = generator
        self._counterparts = counterparts

    def read(self, questions: Sequence[Question]) -> list[tuple[ReadFinding, ...]]:
        return [
            tuple(
                replace(item, region=self._counterparts.get(item.region) or item.region)
                for item in found
            )
            for found in read_findings(self._generator, questions)
        ]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        return _from_read(self._generator, questions, self.read(questions))


def ignoring_the_image(reporter: Reporter, typical: Image) -> Reporter:
    """A reporter that says of every film what it says of a typical one. See `IgnoresImage`."""
    _check(reporter)
    [regions] = reporter.detector.detect([typical])
    generator = IgnoresImage(reporter.generator, Question.of_film(typical, regions))
    return replace(reporter, generator=generator, confidence=None)


def on_the_wrong_side(reporter: Reporter) -> Reporter:
    """A reporter that takes right for left. See `WrongSide`."""
    _check(reporter)
    atlas = reporter.detector.atlas
    counterparts = {name: atlas.counterpart(name) for name in atlas.names}
    wrong = WrongSide(reporter.generator, counterparts)
    return replace(reporter, generator=wrong, confidence=None)


def with_shuffled_weights(reporter: Reporter, seed: int = 0) -> Reporter:
    """A reporter whose encoder and generator have their weights shuffled, tensor by tensor.

    The networks that find the regions stay. Raises ConfigError where there is no network.
    """
    import torch

    detector, generator = copy.deepcopy((reporter.detector, reporter.generator))
    encoder = getattr(detector, "_encoder", None)
    networks = [*_networks(generator, DEPTH), *(_networks(encoder, DEPTH) if encoder else ())]
    if not networks:
        raise ConfigError(f"the generator {generator.name!r} has no network to shuffle")
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for network in networks:
            for tensor in network.parameters():
                order = torch.randperm(tensor.numel(), generator=random)
                tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return replace(reporter, detector=detector, generator=generator, confidence=None)


def text_only(texts: Sequence[str], truth: Sequence[bool], films: Sequence[str]) -> list[bool]:
    """What a checker without evidence guesses: how often the same words were true elsewhere.

    Of each text, the majority among the same texts in other films, else among all of theirs. What
    it gets right needs no film, and no audit may be praised for it.
    """
    by_text: dict[str, Counter[bool]] = {}
    by_film: dict[tuple[str, str], Counter[bool]] = {}
    for text, true, film in zip(texts, truth, films, strict=True):
        by_text.setdefault(text, Counter())[true] += 1
        by_film.setdefault((text, film), Counter())[true] += 1
    everything = Counter(truth)
    usual = everything[True] >= everything[False]
    guesses = []
    for text, film in zip(texts, films, strict=True):
        rest = by_text[text] - by_film[text, film]
        guesses.append(usual if rest[True] == rest[False] else rest[True] > rest[False])
    return guesses


def _from_read(
    generator: SentenceGenerator,
    questions: Sequence[Question],
    read: Sequence[tuple[ReadFinding, ...]],
) -> list[list[Sentence]]:
    return generator.describe(
        [
            replace(question, read=Findings(items, question.found.names))
            for question, items in zip(questions, read, strict=True)
        ]
    )


def _networks(part: Any, depth: int) -> Iterator[nn.Module]:
    """The networks inside of a part, by its attributes."""
    from torch import nn

    if isinstance(part, nn.Module):
        yield part
    elif depth and hasattr(part, "__dict__"):
        for value in vars(part).values():
            yield from _networks(value, depth - 1)


def _check(reporter: Reporter) -> None:
    if not isinstance(reporter.generator, FindingsReader):
        raise ConfigError(
            f"the generator {reporter.generator.name!r} reads no findings that could be exchanged"
        )
