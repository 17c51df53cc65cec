"""What an evaluation found: every figure with its source, films and interval, as text and as JSON.

The published figures beside ours are those of the paper on region-guided reports, on MIMIC-CXR with
Chest ImaGenome's split.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grounded.errors import DataError
from grounded.evaluate.comparison import BY, LEVEL, Difference, Run, compare, otherwise
from grounded.evaluate.errors import Urgency
from grounded.evaluate.groups import GroupFigure
from grounded.evaluate.intervals import Estimate
from grounded.evaluate.rows import Row
from grounded.version import VERSION

SCHEMA = 2
OURS = f"grounded {VERSION}"
BY_CHEXBERT = "CheXbert "  # before the names of figures by it
_BETWEEN = ("95 % interval", 18)
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
    """One line of a table. value: None when it was not computed, and `how` says why.

    low, high: the 95 % interval over patients, None without one.
    """

    table: str
    name: str
    value: float | None
    how: str
    films: int
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, table: str, name: str, estimate: Estimate, how: str, films: int) -> Figure:
        return cls(table, name, how=how, films=films, **estimate.to_dict())

    @property
    def published(self) -> float | None:
        return PUBLISHED.get(self.name.removeprefix(BY_CHEXBERT))

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "published_rgrg": self.published,
            "how": self.how,
            "films": self.films,
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve. kind: "reliability" or "risk by coverage"; counts: at each point."""

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    counts: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "x": self.x, "y": self.y, "counts": self.counts}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures, and the data that they stand on, in words.

    data: set and films. split: of the set, "" if nobody says. rows: the numbers of each report.
    urgency: the table of weights. other: the run that this one is compared with, by name. notes:
    what a reader of the figures has to know of the files.
    """

    data: str
    figures: tuple[Figure, ...]
    split: str = ""
    groups: tuple[GroupFigure, ...] = ()
    curves: tuple[Curve, ...] = ()
    rows: tuple[Row, ...] = ()
    urgency: Urgency = field(default_factory=Urgency.open)
    differences: tuple[Difference, ...] = ()
    other: str = ""
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float | None:
        """The value of a figure by name. Raises KeyError for an unknown name."""
        for figure in self.figures:
            if figure.name == name:
                return figure.value
        raise KeyError(name)

    @property
    def run(self) -> Run:
        """What another run is compared with."""
        return Run(self.rows, {figure.name: figure.how for figure in self.figures})

    def against(self, other: Run) -> Evaluation:
        """This evaluation with its differences to another run.

        Raises DataError for a run on other films or other references.
        """
        found = tuple(compare(self.run, other))
        valued = {name for row in self.rows for name in row.values}
        apart = [name for name in otherwise(self.run, other) if name in valued]
        note = f"not compared, since {other.name} computed it otherwise: {', '.join(apart)}"
        notes = (*self.notes, note) if apart else self.notes
        return replace(self, differences=found, other=other.name, notes=notes)

    @property
    def text(self) -> str:
        """The tables as plain text."""
        return "\n".join([*_lines(self), *_group_lines(self), *_difference_lines(self)]) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The result file: every figure with its data, split, films, package and version."""
        source = {"data": self.data, "split": self.split}
        return {
            "schema": SCHEMA,
            "by": OURS,
            **source,
            "notes": self.notes,
            "urgency": {
                "source": self.urgency.source,
                "weights": dict(self.urgency.weights),
                "attributes": dict(self.urgency.attributes),
                "tiers": dict(self.urgency.tiers),
            },
            "figures": [{**figure.to_dict(), **source} for figure in self.figures],
            "groups": [{**group.to_dict(), "how": OURS, **source} for group in self.groups],
            "curves": [{**curve.to_dict(), "how": OURS, **source} for curve in self.curves],
            "comparison": {
                "with": self.other,
                "how": BY,
                "differences": [item.to_dict() for item in self.differences],
            }
            if self.differences
            else None,
            "reports": [row.to_dict() for row in self.rows],
        }


def read_run(path: Path) -> Run:
    """The reports of a result file of an earlier run. Raises DataError for another file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}, expected {SCHEMA}")
        how = {str(figure["name"]): str(figure["how"]) for figure in data["figures"]}
        return Run([Row.from_dict(item) for item in data["reports"]], how, path.name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no result file of `grounded evaluate`: {error!r}") from error


def _lines(evaluation: Evaluation) -> Iterator[str]:
    yield evaluation.data
    yield from (f"note: {note}" for note in evaluation.notes)
    notes: dict[str, int] = {}
    table = ""
    for figure in evaluation.figures:
        if figure.table != table:
            table = figure.table
            yield ""
            yield (
                _heading(table.upper(), ("here", 8), _BETWEEN, ("RGRG*", 8), ("films", 8)) + "  by"
            )
        note = notes.setdefault(figure.how, len(notes) + 1)
        value = "-" if figure.value is None else f"{figure.value:.3f}"
        low, high = figure.low, figure.high
        between = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
        published = "" if figure.published is None else f"{figure.published:.3f}"
        yield (
            f"{figure.name:38s}{value:>8s}{between:>18s}{published:>8s}{figure.films:8d}  [{note}]"
        )
    yield ""
    yield "* published by Tanida et al. (CVPR 2023) on MIMIC-CXR, Chest ImaGenome split: other data"
    yield from (f"[{number}] {how}" for how, number in notes.items())


def _group_lines(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.groups:
        return
    yield ""
    yield _heading("BY GROUP", ("here", 8), _BETWEEN, ("films", 8), ("patients", 10))
    for item in evaluation.groups:
        low, high = item.estimate.low, item.estimate.high
        between = "" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
        name = f"{item.by} {item.group}: {item.name}"
        line = (
            f"{name:38s}{item.estimate.value:8.3f}{between:>18s}{item.films:8d}{item.patients:10d}"
        )
        yield f"{line}  {item.warning}".rstrip()


def _difference_lines(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.differences:
        return
    yield ""
    columns = (("here", 8), ("other", 8), ("difference", 30), ("p", 8), ("q", 8), ("films", 8))
    yield _heading(f"AGAINST {evaluation.other}", *columns)
    for item in evaluation.differences:
        mark = f"  {item.verdict}".rstrip()
        yield (
            f"{item.name:38s}{item.here:8.3f}{item.other:8.3f}{item.difference!s:>30s}"
            f"{item.p:8.4f}{item.q:8.4f}{item.films:8d}{mark}"
        )
    yield f"better, worse: q below {LEVEL}; {BY}; q: p corrected for the number of figures"


def _heading(first: str, *columns: tuple[str, int]) -> str:
    return f"{first:38s}" + "".join(f"{name:>{width}s}" for name, width in columns)
