"""The paper's tables, on a few films."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grounded import Box, Regions
from grounded.chest.names import REGIONS
from grounded.errors import InvalidValueError
from grounded.evaluate.evaluation import Evaluation
from grounded.evaluate.reports import Case, Reference, Written
from grounded.evaluate.tables import Judging, evaluate, evaluate_files

BOXES = {"right lung": Box(0, 0, 10, 10), "spine": Box(4, 0, 6, 20)}
REFERENCE = Reference(
    "The lungs are clear. The spine is bent.",
    BOXES,
    frozenset({"right lung", "spine"}),
    frozenset({"spine"}),
)
FOUND = Regions(("right lung", "carina"), np.array([[0, 0, 10, 5], [1, 1, 2, 2]]), np.ones(2))
WRITTEN = Written(
    "The lungs are clear.", FOUND, frozenset({"right lung", "carina"}), frozenset({"carina"})
)
CASE = Case("a", WRITTEN, REFERENCE)


@pytest.fixture(autouse=True)
def _without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # METEOR's Java takes a second each time


def _evaluate(*cases: Case) -> Evaluation:
    return evaluate(cases, data="a test")


def test_regions_and_their_boxes_are_compared() -> None:
    evaluation = _evaluate(CASE)
    assert evaluation["regions found of 29"] == 2
    assert evaluation["IoU right lung"] == pytest.approx(0.5)
    assert evaluation["IoU spine"] == 0
    assert evaluation["mean IoU"] == pytest.approx(0.25)


def test_the_described_and_the_abnormal_regions_are_compared() -> None:
    evaluation = _evaluate(CASE)
    assert evaluation["selection precision"] == pytest.approx(0.5)
    assert evaluation["selection F1"] == pytest.approx(0.5)
    assert evaluation["abnormality F1"] == 0


def test_findings_are_compared_and_the_labeller_is_named() -> None:
    evaluation = _evaluate(CASE)
    assert evaluation["example-14 F1"] == 1  # "No Finding" on both sides
    [how] = {f.how for f in evaluation.figures if f.table == "findings"}
    assert "rule-based labeller" in how


def test_what_has_no_reference_is_left_out() -> None:
    only_text = Case("b", Written("Clear."), Reference("Clear lungs."))
    assert {figure.table for figure in _evaluate(only_text).figures} == {
        "errors a report",
        "prior studies",
        "places",
        "words",
        "findings",
    }
    only_boxes = replace(CASE, reference=replace(REFERENCE, text=""))
    assert {f.table for f in _evaluate(only_boxes).figures} == {"regions", "regions described"}


def test_the_text_names_data_films_and_published_figures() -> None:
    text = _evaluate(CASE).text
    assert text.startswith("a test\n")
    assert "IoU right lung" in text
    assert "0.920" in text
    assert "Tanida et al." in text


def test_an_unknown_region_name_is_no_figure() -> None:
    with pytest.raises(KeyError):
        _evaluate(CASE)["IoU left knee"]
    first = next(f for f in _evaluate(CASE).figures if f.table == "regions")
    assert first.name == f"regions found of {len(REGIONS)}"


def test_files_are_compared_and_what_has_no_partner_is_counted(tmp_path: Path) -> None:
    reports, references = tmp_path / "r.jsonl", tmp_path / "t.jsonl"
    reports.write_text(json.dumps({"image": "a", "report": "Edema."}))
    references.write_text(
        "\n".join(json.dumps({"image": name, "report": "Mild edema."}) for name in "ab")
    )
    evaluation = evaluate_files(reports, references, data="made up, test split")
    assert evaluation.data.startswith("made up, test split: 1 films")
    assert "1 references without report" in evaluation.data
    assert json.loads(json.dumps(evaluation.to_dict()))["figures"]
    with pytest.raises(InvalidValueError, match='"rules" or "radeval"'):
        evaluate_files(reports, references, judging=Judging(labeller="magic"))  # type: ignore[arg-type]
