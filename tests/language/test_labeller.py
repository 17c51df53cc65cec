"""The labeller on sentences as reports have them."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path

import pytest

from grounded.errors import ConfigError
from grounded.findings import CHEXPERT
from grounded.language.labeller import Labeller, sentences

LABELLER = Labeller.open()


def said(sentence: str) -> dict[str, str]:
    return {finding.label: finding.presence for finding in LABELLER.label(sentence)}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("There is a small left pleural effusion.", {"Pleural Effusion": "present"}),
        ("No pleural effusion or pneumothorax.",
         {"Pleural Effusion": "absent", "Pneumothorax": "absent"}),
        ("Negative for focal airspace disease.", {"Lung Opacity": "absent"}),
        ("Mild cardiomegaly without overt edema.", {"Cardiomegaly": "present", "Edema": "absent"}),
        ("The heart size is normal.", {"Cardiomegaly": "absent"}),
        ("The cardiac silhouette is markedly enlarged.", {"Cardiomegaly": "present"}),
        ("The heart is not enlarged.", {"Cardiomegaly": "absent"}),
        ("Borderline heart size.", {"Cardiomegaly": "uncertain"}),
        ("Widened mediastinum.", {"Enlarged Cardiomediastinum": "present"}),
        ("Mediastinal contours are within normal limits.",
         {"Enlarged Cardiomediastinum": "absent"}),
        ("Left basilar opacity may represent atelectasis or pneumonia.",
         {"Lung Opacity": "present", "Atelectasis": "uncertain", "Pneumonia": "uncertain"}),
        ("A small pneumothorax cannot be excluded.", {"Pneumothorax": "uncertain"}),
        ("The right apical pneumothorax has resolved.", {"Pneumothorax": "absent"}),
        ("No significant change in the left effusion.", {"Pleural Effusion": "present"}),
        ("No airspace opacity to suggest pneumonia.",
         {"Lung Opacity": "absent", "Pneumonia": "absent"}),
        ("No pneumothorax, but there is a large right effusion.",
         {"Pneumothorax": "absent", "Pleural Effusion": "present"}),
        ("Endotracheal tube tip is above the carina.", {"Support Devices": "present"}),
        ("Interval removal of the right chest tube.", {"Support Devices": "absent"}),
        ("Healing right rib fracture.", {"Fracture": "present"}),
        ("Calcified granuloma in the right base.", {"Calcification": "present"}),
        ("Two pulmonary nodules are seen.", {"Lung Lesion": "present", "Nodule": "present"}),
        ("No mass.", {"Lung Lesion": "absent", "Mass": "absent"}),
        ("Biapical pleural thickening.",
         {"Pleural Other": "present", "Pleural Thickening": "present"}),
        ("Emphysema with apical bullae.", {"Emphysema": "present"}),
        ("Subcutaneous emphysema.", {}),
        ("Possible fibrosis in the left lung.", {"Fibrosis": "uncertain"}),
        ("Calcification in the right lung.", {"Calcification": "present"}),
        ("Calcified aortic arch.", {}),
        ("Not assessed: nodules and pneumothorax.", {}),
        ("Heart size cannot be judged, as an effusion hides its border.", {}),
        ("Pericardial effusion.", {}),
        ("Collapse of a thoracic vertebra: vertebral collapse.", {}),
        ("Degenerative changes of the spine.", {}),
        ("Mild elevation of the left hemidiaphragm.", {"Elevated Hemidiaphragm": "present"}),
        ("The right hemidiaphragm is not elevated.", {"Elevated Hemidiaphragm": "absent"}),
        ("Question small right effusion.", {"Pleural Effusion": "uncertain"}),
        ("It is difficult to completely exclude pneumonia.", {"Pneumonia": "uncertain"}),
    ],
)  # fmt: skip
def test_a_sentence_is_labelled(sentence: str, expected: dict[str, str]) -> None:
    assert said(sentence) == expected


def test_clear_lungs_deny_opacity_and_consolidation() -> None:
    assert said("The lungs are clear.") == {"Lung Opacity": "absent", "Consolidation": "absent"}


def test_lungs_clear_of_something_deny_that_thing() -> None:
    assert said("Lungs are clear of consolidation.")["Consolidation"] == "absent"


def test_findings_carry_the_region_they_are_said_of() -> None:
    [finding] = LABELLER.label("Small effusion.", region="left costophrenic angle")
    assert (finding.region, finding.score) == ("left costophrenic angle", 1.0)


def test_nothing_is_said_by_an_empty_sentence() -> None:
    assert LABELLER.label("") == []
    assert LABELLER.label_report("  ") == {}


def test_in_a_report_present_wins_over_uncertain_and_absent() -> None:
    report = "No focal consolidation. Possible consolidation. There is consolidation at the base."
    assert LABELLER.label_report(report)["Consolidation"] == "present"


def test_a_report_without_findings_has_no_finding() -> None:
    report = "FINDINGS: The heart is normal. No effusion. IMPRESSION: 1. PICC in place."
    assert LABELLER.label_report(report)["No Finding"] == "present"
    assert "No Finding" not in LABELLER.label_report("Possible pneumonia.")


def test_reports_are_split_into_sentences_without_headings_and_numbers() -> None:
    report = "IMPRESSION: 1. A 2.5 cm nodule is seen. 2. No effusion.\n\nNothing else"
    assert sentences(report) == ["A 2.5 cm nodule is seen.", "No effusion.", "Nothing else"]


def test_there_are_rules_for_every_observation_of_chexpert() -> None:
    assert set(CHEXPERT) - {"No Finding"} <= set(LABELLER.rules)


def test_rules_come_from_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    cues = "\n".join(
        f'{cue} = ["{word}"]'
        for cue, word in [
            ("stop", "mais"), ("unsaid", "non jugé"), ("pseudo", "pas encore"),
            ("absent_before", "pas de"), ("absent_after", "absent*"),
            ("uncertain_before", "possible"), ("uncertain_after", "incertain"),
        ]
    )  # fmt: skip
    file.write_text(f'[cues]\n{cues}\n[findings.Fracture]\nmentions = ["fracture*"]\n')
    [finding] = Labeller.open(file).label("Pas de fracture.")
    assert finding.presence == "absent"


@pytest.mark.parametrize("text", ["[cues]\n", "x", '[cues]\nstop = ["a"]\n[findings]\n'])
def test_a_file_that_holds_no_rules_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(ConfigError, match="holds no rules"):
        Labeller.open(tmp_path / "rules.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        Labeller.open(tmp_path / "none.toml")


def test_no_finding_looks_only_at_what_chexpert_names() -> None:
    said = LABELLER.label_report("Elevated right hemidiaphragm. The lungs are clear.")
    assert said["Elevated Hemidiaphragm"] == "present"
    assert said["No Finding"] == "present"


@pytest.mark.parametrize("words", ["opacity ", "without pneumothorax, ", "no evidence of ", "("])
def test_the_time_grows_with_the_text_and_no_faster(words: str) -> None:
    def seconds(length: int) -> float:
        text = words * (length // len(words))
        started = time.process_time()
        LABELLER.label(text)
        return time.process_time() - started

    short = min(seconds(4_000) for _ in range(3))
    assert min(seconds(16_000) for _ in range(2)) < 8 * short + 0.05  # 16 times if it were squared


def test_rules_that_are_read_from_a_file_find_what_the_shipped_ones_find() -> None:
    file = resources.files("grounded.configs") / "findings" / "labeller.toml"
    read = Labeller.open(str(file))
    assert read is not LABELLER
    for text in (
        "There is a small left pleural effusion, and no pneumothorax.",
        "Possible consolidation or atelectasis in the right lower lobe.",
        "The lungs are clear.",
        "Endotracheal tube in place. The heart is enlarged.",
    ):
        assert read.label(text) == LABELLER.label(text) != []
