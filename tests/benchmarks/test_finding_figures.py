"""Figures of findings, on made-up scores."""

import json

import pytest
from own.finding_figures import FindingFigures, finding_figures, statements

from grounded.generators.neural.finding_reader import Calibration
from grounded.train.findings.scores import RegionScore, Source

KINDS = frozenset({"lung", "lower lung zone"})
CALIBRATION = Calibration(KINDS, 1.0, 0.0, 0.3, 0.7, KINDS, "")
LABEL = "Lung Opacity"


def score(
    logit: float,
    truth: bool,
    film: str = "a",
    source: Source = "described",
    region: str = "right lung",
) -> RegionScore:
    return RegionScore(film, source, region, LABEL, logit, truth)


def figures(*scores: RegionScore) -> dict[tuple[str, str], FindingFigures]:
    rows = finding_figures(scores, {LABEL: CALIBRATION}, {})
    return {(row.source, row.kind): row for row in rows}


def test_statements_are_counted_against_the_truth() -> None:
    said = statements(
        [score(3, True), score(0, True), score(-3, True), score(-3, False), score(3, False)],
        CALIBRATION,
    )
    assert (said.sensitivity.hits, said.sensitivity.count) == (1, 3)
    assert (said.specificity.hits, said.specificity.count) == (1, 2)
    assert said.missed.hits == 1
    assert said.false_alarms.hits == 1
    assert (said.uncertain.hits, said.uncertain.count) == (1, 5)


def test_sources_and_kinds_are_told_apart() -> None:
    rows = figures(
        score(2, True),
        score(-2, False, film="b", source="clear", region="left lower lung zone"),
        score(1, True, film="b nodule", source="painted"),
    )
    assert (rows["real", ""].present, rows["real", ""].absent) == (1, 1)
    assert (rows["described", ""].present, rows["described", ""].absent) == (1, 0)
    assert rows["clear", "lower lung zone"].absent == 1
    assert rows["painted", "lung"].present == 1
    assert ("painted", "lower lung zone") not in rows


def test_patients_are_counted_by_what_their_films_hold() -> None:
    scores = [score(2, True, film="a"), score(2, True, film="b"), score(-2, False, film="c")]
    [row] = [
        row
        for row in finding_figures(scores, {LABEL: CALIBRATION}, {"a": "p", "b": "p", "c": "p"})
        if (row.source, row.kind) == ("real", "")
    ]
    assert row.patients == (1, 1)


def test_calibration_at_even_odds_does_not_follow_how_common_a_finding_is() -> None:
    rare = [score(0, True), *(score(0, False) for _ in range(9))]
    row = figures(*rare)["real", ""]
    assert row.calibration == pytest.approx(0.4)
    assert row.even == pytest.approx(0, abs=1e-9)


def test_figures_are_valid_json_even_without_a_value() -> None:
    row = figures(score(2, True))["real", ""].to_dict()
    assert row["auroc"]["value"] is None
    assert row["calibration_error_even_odds"] is None
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_nothing_scored_gives_no_rows() -> None:
    assert figures() == {}
