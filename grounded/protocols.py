"""What the parts of the flow promise each other. What fits the shape fits; nothing inherits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from grounded.atlas import Atlas
from grounded.findings import Presence
from grounded.image import Image
from grounded.regions import Regions
from grounded.report import GroundedReport, Provenance, Scope, Sentence


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a generator is asked: to describe `asked`, in a film in which `found` was found.

    asked: regions of the atlas, or one box drawn by hand. findings: what a reader has set, by
    label, for generators that can be steered.
    """

    image: Image
    found: Regions
    asked: Regions
    findings: Mapping[str, Presence] = field(default_factory=dict)


@runtime_checkable
class RegionDetector(Protocol):
    """Finds the regions of its atlas in films.

    name: for the provenance. weights_sha256: by file name, empty without weights.
    """

    name: str
    atlas: Atlas
    weights_sha256: Mapping[str, str]

    def detect(self, images: Sequence[Image]) -> list[Regions]:
        """The regions of each film, image frame; the same for a batch as one by one."""
        ...


@runtime_checkable
class SentenceGenerator(Protocol):
    """Says what is to be seen in regions. `scope` states which findings it assesses."""

    name: str
    scope: Scope
    weights_sha256: Mapping[str, str]

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        """The sentences for each question; the same for a batch as one by one."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """Says where in the film a sentence comes from."""

    name: str

    def explain(self, question: Question, sentences: Sequence[Sentence]) -> list[Sentence]:
        """The same sentences, in the same order, with evidence added."""
        ...


@runtime_checkable
class Composer(Protocol):
    """Makes a report from sentences: order, merging, checks, sections."""

    name: str

    def compose(
        self,
        image: Image,
        regions: Regions,
        sentences: Sequence[Sentence],
        atlas: Atlas,
        scope: Scope,
        provenance: Provenance,
    ) -> GroundedReport: ...


class Exporter(Protocol):
    """Writes a report in one form."""

    def __call__(self, report: GroundedReport, path: Path) -> None: ...
