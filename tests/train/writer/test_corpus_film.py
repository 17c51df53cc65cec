"""What of a sentence a single film can show."""

from __future__ import annotations

import pytest

from grounded.train.writer.corpus_film import claim, film_only


@pytest.mark.parametrize(
    "sentence",
    [
        "Interval growth of the nodule.",
        "The effusion has improved.",
        "New opacity at the left base.",
        "The opacity is smaller than on the earlier film.",
        "XXXX opacity at the left base.",
        "A nodule of 8 mm in the left lung.",
        "CT is recommended.",
        "Opacity seen on the lateral view only.",
        "Portable AP film with poor inspiration.",
        "Correlate with fever.",
        "Dr. Doe was told of this.",
        "",
    ],
)
def test_what_a_film_cannot_show_is_left_out(sentence: str) -> None:
    assert list(film_only(sentence)) == []


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("Stable small left effusion.", "small left effusion."),
        ("The heart is large, unchanged from the prior film.", "The heart is large."),
        ("The effusion is again seen.", "The effusion is seen."),
        ("Opacities at both bases, left greater than right.", "Opacities at both bases."),
        ("Otherwise, the lungs are clear.", "the lungs are clear."),
        ("The lungs remain clear.", "The lungs are clear."),
        ("There is a small left effusion", "There is a small left effusion."),
    ],
)
def test_words_of_comparison_are_left_out_of_what_stays(sentence: str, kept: str) -> None:
    assert list(film_only(sentence)) == [kept]


def test_a_finding_with_a_guess_is_also_given_without_it() -> None:
    assert list(film_only("Left basilar haziness, which may represent pneumonia.")) == [
        "Left basilar haziness, which may represent pneumonia.",
        "Left basilar haziness.",
    ]


def test_a_claim_is_a_sentence_without_what_its_finding_may_represent() -> None:
    assert claim("Haziness that could reflect edema.") == "Haziness."
    assert claim("There may be haziness.") == "There may be haziness."
