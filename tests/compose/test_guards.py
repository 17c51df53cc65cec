"""Each guard on sentences as a report has them: what goes, what stays, and the reason."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from grounded import Finding, Line, Measurement, Sentence
from grounded.compose.guards import (
    DraftReport,
    with_doubted_sides,
    without_contradictions,
    without_evidence,
    without_mismatched_findings,
    without_prior_studies,
    without_repetition,
    without_wrong_sides,
)
from grounded.findings import Presence, ScoreKind
from grounded.language.labeller import Labeller
from grounded.report import Removed

from .said import ATLAS, EFFUSION, NODULE, OPACITY, say, texts

LABELLER = Labeller.open()
RATIO = Measurement("cardiothoracic ratio", 0.44, "1", (Line(0, 0, 9, 0),))


def reasons(guard: Callable[[DraftReport], DraftReport], *sentences: Sentence) -> list[str]:
    """The reason for each sentence, "" where it stays."""
    draft = guard(DraftReport(sentences))
    assert len(draft.sentences) + len(draft.removed) == len(sentences)
    removed = {(item.text, item.regions): item.reason for item in draft.removed}
    return [removed.get((sentence.text, sentence.regions), "") for sentence in sentences]


def side(draft: DraftReport) -> DraftReport:
    return without_wrong_sides(draft, ATLAS)


def own(draft: DraftReport) -> DraftReport:
    return without_mismatched_findings(draft, LABELLER)


def between(draft: DraftReport) -> DraftReport:
    return without_contradictions(draft, ATLAS, LABELLER)


def again(draft: DraftReport) -> DraftReport:
    return without_repetition(draft, ATLAS)


# evidence


def test_what_stands_on_nothing_goes() -> None:
    [with_box, without] = reasons(
        without_evidence, say("Clear.", "left lung"), say("Guess.", "left lung", evidence=())
    )
    assert (with_box, without) == ("", "no evidence to stand on")


def test_a_draft_keeps_the_reasons_of_earlier_guards() -> None:
    draft = DraftReport((say("Guess.", "left lung", evidence=()), say("Stable.", "left lung")))
    removed = without_prior_studies(without_evidence(draft)).removed
    assert [item.text for item in removed] == ["Guess.", "Stable."]


# an earlier film


def test_a_comparison_goes_and_the_reason_names_the_words() -> None:
    [reason] = reasons(without_prior_studies, say("Stable enlarged heart.", "cardiac silhouette"))
    assert reason == "it speaks of an earlier film, which was not given: “stable”"


def test_a_comparison_in_the_short_form_goes_too() -> None:
    sentence = say("The heart is enlarged.", "cardiac silhouette", impression="New cardiomegaly.")
    assert "new" in reasons(without_prior_studies, sentence)[0]


def test_an_old_fracture_stays() -> None:
    assert reasons(without_prior_studies, say("Old healed fracture.", "left clavicle")) == [""]


# the other side


@pytest.mark.parametrize(
    ("text", "region", "words"),
    [
        ("There is a small left pleural effusion.", "right costophrenic angle", "left"),
        ("Consolidation in the lingula.", "right lower lung zone", "left"),
        ("The lungs are clear.", "left lung", "lungs"),
        ("Bilateral basal atelectasis.", "left lower lung zone", "bilateral"),
        ("Both costophrenic angles are sharp.", "right costophrenic angle", "both"),
    ],
)
def test_words_of_another_side_than_the_region_go(text: str, region: str, words: str) -> None:
    [reason] = reasons(side, say(text, region))
    assert reason.startswith(f"it says “{words}” and was read from the {region}")


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("There is a small right pleural effusion.", "right costophrenic angle"),
        ("There is no pleural effusion.", "right costophrenic angle"),
        ("The right lung is small in relation to the left.", "right lung"),
        ("The mediastinum is shifted to the left by the right effusion.", "right lung"),
        ("The mediastinum is shifted to the left.", "right lung"),
        ("Heart size cannot be judged, as the left effusion may hide its borders.", "right lung"),
        ("The aortic arch is on the left.", "aortic arch"),
        ("The trachea lies left of the midline.", "trachea"),
        ("There is an opacity on the left.", "marked area"),
        ("Hazy opacity in the right mid and lower lung zones.", "right lung"),
    ],
)
def test_words_of_the_regions_side_or_of_none_stay(text: str, region: str) -> None:
    assert reasons(side, say(text, region)) == [""]


def test_what_was_read_from_both_sides_may_speak_of_both() -> None:
    lungs = Sentence("The lungs are clear.", ("right lung", "left lung"), "test")
    assert reasons(side, lungs) == [""]


# its own findings


@pytest.mark.parametrize(
    ("text", "label", "presence"),
    [
        ("There is no pleural effusion.", EFFUSION, "present"),
        ("There is a small pleural effusion.", EFFUSION, "absent"),
        ("The right lung is clear.", OPACITY, "uncertain"),
        ("A pleural effusion cannot be excluded.", EFFUSION, "absent"),
        ("The heart is markedly enlarged.", "Cardiomegaly", "absent"),
        ("The heart is not enlarged.", "Cardiomegaly", "present"),
        ("No pneumothorax.", "Pneumothorax", "present"),
    ],
)
def test_words_against_the_findings_of_the_sentence_go(
    text: str, label: str, presence: Presence
) -> None:
    [reason] = reasons(own, say(text, "right lung", {label: presence}))
    assert repr(label) in reason
    assert reason.endswith(f"its findings say {presence}")


def test_all_that_the_findings_of_a_sentence_say_of_a_label_is_named() -> None:
    denied = say("No pleural effusion.", "right lung", {EFFUSION: "present"})
    findings = (*denied.findings, Finding(EFFUSION, "uncertain", "left lung"))
    [reason] = reasons(own, replace(denied, findings=findings))
    assert reason.endswith("its findings say present and uncertain")


@pytest.mark.parametrize(
    ("text", "label", "presence"),
    [
        ("There is no pleural effusion.", EFFUSION, "absent"),
        ("There is a small pleural effusion.", EFFUSION, "uncertain"),
        ("Possible pneumothorax.", "Pneumothorax", "present"),
        ("There is a small pleural effusion.", OPACITY, "absent"),  # words of another finding
        ("The costophrenic angle is sharp.", EFFUSION, "absent"),  # words of none
        ("The heart is not enlarged: cardiothoracic ratio 0.44.", "Cardiomegaly", "absent"),
        ("The heart is of borderline size: ratio 0.51.", "Cardiomegaly", "uncertain"),
        (
            "Whether the heart is enlarged cannot be judged on this AP film, which magnifies it.",
            "Cardiomegaly",
            "uncertain",
        ),
        ("The heart is enlarged, also when allowing for an AP film.", "Cardiomegaly", "present"),
        ("The upper mediastinum is not widened.", "Enlarged Cardiomediastinum", "absent"),
        ("The upper mediastinum is wide.", "Enlarged Cardiomediastinum", "present"),
        ("Neither hemidiaphragm is elevated.", "Elevated Hemidiaphragm", "absent"),
        ("The mediastinum as a whole is not shifted.", "Mediastinal Shift", "absent"),
    ],
)
def test_words_that_agree_with_the_findings_stay(text: str, label: str, presence: Presence) -> None:
    assert reasons(own, say(text, "right lung", {label: presence})) == [""]


def test_a_sentence_of_two_sides_may_say_both_of_one_finding() -> None:
    findings = (
        Finding(EFFUSION, "present", "right lung"),
        Finding(EFFUSION, "absent", "left lung"),
    )
    text = "There is a right pleural effusion but no left pleural effusion."
    both = Sentence(text, ("right lung", "left lung"), "test", findings=findings)
    assert reasons(own, both) == [""]


# other sentences

CLEAR = "The right lung is clear."
OPAQUE = "There is a patchy opacity in the right lower lung zone."


def clear(score: float = 0.9) -> Sentence:
    return say(CLEAR, "right lung", {OPACITY: "absent"}, score=score)


def opaque(score: float = 0.9, presence: Presence = "present") -> Sentence:
    return say(OPAQUE, "right lower lung zone", {OPACITY: presence}, score=score)


def test_the_weaker_of_two_that_contradict_each_other_goes_and_names_the_winner() -> None:
    [kept, reason] = reasons(between, opaque(0.95), clear(0.7))
    assert kept == ""
    assert OPAQUE in reason
    assert "score 0.95 against 0.70" in reason
    [reason, kept] = reasons(between, opaque(0.6), clear(0.97))
    assert kept == ""
    assert CLEAR in reason


def test_of_equals_the_denial_goes() -> None:
    [kept, reason] = reasons(between, opaque(0.9), clear(0.9))
    assert kept == ""
    assert "before its denial" in reason


def test_a_clear_lung_has_no_uncertain_opacity() -> None:
    [kept, reason] = reasons(between, opaque(0.6, "uncertain"), clear(0.95))
    assert (kept, bool(reason)) == ("", True)


def test_a_clear_lung_has_no_nodule() -> None:
    nodule = say("There is a nodule.", "right apical zone", {NODULE: "present"}, score=0.6)
    assert [bool(reason) for reason in reasons(between, nodule, clear(0.95))] == [False, True]


def test_a_lung_without_consolidation_may_have_a_nodule() -> None:
    nodule = say("There is a nodule.", "right upper lung zone", {NODULE: "present"})
    denial = say("No consolidation in the right lung.", "right lung", {OPACITY: "absent"})
    assert reasons(between, nodule, denial) == ["", ""]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # an opacity elsewhere in the lung, and another zone without one
        (
            say("There is an opacity in the right lung.", "right lung", {OPACITY: "present"}),
            say(
                "The right upper lung zone is clear.", "right upper lung zone", {OPACITY: "absent"}
            ),
        ),
        (
            say("There is a right pleural effusion.", "right lung", {EFFUSION: "present"}),
            say("There is no left pleural effusion.", "left lung", {EFFUSION: "absent"}),
        ),
        (opaque(), say("No right pneumothorax.", "right lung", {"Pneumothorax": "absent"})),
        (
            opaque(),
            say("The right lung is otherwise clear.", "right lung", {OPACITY: "absent"}),
        ),
    ],
)
def test_what_goes_together_stays(first: Sentence, second: Sentence) -> None:
    assert reasons(between, first, second) == ["", ""]


def test_a_denial_without_a_side_is_read_as_one_of_both_sides() -> None:
    left = say("There is a left effusion.", "left lung", {EFFUSION: "present"}, score=0.6)
    denial = say("There is no pleural effusion.", "right lung", {EFFUSION: "absent"}, score=0.9)
    assert [bool(reason) for reason in reasons(between, left, denial)] == [False, True]


def test_a_costophrenic_angle_belongs_to_its_lung() -> None:
    angle = say("Small effusion.", "right costophrenic angle", {EFFUSION: "present"}, score=0.9)
    lung = say("No right pleural effusion.", "right lung", {EFFUSION: "absent"}, score=0.8)
    assert [bool(reason) for reason in reasons(between, angle, lung)] == [False, True]


def test_what_lost_to_a_sentence_that_lost_stays() -> None:
    sure = say("The heart is not enlarged: 0.44.", "cardiac silhouette", score=0.97)
    large = say("The heart is enlarged.", "cardiac silhouette", score=0.8)
    normal = say("The heart size is normal.", "cardiac silhouette", score=0.6)
    kept = [not reason for reason in reasons(between, sure, large, normal)]
    assert kept == [True, False, True]


def test_sentences_without_findings_are_compared_by_their_words() -> None:
    present = say("There is a dense opacity.", "left lower lung zone", score=0.9)
    absent = say("The left lung is clear.", "left lung", score=0.5)
    assert [bool(reason) for reason in reasons(between, present, absent)] == [False, True]


def test_in_a_drawn_box_contradictions_go_too() -> None:
    present = say("There is a dense opacity.", "marked area", {OPACITY: "present"}, score=0.9)
    absent = say("The marked area is clear.", "marked area", {OPACITY: "absent"}, score=0.5)
    assert [bool(reason) for reason in reasons(between, present, absent)] == [False, True]


# repeats


def test_what_is_there_is_said_of_the_innermost_region() -> None:
    lung = say("There is an opacity in the right lung.", "right lung", {OPACITY: "present"})
    assert reasons(again, lung, opaque()) == ["said of the right lower lung zone", ""]


def test_what_is_not_there_is_said_of_the_outermost_region() -> None:
    zone = say("No opacity in the right lower lung zone.", "right lower lung zone",
               {OPACITY: "absent"})  # fmt: skip
    assert reasons(again, zone, clear()) == ["said of the right lung", ""]


def test_a_sentence_with_another_finding_stays() -> None:
    lung = say("Opacity and effusion.", "right lung", {OPACITY: "present", EFFUSION: "present"})
    assert reasons(again, lung, opaque()) == ["", ""]


def test_an_opacity_that_is_there_is_not_told_by_one_that_may_be() -> None:
    lung = say("There is an opacity in the right lung.", "right lung", {OPACITY: "present"})
    assert reasons(again, lung, opaque(presence="uncertain")) == ["", ""]


def test_the_same_in_other_words_is_said_once_by_the_surer_sentence() -> None:
    first = say("The heart is normal.", "cardiac silhouette", {"Cardiomegaly": "absent"}, score=0.7)
    second = say("Normal heart size.", "cardiac silhouette", {"Cardiomegaly": "absent"}, score=0.8)
    assert reasons(again, first, second) == ["said of the cardiac silhouette", ""]


def test_a_measurement_stays() -> None:
    found: dict[str, Presence] = {"Cardiomegaly": "absent"}
    measured = say("Ratio 0.44.", "cardiac silhouette", found, score=0.6, evidence=(RATIO,))
    seen = say("The heart size is normal.", "cardiac silhouette", found, score=0.9)
    assert reasons(again, measured, seen) == ["", "said of the cardiac silhouette"]


def test_two_nodules_in_one_zone_stay_two() -> None:
    nodules = [
        say(f"A {size} nodule.", "left mid lung zone", {NODULE: "present"})
        for size in ("small", "larger")
    ]
    assert reasons(again, *nodules) == ["", ""]


def test_sentences_without_findings_are_no_repeats() -> None:
    assert reasons(again, say("A length.", "left lung"), say("An area.", "left lung")) == ["", ""]


@pytest.mark.parametrize(
    "guard", [without_evidence, without_prior_studies, side, own, between, again]
)
def test_no_sentences_pass_every_guard(guard: Callable[[DraftReport], DraftReport]) -> None:
    assert guard(DraftReport(())) == DraftReport(())


def test_texts_of_a_draft_keep_their_order() -> None:
    draft = between(DraftReport((say("B.", "left lung"), say("A.", "right lung"))))
    assert texts(draft.sentences) == ["B.", "A."]


def test_scores_of_different_kinds_do_not_decide_which_sentence_goes() -> None:
    def of(kind: ScoreKind, sentence: Sentence) -> Sentence:
        return replace(sentence, score_kind=kind)

    low, high = opaque(0.7), clear(0.95)
    one_kind = reasons(between, of(ScoreKind.PROBABILITY, low), of(ScoreKind.PROBABILITY, high))
    assert "score 0.95 against 0.70" in one_kind[0]
    two_kinds = reasons(between, of(ScoreKind.PROBABILITY, low), of(ScoreKind.TOKENS, high))
    assert two_kinds[0] == ""
    assert "what may be there stands before its denial" in two_kinds[1]


def test_the_reason_names_the_side_that_was_said_and_the_region_that_was_read() -> None:
    wrong = say("There is a left effusion.", "right lung")
    both = say("Both lungs are clear.", "right upper lung zone")
    assert reasons(side, wrong, both) == [
        "it says “left” and was read from the right lung",
        "it says “lungs” and was read from the right upper lung zone only",
    ]


def test_a_wrong_side_in_the_short_form_is_wrong_as_well() -> None:
    sentence = say("An effusion.", "right lung", impression="Left effusion.")
    assert reasons(side, sentence) == ["it says “left” and was read from the right lung"]


def test_the_reason_of_a_comparison_quotes_each_of_its_words() -> None:
    said = say("The effusion is unchanged since the prior study.", "left lung")
    [reason] = reasons(without_prior_studies, said)
    assert reason == (
        "it speaks of an earlier film, which was not given: “unchanged”, “since”, “prior study”"
    )


def test_the_reason_of_a_contradiction_is_a_whole_sentence() -> None:
    [_, reason] = reasons(between, opaque(0.95), clear(0.7))
    assert reason == (
        f"it contradicts “{OPAQUE}” on the right lower lung zone, which is kept "
        f"(score 0.95 against 0.70)"
    )


def test_the_reason_of_words_against_findings_names_both() -> None:
    sentence = say("There is a right pleural effusion.", "right lung", {EFFUSION: "absent"})
    assert reasons(own, sentence) == [
        f"its words say {EFFUSION!r} is present, its findings say absent"
    ]


def test_words_on_findings_that_a_sentence_does_not_carry_are_passed_over() -> None:
    sentence = say(
        "There is no pneumothorax, and there is a right pleural effusion.",
        "right lung",
        {EFFUSION: "absent"},
    )
    assert reasons(own, sentence) != [""]


def test_what_is_denied_with_reserve_does_not_keep_others_from_being_compared() -> None:
    reserved = say("The left lung is otherwise clear.", "left lung", {OPACITY: "absent"})
    kept = [not reason for reason in reasons(between, reserved, opaque(0.95), clear(0.7))]
    assert kept == [True, True, False]


def test_each_denial_is_held_against_all_that_others_say() -> None:
    effusion = say("There is a right pleural effusion.", "right lung", {EFFUSION: "present"})
    kept = [not reason for reason in reasons(between, clear(0.7), effusion, opaque(0.95))]
    assert kept == [False, True, True]


def test_words_without_findings_speak_of_all_regions_of_their_sentence() -> None:
    both = replace(
        say("The lungs are clear.", "right lung", score=0.5), regions=("right lung", "left lung")
    )
    for zone in ("right lower lung zone", "left lower lung zone"):
        present = say("There is a dense opacity.", zone, {OPACITY: "present"})
        assert [bool(reason) for reason in reasons(between, both, present)] == [True, False]


def test_words_that_deny_a_consolidation_deny_no_other_opacity() -> None:
    for words in ("There is no consolidation.", "There is no infiltrate."):
        denial = say(words, "right lung", score=0.95)
        assert reasons(between, denial, opaque(0.7)) == ["", ""]


def test_a_denial_that_is_surer_than_a_doubt_goes_all_the_same() -> None:
    doubt = say("Possible fluid.", "right lung", {EFFUSION: "uncertain"}, score=0.5)
    denial = say("No right pleural effusion.", "right lung", {EFFUSION: "absent"}, score=0.99)
    assert [bool(reason) for reason in reasons(between, doubt, denial)] == [False, True]


def test_a_denial_in_a_part_does_not_deny_the_whole() -> None:
    whole = say("There is an effusion.", "right lung", {EFFUSION: "present"}, score=0.5)
    part = say("No fluid.", "right costophrenic angle", {EFFUSION: "absent"}, score=0.99)
    assert reasons(between, whole, part) == ["", ""]


def test_the_surest_of_two_winners_is_named() -> None:
    sure = opaque(0.99)
    less = say("There is a dense opacity.", "right upper lung zone", {OPACITY: "present"})
    [_, reason, _] = reasons(between, less, clear(0.7), sure)
    assert "score 0.99 against 0.70" in reason


def test_what_is_uncertain_is_said_by_what_is_present() -> None:
    doubt, sure = opaque(0.99, "uncertain"), replace(opaque(0.6), text="An opacity.")
    assert reasons(again, doubt, sure) == ["said of the right lower lung zone", ""]


def test_of_two_that_say_the_same_equally_surely_the_first_stays() -> None:
    first, second = opaque(), replace(opaque(), text="An opacity.")
    assert reasons(again, first, second) == ["", "said of the right lower lung zone"]


def test_a_nodule_in_a_lung_is_said_by_one_in_its_zone() -> None:
    lung = say("A nodule in the right lung.", "right lung", {NODULE: "present"})
    zone = say("A nodule.", "right upper lung zone", {NODULE: "present"})
    assert reasons(again, lung, zone) == ["said of the right upper lung zone", ""]


def test_other_findings_in_between_hide_no_repetition() -> None:
    several = say(
        "Much.",
        "right lung",
        {EFFUSION: "absent", OPACITY: "present", "Pneumothorax": "absent"},
    )
    zone = say("No pneumothorax at the apex.", "right apical zone", {"Pneumothorax": "absent"})
    assert reasons(again, several, zone) == ["", "said of the right lung"]


def test_what_is_denied_is_not_said_by_what_is_there() -> None:
    there = say("Fluid.", "right lung", {EFFUSION: "present"})
    denied = say("No fluid at the apex.", "right apical zone", {EFFUSION: "absent"})
    assert reasons(again, there, denied) == ["", ""]


def test_a_sentence_is_no_repetition_of_one_that_was_taken_out() -> None:
    sentences = [replace(opaque(), text=text) for text in ("One.", "Two.", "Three.")]
    said = "said of the right lower lung zone"
    assert reasons(again, *sentences) == ["", said, said]


def test_what_says_two_things_again_names_both_places() -> None:
    both = say("Both.", "right lung", {OPACITY: "present", EFFUSION: "present"}, score=0.5)
    angle = say("Fluid.", "right costophrenic angle", {EFFUSION: "present"})
    assert reasons(again, both, opaque(), angle) == [
        "said of the right lower lung zone and the right costophrenic angle",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A left effusion.", "A left effusion (right and left are in doubt)."),
        ("A left effusion", "A left effusion (right and left are in doubt)"),
        ("A left effusion. ", "A left effusion (right and left are in doubt)."),
        ("The heart is large.", "The heart is large."),
        (
            "The heart lies on the right: the film is mirrored.",
            "The heart lies on the right: the film is mirrored.",
        ),
        (
            "A left effusion (right and left are in doubt).",
            "A left effusion (right and left are in doubt).",
        ),
    ],
)
def test_a_side_in_doubt_is_said_once(text: str, expected: str) -> None:
    assert texts(with_doubted_sides([say(text, "left lung")])) == [expected]


def test_what_a_guard_takes_out_stands_in_the_order_of_the_draft() -> None:
    draft = DraftReport(tuple(say(text, "left lung", evidence=()) for text in ("B.", "A.", "C.")))
    assert [item.text for item in without_evidence(draft).removed] == ["B.", "A.", "C."]
    assert draft.without({2: "late", 0: "early", 1: ""}).removed == (
        Removed("B.", ("left lung",), "early"),
        Removed("C.", ("left lung",), "late"),
    )
