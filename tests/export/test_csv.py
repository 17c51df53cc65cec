"""The table of scores."""

import csv
import io
from dataclasses import replace

from grounded.export.csv import COLUMNS, encode
from grounded.report import Right


def rows(report):
    return list(csv.DictReader(io.StringIO(encode(report).decode())))


def test_a_row_a_finding_and_one_for_a_sentence_without(report):
    table = rows(report)
    assert tuple(table[0]) == COLUMNS
    assert [row["finding"] for row in table] == ["", "Cardiomegaly", "Cardiomegaly"]
    assert table[1]["presence"] == "absent"
    assert float(table[1]["score"]) == 0.9
    assert table[1]["code"] == "SCT 287272002"
    assert {row["film"] for row in table} == {"film"}


def test_no_text_is_a_formula(report):
    report = replace(report, sentences=(replace(report.sentences[0], text="=1+1"),))
    assert rows(report)[0]["sentence"] == "'=1+1"


def test_how_probable_a_sentence_is_right_has_a_column_and_why_that_is_not_known(report):
    lungs, heart, *_ = report.sentences
    rated = replace(heart, right=Right(0.87, "films of a test"))
    report = replace(report, sentences=(rated, replace(heart, unrated="nobody measured it"), lungs))
    said = [(row["right"], row["unrated"]) for row in rows(report)]
    assert said == [("0.87", ""), ("", "nobody measured it"), ("", "")]
