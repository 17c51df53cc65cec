"""What a view, in DICOM's terms or in words, says of the projection."""

import pytest

from grounded.view import (
    DECUBITUS_VIEWS,
    FRONTAL_VIEWS,
    LATERAL_VIEWS,
    OBLIQUE_VIEWS,
    View,
    projection,
    view_from_words,
)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("PA", "PA"),
        ("pa", "PA"),
        ("p.a.", "PA"),
        ("a.p.", "AP"),
        ("AP Supine", "AP"),
        ("PATIENT_SUPINE", "AP"),
        ("PATIENT-SUPINE", "AP"),
        ("SUPINE", "AP"),
        ("AP", "AP"),
        ("LL", "lateral"),
        ("L", "lateral"),
        ("L LAT", "lateral"),
        ("RLD", "lateral"),
        ("DECUBITUS", "lateral"),
        ("LLO", "oblique"),
        ("", "unknown"),
        ("OTHER", "unknown"),
    ],
)
def test_a_view_says_what_the_projection_is(view: str, expected: str) -> None:
    assert projection(view) == expected


def test_each_view_is_frontal_or_lateral_or_decubitus_or_oblique() -> None:
    kinds = (*FRONTAL_VIEWS, *LATERAL_VIEWS, *DECUBITUS_VIEWS, *OBLIQUE_VIEWS)
    assert sorted((*kinds, View.UNKNOWN)) == sorted(View)


@pytest.mark.parametrize("view", View)
def test_a_defined_term_means_itself(view: View) -> None:
    assert view_from_words(view) == view


@pytest.mark.parametrize(
    ("words", "view"),
    [
        ("LEFT LATERAL", View.LL),
        ("R LAT", View.RL),
        ("LATERAL DECUBITUS", View.DECUBITUS),
        ("left decubitus", View.LLD),
        ("AP PA", ""),
        ("AP LAT", ""),
        ("BILATERAL RIBS", ""),
        ("POSTEROANTERIOR", View.PA),
        ("posterior-anterior", View.PA),
        ("ANTEROPOSTERIOR", View.AP),
        ("anterior posterior", View.AP),
        ("P A", View.PA),
        ("A P", View.AP),
        ("CHEST PA 1", View.PA),
        ("CHEST AP 1", View.AP),
        ("LL 2", View.LL),
        ("RL 2", View.RL),
        ("OBL", View.OBLIQUE),
        *((words, View.OBLIQUE) for words in ("RAO", "LAO", "RPO", "LPO", "RLO", "LLO")),
        *((f"LAT {word}", View.LL) for word in ("L", "LT", "LEFT", "LLAT", "SIN", "LEFTSIDE")),
        *((f"LAT {word}", View.RL) for word in ("R", "RT", "RIGHT", "RLAT", "DEX", "RIGHTSIDE")),
        ("LAT L R", View.LATERAL),
        ("LLD 1", View.LLD),
        ("RLD 1", View.RLD),
        ("DECUB LL", View.LLD),
        ("DECUB RL", View.RLD),
    ],
)
def test_words_mean_a_view_when_they_mean_one_only(words: str, view: str) -> None:
    assert view_from_words(words) == view
