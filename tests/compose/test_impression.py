"""The impression is made from the findings that were kept, the surest first."""

from dataclasses import replace

import pytest

from grounded import Sentence
from grounded.compose.impression import NOTHING_ABNORMAL, NOTHING_SURE, impression
from grounded.findings import Presence, ScoreKind

from .said import ATLAS, BOX, EFFUSION, OPACITY, say, texts


def concluded(*kept: Sentence, given: tuple[Sentence, ...] = ()) -> list[str]:
    return texts(impression(kept, given or kept, ATLAS, origin="test"))


def found(label: str, *regions: str, presence: Presence = "present") -> list[Sentence]:
    return [say(f"Seen in the {region}.", region, {label: presence}) for region in regions]


@pytest.mark.parametrize(
    ("label", "regions", "text"),
    [
        (OPACITY, ["right lower lung zone"], "Opacity in the right lower lung zone."),
        (
            OPACITY,
            ["right lower lung zone", "right mid lung zone"],
            "Opacity in the right mid and lower lung zones.",
        ),
        (
            OPACITY,
            ["right lower lung zone", "left lower lung zone"],
            "Opacity in both lower lung zones.",
        ),
        (
            OPACITY,
            ["right lung", "right lower lung zone"],
            "Opacity in the right lower lung zone.",
        ),
        (EFFUSION, ["left costophrenic angle"], "Left pleural effusion."),
        (EFFUSION, ["left lung", "right lung"], "Bilateral pleural effusions."),
        (
            "Blunted Costophrenic Angle",
            ["left costophrenic angle"],
            "Blunted left costophrenic angle.",
        ),
        (
            "Unspecified Abnormality",
            ["right lung"],
            "Unspecified abnormality of the right hemithorax.",
        ),
        (
            "Unspecified Abnormality",
            ["right lung", "left lung"],
            "Unspecified abnormality of both hemithoraces.",
        ),
        ("Fracture", ["left lung"], "Left rib fracture."),
        ("Fracture", ["left lung", "right lung"], "Bilateral rib fractures."),
        ("Fracture", ["right clavicle"], "Fracture in the right clavicle."),
        ("Pneumothorax", ["right apical zone"], "Right pneumothorax."),
        ("Cardiomegaly", ["cardiac silhouette"], "Cardiomegaly."),
        ("Atelectasis", ["marked area"], "Atelectasis in the marked area."),
        ("Pleural Effusion", ["marked area"], "Pleural effusion."),
        ("Edema", ["right lung", "left lung"], "Pulmonary edema."),
        ("Nodule", ["left upper lung zone"], "Nodule in the left upper lung zone."),
    ],
)
def test_each_finding_has_a_fixed_form(label: str, regions: list[str], text: str) -> None:
    assert concluded(*found(label, *regions)) == [text]


def test_what_may_be_there_is_possible_and_comes_last() -> None:
    perhaps = say("Perhaps fluid.", "left lung", {EFFUSION: "uncertain"}, score=0.99)
    said = concluded(replace(perhaps, abnormal=True), *found(OPACITY, "left mid lung zone"))
    assert said == ["Opacity in the left mid lung zone.", "Possible left pleural effusion."]


def test_what_is_not_abnormal_stays_out_though_it_is_uncertain() -> None:
    perhaps = say("Whether there is fluid is open.", "left lung", {EFFUSION: "uncertain"})
    assert concluded(perhaps) == [NOTHING_SURE]


def test_beside_what_is_sure_only_abnormal_sentences_and_what_they_do_not_deny_are_named() -> None:
    doubt = say("Whether there is fluid is open.", "left lung", {EFFUSION: "uncertain"})
    both = say("Opacity, no air.", "right lung", {OPACITY: "present", "Pneumothorax": "absent"})
    assert concluded(doubt, both) == ["Opacity in the right lung."]


def test_what_is_uncertain_is_no_impression_by_itself() -> None:
    perhaps = replace(say("Possible fluid.", "left lung", {EFFUSION: "uncertain"}), abnormal=True)
    assert concluded(perhaps) == [NOTHING_SURE]


def test_what_has_to_be_acted_on_first_comes_first() -> None:
    heart = say("Large.", "cardiac silhouette", {"Cardiomegaly": "present"}, score=0.99)
    air = say("Air.", "left lung", {"Pneumothorax": "present"}, score=0.7)
    said = concluded(replace(heart, abnormal=True), replace(air, abnormal=True))
    assert said == ["Left pneumothorax.", "Cardiomegaly."]


def test_a_short_form_of_its_own_is_kept_and_not_said_twice() -> None:
    heart: dict[str, Presence] = {"Cardiomegaly": "present"}
    said = concluded(
        say("Large.", "cardiac silhouette", heart, impression="Cardiomegaly (0.61)."),
        say("Large heart.", "mediastinum", heart),
    )
    assert said == ["Cardiomegaly (0.61)."]


def test_a_sentence_of_the_impression_has_the_evidence_of_all_that_say_so() -> None:
    sentences = found(OPACITY, "right mid lung zone", "right lower lung zone")
    [one] = impression(sentences, sentences, ATLAS, origin="test")
    assert one.regions == ("right mid lung zone", "right lower lung zone")
    assert [finding.region for finding in one.findings] == list(one.regions)
    assert one.abnormal
    assert one.origin == "test"


def test_what_the_impression_says_is_written_by_the_composer() -> None:
    [one] = impression(found(OPACITY, "left lung"), (), ATLAS, origin="composer")
    assert one.origin == "composer"


def test_zones_are_named_in_the_order_of_the_atlas() -> None:
    sentences = found(OPACITY, "right lower lung zone", "right apical zone")
    assert concluded(*sentences) == [
        "Opacity in the right apical zone and the right lower lung zone."
    ]


def test_two_findings_of_one_sentence_are_two_conclusions() -> None:
    both = say("Both.", "left lung", {OPACITY: "present", EFFUSION: "present"})
    assert concluded(both) == ["Opacity in the left lung.", "Left pleural effusion."]


def test_a_device_that_was_expected_is_no_abnormality() -> None:
    device = Sentence(
        "A line.", ("svc",), "test", findings=found("Support Devices", "svc")[0].findings
    )
    normal = say("Clear.", "left lung", {OPACITY: "absent"})
    assert concluded(device, normal) == [NOTHING_ABNORMAL]


def test_nothing_is_called_normal_when_a_finding_was_taken_out() -> None:
    normal = say("Clear.", "left lung", {OPACITY: "absent"})
    removed = say("Stable opacity.", "right lung", {OPACITY: "uncertain"})
    assert concluded(normal, given=(normal, removed)) == []
    assert concluded(normal) == [NOTHING_ABNORMAL]


def test_without_findings_there_is_no_impression() -> None:
    assert concluded(say("A length.", "left lung")) == []
    assert concluded() == []


def test_the_surest_of_a_kind_comes_first_and_kinds_are_not_mixed() -> None:
    kinds = (ScoreKind.TOKENS, ScoreKind.PROBABILITY, ScoreKind.PROBABILITY, ScoreKind.DISTANCE)
    scores = (0.99, 0.6, 0.8, 0.5)
    said = [
        replace(
            say(f"Seen {score}.", "left lung", {OPACITY: "present"}, score=score),
            score_kind=kind,
            impression=f"Seen {score}.",
        )
        for kind, score in zip(kinds, scores, strict=True)
    ]
    assert concluded(*said) == ["Seen 0.5.", "Seen 0.8.", "Seen 0.6.", "Seen 0.99."]


def test_what_could_not_be_judged_leaves_no_definite_abnormality() -> None:
    normal = say("No effusion.", "left lung", {EFFUSION: "absent"})
    for text in ("Not judged: opacities.", "Heart size cannot be judged, as something hides it."):
        assert concluded(normal, say(text, "left lung")) == [NOTHING_SURE]


def test_the_fixed_form_is_a_sentence_of_its_own() -> None:
    seen = replace(found(OPACITY, "left lung")[0], notes=("a note",), evidence=(BOX,), score=0.7)
    [one] = impression([seen], [seen], ATLAS, origin="composer")
    assert (one.origin, one.impression, one.notes, one.abnormal) == ("composer", "", (), True)
    assert (one.evidence, one.score, one.findings) == ((BOX,), 0.7, seen.findings)


def test_nothing_abnormal_stands_on_what_was_assessed_alone() -> None:
    clear = say("Clear.", "left lung", {OPACITY: "absent"}, impression="")
    length = say("A length.", "right lung")
    [one] = impression([clear, length], [clear, length], ATLAS, origin="composer")
    assert (one.text, one.regions, one.origin) == (NOTHING_ABNORMAL, ("left lung",), "composer")
    assert (one.impression, one.notes, one.abnormal) == ("", (), False)


def test_a_doubt_that_was_taken_out_leaves_nothing_sure_and_a_finding_no_words() -> None:
    doubt = say("Perhaps fluid.", "left lung", {EFFUSION: "uncertain"})
    other = say("Perhaps air.", "left lung", {"Pneumothorax": "uncertain"})
    taken = say("Stable opacity.", "right lung", {OPACITY: "present"})
    assert concluded(doubt, given=(doubt, other)) == [NOTHING_SURE]
    assert concluded(doubt, given=(doubt, taken)) == []


def test_what_matters_without_a_place_in_the_order_comes_last() -> None:
    other = say("Shift.", "abdomen", {"Elevated Hemidiaphragm": "present"}, impression="High.")
    calcium = say("Old.", "left lung", {"Calcification": "present"}, score=0.6, impression="Old.")
    assert concluded(other, calcium) == ["Old.", "High."]


def test_the_most_urgent_of_several_findings_counts() -> None:
    both = say(
        "Heart and fluid.",
        "left lung",
        {"Cardiomegaly": "present", EFFUSION: "present"},
        impression="Heart and fluid.",
        score=0.6,
    )
    nodule = say("Nodule.", "left lung", {"Nodule": "present"}, score=0.9, impression="Nodule.")
    assert concluded(nodule, both) == ["Heart and fluid.", "Nodule."]


def test_a_short_form_of_one_side_leaves_the_other_side_its_own() -> None:
    left = say("Fluid.", "left lung", {EFFUSION: "present"}, impression="Left effusion, large.")
    right = say("Fluid.", "right lung", {EFFUSION: "present"})
    assert concluded(left, right) == ["Left effusion, large.", "Right pleural effusion."]


def test_what_is_not_in_the_atlas_is_named_last() -> None:
    said = concluded(*found(OPACITY, "marked area", "right lower lung zone"))
    assert said == ["Opacity in the right lower lung zone and the marked area."]


def test_what_is_sure_and_what_is_possible_of_one_finding_are_two_conclusions() -> None:
    sure = found(OPACITY, "right lower lung zone")
    doubt = [
        replace(item, abnormal=True)
        for item in found(OPACITY, "left lower lung zone", presence="uncertain")
    ]
    assert concluded(*doubt, *sure) == [
        "Opacity in the right lower lung zone.",
        "Possible opacity in the left lower lung zone.",
    ]


def test_an_uncertain_short_form_is_no_impression_by_itself() -> None:
    doubt = say("Perhaps.", "left lung", {EFFUSION: "uncertain"}, impression="Perhaps fluid.")
    assert concluded(doubt) == [NOTHING_SURE]
    mixed = say(
        "One and perhaps another.",
        "left lung",
        {OPACITY: "present", EFFUSION: "uncertain"},
        impression="Opacity.",
    )
    assert concluded(mixed) == ["Opacity."]


def test_nothing_sure_claims_what_is_denied_and_not_what_is_possible() -> None:
    doubt = say("Perhaps.", "left lung", {EFFUSION: "uncertain"}, score=0.3)
    normal = say("No opacity.", "left lung", {OPACITY: "absent"}, score=0.9)
    [summed] = impression([doubt, normal], [doubt, normal], ATLAS, origin="test")
    assert summed.text == NOTHING_SURE
    assert [(f.label, f.presence) for f in summed.findings] == [(OPACITY, "absent")]
    assert summed.score == 0.9
    [alone] = impression([doubt], [doubt], ATLAS, origin="test")
    assert not alone.findings


def test_each_of_two_conclusions_carries_its_own_finding() -> None:
    both = say("Both.", "left lung", {OPACITY: "present", EFFUSION: "present"})
    said = impression([both], [both], ATLAS, origin="test")
    assert [[finding.label for finding in item.findings] for item in said] == [
        [OPACITY],
        [EFFUSION],
    ]
