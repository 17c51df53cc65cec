"""From a table of anyone's reports to the result file, the page, and the comparison of two runs."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grounded.cli.app import app
from grounded.errors import DataError
from grounded.evaluate.groups import group_figures, group_of
from grounded.evaluate.page import render_evaluation
from grounded.evaluate.reports import read_references, read_written
from grounded.evaluate.rows import Row, mean_of
from grounded.evaluate.tables import evaluate_files, read_rows

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
    apart = {item.name: item for item in bad.against(good.rows, "good").differences}
    assert apart["weighted errors"].difference.value > 0
    assert apart["weighted errors"].p == pytest.approx(0.125)  # four patients: 2 of 16 swaps
    assert apart["weighted errors"].patients == 4
    assert not apart["weighted errors"].significant
    alike = good.against(good.rows, "itself").differences
    assert {item.p for item in alike} == {1.0}
    with pytest.raises(DataError, match="no film in common"):
        good.against([Row("other", "p", {}, (), {})], "other")


def test_a_result_file_gives_its_rows_back(tmp_path: Path, reference: Path) -> None:
    found = evaluate_files(_reports(tmp_path / "bad.csv", BAD), reference)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(found.to_dict()))
    again = read_rows(path)
    assert [row.to_dict() for row in again] == [row.to_dict() for row in found.rows]
    path.write_text("{}")
    with pytest.raises(DataError, match="no result file"):
        read_rows(path)


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
