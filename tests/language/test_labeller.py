"""The labeller on sentences as reports have them."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path

import pytest

from grounded.errors import ConfigError
from grounded.findings import CHEXPERT, VOCABULARY
from grounded.language.labeller import Labeller, Remembering, sentences

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
    for labeller in (LABELLER, Remembering.of(LABELLER)):
        assert [finding.region for finding in labeller.label("Small effusion.")] == [""]


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
    with pytest.raises(ConfigError, match=r"rules\.toml holds no rules"):
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
    assert read.label("Pericardial effusion.") == []


def test_a_report_says_what_its_surest_sentence_says_in_any_order() -> None:
    said = LABELLER.label_report("Possible effusion. No pneumothorax. There is an effusion.")
    assert said["Pleural Effusion"] == "present"
    assert said["Pneumothorax"] == "absent"
    turned = LABELLER.label_report("There is an effusion. Possible effusion. No effusion.")
    assert turned["Pleural Effusion"] == "present"
    doubt = LABELLER.label_report("No effusion. Possible effusion.")
    assert doubt["Pleural Effusion"] == "uncertain"


@pytest.mark.parametrize(
    ("text", "no_finding"),
    [
        ("", False),
        ("   ", False),
        ("The lungs are clear.", True),
        ("There is a pacemaker. The lungs are clear.", True),
        ("Possible effusion.", False),
        ("There is a fracture.", False),
    ],
)
def test_no_finding_is_said_where_nothing_but_a_device_is_seen(text: str, no_finding: bool) -> None:
    assert (LABELLER.label_report(text).get("No Finding") == "present") is no_finding


def test_a_finding_that_is_mentioned_twice_is_as_sure_as_its_surest_mention() -> None:
    [said] = LABELLER.label("A small effusion on the right, and possible effusion on the left.")
    assert (said.label, said.presence) == ("Pleural Effusion", "present")


def test_a_part_that_is_there_makes_the_whole_be_there() -> None:
    said = {f.label: f.presence for f in LABELLER.label("No opacity, but a definite mass.")}
    assert said["Mass"] == said["Lung Lesion"] == "present"
    doubt = {f.label: f.presence for f in LABELLER.label("Possible consolidation.")}
    assert doubt["Consolidation"] == doubt["Lung Opacity"] == "uncertain"
    denied = {f.label: f.presence for f in LABELLER.label("No nodule.")}
    assert denied.get("Nodule") == "absent"
    assert denied.get("Lung Lesion") in (None, "absent")


def test_findings_come_in_the_order_of_the_vocabulary() -> None:
    labels = [f.label for f in LABELLER.label("Effusion, cardiomegaly and pneumothorax.")]
    assert labels == [label for label in VOCABULARY if label in labels]
    assert len(labels) == 3


@pytest.mark.parametrize(("words", "presence"), [(10, "absent"), (60, "present")])
def test_a_denial_reaches_as_far_as_a_clause_does(words: int, presence: str) -> None:
    text = "No " + "very " * words + "large" + " indeed" * words + " effusion."
    [said] = LABELLER.label(text)
    assert said.presence == presence


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("effusion and no other", {"Pleural Effusion": "present"}),
        ("effusion is not seen", {"Pleural Effusion": "absent"}),
        ("heart is no longer enlarged", {"Cardiomegaly": "absent"}),
    ],
)
def test_behind_a_long_clause_cues_count_as_anywhere(end: str, expected: dict[str, str]) -> None:
    assert said("Very " * 100 + end) == expected


def test_rules_that_cannot_be_read_are_named_with_their_file(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    with pytest.raises(ConfigError, match=r"cannot read the labeller's rules '.*none\.toml'"):
        Labeller.open(missing)
    odd = tmp_path / "odd.toml"
    odd.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot read the labeller's rules"):
        Labeller.open(odd)


def test_a_labeller_that_remembers_reads_as_one_that_does_not() -> None:
    plain = Labeller.open()
    remembering = Remembering.of(plain)
    for sentence in ("Small left effusion.", "No pneumothorax.", "Small left effusion."):
        assert remembering.label(sentence, "left lung") == plain.label(sentence, "left lung")
    assert len(remembering.said) == 2
    text = "The heart is enlarged. No effusion."
    assert remembering.label_report(text) == plain.label_report(text)


def test_of_several_phrases_the_longest_one_wins() -> None:
    phrases = type(LABELLER.cues.stop)(["mass", "lesion|mass effect", "zone"])
    found = phrases.pattern.search("no mass effect")
    assert found is not None
    assert found[0] == "mass effect"


def test_a_part_that_is_less_sure_leaves_the_whole_as_it_is() -> None:
    found = said("There is an opacity, possible consolidation.")
    assert (found["Lung Opacity"], found["Consolidation"]) == ("present", "uncertain")


@pytest.mark.parametrize(
    "text", ["There is a calcified density.", "A metallic density projects over the chest."]
)
def test_what_a_rule_ignores_is_no_mention(text: str) -> None:
    assert "Lung Opacity" not in said(text)
    assert said("There is a hazy density.")["Lung Opacity"] == "present"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The heart is no longer enlarged.", {"Cardiomegaly": "absent"}),  # within the mention
        ("Not improved, no effusion.", {"Pleural Effusion": "absent"}),
        ("Not improved effusion.", {"Pleural Effusion": "present"}),
    ],
)
def test_what_only_looks_like_a_denial_denies_nothing_outside_of_a_mention(
    sentence: str, expected: dict[str, str]
) -> None:
    assert said(sentence) == expected


def test_words_that_all_is_normal_leave_what_is_mentioned_behind_them() -> None:
    found = said("On this film the lungs are clear, hazy opacity beside the heart.")
    assert found == {"Lung Opacity": "present", "Consolidation": "absent"}


def test_a_clause_that_says_nothing_leaves_the_next_one_its_say() -> None:
    found = said("The left effusion cannot be judged, but there is a right effusion.")
    assert found == {"Pleural Effusion": "present"}
