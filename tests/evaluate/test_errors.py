import csv

import pytest

from grounded.errors import ConfigError
from grounded.evaluate.errors import CountedError, Urgency, errors_of, weight_of
from grounded.evaluate.tables import evaluate_files
from grounded.language.labeller import Labeller

RULES = Labeller.open()
TRUE = "Small left pleural effusion. The heart is enlarged. No pneumothorax."


@pytest.mark.parametrize(
    "words",
    [
        "There is a small pleural effusion on the left. Cardiomegaly.",
        "The cardiac silhouette is enlarged. A small left-sided effusion is seen.",
    ],
)
def test_the_same_findings_in_other_words_are_no_errors(words: str) -> None:
    assert errors_of(words, TRUE, RULES) == []


@pytest.mark.parametrize(
    ("words", "kind", "attribute"),
    [
        ("Cardiomegaly.", "missed", "presence"),
        (f"{TRUE} Pulmonary edema.", "unsupported", "presence"),
        ("Small right pleural effusion. Cardiomegaly.", "wrong", "side"),
        ("Large left pleural effusion. Cardiomegaly.", "wrong", "severity"),
        ("Possible small left pleural effusion. Cardiomegaly.", "wrong", "certainty"),
        ("Blunted left costophrenic angle. Cardiomegaly.", "wrong", "certainty"),
        (
            "Small left pleural effusion, increased since prior. Cardiomegaly.",
            "wrong",
            "comparison",
        ),
    ],
)
def test_each_error_is_counted_by_its_kind(words: str, kind: str, attribute: str) -> None:
    [error] = errors_of(words, TRUE, RULES)
    assert (error.kind, error.attribute) == (kind, attribute)


def test_an_unspecified_abnormality_is_an_error_where_there_is_none() -> None:
    said = "Unspecified abnormality of the left hemithorax."
    assert [error.kind for error in errors_of(said, "Left rib fracture.", RULES)] == ["missed"]
    assert [error.kind for error in errors_of(said, "The lungs are clear.", RULES)] == [
        "unsupported"
    ]
    both = f"{said} Cardiomegaly."
    assert [error.label for error in errors_of(both, "Cardiomegaly.", RULES)] == [
        "Unspecified Abnormality"
    ]


def test_an_urgent_error_weighs_more_and_a_wrong_attribute_half() -> None:
    urgency = Urgency.open()
    missed = CountedError("Pneumothorax", "missed", "presence")
    routine = CountedError("Calcification", "missed", "presence")
    side = CountedError("Pneumothorax", "wrong", "side")
    assert weight_of([missed], urgency) > weight_of([routine], urgency)
    assert weight_of([side], urgency) == weight_of([missed], urgency) / 2


def test_another_table_of_urgency_is_used_and_a_broken_one_refused(tmp_path) -> None:
    table = tmp_path / "own.toml"
    table.write_text('[weights]\nhigh = 3.0\nroutine = 1.0\n[tiers]\nhigh = ["Edema"]\n')
    assert Urgency.open(table).weight("Edema") == 3.0
    table.write_text("[weights]\nroutine = 1.0\n[tiers]\nhigh = ['Edema']\n")
    with pytest.raises(ConfigError, match="high"):
        Urgency.open(table)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_anyones_reports_is_evaluated(tmp_path, suffix: str, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")  # without METEOR's Java
    rows = [("a", "Cardiomegaly."), ("b", "No acute findings.")]
    reports, reference = tmp_path / f"theirs.{suffix}", tmp_path / "reference.csv"
    if suffix == "parquet":
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pandas.DataFrame(rows, columns=["image", "report"]).to_parquet(reports)
    else:
        with reports.open("w", newline="") as file:
            csv.writer(file).writerows([("image", "report"), *rows])
    with reference.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "report"), ("a", TRUE), ("b", "Clear lungs.")])
    figures = evaluate_files(reports, reference)
    assert figures["missed findings"] == 0.5
    assert figures["missed, urgent"] == 0.5
    assert figures["unsupported findings"] == 0
    assert figures["weighted errors"] == 2.0
