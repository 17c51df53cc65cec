"""Places in words, and the regions that they are."""

from __future__ import annotations

import pytest

from grounded.train.writer.corpus_place import LUNG, placed

FLUID = ("costophrenic angle", "lower lung zone", "lung")


def said(sentence: str) -> dict[str, tuple[str, ...]]:
    return {item.text: item.kinds for item in placed(sentence)}


@pytest.mark.parametrize(
    ("sentence", "text", "kinds"),
    [
        ("Hazy opacity in the right lower lobe.", "Hazy opacity in the <region>.", LUNG),
        ("There is a left upper lobe opacity.", "There is an opacity in the <region>.", LUNG),
        ("Bibasilar atelectasis.", "Atelectasis in the <region>.", LUNG),
        ("Streaky density at the left lung base.", "Streaky density at the <region>.", LUNG),
        ("Opacity in the medial right base.", "Opacity in the <region>.", LUNG),
        ("Retrocardiac opacity.", "Opacity in the <region>.", LUNG),
        ("The left lung is clear.", "The <region> is clear.", LUNG),
        ("The lungs are clear.", "The <region> is clear.", LUNG),
        ("Clear lungs.", "The <region> is clear.", LUNG),
        ("No infiltrate.", "No infiltrate in the <region>.", LUNG),
        ("No infiltrate is seen.", "No infiltrate is seen in the <region>.", LUNG),
        ("Right apical scarring.", "Scarring in the <region>.", LUNG),
        ("Mass in the left hilum.", "Mass in the <region>.", ("hilar structures",)),
        ("Small right-sided effusion.", "Small <side> pleural effusion.", FLUID),
        ("No pleural effusion.", "No <side> pleural effusion.", FLUID),
        (
            "There are small bilateral pleural effusions.",
            "There is a small <side> pleural effusion.",
            FLUID,
        ),
        ("Left effusion.", "There is a <side> pleural effusion.", FLUID),
        ("Right pleural thickening.", "There is <side> pleural thickening.", FLUID),
        (
            "Small left apical pneumothorax.",
            "Small <side> apical pneumothorax.",
            ("apical zone",),
        ),
        (
            "Blunting of the left costophrenic angle.",
            "Blunting of the <region>.",
            ("costophrenic angle",),
        ),
        ("Elevated left hemidiaphragm.", "Elevated <region>.", ("hemidiaphragm",)),
        ("The heart is large.", "The heart is large.", ("cardiac silhouette",)),
        ("Wide mediastinum.", "Wide mediastinum.", ("mediastinum", "upper mediastinum")),
        ("Pacemaker leads.", "Pacemaker leads.", ("cardiac silhouette",)),
        ("A PICC is seen.", "A PICC is seen.", ("svc", "mediastinum", "upper mediastinum")),
        ("An endotracheal tube is seen.", "An endotracheal tube is seen.", ("trachea",)),
    ],
)
def test_a_place_becomes_a_blank(sentence: str, text: str, kinds: tuple[str, ...]) -> None:
    assert said(sentence) == {text: kinds}


def test_air_around_the_lung_is_said_of_the_lung_and_of_its_top() -> None:
    assert said("No pneumothorax.") == {
        "No <side> pneumothorax.": ("lung",),
        "No pneumothorax in the <region>.": ("apical zone", "upper lung zone"),
    }


def test_a_heart_and_mediastinum_named_together_are_said_of_each() -> None:
    assert said("The cardiomediastinal silhouette is normal.") == {
        "The cardiac silhouette is normal.": ("cardiac silhouette",),
        "The mediastinal silhouette is normal.": ("mediastinum",),
    }


def test_what_has_no_place_is_left_out() -> None:
    assert said("The bones are intact.") == {}
