"""Words that claim more than the findings of a sentence are found, whatever they claim."""

from __future__ import annotations

import pytest

from grounded.chest.names import chest_atlas
from grounded.findings import Finding, Presence
from grounded.language.additions import beyond

ATLAS = chest_atlas()


def found(label: str, region: str, presence: Presence = Presence.PRESENT) -> Finding:
    return Finding(label, presence, region)


EFFUSION = found("Pleural Effusion", "left lung")
OPACITY = found("Lung Opacity", "right lower lung zone")


@pytest.mark.parametrize(
    ("text", "finding", "words"),
    [
        ("There is a left pleural effusion.", EFFUSION, ()),
        ("Small left pleural effusion.", EFFUSION, ("small",)),
        ("Left pleural effusion, 3 cm high.", EFFUSION, ("3", "cm", "high")),
        ("Increased left pleural effusion.", EFFUSION, ("increased",)),
        ("Left pleural effusion with a drain.", EFFUSION, ("with", "drain")),
        ("Bilateral pleural effusions.", EFFUSION, ("bilateral",)),
        ("Acute opacity in the right lower lung zone.", OPACITY, ("acute",)),
        ("Patchy opacity in the right lower lung zone.", OPACITY, ("patchy",)),
        ("Right lower lung zone opacity, likely pneumonia.", OPACITY, ("likely", "pneumonia")),
        ("Opacity in the left lower lung zone.", OPACITY, ("left",)),
        ("Tube over the heart.", found("Support Devices", "cardiac silhouette"), ()),
    ],
)
def test_what_is_added_is_named(text: str, finding: Finding, words: tuple[str, ...]) -> None:
    assert beyond(text, [finding], ATLAS) == words


def test_both_sides_are_named_where_both_have_it() -> None:
    both = [EFFUSION, found("Pleural Effusion", "right lung")]
    assert beyond("Bilateral pleural effusions.", both, ATLAS) == ()


def test_a_lung_without_opacity_alone_is_not_clear() -> None:
    absent = [found("Lung Opacity", "left lung", Presence.ABSENT)]
    assert beyond("The left lung is clear.", absent, ATLAS) == ("clear",)
    for label in ("Nodule", "Mass", "Atelectasis"):
        absent.append(found(label, "left lung", Presence.ABSENT))
    assert beyond("The left lung is clear.", absent, ATLAS) == ()


def test_a_box_drawn_by_hand_and_a_finding_without_words_are_named_as_they_are() -> None:
    assert (
        beyond("Opacity in the marked area.", [found("Lung Opacity", "marked area")], ATLAS) == ()
    )
    assert beyond("No finding.", [found("No Finding", "left lung")], ATLAS) == ()
