"""From a table of anyone's reports to the result file, the page, and the comparison of two runs."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grounded.cli.app import app
from grounded.errors import DataError
from grounded.evaluate.comparison import Run, compare
from grounded.evaluate.errors import Urgency
from grounded.evaluate.evaluation import read_run
from grounded.evaluate.groups import group_figures, group_of
from grounded.evaluate.page import render_evaluation
from grounded.evaluate.reports import read_references, read_written
from grounded.evaluate.rows import PRIOR, Row, mean_of
from grounded.evaluate.tables import Judging, evaluate_files

TRUE = [
    ("1", "p1", "F", "70", "PA", "Small left pleural effusion. No pneumothorax."),
    ("2", "p1", "F", "71", "AP", "The heart is enlarged."),
    ("3", "p2", "M", "30", "PA", "The lungs are clear."),
    ("4", "p3", "M", "50", "AP", "Right lower lobe pneumonia."),
    ("5", "p4", "F", "35", "PA", "Mild pulmonary edema."),
]
GOOD = [text for *_, text in TRUE]
BAD = [
    "Large right pleural effusion.",
    "Heart enlarged, increased since the prior study.",
    "Pneumothorax.",
    "Clear lungs.",
    "Possible edema.",
]


@pytest.fixture(autouse=True)
def _without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # METEOR's Java takes a second each time


def _csv(path: Path, heading: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heading, *rows])
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    heading = ("id", "patient", "sex", "age", "view", "report")
    return _csv(tmp_path / "reference.csv", heading, [*TRUE])


def _reports(path: Path, texts: list[str], scores: bool = True) -> Path:
    rows = [
        (str(number), text, 0.9 if "effusion" in text else 0.2)
        for number, text in enumerate(texts, start=1)
    ]
    heading = ("id", "report", "Pleural Effusion") if scores else ("id", "report")
    return _csv(path, heading, [row if scores else row[:2] for row in rows])


def test_a_table_of_anyone_goes_to_a_result_file_and_a_page(
    tmp_path: Path, reference: Path
) -> None:
    pytest.importorskip("matplotlib")
    good, bad = _reports(tmp_path / "good.csv", GOOD), _reports(tmp_path / "bad.csv", BAD)
    run = CliRunner()
    first = run.invoke(app, ["evaluate", str(good), str(reference), "-o", f"{tmp_path}/a.json"])
    assert first.exit_code == 0, first.output
    options = ["--against", f"{tmp_path}/a.json", "-o", f"{tmp_path}/b.json"]
    options += ["--page", f"{tmp_path}/b.html", "--name", "made up", "--split", "test"]
    second = run.invoke(app, ["evaluate", str(bad), str(reference), *options])
    assert second.exit_code == 0, second.output
    result = json.loads((tmp_path / "b.json").read_text())
    for figure in result["figures"]:
        assert figure["data"].startswith("made up, test: 5 films")
        assert figure["split"] == "test"
        assert re.search(r"\d", figure["how"]) or figure["value"] is None
    assert len(result["reports"]) == 5
    assert result["comparison"]["with"] == "a.json"
    page = (tmp_path / "b.html").read_text()
    assert page.count("<svg") == 6
    names = r'xmlns(:\w+)?="[^"]*"|<metadata>.*?</metadata>'
    assert "://" not in re.sub(names, "", page, flags=re.DOTALL)
    assert "only 2 patients" in page


def test_what_is_wrong_is_counted_by_kind_and_an_invented_prior_study_is_a_rate(
    tmp_path: Path, reference: Path
) -> None:
    found = evaluate_files(_reports(tmp_path / "bad.csv", BAD), reference)
    assert found["missed findings"] == pytest.approx(1 / 5)
    assert found["unsupported findings"] == pytest.approx(1 / 5)
    assert found["errors of side"] == pytest.approx(1 / 5)
    assert found["errors of severity"] == pytest.approx(1 / 5)
    assert found["reports with an invented prior study"] == pytest.approx(1 / 5)
    perfect = evaluate_files(_reports(tmp_path / "good.csv", GOOD), reference)
    assert perfect["weighted errors"] == 0
    assert perfect["expected calibration error"] == pytest.approx(0.18)


def test_two_runs_differ_with_a_p_value_and_a_run_does_not_differ_from_itself(
    tmp_path: Path, reference: Path
) -> None:
    good = evaluate_files(_reports(tmp_path / "good.csv", GOOD), reference)
    bad = evaluate_files(_reports(tmp_path / "bad.csv", BAD), reference)
    apart = {item.name: item for item in bad.against(good.run).differences}
    assert apart["weighted errors"].difference.value > 0
    assert apart["weighted errors"].p == pytest.approx(0.125)  # four patients: 2 of 16 swaps
    assert apart["weighted errors"].patients == 4
    assert not apart["weighted errors"].significant
    alike = good.against(good.run).differences
    assert {item.p for item in alike} == {1.0}
    with pytest.raises(DataError, match="no film in common"):
        good.against(Run([Row("other", "p", {}, (), {})]))


def test_a_result_file_gives_its_rows_back(tmp_path: Path, reference: Path) -> None:
    found = evaluate_files(_reports(tmp_path / "bad.csv", BAD), reference)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(found.to_dict()))
    again = read_run(path).rows
    assert [row.to_dict() for row in again] == [row.to_dict() for row in found.rows]
    path.write_text("{}")
    with pytest.raises(DataError, match="no result file"):
        read_run(path)


def test_groups_are_patients_and_small_ones_are_warned_of(tmp_path: Path, reference: Path) -> None:
    found = evaluate_files(_reports(tmp_path / "bad.csv", BAD), reference)
    groups = {(g.by, g.group): g for g in group_figures(found.rows) if g.name == "weighted errors"}
    assert groups["sex", "female"].patients == 2
    assert groups["sex", "female"].films == 3
    assert groups["age", "65 to 79"].films == 2
    assert groups["view", "AP"].warning == "only 2 patients"
    row = Row("a", "p", {"age": "018M", "view": "?", "sex": "f"}, (), {})
    assert [group_of(row, by) for by in ("age", "view", "sex", "source")] == [
        "younger than 18",
        "",
        "female",
        "",
    ]


def test_films_of_one_patient_are_drawn_together() -> None:
    rows = [Row(str(n), "one", {}, (), {"x": float(n)}) for n in range(4)]
    estimate, films, patients = mean_of(rows, "x")
    assert (estimate.value, films, patients) == (1.5, 4, 1)
    assert str(estimate) == "1.500"
    assert mean_of(rows, "y")[1] == 0


def test_boxes_and_labels_stand_in_the_documented_columns(tmp_path: Path) -> None:
    said = '[{"text": "Left effusion.", "boxes": [[0, 0, 10, 10]]}]'
    heading = ("id", "sentences", "Pleural Effusion", "Pleural Effusion boxes")
    written = _csv(tmp_path / "w.csv", heading, [("a.dcm", said, "0.8", "0 0 10 10")])
    true = _csv(
        tmp_path / "t.csv", ("id", "Pleural Effusion boxes", "Edema"), [("a", "1 1 9 9", "0")]
    )
    report = read_written(written)["a"]
    assert report.text == "Left effusion."
    assert report.statements[0].boxes == report.boxes["Pleural Effusion"]
    assert report.scores == {"Pleural Effusion": 0.8}
    reference = read_references(true)["a"]
    assert reference.findings == {"Pleural Effusion": "present", "Edema": "absent"}
    found = evaluate_files(written, true)
    assert found["finding mAP 50"] == pytest.approx(1)
    assert "words" not in {figure.table for figure in found.figures}
    assert found["mIoU of findings"] == pytest.approx(0.64)
    assert found["missed findings"] == 0


@pytest.mark.parametrize(
    ("column", "cell"),
    [("Edema", "1.5"), ("Edema boxes", "1 2 3"), ("sentences", "[{}]"), ("sentences", "x")],
)
def test_a_cell_that_does_not_fit_is_named_with_its_film(
    tmp_path: Path, column: str, cell: str
) -> None:
    path = _csv(tmp_path / "w.csv", ("id", "report", column), [("a", "Clear.", cell)])
    with pytest.raises(DataError, match="film 'a'"):
        read_written(path)


def test_uids_keep_their_dots(tmp_path: Path) -> None:
    rows = [("1.2.3", "Clear."), ("1.2.4", "Edema."), ("b.dcm", "Clear.")]
    assert set(read_written(_csv(tmp_path / "w.csv", ("id", "report"), rows))) == {
        "1.2.3",
        "1.2.4",
        "b",
    }


def test_the_page_of_an_evaluation_without_errors_has_no_list_of_the_worst(
    tmp_path: Path, reference: Path
) -> None:
    pytest.importorskip("matplotlib")
    reports = _reports(tmp_path / "g.csv", GOOD, scores=False)
    page = render_evaluation(evaluate_files(reports, reference))
    assert "heaviest errors" not in page
    assert "Reliability" not in page
    assert page == render_evaluation(evaluate_files(reports, reference))


def test_probabilities_without_words_state_what_is_likely(tmp_path: Path) -> None:
    said = _csv(
        tmp_path / "s.csv",
        ("id", "Pleural Effusion", "Pneumothorax", "Edema"),
        [("1", 0.9, 0.1, ""), ("2", 0.2, 0.6, ""), ("3", 0.1, 0.1, "")],
    )
    labels = ("id", "Pleural Effusion", "Pneumothorax", "Edema")
    true = _csv(tmp_path / "t.csv", labels, [("1", 1, 0, 0), ("2", 0, 0, 0), ("3", 0, 0, 1)])
    found = evaluate_files(said, true)
    assert found["missed findings"] == pytest.approx(1 / 3)  # the edema
    assert found["unsupported findings"] == pytest.approx(1 / 3)  # the pneumothorax
    texts = _csv(tmp_path / "r.csv", ("id", "report"), [("1", "Left effusion.")])
    against_words = evaluate_files(said, texts)
    assert against_words["missed findings"] == 0
    assert {f.table for f in against_words.figures} == {"errors a report", "probabilities"}


def test_what_no_reference_says_is_not_judged(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    reports = _reports(tmp_path / "bad.csv", BAD)
    labels = _csv(tmp_path / "t.csv", ("id", "Pleural Effusion"), [("1", 1), ("2", 0)])
    found = evaluate_files(reports, labels)
    names = {figure.name for figure in found.figures}
    assert "errors of presence" in names
    assert not names & {"errors of side", "errors of place", "wrong findings"}
    assert "Not judged, since no reference says it: place, side" in render_evaluation(found)
    boxes = ("id", "Pleural Effusion boxes")
    placed = _csv(tmp_path / "b.csv", boxes, [("1", "5 5 9 9"), ("2", "")])
    said = '[{"text": "Effusion.", "boxes": [[50, 50, 90, 90]]}]'
    elsewhere = _csv(tmp_path / "w.csv", ("id", "sentences"), [("1", said)])
    assert evaluate_files(elsewhere, placed)["errors of place"] == 1
    marked = _csv(tmp_path / "m.csv", ("id", "Pleural Effusion boxes"), [("1", "50 50 90 90")])
    assert evaluate_files(marked, placed)["errors of place"] == 1


def test_runs_on_other_references_do_not_compare(tmp_path: Path, reference: Path) -> None:
    good = evaluate_files(_reports(tmp_path / "good.csv", GOOD), reference)
    labels = _csv(tmp_path / "t.csv", ("id", "Pleural Effusion"), [("1", 1), ("9", 0)])
    other = evaluate_files(_reports(tmp_path / "good.csv", GOOD), labels)
    with pytest.raises(DataError, match="'1' first, were judged by another reference"):
        good.against(other.run)


def test_figures_that_were_computed_otherwise_do_not_compare(
    tmp_path: Path, reference: Path
) -> None:
    reports = _reports(tmp_path / "bad.csv", BAD)
    found = evaluate_files(reports, reference)
    shipped = Urgency.open()
    heavier = replace(shipped, weights={**shipped.weights, "urgent": 40.0})
    other = evaluate_files(reports, reference, judging=Judging(urgency=heavier))
    compared = found.against(replace(other.run, name="other.json"))
    names = {item.name for item in compared.differences}
    assert "missed findings" in names
    assert not names & {"weighted errors", "missed, urgent"}
    assert "not compared, since other.json computed it otherwise: weighted errors" in (
        compared.text
    )


def test_a_difference_says_which_run_is_better() -> None:
    def rows(errors: float, words: float) -> list[Row]:
        values = {"weighted errors": errors, "ROUGE-L": words}
        return [Row(str(n), str(n), {}, (), values) for n in range(20)]

    better = {item.name: item for item in compare(Run(rows(1, 0.5)), Run(rows(2, 0.4)))}
    assert {item.verdict for item in better.values()} == {"better"}
    worse = {item.name: item for item in compare(Run(rows(2, 0.4)), Run(rows(1, 0.5)))}
    assert {item.verdict for item in worse.values()} == {"worse"}


def test_what_is_alike_in_all_reports_has_no_interval_without_width() -> None:
    rows = [Row(str(n), str(n), {}, (), {"x": 0.0, PRIOR: 0.0}) for n in range(10)]
    assert str(mean_of(rows, "x")[0]) == "0.000"
    assert mean_of(rows, PRIOR)[0].high == pytest.approx(0.278, abs=1e-3)  # Wilson, none of 10
