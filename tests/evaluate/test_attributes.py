"""Each attribute of a finding, told apart in the words of two reports."""

from __future__ import annotations

import pytest

from grounded.errors import ConfigError
from grounded.evaluate.errors import (
    CountedError,
    Urgency,
    errors_against_findings,
    errors_of,
    stated,
    weight_of,
)
from grounded.findings import Presence
from grounded.language.attributes import changes_named, degrees_named, sizes_named, zones_named
from grounded.language.labeller import Labeller

RULES = Labeller.open()


def _kinds(written: str, reference: str) -> set[tuple[str, str, str]]:
    return {(e.label, e.kind, e.attribute) for e in errors_of(written, reference, RULES)}


@pytest.mark.parametrize(
    ("written", "reference", "error"),
    [
        (
            "Opacity in the right upper lobe.",
            "Opacity in the right lower lobe.",
            ("Lung Opacity", "wrong", "place"),
        ),
        (
            "Consolidation in the RLL.",
            "Consolidation at the left base.",
            ("Consolidation", "wrong", "side"),
        ),
        ("8 mm nodule in the left lung.", "2.0 cm nodule.", ("Nodule", "wrong", "measurement")),
        ("Mass in the left lung.", "Nodule in the left lung.", ("Nodule", "wrong", "measurement")),
        ("Possible pneumonia.", "Pneumonia.", ("Pneumonia", "wrong", "certainty")),
        (
            "Right lower lobe opacity.",
            "Right lower lobe pneumonia.",
            ("Pneumonia", "wrong", "certainty"),
        ),
        (
            "Effusion, decreased since the prior study.",
            "Effusion, increased since the prior study.",
            ("Pleural Effusion", "wrong", "comparison"),
        ),
    ],
)
def test_a_wrong_attribute_is_one_error(
    written: str, reference: str, error: tuple[str, str, str]
) -> None:
    assert _kinds(written, reference) == {error}


@pytest.mark.parametrize(
    ("written", "reference"),
    [
        ("Right middle lobe opacity.", "Opacity in the right lower lung zone."),
        ("13 mm nodule.", "12 mm nodule."),
        ("Opacity, which may be pneumonia.", "Possible pneumonia."),
        ("Pleural effusion.", "Small left pleural effusion."),
        ("Mild to moderate edema.", "Moderate edema."),
    ],
)
def test_what_only_one_text_says_or_both_may_mean_is_no_error(written: str, reference: str) -> None:
    assert _kinds(written, reference) == set()


def test_a_sentence_with_two_findings_gives_each_its_own_words() -> None:
    found = stated("Large right effusion and mild left basilar atelectasis.", RULES)
    assert found["Pleural Effusion"].sides == {"right"}
    assert found["Pleural Effusion"].severities == {2}
    assert found["Atelectasis"].sides == {"left"}
    assert found["Atelectasis"].zones == {"lower"}


def test_a_larger_difference_weighs_more() -> None:
    urgency = Urgency.open()
    true = "Large pneumothorax."
    little = errors_of("Moderate pneumothorax.", true, RULES)
    much = errors_of("Small pneumothorax.", true, RULES)
    missed = errors_of("Clear lungs.", true, RULES)
    weights = [weight_of(errors, urgency) for errors in (little, much, missed)]
    assert weights == sorted(set(weights))


def test_labels_without_a_text_are_counted_where_something_is_known() -> None:
    said = stated("Pleural effusion. Mass in the left lung.", RULES)
    known = {
        "Pleural Effusion": Presence.ABSENT,
        "Edema": Presence.PRESENT,
        "Nodule": Presence.PRESENT,
        "Fracture": Presence.UNCERTAIN,
    }
    found = {(e.label, e.kind) for e in errors_against_findings(said, known)}
    assert found == {("Pleural Effusion", "unsupported"), ("Edema", "missed")}


def test_the_table_says_where_it_comes_from_and_what_an_attribute_counts(tmp_path) -> None:
    assert "Larson" in Urgency.open().source
    table = tmp_path / "own.toml"
    table.write_text("[weights]\nroutine = 1.0\n[tiers]\n[attributes]\nside = 0.75\n")
    side = CountedError("Edema", "wrong", "side")
    assert weight_of([side], Urgency.open(table)) == 0.75
    table.write_text("[weights]\nroutine = 1.0\n[tiers]\n[attributes]\ncolour = 1.0\n")
    with pytest.raises(ConfigError, match="colour"):
        Urgency.open(table)


def test_words_are_read_as_a_radiologist_means_them() -> None:
    assert zones_named("Heart size at the upper limits of normal.") == set()
    assert zones_named("Biapical scarring, and opacity at the left base") == {"upper", "lower"}
    assert degrees_named("Mildly enlarged") == {0}
    assert sizes_named("A 1.2 x 0.8 cm nodule and one of 4mm") == (12.0, 4.0)
    assert changes_named("Effusion has increased in size") == {"worse"}
    assert changes_named("No change in the effusion") == {"same"}
