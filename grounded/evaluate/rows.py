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
    errors_between,
    stated,
    stated_by,
    weight_of,
)
from grounded.evaluate.grounding import Entailment, place_errors, places, radfact
from grounded.evaluate.intervals import Estimate, Rate, interval, redraws
from grounded.evaluate.report_table import Statement
from grounded.evaluate.reports import Case
from grounded.language.labeller import Labeller, sentences
from grounded.language.mentions import words_of_comparison

WEIGHTED, ALL = "weighted errors", "errors a report"
PRIOR = "reports with an invented prior study"
POINTING = "pointing game"
REFUSED = "films refused"
LOWER_IS_BETTER = ("errors", "missed", "unsupported", "wrong", PRIOR)
"""What the names of figures begin with of which less is better."""
RATES = (PRIOR, POINTING, REFUSED)
"""Figures that are 0 or 1 for each report."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One report: its errors, and its numbers by figure; a figure that it has no part in is not.

    reference: the digest of what it was judged by.
    """

    image: str
    patient: str
    about: Mapping[str, str]
    errors: tuple[CountedError, ...]
    values: Mapping[str, float]
    reference: str = ""

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
            "reference": self.reference,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Row:
        errors = [
            CountedError(e["finding"], e["kind"], e["attribute"], float(e["amount"]))
            for e in data["errors"]
        ]
        values = {str(name): float(value) for name, value in data["values"].items()}
        about, reference = dict(data["about"]), str(data["reference"])
        return cls(data["image"], data["patient"], about, tuple(errors), values, reference)


def row_of(
    case: Case,
    labeller: Labeller,
    urgency: Urgency,
    entailment: Entailment,
    boxed: bool = True,
    marked: bool = True,
) -> Row:
    """The errors of a report and its numbers, of words, places and comparisons.

    boxed, marked: whether its generator says places of sentences, and of findings, at all; if not,
    none are judged.
    """
    found = places(case, labeller)
    errors = counted(case, labeller)
    known = {(e.label, e.attribute) for e in errors}
    errors += [e for e in place_errors(found) if (e.label, e.attribute) not in known]
    values: dict[str, float] = {}
    if case.reference.text or case.reference.findings:
        values |= _error_values(errors, urgency, judged(case, marked))
        if case.written.findings is None:
            values[PRIOR] = float(invents_prior(case))
    if found:
        values["mIoU of findings"] = float(np.mean([place.iou for place in found.values()]))
        values[POINTING] = float(np.mean([place.pointed for place in found.values()]))
    values |= _radfact_values(case, entailment, boxed)
    return Row(case.image, case.patient, case.about, tuple(errors), values, case.reference.digest)


def judged(case: Case, marked: bool = True) -> tuple[str, ...]:
    """The attributes that can be wrong at all, by what is known of the film and what is said of it.

    Labels say of a finding whether it is there, and where, if they have boxes; nothing of its side,
    degree or size, of which no error is then counted, and no "0" either.
    """
    if case.reference.text and case.written.findings is None:
        return ATTRIBUTES
    words = ("certainty", "measurement") if case.reference.text else ()
    return ("presence", *(("place",) if marked and case.reference.boxed else ()), *words)


def _radfact_values(case: Case, entailment: Entailment, boxed: bool) -> dict[str, float]:
    """RadFact's parts; of a reference that is single phrases, no whole report, only the recalls."""
    reference = _statements(case.reference.statements, case.reference.text)
    written = _statements(case.written.statements, case.written.text)
    if not reference or case.written.findings is not None:
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
    """The errors of what a report says: against the reference's words, or else its labels."""
    labels = case.written.findings
    said = stated(case.written.text, labeller) if labels is None else stated_by(labels)
    if case.reference.text:
        return errors_between(said, stated(case.reference.text, labeller))
    return errors_against_findings(said, case.reference.findings)


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
    estimate = interval(value, means)
    if estimate.low == estimate.high:  # all alike: what is drawn again cannot differ
        estimate = _alike(name, value, len(count))
    return estimate, len(having), len(count)


def _alike(name: str, value: float, patients: int) -> Estimate:
    """A value that is alike for all patients, with Wilson's interval if it is a rate; any other has
    none (NaN)."""
    if name in RATES and patients > 1:
        return Rate(round(value * patients), patients).estimate
    return Estimate(value, math.nan, math.nan)


def _error_values(
    errors: Sequence[CountedError], urgency: Urgency, attributes: Sequence[str]
) -> dict[str, float]:
    """attributes: those that are judged; without any but presence nothing can be wrong."""
    kinds = Counter(error.kind for error in errors)
    tiers = Counter((error.kind, urgency.tier(error.label)) for error in errors)
    wrong = Counter(error.attribute for error in errors)
    values = {WEIGHTED: weight_of(errors, urgency), ALL: float(len(errors))}
    for kind in KINDS if len(attributes) > 1 else KINDS[:2]:
        values[f"{kind} findings"] = float(kinds[kind])
        values |= {f"{kind}, {tier}": float(tiers[kind, tier]) for tier in urgency.weights}
    return values | {f"errors of {name}": float(wrong[name]) for name in attributes}


def _compares(text: str) -> bool:
    return any(words_of_comparison(sentence) for sentence in sentences(text))
