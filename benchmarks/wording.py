"""The words of reports: whether they say what was found and no more, and how they sound.

    python benchmarks/wording.py --data DIR [--films 500] [--of-writer 20] [--read 10]

DIR holds `iu_text` and `nih`. First single sentences: every finding, present, absent and uncertain,
in every kind of region that the trained writer was taught to say it of, in plain words, varied ones
(of as many films as there are wordings), and those of the writer, as it first writes them and
checked as in use. Then whole reports of --films of `nih` held out, in plain and in varied words;
those of the writer, which takes seconds a report, of the first --of-writer. Printed are:

- said as meant: the labeller reads the finding back as it was meant, and nothing that was not;
- with additions: a word says more than the finding (how large, of which texture, how old ...);
- perplexity under a trigram model of two thirds of the reports of Indiana University, that of the
  other third beside it: how it sounds;
- different sentences that are said as meant, numbers apart;
- impressions that are firmer or less firm than the sentence that they sum up;
- the seconds that a report takes once its film is read;
- of the films held out that radiologists found empty, how often each finding is stated, possible,
  neither stated nor denied ("Not judged"), or denied.

--read prints that many of the reports side by side.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import get_args

from own.films import empty_films
from rich.console import Console
from rich.table import Table

import grounded
from grounded import GroundedReport, Reporter
from grounded.chest.names import REGIONS, chest_atlas
from grounded.data.iu_text import iu_text
from grounded.data.nih import nih_films
from grounded.evaluate.intervals import Rate
from grounded.evaluate.wording import Wording, is_faithful
from grounded.findings import Finding, Presence
from grounded.generators.neural.generator import Neural, Words
from grounded.generators.neural.planned import in_words, to_be_said
from grounded.generators.neural.writer import Brief, Writer
from grounded.language.additions import beyond
from grounded.language.finding_words import FindingWords
from grounded.language.labeller import Labeller
from grounded.language.phrasing import Phrasing
from grounded.reporter import Reading

SHIPPED = Path(str(files("grounded.configs")))
WEIGHTS = (0.6, 0.3, 0.1)  # of three, two and one words


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
) -> list[tuple[Finding, str]]:
    atlas = chest_atlas()
    briefs = [Brief(f.region, atlas.kind(f.region), to_be_said(f)) for f in findings]
    written = writer.write(briefs, verify=labeller)
    return [
        (finding, words.text if words.agrees else in_words(finding))
        for words, finding in zip(written, findings, strict=True)
    ]


def of_sentences(
    writer: Writer, labeller: Labeller, model: Trigrams, apart: Sequence[str]
) -> Table:
    """Single findings in all wordings."""
    table = Table("words", "said as meant", "with additions", "perplexity", "different")
    findings, atlas = asked(writer), chest_atlas()
    films = [Phrasing(f"film {number}") for number in range(12)]
    for name, texts in {
        "plain": [(f, in_words(f)) for f in findings],
        "varied": [(f, in_words(f, film)) for film in films for f in findings],
        "writer, as first written": by_the_writer(writer, findings, None),
        "writer, checked": by_the_writer(writer, findings, labeller),
    }.items():
        faithful = sum(is_faithful(text, [f], labeller) for f, text in texts)
        added = sum(bool(beyond(text, [f], atlas)) for f, text in texts)
        said = [text for _, text in texts]
        rates = str(Rate(faithful, len(texts))), str(Rate(added, len(texts)))
        table.add_row(name, *rates, f"{model.perplexity(said):.1f}", str(len(set(said))))
    known = f"{model.perplexity(apart):.1f}", str(len(set(apart)))
    table.add_row("reports held apart", "", "", *known)
    return table


@dataclass(slots=True)
class Written:
    """Reports in one sort of words, and how long they took."""

    reporter: Reporter
    reports: list[GroundedReport] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, reading: Reading) -> None:
        start = time.perf_counter()
        self.reports.append(replace(reading, reporter=self.reporter).report())
        self.seconds += time.perf_counter() - start


def of_reports(data: Path, films: int, of_writer: int) -> dict[str, Written]:
    """Reports of held-out films, by words: `films` of them in plain and in varied words, and the
    first `of_writer` of these films in the writer's."""
    reporter, folder = grounded.load("neural"), SHIPPED / "weights" / "neural"
    written = {
        words: Written(replace(reporter, generator=Neural(folder, words=words)))
        for words in get_args(Words)
    }
    held = [film for film in nih_films(data / "nih") if film.split == "held"]
    for row, film in enumerate(held[:films]):
        reading = reporter.read(film.image(), force=True)
        for words, made in written.items():
            if words != "writer" or row < of_writer:
                made.add(reading)
    return written


def table_of(written: Mapping[str, Written], labeller: Labeller, model: Trigrams) -> Table:
    table = Table(
        *("words", "reports", "said as meant", "with additions", "different"),
        *("impression uneven", "perplexity", "seconds"),
    )
    for name, made in written.items():
        found = Wording.of(made.reports, labeller, chest_atlas())
        said = [s.text for r in made.reports for s in r.section("findings") if s.findings]
        table.add_row(
            *(name, str(len(made.reports)), str(found.faithful), str(found.added)),
            *(str(len(found.different)), str(found.uneven), f"{model.perplexity(said):.1f}"),
            f"{made.seconds / max(1, len(made.reports)):.3f}",
        )
    return table


def of_empty(data: Path) -> Table:
    """What reports make of findings on films in which radiologists found nothing."""
    reporter, terms = grounded.load("neural"), FindingWords.open().terms
    empty = empty_films(data)
    said: dict[str, Counter[str]] = {}
    for film in empty:
        report = reporter(film.image(), force=True)
        open_ = " ".join(s.text for s in report.section("findings") if "Not judged" in s.text)
        found: dict[str, str] = {}
        for presence in ("absent", "uncertain", "present"):  # what is firmest counts
            stated = (f for s in report.section("findings") for f in s.findings)
            found |= {f.label: presence for f in stated if f.presence == presence}
        for label in report.scope.assessed:
            left = "not judged" if terms[label].listed in open_ else "nothing said"
            said.setdefault(label, Counter())[found.get(label, left)] += 1
    kinds = "present", "uncertain", "not judged", "absent", "nothing said"
    table = Table("finding", *kinds, title=f"{len(empty)} films that radiologists found empty")
    for label, counts in said.items():
        table.add_row(label, *(str(Rate(counts[kind], len(empty))) for kind in kinds))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--films", type=int, default=500)
    parser.add_argument("--of-writer", type=int, default=20)
    parser.add_argument("--read", type=int, default=0)
    options = parser.parse_args()
    labeller, console = Labeller.open(), Console(width=170)
    reports = iu_text(options.data / "iu_text")
    known = [s for n, report in enumerate(reports) if n % 3 for s in report.sentences]
    apart = [s for n, report in enumerate(reports) if n % 3 == 0 for s in report.sentences]
    model = Trigrams(known)
    writer = Writer(SHIPPED / "weights" / "neural" / "writer")
    console.print(of_sentences(writer, labeller, model, apart))
    written = of_reports(options.data, options.films, options.of_writer)
    console.print(table_of(written, labeller, model))
    console.print(of_empty(options.data))
    for row in range(options.read):
        for name, made in written.items():
            if row >= len(made.reports):
                continue
            console.print(f"[{row}, {name}]\n{made.reports[row].text}\n", markup=False)


if __name__ == "__main__":
    main()
