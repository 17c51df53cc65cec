"""The tables of the paper on region-guided reports, for reports that were written to files.

Tanida et al., CVPR 2023, tables 1 to 4: regions found and their boxes; selection and abnormality;
the words of the report; its findings. Each figure carries what computed it and how many films it
stands on. The published figures beside them are of MIMIC-CXR with Chest ImaGenome's split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from grounded.chest.names import REGIONS
from grounded.errors import InvalidValueError
from grounded.evaluate.detection import region_accuracy
from grounded.evaluate.errors import ATTRIBUTES, Urgency, errors_of, weight_of
from grounded.evaluate.findings import (
    Uncertain,
    example_fourteen,
    finding_table,
    micro_five,
    radeval_scores,
)
from grounded.evaluate.reports import Case, pair, read_references, read_written
from grounded.evaluate.scores import Scores, pooled_scores
from grounded.evaluate.text import Tokenizer, text_scores
from grounded.language.labeller import Labeller
from grounded.version import VERSION

LabellerName = Literal["rules", "radeval"]
PUBLISHED: Mapping[str, float] = {
    "regions found of 29": 28.79,
    "mean IoU": 0.887,
    "IoU right lung": 0.92,
    "IoU left lung": 0.92,
    "IoU cardiac silhouette": 0.837,
    "IoU right clavicle": 0.85,
    "IoU left clavicle": 0.85,
    "IoU carina": 0.54,
    "selection F1": 0.717,
    "abnormality F1": 0.510,
    "BLEU-1": 0.373,
    "BLEU-2": 0.249,
    "BLEU-3": 0.175,
    "BLEU-4": 0.126,
    "METEOR": 0.168,
    "ROUGE-L": 0.264,
    "CIDEr": 0.495,
    "micro-5 precision": 0.491,
    "micro-5 recall": 0.617,
    "micro-5 F1": 0.547,
    "example-14 precision": 0.461,
    "example-14 recall": 0.475,
    "example-14 F1": 0.447,
}
"""RGRG's figures: Tanida et al., CVPR 2023, on MIMIC-CXR; findings labelled by CheXbert."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table. value: None when it was not computed, and `how` says why."""

    table: str
    name: str
    value: float | None
    how: str
    films: int

    @property
    def published(self) -> float | None:
        return PUBLISHED.get(self.name)

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "name": self.name,
            "value": self.value,
            "published_rgrg": self.published,
            "how": self.how,
            "films": self.films,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures, and the data that they stand on, in words."""

    data: str
    figures: tuple[Figure, ...]

    def __getitem__(self, name: str) -> float | None:
        """The value of a figure by name. Raises KeyError for an unknown name."""
        for figure in self.figures:
            if figure.name == name:
                return figure.value
        raise KeyError(name)

    @property
    def text(self) -> str:
        """The tables as plain text."""
        return "\n".join(_lines(self)) + "\n"

    def to_dict(self) -> dict[str, Any]:
        return {"data": self.data, "figures": [figure.to_dict() for figure in self.figures]}


def evaluate_files(
    reports: Path,
    reference: Path,
    *,
    data: str = "",
    labeller: LabellerName = "rules",
    uncertain: Uncertain = "present",
    tokenizer: Tokenizer = "words",
    urgency: Urgency | None = None,
) -> Evaluation:
    """Compare reports with references; see `read_written` and `read_references` for the files.

    data: the data set and split, in the user's words, for the heading. labeller: "rules", or
    "radeval" for CheXbert and RadGraph. uncertain: what an uncertain finding counts as.
    """
    written, references = read_written(reports), read_references(reference)
    cases = pair(written, references)
    heading = (
        f"{data or reference.name}: {len(cases)} films with report and reference "
        f"({len(written) - len(cases)} reports without reference, "
        f"{len(references) - len(cases)} references without report)"
    )
    return evaluate(
        cases,
        data=heading,
        labeller=labeller,
        uncertain=uncertain,
        tokenizer=tokenizer,
        urgency=urgency,
    )


def evaluate(
    cases: Sequence[Case],
    *,
    data: str,
    labeller: LabellerName = "rules",
    uncertain: Uncertain = "present",
    tokenizer: Tokenizer = "words",
    urgency: Urgency | None = None,
) -> Evaluation:
    """All figures that the cases allow; a table without any case to stand on is left out."""
    if labeller not in ("rules", "radeval"):
        raise InvalidValueError(f'labeller is "rules" or "radeval", got {labeller!r}')
    boxed = [case for case in cases if case.written.regions is not None and case.reference.boxes]
    worded = [case for case in cases if case.reference.text]
    figures = [*_regions(boxed), *_choices(boxed)]
    if worded:
        written = [case.written.text for case in worded]
        references = [case.reference.text for case in worded]
        figures += [
            Figure("words", score.name, score.value, score.how, len(worded))
            for score in text_scores(written, references, tokenizer)
        ]
        figures = [*_errors(written, references, urgency or Urgency.open()), *figures]
        if labeller == "radeval":
            figures += _radeval(written, references)
        else:
            figures += _findings(written, references, uncertain)
    return Evaluation(data, tuple(figures))


def _errors(
    written: Sequence[str], references: Sequence[str], urgency: Urgency
) -> Iterator[Figure]:
    rules, count = Labeller.open(), len(written)
    pairs = zip(written, references, strict=True)
    found = [errors_of(said, true, rules) for said, true in pairs]
    how = f"grounded {VERSION} rule-based labeller; counted errors, the mean over the reports"
    table, every = "errors a report", [error for errors in found for error in errors]
    for kind in ("missed", "unsupported", "wrong"):
        of_kind = [error for error in every if error.kind == kind]
        yield Figure(table, f"{kind} findings", len(of_kind) / count, how, count)
        for tier in urgency.weights:
            hits = sum(urgency.tier(error.label) == tier for error in of_kind)
            yield Figure(table, f"{kind}, {tier}", hits / count, how, count)
    for attribute in ATTRIBUTES:
        hits = sum(error.attribute == attribute for error in every)
        yield Figure(table, f"errors of {attribute}", hits / count, how, count)
    weights = f"{how}; weighted by urgency: {dict(urgency.weights)}"
    yield Figure(table, "weighted errors", weight_of(every, urgency) / count, weights, count)


def _regions(cases: Sequence[Case]) -> Iterator[Figure]:
    pairs = [
        (case.written.regions, case.reference.boxes)
        for case in cases
        if case.written.regions is not None and case.reference.boxes is not None
    ]
    if not pairs:
        return
    how = f"grounded {VERSION}; a region that is not found has IoU 0"
    number = float(np.mean([len(set(regions.names) & set(REGIONS)) for regions, _ in pairs]))
    yield Figure("regions", f"regions found of {len(REGIONS)}", number, how, len(pairs))
    accuracy = region_accuracy(pairs)
    weights = [item.count for item in accuracy.values()]
    mean = float(np.average([item.mean_iou for item in accuracy.values()], weights=weights))
    yield Figure("regions", "mean IoU", mean, how, len(pairs))
    for name in REGIONS:
        if name in accuracy:
            item = accuracy[name]
            yield Figure("regions", f"IoU {name}", item.mean_iou, how, item.count)


def _choices(cases: Sequence[Case]) -> Iterator[Figure]:
    if not cases:
        return
    table = "regions described"
    how = f"grounded {VERSION}; from the report's sentences, all 29 regions pooled"
    for name, field in (("selection", "described"), ("abnormality", "abnormal")):
        truth = [[r in getattr(case.reference, field) for r in REGIONS] for case in cases]
        said = [[r in getattr(case.written, field) for r in REGIONS] for case in cases]
        yield from _triple(table, name, pooled_scores(truth, said), how, len(cases))


def _findings(
    written: Sequence[str], references: Sequence[str], uncertain: Uncertain
) -> Iterator[Figure]:
    rules = Labeller.open()
    truth = finding_table(references, rules, uncertain)
    said = finding_table(written, rules, uncertain)
    how = (
        f"grounded {VERSION} rule-based labeller, uncertain counts as {uncertain}; "
        f"the published figures are CheXbert's"
    )
    yield from _triple("findings", "micro-5", micro_five(truth, said), how, len(written))
    yield from _triple("findings", "example-14", example_fourteen(truth, said), how, len(written))


def _radeval(written: Sequence[str], references: Sequence[str]) -> Iterator[Figure]:
    values, release = radeval_scores(written, references)
    for name, value in values.items():
        yield Figure("findings", name, value, f"{release}, CheXbert and RadGraph", len(written))


def _triple(table: str, name: str, scores: Scores, how: str, films: int) -> Iterator[Figure]:
    for part, value in zip(("precision", "recall", "F1"), scores, strict=True):
        yield Figure(table, f"{name} {part}", value, how, films)


def _lines(evaluation: Evaluation) -> Iterator[str]:
    yield evaluation.data
    notes: dict[str, int] = {}
    table = ""
    for figure in evaluation.figures:
        if figure.table != table:
            table = figure.table
            yield ""
            yield f"{table.upper():32s}{'here':>8s}{'RGRG*':>8s}{'films':>8s}  by"
        note = notes.setdefault(figure.how, len(notes) + 1)
        value = "-" if figure.value is None else f"{figure.value:.3f}"
        published = "" if figure.published is None else f"{figure.published:.3f}"
        yield f"{figure.name:32s}{value:>8s}{published:>8s}{figure.films:8d}  [{note}]"
    yield ""
    yield "* published by Tanida et al. (CVPR 2023) on MIMIC-CXR, Chest ImaGenome split: other data"
    yield from (f"[{number}] {how}" for how, number in notes.items())
