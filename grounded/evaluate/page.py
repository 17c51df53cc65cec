"""The result as one page: plots and tables that need no network, nothing in them from elsewhere."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from grounded.evaluate import plots
from grounded.evaluate.comparison import BY, LEVEL
from grounded.evaluate.errors import ATTRIBUTES, KINDS, CountedError, weight_of
from grounded.evaluate.evaluation import OURS, Evaluation, Figure
from grounded.evaluate.groups import FEW, FIGURES, GroupFigure
from grounded.evaluate.robustness import MEASURES, Robustness
from grounded.evaluate.rows import PRIOR, REFUSED, WEIGHTED

TITLE = "Evaluation of reports"
_CARDS = (WEIGHTED, "missed findings", "unsupported findings", "wrong findings", PRIOR)
_WORST, _FINDINGS = 15, 12  # rows of a table


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. words: the columns that hold words. sources: that the table's last
    column numbers."""

    title: str
    plots: tuple[str, ...] = ()
    heading: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: frozenset[int] = frozenset({0})
    sources: tuple[str, ...] = ()
    note: str = ""
    warns: bool = False


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page of an evaluation. Raises MissingExtraError without matplotlib."""
    path.write_text(render_evaluation(evaluation), encoding="utf-8")


def write_robustness(found: Robustness, path: Path) -> None:
    """Write the curves of a robustness run as a page. Raises MissingExtraError."""
    names = list(dict.fromkeys(point.alteration for point in found.points))
    sections = [_curves(found, name) for name in names]
    path.write_text(render("Robustness", f"{found.data} · {found.by}", (), sections), "utf-8")


def _curves(found: Robustness, name: str) -> Section:
    """One alteration: a plot a measure, and the numbers."""
    points = [point for point in found.points if point.alteration == name]
    measures = [m for m in MEASURES if all(m in point.values for point in points)]
    strengths = [point.strength for point in points]
    drawn = tuple(
        plots.banded(
            f"{name}: {measure}",
            strengths,
            [
                (point.values[measure].value, point.values[measure].low, point.values[measure].high)
                for point in points
            ],
            points[0].unit,
        )
        for measure in measures
        if measure != REFUSED
    )
    return Section(
        f"{name[0].upper()}{name[1:]}",
        drawn,
        (points[0].unit, *measures),
        tuple(
            (
                f"{point.strength:g}",
                *(
                    f"{point.values[measure].value:.3f}"
                    if measure == REFUSED
                    else str(point.values[measure])
                    for measure in measures
                ),
            )
            for point in points
        ),
    )


def render_evaluation(evaluation: Evaluation) -> str:
    sections = [
        *_errors(evaluation),
        *_comparison(evaluation),
        *_groups(evaluation),
        *_probabilities(evaluation),
        *_figures(evaluation),
        *_worst(evaluation),
    ]
    return render(
        TITLE, f"{evaluation.data} · {OURS}", _cards(evaluation), sections, evaluation.notes
    )


def render(
    title: str,
    data: str,
    cards: Sequence[Card],
    sections: Sequence[Section],
    notes: Sequence[str] = (),
) -> str:
    """A page of cards and sections. notes: what has to be known first."""
    from jinja2 import Environment

    source = resources.files("grounded.evaluate") / "page.html"
    template = Environment(autoescape=True).from_string(source.read_text(encoding="utf-8"))
    whole = {"title": title, "data": data, "notes": notes}
    return template.render(**whole, cards=cards, sections=sections)


def _cards(evaluation: Evaluation) -> list[Card]:
    found = {figure.name: figure for figure in evaluation.figures}
    cards = []
    for name in _CARDS:
        if name in found and found[name].value is not None:
            figure = found[name]
            part = name == PRIOR
            value = f"{100 * figure.value:.1f} %" if part else f"{figure.value:.2f}"  # type: ignore[operator]
            title = name if part else f"{name} a report"
            cards.append(Card(title, value, _percent(figure) if part else _interval(figure)))
    return cards


def _errors(evaluation: Evaluation) -> Iterator[Section]:
    values = {figure.name: figure.value or 0.0 for figure in evaluation.figures}
    if WEIGHTED not in values:
        return
    tiers = list(evaluation.urgency.weights)
    kinds = [kind for kind in KINDS if f"{kind} findings" in values]
    by_tier = plots.stacked(
        "By urgency",
        [f"{kind} findings" for kind in kinds],
        {tier: [values[f"{kind}, {tier}"] for kind in kinds] for tier in tiers},
        "errors a report",
    )
    judged = [name for name in ATTRIBUTES if f"errors of {name}" in values]
    by_attribute = plots.stacked(
        "By what is wrong",
        judged,
        {"errors": [values[f"errors of {name}"] for name in judged]},
        "errors a report",
    )
    left_out = [name for name in ATTRIBUTES if name not in judged]
    unjudged = f" Not judged, since no reference says it: {', '.join(left_out)}."
    counts = Counter((e.label, e.kind) for row in evaluation.rows for e in row.errors)
    labels = Counter(e.label for row in evaluation.rows for e in row.errors)
    yield Section(
        "Errors, counted",
        (by_tier, by_attribute),
        ("finding", "urgency", *KINDS, "all"),
        tuple(
            (
                label,
                evaluation.urgency.tier(label),
                *(str(counts[label, kind]) for kind in KINDS),
                str(total),
            )
            for label, total in labels.most_common(_FINDINGS)
        ),
        frozenset({0, 1}),
        note=f"An error counts its finding's urgency "
        f"({', '.join(f'{k} {v:g}' for k, v in evaluation.urgency.weights.items())}) times the "
        f"attribute's part. {evaluation.urgency.source}{unjudged if left_out else ''}",
    )


def _comparison(evaluation: Evaluation) -> Iterator[Section]:
    if not evaluation.differences:
        return
    counted = {WEIGHTED, *(f"{kind} findings" for kind in KINDS)}
    shown = {
        item.name: (item.difference.value, item.difference.low, item.difference.high)
        for item in evaluation.differences
        if item.name in counted and not math.isnan(item.difference.low)
    }
    apart = [item.name for item in evaluation.differences if item.significant]
    yield Section(
        f"Against {evaluation.other}",
        (plots.forest("This run minus the other", shown, "errors a report", True, apart),)
        if shown
        else (),
        ("figure", "here", "other", "difference, 95 % interval", "p", "q", "films", ""),
        tuple(
            (
                item.name,
                f"{item.here:.3f}",
                f"{item.other:.3f}",
                str(item.difference),
                f"{item.p:.4f}",
                f"{item.q:.4f}",
                str(item.films),
                item.verdict,
            )
            for item in evaluation.differences
            if item.here or item.other
        ),
        frozenset({0, 7}),
        note=f"{BY}; q is p corrected for the number of figures; what is better or worse (a square "
        f"in the plot) has q below {LEVEL}.",
    )


def _groups(evaluation: Evaluation) -> Iterator[Section]:
    if not evaluation.groups:
        return
    weighted = [item for item in evaluation.groups if item.name == WEIGHTED]
    shown = {
        f"{item.by}: {item.group}": (item.estimate.value, item.estimate.low, item.estimate.high)
        for item in weighted
        if not math.isnan(item.estimate.low)
    }
    small = [f"{item.by}: {item.group}" for item in weighted if item.warning]
    yield Section(
        "By group of patients",
        (plots.forest("Weighted errors", shown, "weighted errors a report", marked=small),)
        if shown
        else (),
        ("group", *(f"{name}" for name in FIGURES), "films", "patients", ""),
        tuple(_group_rows(evaluation)),
        frozenset({0, len(FIGURES) + 3}),
        note=f"Too small to tell (fewer than {FEW} patients; hollow in the plot): "
        f"{', '.join(small)}."
        if small
        else "",
        warns=True,
    )


def _group_rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    """One row a group, one column a figure with its interval."""
    groups: dict[tuple[str, str], dict[str, GroupFigure]] = {}
    for item in evaluation.groups:
        groups.setdefault((item.by, item.group), {})[item.name] = item
    for (by, group), found in groups.items():
        first = next(iter(found.values()))
        values = (str(found[name].estimate) if name in found else "" for name in FIGURES)
        size = (str(first.films), str(first.patients), first.warning)
        yield (f"{by}: {group}", *values, *size)


def _probabilities(evaluation: Evaluation) -> Iterator[Section]:
    curves = {curve.kind: curve for curve in evaluation.curves}
    if "reliability" not in curves:
        return
    sure, risk = curves["reliability"], curves["risk by coverage"]
    yield Section(
        "Probabilities",
        (
            plots.reliability("Reliability", sure.x, sure.y, sure.counts),
            plots.lines(
                "Risk by coverage",
                {"": (risk.x, risk.y)},
                "part of the statements that is kept",
                "of these, part that is wrong",
                marks=False,
            ),
        ),
        note="A point on the dashed line holds what it says; its area is how many probabilities it "
        "stands for. The most confident statements are kept first.",
    )


def _figures(evaluation: Evaluation) -> Iterator[Section]:
    tables = dict.fromkeys(figure.table for figure in evaluation.figures)
    for table in tables:
        rows = [figure for figure in evaluation.figures if figure.table == table]
        sources = list(dict.fromkeys(figure.how for figure in rows))
        yield Section(
            table[0].upper() + table[1:],
            heading=("figure", "value", "95 % interval", "RGRG, published", "films", "by"),
            rows=tuple(
                (
                    figure.name,
                    "-" if figure.value is None else f"{figure.value:.3f}",
                    _interval(figure),
                    "" if figure.published is None else f"{figure.published:.3f}",
                    str(figure.films),
                    f"{sources.index(figure.how) + 1}.",
                )
                for figure in rows
            ),
            sources=tuple(sources),
        )


def _worst(evaluation: Evaluation) -> Iterator[Section]:
    weighed = [(weight_of(row.errors, evaluation.urgency), row) for row in evaluation.rows]
    worst = sorted(weighed, key=lambda item: (-item[0], item[1].image))[:_WORST]
    if not worst or not worst[0][0]:
        return
    yield Section(
        "The reports with the heaviest errors",
        heading=("film", "weight", "errors"),
        rows=tuple(
            (row.image, f"{weight:.1f}", "; ".join(_in_words(error) for error in row.errors))
            for weight, row in worst
            if weight
        ),
        words=frozenset({0, 2}),
    )


def _in_words(error: CountedError) -> str:
    said = f"{error.label} {error.kind}"
    return f"{said} ({error.attribute})" if error.kind == "wrong" else said


def _percent(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{100 * figure.low:.1f} to {100 * figure.high:.1f} %"


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.2f} to {figure.high:.2f}"
