"""What becomes one sentence, and that nothing of its parts is lost."""

from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, Finding, Heatmap, Mask, Sentence
from grounded.compose.merging import merge, same_words, sides_and_zones
from grounded.findings import Presence, ScoreKind
from grounded.language.labeller import Labeller

from .said import ATLAS, BOX, EFFUSION, OPACITY, say, texts

LABELLER = Labeller.open()
FILM = Box(0, 0, 100, 100)
OTHER = Box(20, 0, 29, 9)


def joined(*sentences: Sentence) -> tuple[Sentence, ...]:
    return sides_and_zones(sentences, ATLAS, LABELLER)


def heat(*values: float, extent: Box = FILM, method: str = "gradient") -> Heatmap:
    return Heatmap(np.array([values], np.float32), extent, method)


def opacity(side: str, zone: str, presence: Presence = "present") -> Sentence:
    region = f"{side} {zone} lung zone"
    return say(f"There is a hazy opacity in the {region}.", region, {OPACITY: presence})


def test_the_same_words_in_any_case_become_one_sentence() -> None:
    [merged] = same_words([say("Clear.", "right lung"), say("clear. ", "left lung")])
    assert merged.regions == ("right lung", "left lung")
    assert merged.notes == ("merged from 2 sentences",)


def test_both_lungs_are_clear_in_one_sentence() -> None:
    [merged] = joined(
        say("The right lung is clear.", "right lung", {OPACITY: "absent"}, score=0.9),
        say("The left lung is clear.", "left lung", {OPACITY: "absent"}, score=0.8,
            evidence=(OTHER,)),
    )  # fmt: skip
    assert merged.text == "The lungs are clear."
    assert merged.regions == ("right lung", "left lung")
    assert merged.evidence == (BOX, OTHER)
    assert [finding.region for finding in merged.findings] == ["right lung", "left lung"]
    assert merged.score == 0.8


def test_the_note_keeps_the_words_of_each() -> None:
    [merged] = joined(
        say("There is no left pleural effusion.", "left lung"),
        say("There is no right pleural effusion.", "right costophrenic angle"),
    )
    assert merged.notes == (
        "merged from “There is no right pleural effusion.” and “There is no left pleural "
        "effusion.”",
    )


def test_zones_of_one_side_become_one_sentence() -> None:
    [merged] = joined(opacity("right", "lower"), opacity("right", "mid"))
    assert merged.text == "There is a hazy opacity in the right mid and lower lung zones."
    assert merged.regions == ("right lower lung zone", "right mid lung zone")


def test_the_same_zones_of_both_sides_become_one_sentence() -> None:
    [merged] = joined(opacity("left", "lower"), opacity("right", "lower"))
    assert merged.text == "There are hazy opacities in both lower lung zones."


def test_other_zones_on_the_other_side_make_a_sentence_a_side() -> None:
    said = texts(
        joined(opacity("right", "lower"), opacity("left", "mid"), opacity("left", "lower"))
    )
    assert said == [
        "There is a hazy opacity in the right lower lung zone.",
        "There is a hazy opacity in the left mid and lower lung zones.",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (opacity("right", "lower"), opacity("left", "lower", "uncertain")),
        (opacity("right", "lower"), replace(opacity("left", "lower"), origin="another")),
        (
            say("There is no right pleural effusion.", "marked area"),
            say("There is no left pleural effusion.", "marked area"),
        ),
        (
            say("The right lung is well expanded and is clear.", "right lung"),
            say("The left lung is well expanded and is clear.", "left lung"),
        ),
        (
            say("A long right density.", "right lung"),
            say("A long left density.", "left lung"),
        ),  # the labeller reads "densities" as opacity, "density" as none
    ],
)
def test_what_is_not_alike_or_has_no_form_stays_apart(first: Sentence, second: Sentence) -> None:
    assert joined(first, second) == (first, second)


def normal(text: str, region: str) -> Sentence:
    return say(text, region, {OPACITY: "absent"})


@pytest.mark.parametrize(
    ("right", "left", "expected"),
    [
        ("The right lung is clear.", "No opacity in the left lung.", "No opacity in the lungs."),
        ("No opacity.", "No opacity is seen in the left lung.", "No opacity."),
        (
            "The right lung is clear.",
            "The left lung is clear, without effusion.",
            "The lungs are clear.",
        ),
    ],
)
def test_normal_sides_in_other_words_take_the_words_that_hold_for_both(
    right: str, left: str, expected: str
) -> None:
    [merged] = joined(normal(right, "right lung"), normal(left, "left lung"))
    assert merged.text == expected
    assert merged.notes == (f"merged from “{right}” and “{left}”",)


def test_normal_words_that_hold_for_one_side_only_stay_apart() -> None:
    sentences = (
        normal("No opacity in the right lung, no effusion.", "right lung"),
        normal("No opacity in the left lung, no pneumothorax.", "left lung"),
    )
    assert joined(*sentences) == sentences


def test_two_spellings_of_one_side_are_both_kept() -> None:
    sentences = (
        say("There is no right pleural effusion.", "right lung"),
        say("There is no right-sided pleural effusion.", "right costophrenic angle"),
        say("There is no left pleural effusion.", "left lung"),
    )
    [merged] = joined(*sentences)
    assert merged.text == "There is no pleural effusion."
    assert set(merged.regions) == {"right lung", "right costophrenic angle", "left lung"}


def test_heatmaps_of_one_method_over_one_place_become_their_maximum() -> None:
    merged = merge(
        [
            say("A.", "right lung", evidence=(BOX, heat(0.1, 0.9))),
            say("A.", "left lung", evidence=(OTHER, heat(0.4, 0.2))),
        ]
    )
    box, heatmap, other = merged.evidence
    assert (box, other) == (BOX, OTHER)
    assert isinstance(heatmap, Heatmap)
    assert heatmap.values.tolist() == np.array([[0.4, 0.9]], np.float32).tolist()
    assert (heatmap.method, heatmap.extent) == ("gradient", FILM)


@pytest.mark.parametrize("other", [heat(1, extent=BOX), heat(1, method="occlusion"), heat(1, 2)])
def test_heatmaps_of_another_method_place_or_size_stay(other: Heatmap) -> None:
    first = heat(0.5)
    merged = merge(
        [say("A.", "right lung", evidence=(first,)), say("A.", "left lung", evidence=(other,))]
    )
    assert merged.evidence == (first, other)


def test_a_mask_that_both_bring_is_kept_once() -> None:
    mask = Mask(np.ones((2, 2), np.float32), BOX)
    one = say("A.", "right lung", evidence=(mask,))
    assert merge([one, replace(one, regions=("left lung",))]).evidence == (mask,)


def test_a_short_form_that_all_share_is_kept() -> None:
    sentences = [say("A.", side, impression="Short.") for side in ("right lung", "left lung")]
    assert merge(sentences).impression == "Short."


def test_short_forms_of_findings_that_differ_are_left_to_the_impression() -> None:
    found: dict[str, Presence] = {EFFUSION: "present"}
    right = say("A.", "right lung", found, impression="Right effusion.")
    left = say("A.", "left lung", found, impression="Left effusion.")
    assert merge([right, left]).impression == ""
    without = [replace(sentence, findings=()) for sentence in (right, left)]
    assert merge(without).impression == "Right effusion. Left effusion."


def test_one_sentence_stays_as_it_is() -> None:
    one = opacity("right", "lower")
    assert same_words([one]) == joined(one) == (one,)


def test_no_sentences_stay_none() -> None:
    assert same_words([]) == joined() == ()


def test_a_merged_score_is_the_lowest_of_its_own_kind() -> None:
    measured = replace(say("Clear.", "left lung", score=0.9), score_kind=ScoreKind.DISTANCE)
    also = replace(say("Clear.", "spine", score=0.8), score_kind=ScoreKind.DISTANCE)
    words = replace(say("Clear.", "right lung", score=0.1), score_kind=ScoreKind.TOKENS)
    merged = merge([measured, also, words])
    assert (merged.score, merged.score_kind) == (0.8, ScoreKind.DISTANCE)
    assert merge([words, measured]).score == 0.1


def test_a_merged_sentence_has_what_each_brought_once() -> None:
    first = replace(opacity("right", "lower"), notes=("one",), abnormal=False)
    second = replace(opacity("right", "mid"), notes=("one", "two"), abnormal=True)
    merged = merge([first, second, second])
    assert merged.text == first.text
    assert merged.regions == ("right lower lung zone", "right mid lung zone")
    assert merged.findings == (*first.findings, *second.findings)
    assert merged.abnormal
    assert merged.notes == ("one", "two", "merged from 3 sentences")
    assert not merge([first, first]).abnormal


def test_a_note_lists_the_words_of_each_that_was_merged() -> None:
    group = [say(f"{name}.", "left lung") for name in ("One", "Two", "Three")]
    assert merge(group, "All.").notes == ("merged from “One.”, “Two.” and “Three.”",)


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "another"},
        {"findings": (Finding(EFFUSION, "absent", "left lung"),)},
    ],
)
def test_normal_sentences_of_another_origin_or_finding_stay_apart(
    changed: dict[str, object],
) -> None:
    right = normal("The right lung is clear.", "right lung")
    left = replace(normal("The left lung is clear.", "left lung"), **changed)
    assert joined(right, left) == (right, left)


def test_what_one_calls_abnormal_and_the_other_does_not_stays_apart() -> None:
    right, left = opacity("right", "lower"), opacity("left", "lower")
    assert len(joined(right, left)) == 1
    assert len(joined(right, replace(left, abnormal=False))) == 2


def test_words_of_one_side_about_a_region_of_the_other_stay() -> None:
    wrong = say("There is a hazy opacity in the left lower lung zone.", "right lower lung zone")
    other = opacity("right", "lower")
    assert len(joined(wrong, replace(other, findings=()))) == 2


def test_zones_said_in_words_without_a_side_stay_apart_where_they_differ() -> None:
    upper = normal("No opacity.", "right upper lung zone")
    lower = normal("No opacity.", "right lower lung zone")
    assert len(joined(upper, lower)) == 2


def test_sentences_that_join_nothing_come_first() -> None:
    heart = say("The heart is normal.", "cardiac silhouette", {"Cardiomegaly": "absent"})
    right, left = normal("Clear.", "right lung"), normal("Clear.", "left lung")
    assert texts(joined(right, heart, left)) == ["The heart is normal.", "Clear."]


def test_three_heatmaps_become_one_where_the_first_one_stood() -> None:
    maps = [heat(0.1, 0.9), heat(0.5, 0.2), heat(0.3, 0.3)]
    merged = merge(
        [
            say("A.", "right lung", evidence=(maps[0], BOX)),
            say("A.", "left lung", evidence=(maps[1],)),
            say("A.", "spine", evidence=(maps[2],)),
        ]
    )
    first, box = merged.evidence
    assert isinstance(first, Heatmap)
    assert first.values.tolist() == np.array([[0.5, 0.9]], np.float32).tolist()
    assert box == BOX


def test_words_on_another_place_than_their_region_are_not_said_of_both_sides() -> None:
    right = normal("No opacity in the right lower lung zone.", "right lung")
    left = normal("No opacity in the left lower lung zone.", "left lung")
    assert joined(right, left) == (right, left)


def test_words_that_name_a_side_alone_are_said_of_both() -> None:
    sentences = [
        say(f"No {side} pleural effusion.", f"{side} mid lung zone", {EFFUSION: "absent"})
        for side in ("right", "left")
    ]
    assert texts(joined(*sentences)) == ["No pleural effusion."]
