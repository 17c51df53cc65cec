"""The table of generators: each evaluated (counted errors a report) and audited, on equal films.

    python benchmarks/generators.py --data DIR [--films 30] [--seed 1] [--out DIR]

DIR holds `nih` and `iu_text`; drawn are films of 128 px of patients held out that radiologists
read. The reference of a film is what they saw, in words, with the sides of their outlines; what
they did not look for counts as absent, in the reference and in nobody's favour.

normal template      the same normal report of every film, written by hand
commonest sentences  the same report of every film, learned from text alone: what most reports of
                     iu_text's training part say
nearest sentence     what radiologists saw in the film of the training part that looks most alike
measured, neural     the shipped presets
neural, told         the same, with the true findings of the film set beforehand
RGRG, random         the published layout, small and with random weights: it has learned nothing,
                     and its words (numbers of tokens) change with the place
RGRG, no film        the same with its first layer zero: no film gets in, so all films are alike
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from own.films import drawn_films
from rich.console import Console
from rich.table import Table

import grounded
from grounded import Image, Reporter, Sentence
from grounded.audit import Audit, Verdict
from grounded.compose.composer import AnatomicalComposer
from grounded.convert.rgrg import convert_rgrg, published_layout
from grounded.data.example import Example
from grounded.data.iu_text import iu_text
from grounded.data.nih import RADIOLOGISTS
from grounded.detectors.rgrg.detector import RgrgDetector
from grounded.evaluate.errors import Urgency, errors_of, weight_of
from grounded.explain.audit.examine import audit
from grounded.explain.audit.outside import OutsideSubject
from grounded.explain.audit.pool import PoolFilm, read_pool
from grounded.explain.audit.subjects import ReporterSubject, Subject
from grounded.explain.places import RegionBoxes
from grounded.findings import Label, Presence, SetFindings, label_of
from grounded.generators.rgrg.generator import TOKEN_IDS, RgrgGenerator
from grounded.language.labeller import Labeller
from grounded.protocols import Question, SentenceGenerator
from grounded.train.rgrg.run import RGRGConfig

NAMES = (
    *("normal template", "commonest sentences", "nearest sentence"),
    *("measured", "neural", "neural, told", "RGRG, random", "RGRG, no film"),
)
KINDS = ("missed", "unsupported", "wrong")
LIBRARY = 400  # films that the nearest one is looked for among
LIKE = 24  # px of a film's side, at which two films are compared
NORMAL = (
    "No focal opacity in the lungs.",
    "No pleural effusion.",
    "No pneumothorax.",
    "The heart is not enlarged.",
)
FIRST_LAYER = "object_detector.backbone.0.weight"
TINY = Path(__file__).parent.parent / "configs" / "train" / "rgrg_tiny_3_all.toml"


@dataclass(slots=True)
class Row:
    """What one generator wrote of the films, and the audits of it."""

    written: dict[str, str] = field(default_factory=dict)
    audits: list[Audit] = field(default_factory=list)


def seen_in(film: Example, width: float) -> dict[str, set[str]]:
    """The findings that radiologists saw, with the sides of the film that they outlined them on."""
    found: dict[str, set[str]] = {}
    for reading in film.readings:
        for mark in reading.marks if reading.reader == RADIOLOGISTS else ():
            line = np.asarray(mark.shape, dtype=np.float64).reshape(-1, 2)
            side = "right" if line[:, 0].mean() < width / 2 else "left"
            found.setdefault(mark.label, set()).add(side)
    return found


def in_words(found: Mapping[str, set[str]]) -> list[str]:
    """A sentence a finding; none for a film in which nothing was seen."""
    said = []
    for label, sides in found.items():
        where = "bilateral" if len(sides) == 2 else next(iter(sides))
        words = label if label == "Cardiomegaly" else f"{where} {label}"
        said.append(f"{words.capitalize()}.")
    return said


class Told:
    """A generator that is told what a film shows before it looks."""

    def __init__(self, generator: SentenceGenerator, findings: SetFindings) -> None:
        self.name, self.scope = f"{generator.name}, told", generator.scope
        self.weights_sha256 = generator.weights_sha256
        self._generator, self._findings = generator, findings

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        told = [replace(question, findings=self._findings) for question in questions]
        return self._generator.describe(told)


def to_set(found: Mapping[str, set[str]], reporter: Reporter) -> SetFindings:
    """What a reader would set: every assessed finding, present or absent, in lungs and heart."""
    told: dict[str, dict[Label, Presence]] = {}
    for word in reporter.generator.scope.assessed:
        label = label_of(word)
        places = ("cardiac silhouette",) if label == "Cardiomegaly" else ("right lung", "left lung")
        for name in places:
            side = name.split()[0]
            there = label in found and (label == "Cardiomegaly" or side in found[label])
            told.setdefault(name, {})[label] = Presence.PRESENT if there else Presence.ABSENT
    return told


def stand_in(folder: Path, *, lets_in: bool) -> Reporter:
    """RGRG's layout, small, with random weights; its words are the numbers of its tokens.

    lets_in: whether anything of a film passes its first layer.
    """
    folder.mkdir()
    config = RGRGConfig.read(TINY)
    words = config.vocabulary
    detector, decoder = config.detector, replace(config.decoder, vocabulary=words, stop=words - 1)
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in published_layout(detector, decoder).items():
        values = torch.randn(shape, generator=random)
        gain = 25.0 if "cls_score" in name else 12.0 if "classifier.4" in name else 1.0
        state[name] = values * gain / values[0].numel() ** 0.5 if values.ndim > 1 else values * 0.02
        if name.endswith("running_var") or (values.ndim == 1 and name.endswith("weight")):
            state[name] = state[name] + 1
    state[FIRST_LAYER] = state[FIRST_LAYER] * lets_in
    torch.save({"model": state}, folder / "full_model.pt")
    convert_rgrg(folder / "full_model.pt", folder, detector=detector, decoder=decoder)
    generator = RgrgGenerator(folder / "generator", TOKEN_IDS, beams=1, max_length=16)
    return Reporter(
        RgrgDetector(folder / "detector"), generator, RegionBoxes(), AnatomicalComposer(), "RGRG"
    )


def likeness(image: Image) -> NDArray[np.float64]:
    """A small version of a film, of mean 0 and length 1."""
    small = cv2.resize(np.array(image.pixels), (LIKE, LIKE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float64).ravel()
    values -= values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-9)


def nearest_of(folder: Path, seed: int) -> Callable[[bytes], str]:
    """Answers with what was seen in the film of a library that looks most alike."""
    films = drawn_films(folder, "train", seed)[:LIBRARY]
    images = [Image.open(film.path, view=film.view, force=True) for film in films]
    library = np.stack([likeness(image) for image in images])
    said = [
        in_words(seen_in(film, image.info.width)) or list(NORMAL)
        for film, image in zip(films, images, strict=True)
    ]

    def answer(png: bytes) -> str:
        best = int(np.argmax(library @ likeness(Image.open(png, force=True))))
        return lines(said[best])

    return answer


def commonest(folder: Path) -> list[str]:
    """The sentences that most reports of the training part have, as many as the template has."""
    reports = [report for report in iu_text(folder) if report.split == "train"]
    counts = Counter(sentence for report in reports for sentence in set(report.sentences))
    return [sentence for sentence, _ in counts.most_common(len(NORMAL))]


def always(texts: Sequence[str]) -> OutsideSubject:
    """A generator that says the same of every film."""
    return OutsideSubject("always the same", lambda _: lines(texts))


def lines(texts: Sequence[str]) -> str:
    return "\n".join(json.dumps({"text": text}) for text in texts)


def try_generators(arguments: argparse.Namespace, folder: Path) -> None:
    neural, measured = grounded.load("neural"), grounded.load("measured")
    rgrg = [stand_in(folder / str(lets_in), lets_in=lets_in) for lets_in in (True, False)]
    common = commonest(arguments.data / "iu_text")
    print("commonest sentences:", " ".join(common))
    fixed = {"normal template": always(NORMAL), "commonest sentences": always(common)}
    nearest, pool = nearest_of(arguments.data, arguments.seed), read_pool()
    rows = {name: Row() for name in NAMES}
    references = {}
    for film in drawn_films(arguments.data, "held", arguments.seed)[: arguments.films]:
        image = Image.open(film.path, view=film.view, force=True)
        found = seen_in(film, image.info.width)
        references[film.name] = " ".join(in_words(found) or NORMAL)
        generator = Told(neural.generator, to_set(found, neural))
        told = replace(neural, generator=generator, explainer=RegionBoxes())
        for name, subject in fixed.items():
            add(rows[name], film.name, subject, image, pool)
        add(rows["nearest sentence"], film.name, OutsideSubject("nearest", nearest), image, pool)
        for name, reporter in zip(NAMES[3:], (measured, neural, told, *rgrg), strict=True):
            add_report(rows[name], film.name, reporter, image, pool)
    say(rows, references)
    if arguments.out is not None:
        write(rows, references, arguments.out)


def add_report(row: Row, name: str, reporter: Reporter, image: Image, pool: list[PoolFilm]) -> None:
    [reading] = reporter.read_all([image], force=True)
    report = reading.report()
    row.written[name] = " ".join(s.text for s in report.section("findings"))
    row.audits.append(audit(reading.image, ReporterSubject(reporter, report, reading), pool))


def add(row: Row, name: str, subject: Subject, image: Image, pool: list[PoolFilm]) -> None:
    row.written[name] = " ".join(subject.said(image).sentences)
    row.audits.append(audit(image, subject, pool))


def say(rows: Mapping[str, Row], references: Mapping[str, str]) -> None:
    verdicts = [verdict for verdict in Verdict if verdict != Verdict.OPEN]
    heads = ("errors, weighted", *KINDS, "audited")
    table = Table("generator", *heads, *map(str, verdicts))
    labeller, urgency = Labeller.open(), Urgency.open()
    for name, row in rows.items():
        found = [errors_of(text, references[film], labeller) for film, text in row.written.items()]
        errors = [error for each in found for error in each]
        figures = [weight_of(errors, urgency), *(sum(e.kind == k for e in errors) for k in KINDS)]
        counts = Counter(s.verdict for each in row.audits for s in each.sentences)
        audited = sum(counts[verdict] for verdict in verdicts)
        shares = [f"{counts[v] / audited:.2f}" if audited else "-" for v in verdicts]
        per_report = [f"{figure / len(found):.2f}" for figure in figures]
        table.add_row(name, *per_report, str(audited), *shares)
    print(f"{len(references)} films; errors a report; shares of the sentences that were audited")
    Console(width=160).print(table)


def write(rows: Mapping[str, Row], references: Mapping[str, str], out: Path) -> None:
    """What `grounded evaluate OUT/neural.jsonl OUT/references.csv` takes."""
    out.mkdir(parents=True, exist_ok=True)
    for name, row in rows.items():
        items = [{"image": film, "report": text} for film, text in row.written.items()]
        file = out / f"{name.replace(',', '').replace(' ', '_')}.jsonl"
        file.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    with (out / "references.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "reference_report"))
        table.writerows(references.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the reports and references there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try_generators(arguments, Path(folder))
    print(f"{time.process_time():.0f} s of processor time")


if __name__ == "__main__":
    main()
