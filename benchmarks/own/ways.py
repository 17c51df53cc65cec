"""The ways of saying something of a film that are compared: two baselines, and the generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from own.answers import Answer
from own.asked import (
    Truth,
    answers,
    as_findings,
    describe_each,
    joined,
    seen_each,
    stateable,
    written_each,
)
from own.baselines import FrequentNormal, Retrieval
from own.sentence_figures import SaidFinding
from torch import Tensor

from grounded.chest.names import kind_of
from grounded.findings import Finding
from grounded.generators.neural.generator import Neural
from grounded.generators.neural.planned import ORIGIN, SET, told
from grounded.generators.neural.writer import Brief
from grounded.image import Image
from grounded.language.labeller import Labeller
from grounded.protocols import Question
from grounded.regions import Regions
from grounded.report import Sentence

OURS = "ours"
TRUTH = "ours, told the truth"
LOOKED_UP = "the nearest training sentence, told our findings"


@dataclass
class Told:
    """What was said of films, by way of saying it: of each region, and sentence by sentence.

    findings, briefs: those that the generator read, and what its writer was told of each.
    """

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    sentences: dict[str, list[SaidFinding]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    briefs: list[Brief] = field(default_factory=list)

    def add(self, way: str, found: Sequence[Answer], said: Sequence[SaidFinding] = ()) -> None:
        self.answers.setdefault(way, []).extend(found)
        self.sentences.setdefault(way, []).extend(said)


@dataclass(frozen=True, slots=True)
class Ways:
    """The generator, and the baselines that it is compared with."""

    generator: Neural
    frequent: FrequentNormal
    nearest: Retrieval
    labeller: Labeller

    def tell(self, film: str, image: Image, regions: Regions, truth: Truth, said: Told) -> None:
        """Let each way speak of the regions of which anything is known that may be stated."""
        reader = self.generator.reader
        truth = stateable(truth, reader.calibrations)
        question = Question.of_film(image, regions)
        places = [place for place in reader.places(question) if place.name in truth]
        if not places:
            return
        seen, names = seen_each(reader, question), [place.name for place in places]

        def heard(texts: Mapping[str, str]) -> list[Answer]:
            return answers(film, texts, truth, self.labeller)

        for baseline in (self.frequent, self.nearest):
            said.add(baseline.name, heard(written_each(baseline, places, seen)))
        ours = describe_each(self.generator, image, regions, names)
        said.add(OURS, heard(joined(ours)), stated(ours))
        findings = as_findings({name: truth[name] for name in names})
        steered = describe_each(self.generator, image, regions, names, findings)
        of_truth = [s for s in stated(steered) if s.finding.label in findings[s.finding.region]]
        said.add(TRUTH, heard(joined(steered)), of_truth)
        looked_up = self._looked_up(stated(ours), seen, said)
        said.add(LOOKED_UP, heard(_by_region(looked_up, names)), looked_up)

    def brief(self, finding: Finding, seen: Tensor | None = None) -> Brief:
        """What the writer is told of a finding, and shown of its region."""
        kind = self.generator.writer.terms.kind_for(finding.label, kind_of(finding.region))
        return Brief(finding.region, kind, told(finding), None, seen)

    def _looked_up(
        self, ours: Sequence[SaidFinding], seen: Mapping[str, Tensor], said: Told
    ) -> list[SaidFinding]:
        findings = [item.finding for item in ours]
        shown = [self.brief(finding, seen[finding.region]) for finding in findings]
        sees = self.generator.writer.features > 0
        said.findings += findings
        said.briefs += shown if sees else [self.brief(finding) for finding in findings]
        written = self.nearest.write(shown)
        return [SaidFinding(f, words.text) for f, words in zip(findings, written, strict=True)]


def stated(sentences: Mapping[str, Sequence[Sentence]]) -> list[SaidFinding]:
    """The sentences that were written, each with its finding; not those that were measured."""
    return [
        SaidFinding(sentence.findings[0], sentence.text)
        for of_region in sentences.values()
        for sentence in of_region
        if sentence.origin in (ORIGIN, SET) and sentence.findings
    ]


def _by_region(said: Sequence[SaidFinding], names: Sequence[str]) -> dict[str, str]:
    return {name: " ".join(s.text for s in said if s.finding.region == name) for name in names}
