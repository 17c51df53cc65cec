"""One row of numbers a report: what figures are means of, groups are cut from, and runs compared
by.

Patients are drawn again for intervals, not films: films of one patient are alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grounded.evaluate.errors import (
    ATTRIBUTES,
    KINDS,
    CountedError,
    Urgency,
    errors_against_findings,
    errors_of,
    stated,
    weight_of,
)
from grounded.evaluate.grounding import Entailment, place_errors, places, radfact
from grounded.evaluate.intervals import Estimate, interval, redraws
from grounded.evaluate.reports import Case, Statement
from grounded.language.labeller import Labeller, sentences
from grounded.language.mentions import words_of_comparison

WEIGHTED = "weighted errors"
PRIOR = "reports with an invented prior study"
LOWER_IS_BETTER = ("errors", "missed", "unsupported", "wrong", PRIOR)
"""What the names of figures begin with of which less is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One report: its errors, and its numbers by figure; a figure that it has no part in is not."""

    image: str
    patient: str
    about: Mapping[str, str]
    errors: tuple[CountedError, ...]
    values: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "patient": self.patient,
            "about": dict(self.about),
            "errors": [
                {"finding": e.label, "kind": e.kind, "attribute": e.attribute, "amount": e.amount}
                for e in self.errors
            ],
            "values": dict(self.values),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        errors = [
            CountedError(e["finding"], e["kind"], e["attribute"], float(e["amount"]))
            for e in data["errors"]
        ]
        values = {str(name): float(value) for name, value in data["values"].items()}
        return cls(data["image"], data["patient"], dict(data["about"]), tuple(errors), values)


def row_of(
    case: Case,
    labeller: Labeller,
    urgency: Urgency,
    entailment: Entailment,
    boxed: bool = True,
) -> Row:
    """The errors of a report and its numbers, of words, places and comparisons.

    boxed: whether its generator says places at all; if not, none are judged.
    """
    found = places(case, labeller)
    errors = counted(case, labeller)
    known = {(e.label, e.attribute) for e in errors}
    errors += [e for e in place_errors(found) if (e.label, e.attribute) not in known]
    values: dict[str, float] = {}
    if case.reference.text or case.reference.findings:
        values |= _error_values(errors, urgency)
        values[PRIOR] = float(invents_prior(case))
    if found:
        values["mIoU of findings"] = float(np.mean([place.iou for place in found.values()]))
        values["pointing game"] = float(np.mean([place.pointed for place in found.values()]))
    values |= _radfact_values(case, entailment, boxed)
    return Row(case.image, case.patient, case.about, tuple(errors), values)


def _radfact_values(case: Case, entailment: Entailment, boxed: bool) -> dict[str, float]:
    """RadFact's parts; of a reference that is single phrases, no whole report, only the recalls."""
    reference = _statements(case.reference.statements, case.reference.text)
    written = _statements(case.written.statements, case.written.text)
    if not reference:
        return {}
    scores = radfact(written, reference, entailment)
    parts = {name: getattr(scores, name) for name in scores.__slots__}
    return {
        f"RadFact {name.replace('_', ' ')}": value
        for name, value in parts.items()
        if not math.isnan(value)
        and (boxed or name.startswith("logical"))
        and (case.reference.text or name.endswith("recall"))
    }


def _statements(known: Sequence[Statement], text: str) -> Sequence[Statement]:
    return known or [Statement(sentence) for sentence in sentences(text)]


def counted(case: Case, labeller: Labeller) -> list[CountedError]:
    """The errors of a report's words: against the reference's words, or else its labels."""
    if case.reference.text:
        return errors_of(case.written.text, case.reference.text, labeller)
    return errors_against_findings(stated(case.written.text, labeller), case.reference.findings)


def invents_prior(case: Case) -> bool:
    """Whether the report compares with an earlier film, and the reference does not."""
    written, reference = case.written.text, case.reference.text
    return _compares(written) and not _compares(reference)


def mean_of(rows: Sequence[Row], name: str) -> tuple[Estimate, int, int]:
    """The mean of a figure over the reports that have it, with their number and their patients'."""
    having = [row for row in rows if name in row.values]
    if not having:
        return Estimate.none(), 0, 0
    _, patient = np.unique([row.patient for row in having], return_inverse=True)
    count = np.bincount(patient)
    total = np.bincount(patient, [row.values[name] for row in having])
    drawn = redraws(len(count))
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = (drawn @ total) / (drawn @ count)
    value = float(total.sum() / count.sum())
    estimate = interval(value, means) if len(count) > 1 else Estimate(value, math.nan, math.nan)
    return estimate, len(having), len(count)


def _error_values(errors: Sequence[CountedError], urgency: Urgency) -> dict[str, float]:
    kinds = Counter(error.kind for error in errors)
    tiers = Counter((error.kind, urgency.tier(error.label)) for error in errors)
    attributes = Counter(error.attribute for error in errors)
    values = {WEIGHTED: weight_of(errors, urgency), "errors a report": float(len(errors))}
    for kind in KINDS:
        values[f"{kind} findings"] = float(kinds[kind])
        values |= {f"{kind}, {tier}": float(tiers[kind, tier]) for tier in urgency.weights}
    return values | {f"errors of {name}": float(attributes[name]) for name in ATTRIBUTES}


def _compares(text: str) -> bool:
    return any(words_of_comparison(sentence) for sentence in sentences(text))
