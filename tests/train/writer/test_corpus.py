"""From reports to phrases with their findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from grounded.chest.names import chest_atlas
from grounded.findings import CHEXPERT
from grounded.language.labeller import Labeller
from grounded.language.templates import RATIO, REGION, SIDE, fill
from grounded.train.writer.corpus import Phrase, phrases
from grounded.train.writer.corpus_fit import BELONGS, UNPAIRED

LABELLER = Labeller.open()
OWN = Path(__file__).parents[3] / "configs" / "train" / "phrases.toml"
OURS = phrases([], LABELLER, own=OWN)


@dataclass(frozen=True)
class Written:
    sentences: tuple[str, ...]


def read(*sentences: str, familiar: int = 1) -> list[Phrase]:
    return phrases([Written(sentences)], LABELLER, familiar=familiar)


def of(kind: str, *sentences: str) -> dict[str, dict[str, str]]:
    return {
        phrase.text: dict(phrase.findings)
        for phrase in read(*sentences)
        if phrase.kind == kind and not phrase.ratio
    }


def test_a_sentence_is_said_of_every_zone_with_its_findings() -> None:
    found = read("There is a patchy right upper lobe opacity.")
    assert {phrase.kind for phrase in found} == {
        "lung", "apical zone", "upper lung zone", "mid lung zone", "lower lung zone"
    }  # fmt: skip
    assert {phrase.text for phrase in found} == {"There is a patchy opacity in the <region>."}
    assert {phrase.findings for phrase in found} == {(("Lung Opacity", "present"),)}


def test_several_findings_are_said_of_the_kinds_that_show_them() -> None:
    sentence = "No infiltrate, pneumothorax or pleural effusion."
    assert of("costophrenic angle", sentence) == {
        "No <side> pleural effusion.": {"Pleural Effusion": "absent"}
    }
    assert of("apical zone", sentence) == {
        "No infiltrate in the <region>.": {"Lung Opacity": "absent"},
        "No pneumothorax in the <region>.": {"Pneumothorax": "absent"},
    }


@pytest.mark.parametrize(
    ("kind", "sentence", "text", "findings"),
    [
        ("lung", "Possible left base opacity.", "Possible opacity in the <region>.",
         {"Lung Opacity": "uncertain"}),
        ("costophrenic angle", "A small left effusion cannot be excluded.",
         "A small <side> pleural effusion cannot be excluded.", {"Pleural Effusion": "uncertain"}),
        ("hemidiaphragm", "Mild elevation of the left hemidiaphragm.",
         "Mild elevation of the <region>.", {"Elevated Hemidiaphragm": "present"}),
        ("cardiac silhouette", "Mild cardiomegaly without effusion.", "Mild cardiomegaly.",
         {"Cardiomegaly": "present"}),
        ("mediastinum", "Heart size and mediastinal contours are normal.",
         "The mediastinal contours are normal.", {"Enlarged Cardiomediastinum": "absent"}),
    ],
)  # fmt: skip
def test_a_kind_learns_its_sentence(
    kind: str, sentence: str, text: str, findings: dict[str, str]
) -> None:
    assert of(kind, sentence) == {text: findings}


@pytest.mark.parametrize(
    "sentence",
    ["Infiltrate in the left base.", "A left chest tube is in place.", "A PICC is in place."],
)
def test_words_that_say_more_than_the_finding_are_not_learnt(sentence: str) -> None:
    for kind in ("lung", "lower lung zone", "mediastinum"):
        assert of(kind, sentence) == {}


@pytest.mark.parametrize(
    "sentence",
    [
        "Old fractures of the left ribs.",
        "Hernia behind the heart.",
        "Calcified nodule in the left base.",
        "Endotracheal tube tip above the carina.",
        "Opacity in the right base and left upper lobe.",
        "No large pleural effusion.",
        "Opacities which.",
    ],
)
def test_what_is_not_of_one_place_or_not_assessed_is_left_out(sentence: str) -> None:
    assert read(sentence) == []


def test_a_denial_of_what_has_nothing_in_common_is_left_out() -> None:
    assert read("No pneumothorax pleural effusion.") == []


def test_a_cause_in_doubt_does_not_put_its_finding_in_doubt() -> None:
    found = of("lung", "An opacity in the left base may represent atelectasis or edema.")
    [doubtful] = [findings for findings in found.values() if len(findings) == 3]
    assert doubtful == {
        "Lung Opacity": "present", "Edema": "uncertain", "Atelectasis": "uncertain",
    }  # fmt: skip


def test_size_and_variety_are_read_from_the_words() -> None:
    [phrase] = [p for p in read("Mild streaky left base opacity.") if p.kind == "lung"]
    assert (phrase.size, phrase.variety) == ("small", "linear")
    [phrase] = [p for p in read("Large left effusion.") if p.kind == "lung"]
    assert (phrase.size, phrase.variety) == ("large", "")


def test_phrases_are_counted_and_the_frequent_come_first() -> None:
    found = read("No effusion.", "No pleural effusion.", "There is no effusion.")
    counts = [(p.text, p.count) for p in found if p.kind == "lung"]
    assert counts == [
        ("No <side> pleural effusion.", 2),
        ("There is no <side> pleural effusion.", 1),
    ]


def test_what_is_said_of_the_heart_twice_is_also_said_with_its_ratio() -> None:
    with_ratio = [p for p in read("The heart is enlarged.", "The heart is enlarged.") if p.ratio]
    assert len(with_ratio) == 4
    assert all(RATIO in phrase.text for phrase in with_ratio)
    assert not any(phrase.ratio for phrase in read("The heart is enlarged."))


def test_unfamiliar_words_are_left_out() -> None:
    usual = [f"There is {size} atelectasis in the left base." for size in ("mild", "some", "no")]
    found = read(*usual, "There is glorpy atelectasis in the left base.", familiar=2)
    assert not any("glorpy" in phrase.text for phrase in found)


def test_words_of_our_own_sentences_are_familiar() -> None:
    report = Written(("There is an extensive left base opacity.",))
    found = phrases([report], LABELLER, own=OWN, familiar=2)
    theirs = {phrase.text for phrase in found if not phrase.own}
    assert theirs == {"There is an extensive opacity in the <region>."}


def test_no_reports_give_no_phrases_but_ours() -> None:
    assert read() == []
    assert all(phrase.own for phrase in OURS)


def test_our_phrases_give_way_to_the_same_phrase_of_a_report() -> None:
    sentence = "The heart is moderately enlarged."
    found = [p for p in phrases([Written((sentence,))], LABELLER, own=OWN) if p.text == sentence]
    assert [phrase.own for phrase in found] == [False]


@pytest.mark.parametrize("region", ["left lung", "right apical zone", "left costophrenic angle",
                                    "right hemidiaphragm", "cardiac silhouette", "mediastinum",
                                    "left hilar structures", "trachea", "svc", "abdomen", "spine",
                                    "right clavicle"])  # fmt: skip
def test_the_labeller_reads_from_a_filled_phrase_what_it_was_given(region: str) -> None:
    kind = region.removeprefix("left ").removeprefix("right ")
    ours = [phrase for phrase in OURS if phrase.kind == kind]
    assert ours
    for phrase in ours:
        found = LABELLER.label(fill(phrase.text, region, chest_atlas(), 0.61))
        assert tuple((f.label, f.presence) for f in found) == phrase.findings, phrase.text


def test_every_finding_can_be_said_in_every_way_of_a_kind_that_shows_it() -> None:
    can = {(label, presence) for phrase in OURS for label, presence in phrase.findings}
    labels = {*CHEXPERT, "Elevated Hemidiaphragm"} - {"No Finding"}
    wanted = {(label, way) for label in labels for way in ("present", "absent", "uncertain")}
    assert wanted <= can


def test_a_phrase_has_a_blank_where_its_kind_has_sides() -> None:
    for phrase in OURS:
        blanks = phrase.text.count(REGION) + phrase.text.count(SIDE)
        assert blanks == (0 if phrase.kind in UNPAIRED else 1), phrase.text


def test_a_kind_says_nothing_that_does_not_belong_to_it() -> None:
    for phrase in OURS:
        assert {label for label, _ in phrase.findings} <= BELONGS[phrase.kind]
