"""How well the sentence generator reads and writes, on films and reports that were held out.

    python benchmarks/generator_accuracy.py --data DIR [--preset neural | --weights FOLDER]

DIR holds the folders `chest_anatomy`, `covid_films` and `iu_text`. FOLDER holds `encoder`,
`findings`, `writer` and `mentioned.json`, as training writes them. The films are those of the
detector's own held-out part; with --films calibration those that findings were calibrated with, so
that what may be stated need not be decided on the films that it is measured on. Their sources:
"described" films have notes of what is to be seen, "clear" ones are taken to show nothing, "real"
is both, "painted" are the clear ones with one lesion of each kind in turn.

Intervals hold 95 %. Those of areas, scores, precision, recall and F1 come from drawing the patients
again (2000 times, seeded), those of other parts are Wilson's, which take regions for independent.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from own.answers import CHANCE, clinical, own_or_other
from own.asked import LastFilm, training_bank, truth_of
from own.baselines import FrequentNormal, Retrieval
from own.finding_figures import FindingFigures, finding_figures
from own.lesion_words import Look, lesion_looks, word_tables
from own.sentence_figures import (
    WordTable,
    brief_fidelity,
    fidelity,
    sayable,
    statement_briefs,
    taught,
    wording,
    write,
)
from own.ways import OURS, Told, Ways
from rich.console import Console
from rich.table import Table

import grounded
from grounded.chest.names import chest_atlas, kind_of
from grounded.data.example import Example
from grounded.data.iu_text import iu_text
from grounded.detectors.organs.detector import OrganDetector
from grounded.evaluate.intervals import Rate
from grounded.generators.neural.generator import Neural
from grounded.generators.neural.planned import told
from grounded.generators.neural.writer import Brief
from grounded.language.labeller import Labeller
from grounded.language.templates import blank
from grounded.protocols import RegionDetector
from grounded.train.findings.run import Split, split_films
from grounded.train.findings.samples import Pairs, base_known
from grounded.train.findings.scores import (
    RegionScore,
    Source,
    painted_films,
    patients_of,
    scores_of,
)
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase, phrases
from grounded.train.writer.run import perplexity

NOTES = Path(__file__).parent / "covid_films.csv"
OWN = Path(__file__).parents[1] / "configs" / "train" / "phrases.toml"
ORGANS = Path(__file__).parent.parent / "configs" / "weights" / "organ_net"


@dataclass(frozen=True)
class Parts:
    """What is measured: the preset's detector and generator, and what it reads where."""

    detector: RegionDetector
    generator: Neural
    labeller: Labeller
    pairs: Pairs

    @classmethod
    def of(cls, detector: RegionDetector, generator: Neural) -> Parts:
        reader = generator.reader
        kinds = tuple(reader.calibrations[label].kinds for label in reader.net.labels)
        pairs = Pairs(reader.net.labels, kinds)
        return cls(LastFilm(detector), generator, Labeller.open(), pairs)

    @property
    def assessed(self) -> dict[str, list[str]]:
        """The findings that are read and may be stated, with the kinds of region."""
        calibrations = self.generator.reader.calibrations.items()
        return {label: sorted(c.assessed) for label, c in calibrations if c.assessed}


def tell(parts: Parts, example: Example, ways: Ways, said: Told) -> list[RegionScore]:
    """The scores of a film as it is; what is said of it is added to `said`."""
    image, name = example.image(), example.name
    known = base_known(example, parts.pairs)
    source: Source = "described" if example.described else "clear"
    reader = parts.generator.reader
    scores = list(scores_of(parts.detector, reader, image, name, source, known, parts.pairs))
    [regions] = parts.detector.detect([image])
    ways.tell(name, image, regions, truth_of(known, parts.pairs, regions), said)
    return scores


def score_painted(
    parts: Parts, examples: Sequence[Example]
) -> tuple[list[RegionScore], list[Look]]:
    scores: list[RegionScore] = []
    looks: list[Look] = []
    reader, kind_for = parts.generator.reader, parts.generator.writer.terms.kind_for
    for film in painted_films(parts.detector, examples, parts.pairs):
        scores += scores_of(
            parts.detector, reader, film.image, film.name, "painted", film.known, parts.pairs
        )
        looks += lesion_looks(parts.detector, reader, film, parts.pairs, kind_for)
    return scores, looks


def by_finding(console: Console, rows: Sequence[FindingFigures]) -> None:
    """Two tables: how well the logits separate, and what would be stated."""
    scored = Table(
        *("finding", "source", "kind of region", "with / without", "patients", "AUROC"),
        *("AUROC within films", "films", "calibration error", "at even odds"),
    )
    said = Table(
        *("finding", "source", "kind of region", "sensitivity", "specificity", "missed"),
        *("false alarms", "uncertain"),
    )
    for row in rows:
        head = (row.label, row.source, row.kind or "all")
        scored.add_row(
            *(*head, f"{row.present} / {row.absent}", f"{row.patients[0]} / {row.patients[1]}"),
            *map(str, row.separation),
            *(number(row.calibration), number(row.even)),
        )
        done = row.statements
        said.add_row(
            *(*head, part(done.sensitivity), part(done.specificity), part(done.missed)),
            *(part(done.false_alarms), part(done.uncertain)),
        )
    console.print(scored, said)


def number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def part(rate: Rate) -> str:
    """A rate, its count left out: it is in another column."""
    of = rate.estimate
    return f"{of.value:.2f} ({of.low:.2f} to {of.high:.2f})" if rate.count else "-"


def writing(
    console: Console, parts: Parts, train: Sequence[Phrase], test: Sequence[Phrase], said: Told
) -> dict[str, Any]:
    """Fidelity and wording of the writer."""
    writer, labeller = parts.generator.writer, parts.labeller
    findings, statements = taught(sayable(train, writer)), statement_briefs(sayable(train, writer))
    briefs = [Brief(f.region, kind_of(f.region), told(f)) for f in findings]
    shipped = fidelity(write(writer, findings, briefs, labeller), labeller)
    first = fidelity(write(writer, findings, briefs, None), labeller)
    on_films = fidelity(said.sentences.get(OURS, []), labeller)
    texts, known = {phrase.text for phrase in train}, sayable(test, writer)
    words = wording(
        [blank(s.text, s.finding.region, chest_atlas()) for s in said.sentences.get(OURS, [])],
        texts,
    )
    rates = {
        "each finding of each kind of region, first attempt": first.agreed,
        "each finding of each kind of region, as shipped": shipped.agreed,
        "of these, in fixed words": shipped.plain,
        "each statement of the training reports, first attempt": brief_fidelity(
            writer, statements, labeller, verified=False
        ),
        "each statement of the training reports, verified": brief_fidelity(
            writer, statements, labeller, verified=True
        ),
        "findings read in held-out films, first attempt": fidelity(
            write(writer, said.findings, said.briefs, None), labeller
        ).agreed,
        "findings read in held-out films, as shipped": on_films.agreed,
        "of those on films, in fixed words": on_films.plain,
        "of those on films, word for word in the training reports": words.verbatim,
        "of those on films, different ones": words.distinct,
        "phrases of held-out reports that it has words for": Rate(len(known), len(test)),
    }
    perplexities = {
        "perplexity of a token of held-out phrases, as often as they are said": known,
        "perplexity of those that are not among the training phrases": [
            phrase for phrase in known if phrase.text not in texts
        ],
    }
    values = {name: perplexity(writer, chosen) for name, chosen in perplexities.items()}
    table = Table("what the labeller reads in what the writer writes", "part")
    for name, rate in rates.items():
        table.add_row(name, str(rate))
    for name, value in values.items():
        table.add_row(name, number(value))
    console.print(table)
    for wrong in (*shipped.wrong, *on_films.wrong)[:12]:
        console.print(f"not read as {told(wrong.finding)}: {wrong.text}")
    return {
        **{name: rate.to_dict() for name, rate in rates.items()},
        **{name: None if math.isnan(value) else value for name, value in values.items()},
    }


def by_way(
    console: Console, parts: Parts, said: Told, patients: Mapping[str, str]
) -> dict[str, Any]:
    """The baselines and ours, as the labeller reads what each says of the held-out films."""
    table = Table(
        *("what is said by", "precision", "recall", "F1 of 'present'", "says neither"),
        *("fidelity", f"own region or other (chance {CHANCE})", "fits own alone"),
    )
    figures: dict[str, Any] = {}
    for way, found in said.answers.items():
        of_truth = clinical(found, patients)
        own = own_or_other(found, patients)
        agreed = fidelity(said.sentences[way], parts.labeller).agreed
        table.add_row(
            *(way, str(of_truth.precision), str(of_truth.recall), str(of_truth.f1)),
            *(part(of_truth.silent), str(agreed), str(own.score), str(own.own)),
        )
        figures[way] = {
            "precision": of_truth.precision.to_dict(),
            "recall": of_truth.recall.to_dict(),
            "f1": of_truth.f1.to_dict(),
            "said_and_there_said_only_there_only": of_truth.counts,
            "silent": of_truth.silent.to_dict(),
            "fidelity": agreed.to_dict(),
            "own_or_other": own.score.to_dict(),
            "fits_own_alone": own.own.to_dict(),
        }
    console.print(table)
    known = [there for answer in said.answers.get(OURS, []) for there in answer.truth.values()]
    console.print(
        f"over {len(known)} findings of regions that are known, {sum(known)} of them there"
    )
    return figures


def by_look(console: Console, parts: Parts, looks: Sequence[Look]) -> dict[str, Any]:
    """Words of size and look against what was painted, with the region shown and hidden."""
    figures: dict[str, Any] = {}
    for shown in (True, False) if parts.generator.writer.features else (False,):
        tables = word_tables(parts.generator.writer, looks, shown=shown)
        for what, words in zip(("size", "variety of opacity"), tables, strict=True):
            title = f"{what}, region {'shown' if shown else 'hidden'}"
            print_words(console, title, words)
            figures[title] = {
                "agreed": words.agreed.to_dict(),
                "chance": words.chance if words.agreed.count else None,
                "counts": [[*pair, count] for pair, count in words.counts.items()],
            }
    return figures


def print_words(console: Console, title: str, words: WordTable) -> None:
    said = sorted(words.said)
    table = Table(f"painted {title}", *(f"said {name or 'nothing'}" for name in said))
    for painted in sorted(words.painted):
        table.add_row(painted or "none", *(str(words.counts.get((painted, s), 0)) for s in said))
    console.print(table)
    console.print(f"{title}: agrees in {words.agreed} that say it; chance {number(words.chance)}")


def load(options: argparse.Namespace) -> Parts:
    if options.weights:
        detector = OrganDetector(ORGANS, encoder=options.weights / "encoder")
        return Parts.of(detector, Neural(options.weights))
    reporter = grounded.load(options.preset)
    if not isinstance(reporter.generator, Neural):
        raise SystemExit(f"the preset {options.preset!r} does not read findings from films")
    return Parts.of(reporter.detector, reporter.generator)


def bank_of(parts: Parts, split: Split, every: int) -> Bank:
    reader = parts.generator.reader
    return training_bank(parts.detector, reader, split.train[::every], parts.pairs)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--preset", default="neural")
    parser.add_argument("--weights", type=Path, help="a folder of training, instead of the preset")
    parser.add_argument(
        "--films",
        choices=("held", "calibration"),
        default="held",
        help="which films: those held out, or those that were calibrated with",
    )
    parser.add_argument("--every", type=int, default=1, help="only every n-th film; for a try")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--width", type=int, default=190)
    return parser.parse_args()


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    parts, split = load(options), split_films(options.data, notes=NOTES)
    reports = iu_text(options.data / "iu_text")
    train = phrases([r for r in reports if r.split == "train"], parts.labeller, own=OWN, familiar=3)
    test = phrases([r for r in reports if r.split == "test"], parts.labeller)
    held = (split.held if options.films == "held" else split.calibration)[:: options.every]
    patients = patients_of(held)
    console = Console(width=options.width)
    console.print(
        f"grounded {grounded.__version__}; {len(held)} films ({options.films}), "
        f"{sum(example.described for example in held)} of them described; "
        f"may be stated: {parts.assessed or 'nothing'}"
    )

    scores, looks = score_painted(parts, held)
    nearest = Retrieval(train, bank_of(parts, split, options.every))
    ways = Ways(parts.generator, FrequentNormal(train), nearest, parts.labeller)
    said = Told()
    for example in held:
        scores += tell(parts, example, ways, said)
    rows = finding_figures(scores, parts.generator.reader.calibrations, patients)
    by_finding(console, [row for row in rows if not row.kind])
    by_finding(
        console,
        [
            row
            for row in rows
            if row.kind and row.source in ("described", "painted") and row.present
        ],
    )
    out = {
        "films": {"which": options.films, "count": len(held)},
        "assessed": parts.assessed,
        "findings": [row.to_dict() for row in rows],
        "writing": writing(console, parts, train, test, said),
        "ways": by_way(console, parts, said, patients),
        "looks": by_look(console, parts, looks),
        "seconds": round(time.perf_counter() - start),
    }
    console.print(f"{out['seconds']} s, {options.threads} threads")
    if options.out:
        options.out.write_text(json.dumps(out, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
