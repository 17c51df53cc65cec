"""The plain words of findings against the trained writer's: what they say, and how they sound.

    python benchmarks/wording.py --data DIR [--weights FOLDER] [--films 500] [--preset neural]

DIR holds `iu_text` and `nih`. Both are given every finding, present, absent and uncertain, in every
kind of region that the writer was taught to say it of, once as it is first written and once
verified as in use. A sentence is faithful when the labeller reads the finding back as it was meant
and nothing that was not. How it sounds is the perplexity of its words under a trigram model of
two thirds of the reports of Indiana University; that of the other third is beside it. Of --films
of `nih` held out, the reports' different sentences are counted that are read back as their findings
say, numbers apart.
"""

from __future__ import annotations

import argparse
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.table import Table

import grounded
from grounded.chest.names import REGIONS, chest_atlas
from grounded.data.iu_text import iu_text
from grounded.data.nih import nih_films
from grounded.evaluate.intervals import Rate
from grounded.findings import Finding, Presence
from grounded.generators.neural.planned import plainly, to_be_said
from grounded.generators.neural.writer import Brief, Writer
from grounded.language.labeller import Labeller
from grounded.report import GroundedSentence

FOLLOWS = {  # what is said with a finding by its very words
    "Consolidation": {"Lung Opacity"},
    "Lung Opacity": {"Consolidation"},
    "Nodule": {"Lung Lesion"},
    "Mass": {"Lung Lesion"},
    "Pleural Thickening": {"Pleural Other"},
    "Pleural Effusion": {"Blunted Costophrenic Angle"},
}
WEIGHTS = (0.6, 0.3, 0.1)  # of three, two and one words
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Trigrams:
    """How likely words are after one another, as in some sentences."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._counts = [Counter[tuple[str, ...]]() for _ in range(3)]
        self._before = [Counter[tuple[str, ...]]() for _ in range(3)]
        for sentence in sentences:
            words = self._words(sentence)
            for at in range(2, len(words)):
                for size in range(3):
                    self._counts[size][tuple(words[at - size : at + 1])] += 1
                    self._before[size][tuple(words[at - size : at])] += 1
        self._different = len(self._counts[0]) + 1

    def perplexity(self, sentences: Sequence[str]) -> float:
        logs = [
            math.log(self._probability(words, at))
            for sentence in sentences
            for words in [self._words(sentence)]
            for at in range(2, len(words))
        ]
        return math.exp(-sum(logs) / len(logs))

    def _probability(self, words: Sequence[str], at: int) -> float:
        parts = 1e-3 / self._different  # a word never seen
        for size, weight in zip((2, 1, 0), WEIGHTS, strict=True):
            before = self._before[size][tuple(words[at - size : at])]
            if before:
                parts += weight * self._counts[size][tuple(words[at - size : at + 1])] / before
        return parts

    @staticmethod
    def _words(sentence: str) -> list[str]:
        return ["<s>", "<s>", *re.findall(r"[a-z]+|\d|[.,;]", sentence.lower()), "</s>"]


def is_faithful(text: str, findings: Iterable[Finding], labeller: Labeller) -> bool:
    """Whether the labeller reads back each finding as it was meant, and no other."""
    meant = {finding.label: finding.presence for finding in findings}
    said = {finding.label: finding.presence for finding in labeller.label(text)}
    allowed = set(meant).union(*(FOLLOWS.get(label, set()) for label in meant))
    readable = [label for label in meant if label in labeller.rules]
    return all(said.get(label) == meant[label] for label in readable) and set(said) <= allowed


def asked(writer: Writer) -> list[Finding]:
    """Every finding and presence in one region of each kind that the writer has words for."""
    atlas = chest_atlas()
    regions = {atlas.kind(region): region for region in REGIONS}
    presences: tuple[Presence, ...] = tuple(Presence)
    return [
        Finding(label, presence, regions[kind])
        for label, kinds in writer.terms.taught.items()
        for kind in kinds
        if kind in regions
        for presence in presences
    ]


def by_the_writer(
    writer: Writer, findings: Sequence[Finding], labeller: Labeller | None
) -> list[str]:
    atlas = chest_atlas()
    briefs = [Brief(f.region, atlas.kind(f.region), to_be_said(f)) for f in findings]
    written = writer.write(briefs, verify=labeller)
    return [
        words.text if words.agrees else plainly(finding)
        for words, finding in zip(written, findings, strict=True)
    ]


def distinct(sentences: Iterable[GroundedSentence], labeller: Labeller) -> tuple[set[str], Rate]:
    """The different sentences that are read back as their findings say, and how many are."""
    kept: set[str] = set()
    faithful = total = 0
    for sentence in sentences:
        if not {finding.label for finding in sentence.findings} & set(labeller.rules):
            continue
        total += 1
        if is_faithful(sentence.text, sentence.findings, labeller):
            faithful += 1
            kept.add(_NUMBER.sub("#", sentence.text))
    return kept, Rate(faithful, total)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--films", type=int, default=500)
    options = parser.parse_args()
    shipped = Path(str(files("grounded.configs"))) / "weights" / "neural" / "writer"
    writer, labeller = Writer(options.weights or shipped), Labeller.open()
    reports = iu_text(options.data / "iu_text")
    known = [s for n, report in enumerate(reports) if n % 3 for s in report.sentences]
    apart = [s for n, report in enumerate(reports) if n % 3 == 0 for s in report.sentences]
    model, findings = Trigrams(known), asked(writer)
    table = Table("words", "said as meant", "perplexity", "different")
    for name, texts in {
        "plain": [plainly(finding) for finding in findings],
        "writer, as first written": by_the_writer(writer, findings, None),
        "writer, verified": by_the_writer(writer, findings, labeller),
    }.items():
        faithful = [
            is_faithful(text, [f], labeller) for text, f in zip(texts, findings, strict=True)
        ]
        rate = str(Rate(sum(faithful), len(faithful)))
        table.add_row(name, rate, f"{model.perplexity(texts):.1f}", str(len(set(texts))))
    table.add_row("reports held apart", "", f"{model.perplexity(apart):.1f}", str(len(set(apart))))
    Console().print(table)
    if options.films:
        reporter = grounded.load(options.preset)
        held = [film for film in nih_films(options.data / "nih") if film.split == "held"]
        images = (film.image() for film in held[: options.films])
        sentences = (
            s for report in reporter.report_all(images) for s in report.section("findings")
        )
        kept, rate = distinct(sentences, labeller)
        print(
            f"{options.films} reports: {rate} sentences read back as meant, {len(kept)} different"
        )


if __name__ == "__main__":
    main()
