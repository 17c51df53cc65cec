"""Sentences taken apart."""

from __future__ import annotations

import pytest

from grounded.train.writer.corpus_split import single_statements, singular


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "No infiltrate, pneumothorax or effusion.",
            ["No infiltrate.", "No pneumothorax.", "No effusion."],
        ),
        (
            "There is no evidence of mass, effusions, or pneumothoraces.",
            ["There is no mass.", "There is no effusion.", "There is no pneumothorax."],
        ),
        (
            "No masses and no effusion are identified.",
            ["No mass.", "No effusion is identified."],
        ),
        ("Clear lungs without effusion.", ["Clear lungs.", "No effusion."]),
        ("Negative for fluid or infiltrate.", ["No fluid.", "No infiltrate."]),
        (
            "The heart size and mediastinal contours are unremarkable.",
            ["The heart size is unremarkable.", "The mediastinal contours are unremarkable."],
        ),
        ("Large heart, but the lungs are clear.", ["Large heart.", "the lungs are clear."]),
        ("Large heart with small effusion.", ["Large heart.", "small effusion."]),
        (
            "There is mild atelectasis and a small effusion.",
            ["There is mild atelectasis.", "small effusion."],
        ),
        ("Atelectasis and effusion are seen.", ["Atelectasis and effusion are seen."]),
        ("The heart is large.", ["The heart is large."]),
        ("", []),
    ],
)
def test_a_sentence_is_taken_apart(sentence: str, parts: list[str]) -> None:
    assert list(single_statements(sentence)) == parts


def test_findings_of_one_place_are_one() -> None:
    assert singular("patchy opacities or effusions") == "patchy opacity or effusion"
