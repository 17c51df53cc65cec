"""The words of a report as a file."""

from dataclasses import replace

from grounded.export.text import encode, how_sure
from grounded.report import WITHHELD, Right


def test_a_report_that_nobody_rated_is_its_text(report) -> None:
    assert encode(report).decode() == report.text


def test_behind_the_text_stands_how_sure_its_sentences_are(report) -> None:
    lungs, heart, _ = report.sentences
    rated = replace(heart, right=Right(0.872, "films of a test"))
    unrated = replace(heart, text="No shift.", unrated="Mediastinal Shift: nobody measured it")
    gap = replace(lungs, text="Withheld: opacities.", origin=WITHHELD, notes=("too few films",))
    report = replace(report, sentences=(rated, unrated, gap, lungs))
    assert encode(report).decode() == "\n".join((report.text, *how_sure(report)))
    said = [line for line in how_sure(report) if line]
    assert said[0] == "HOW SURE"
    assert said[2:] == [
        "0.87  The heart is not enlarged. (films of a test)",
        "not measured  No shift. (Mediastinal Shift: nobody measured it)",
        "WITHHELD",
        "Withheld: opacities. (too few films)",
    ]
