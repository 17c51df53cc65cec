"""Figures by sex, age, view and source, with a warning where a group is too small to tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grounded.errors import InvalidValueError
from grounded.evaluate.intervals import Estimate
from grounded.evaluate.report_table import GROUPS
from grounded.evaluate.rows import WEIGHTED, Row, mean_of
from grounded.films.age import age_stated
from grounded.view import Projection, projection

FEW = 30  # patients, below which a group's figure says little
AGES = (
    (0, "younger than 18"),
    (18, "18 to 39"),
    (40, "40 to 64"),
    (65, "65 to 79"),
    (80, "from 80"),
)
FIGURES = (WEIGHTED, "missed findings", "unsupported findings", "wrong findings")


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """A figure of the reports of one group. by: what they are grouped by. warning: "" for none."""

    by: str
    group: str
    name: str
    estimate: Estimate
    films: int
    patients: int

    @property
    def warning(self) -> str:
        return f"only {self.patients} patients" if self.patients < FEW else ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "by": self.by,
            "group": self.group,
            "name": self.name,
            **self.estimate.to_dict(),
            "films": self.films,
            "patients": self.patients,
            "warning": self.warning,
        }


def group_figures(rows: Sequence[Row]) -> list[GroupFigure]:
    """The counted errors of every group that at least one report belongs to, if there are two."""
    return list(_figures(rows))


def group_of(row: Row, by: str) -> str:
    """ "" for a report of which it is not known."""
    said = str(row.about.get(by, "")).strip()
    if by == "age":
        return age_group(said)
    if by == "sex":
        return {"m": "male", "f": "female"}.get(said[:1].lower(), said)
    if by == "view":
        meant = projection(said) if said else Projection.UNKNOWN
        return "" if meant is Projection.UNKNOWN else str(meant)
    return said


def _figures(rows: Sequence[Row]) -> Iterator[GroupFigure]:
    for by in GROUPS:
        groups: dict[str, list[Row]] = {}
        for row in rows:
            if group := group_of(row, by):
                groups.setdefault(group, []).append(row)
        if len(groups) < 2:
            continue
        for group in sorted(groups, key=lambda name: (_rank(name), name)):
            for name in FIGURES:
                estimate, films, patients = mean_of(groups[group], name)
                if films:
                    yield GroupFigure(by, group, name, estimate, films, patients)


def age_group(said: str) -> str:
    """The name of the age group for an age as tables write it ("47", "018M"); "" if unreadable."""
    try:
        years = age_stated(said.removesuffix(".0"))
    except InvalidValueError:
        return ""
    return "" if years is None else [name for least, name in AGES if years >= least][-1]


def _rank(group: str) -> int:
    names = [name for _, name in AGES]
    return names.index(group) if group in names else 0
