"""A costophrenic angle is blunted by an effusion or by thickening, half a chest may be abnormal
without a name; said where that adds to what else is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grounded import Image, Regions
from grounded.atlas import SIDES
from grounded.chest.names import chest_atlas
from grounded.detectors.features import EncodedFilm
from grounded.findings import UNSPECIFIED, Finding, Presence
from grounded.generators.neural.finding_net import (
    COMPOSITES,
    FILM,
    VIEW,
    FindingNet,
    logit_of,
    one_is_there,
)
from grounded.generators.neural.finding_reader import Calibration, FindingReader
from grounded.generators.neural.planned import (
    SET,
    Stated,
    drawn,
    of_film,
    of_region,
    with_set,
    without_implied,
)
from grounded.geometry import Placement
from grounded.language.additions import beyond
from grounded.language.labeller import Labeller
from grounded.protocols import Question

EFFUSION, THICKENING, BLUNTED = (
    "Pleural Effusion",
    "Pleural Thickening",
    "Blunted Costophrenic Angle",
)
LEARNT = (EFFUSION, THICKENING, VIEW)
ANGLE, NAME = "costophrenic angle", "left costophrenic angle"


def stated(label: str, presence: Presence, region: str = NAME) -> Stated:
    return Stated(Finding(label, presence, region, 0.9))  # type: ignore[arg-type]


def read_with(effusion: float, thickening: float) -> dict[str, str]:
    """What is read of the left angle, from the values of its cells."""
    net = FindingNet(LEARNT, (FILM, ANGLE)).eval().requires_grad_(False)
    net.sharpness.fill_(200)
    calibration = Calibration(8.0, -8.0, 0.3, 0.7, True, "made up")
    kinds = {label: {FILM: calibration, ANGLE: calibration} for label in (*LEARNT, BLUNTED)}
    reader = FindingReader.of(net, kinds)
    film = torch.zeros(3, 16, 16)
    film[0, 12, 12], film[1, 12, 12] = effusion, thickening
    encoded = EncodedFilm(film, Placement.letterbox((64, 64), (64, 64)))
    found = Regions((NAME,), np.array([[44.0, 44.0, 60.0, 60.0]]), np.ones(1), encoding=encoded)
    image = Image.of(np.zeros((64, 64), np.float32))
    [read] = reader.read(Question.of_film(image, found))
    return {item.label: str(item.presence) for item in read.found}


@pytest.mark.parametrize(
    ("effusion", "thickening", "blunted"),
    [(2.0, 0.0, "present"), (0.0, 2.0, "present"), (0.0, 1.0, "uncertain"), (0.0, 0.0, "absent")],
)
def test_an_angle_is_read_as_blunted_by_the_stronger_of_both(
    effusion: float, thickening: float, blunted: str
) -> None:
    assert read_with(effusion, thickening)[BLUNTED] == blunted


def test_a_finding_that_was_learnt_is_read_as_itself() -> None:
    logits = torch.tensor([[1.0, 3.0, 0.0]])
    assert logit_of(EFFUSION, logits, LEARNT).tolist() == [1.0]
    assert logit_of(BLUNTED, logits, LEARNT).tolist() == [3.0]


def test_what_is_known_of_parts_is_known_of_the_whole() -> None:
    nan = np.nan
    parts = np.array([[1, nan], [0, 1], [0, 0], [0, nan]], np.float32)
    assert one_is_there(parts) == pytest.approx([1, 1, 0, nan], nan_ok=True)


@pytest.mark.parametrize(
    ("effusion", "blunted", "kept"),
    [
        ("present", "present", False),
        ("uncertain", "uncertain", False),
        ("present", "absent", False),
        ("uncertain", "present", True),
        ("absent", "present", True),
        ("absent", "absent", True),
    ],
)
def test_blunting_is_said_where_it_says_more_than_the_effusion(
    effusion: Presence, blunted: Presence, kept: bool
) -> None:
    both = [stated(EFFUSION, effusion, "left lung"), stated(BLUNTED, blunted)]
    assert [item.label for item in without_implied(both)] == [EFFUSION, *[BLUNTED] * kept]
    other = [stated(EFFUSION, effusion, "right lung"), stated(BLUNTED, blunted)]
    assert without_implied(other) == other


def test_an_angle_that_is_blunted_without_an_effusion_is_said_in_report_and_region() -> None:
    found = [stated(EFFUSION, Presence.ABSENT), stated(BLUNTED, Presence.PRESENT)]
    words = "Blunting of the left costophrenic angle."
    assert of_film(found, ())[0].text == words
    assert of_region(found, ANGLE)[0].text == words
    assert of_region([found[0], stated(BLUNTED, Presence.ABSENT)], ANGLE)[0].text == (
        "No pleural effusion or blunting at the left costophrenic angle."
    )


@pytest.mark.parametrize("presence", list(Presence))
def test_the_labeller_reads_blunting_as_it_is_said(presence: Presence) -> None:
    [sentence] = of_region([stated(BLUNTED, presence)], ANGLE)
    assert Labeller.open().label_report(sentence.text)[BLUNTED] == presence


def test_an_unspecified_abnormality_is_the_mean_of_what_it_may_be() -> None:
    parts = COMPOSITES[UNSPECIFIED].parts
    logits = torch.arange(float(len(parts) + 2))
    learnt = ("Cardiomegaly", *parts, VIEW)
    assert logit_of(UNSPECIFIED, logits, learnt).item() == pytest.approx((len(parts) + 1) / 2)


@pytest.mark.parametrize(
    ("label", "presence", "region", "kept"),
    [
        ("Lung Opacity", "present", "left mid lung zone", False),
        ("Lung Opacity", "uncertain", "left mid lung zone", True),
        ("Lung Opacity", "present", "right mid lung zone", True),
        ("Lung Opacity", "absent", "left lung", True),
        (BLUNTED, "present", NAME, False),
        ("Fracture", "present", "left clavicle", False),
        ("Cardiomegaly", "present", "cardiac silhouette", True),
    ],
)
def test_an_abnormality_is_unspecified_where_nothing_of_its_side_has_a_name(
    label: str, presence: Presence, region: str, kept: bool
) -> None:
    unspecified = stated(UNSPECIFIED, Presence.PRESENT, "left lung")
    named = stated(label, Presence(presence), region)
    assert (unspecified in without_implied([named, unspecified])) == kept


@pytest.mark.parametrize(
    ("logit", "said"), [(3.0, True), (1.0, False), (0.0, False), (-3.0, False)]
)
def test_an_unspecified_abnormality_is_said_where_it_is_sure_and_never_denied(
    logit: float, said: bool
) -> None:
    learnt, lung = (*COMPOSITES[UNSPECIFIED].parts, VIEW), "left lung"
    net = FindingNet(learnt, (FILM, "lung")).eval().requires_grad_(False)
    calibration = Calibration(1.0, 0.0, 0.4, 0.6, True, "made up")
    kinds = {label: {FILM: calibration, "lung": calibration} for label in (*learnt, UNSPECIFIED)}
    encoded = EncodedFilm(
        torch.full((len(learnt), 16, 16), logit), Placement.letterbox((64, 64), (64, 64))
    )
    found = Regions((lung,), np.array([[34.0, 4.0, 60.0, 60.0]]), np.ones(1), encoding=encoded)
    question = Question.of_film(Image.of(np.zeros((64, 64), np.float32)), found)
    [read] = FindingReader.of(net, kinds).read(question)
    [item] = [item for item in read.found if item.label == UNSPECIFIED]
    assert item.stated == said
    assert all(other.stated for other in read.found if other.label != UNSPECIFIED)


def test_a_drawn_box_is_not_unspecified_unless_a_reader_says_so() -> None:
    read = stated(UNSPECIFIED, Presence.PRESENT, "marked area")
    by_reader = Stated(read.finding, SET)
    assert drawn([read, by_reader]) == [by_reader]


def test_who_denies_an_unspecified_abnormality_denies_nothing_that_has_a_name() -> None:
    opacity = stated("Lung Opacity", Presence.PRESENT, "left lung")
    unspecified = stated(UNSPECIFIED, Presence.PRESENT, "left lung")
    given = {"left lung": {UNSPECIFIED: Presence.ABSENT}}
    kept = with_set([opacity, unspecified], given)
    assert [item for item in kept if item.origin != SET] == [opacity]


def test_the_labeller_reads_an_unspecified_abnormality_as_it_is_said() -> None:
    said = stated(UNSPECIFIED, Presence.PRESENT, "left lung").sentence()
    assert said.text == "Unspecified abnormality of the left hemithorax."
    assert Labeller.open().label_report(said.text) == {UNSPECIFIED: Presence.PRESENT}


def test_both_halves_of_a_chest_add_no_word_to_what_was_read() -> None:
    both = [stated(UNSPECIFIED, Presence.PRESENT, f"{side} lung").finding for side in SIDES]
    said = "Unspecified abnormalities of both hemithoraces are seen."
    assert beyond(said, both, chest_atlas()) == ()
