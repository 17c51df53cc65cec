from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from grounded import Box, Finding, GroundedReport, Image, Regions, Sentence
from grounded.compose.composer import AnatomicalComposer, in_order
from grounded.compose.impression import NOTHING_ABNORMAL
from grounded.provenance import Scope

from ..conftest import PROVENANCE
from .said import ATLAS, EFFUSION, NODULE, OPACITY, say, texts

Compose = Callable[[Sequence[Sentence]], GroundedReport]
BOX, OTHER = Box(0, 0, 9, 9), Box(20, 0, 29, 9)


@pytest.fixture
def compose(film: Image, found: Regions) -> Compose:
    def run(sentences: Sequence[Sentence]) -> GroundedReport:
        return AnatomicalComposer().compose(film, found, sentences, ATLAS, Scope(), PROVENANCE)

    return run


def sentence(text: str, region: str, box: Box = BOX, **more: object) -> Sentence:
    return Sentence(text, (region,), "test", evidence=(box,), **more)  # type: ignore[arg-type]


def finding(presence: str, region: str = "cardiac silhouette") -> Finding:
    return Finding("Cardiomegaly", presence, region)  # type: ignore[arg-type]


def test_a_merged_sentence_keeps_all_its_evidence(compose: Compose) -> None:
    report = compose(
        [
            sentence("Clear.", "right lung", BOX, score=0.9),
            sentence("clear. ", "left lung", OTHER, score=0.6),
        ]
    )
    [merged] = report.sentences
    assert merged.regions == ("right lung", "left lung")
    assert merged.evidence == (BOX, OTHER)
    assert merged.score == 0.6
    assert merged.notes == ("merged from 2 sentences",)


def test_findings_stand_in_anatomical_order(compose: Compose) -> None:
    names = ("cardiac silhouette", "left lung", "right lung")
    report = compose([sentence(f"About the {name}.", name) for name in names])
    assert [s.regions[0] for s in report.sentences] == sorted(names, key=ATLAS.order)


def test_what_has_a_name_comes_before_what_has_none() -> None:
    said = [
        say("Possible nodule.", "right lung", {NODULE: "uncertain"}),
        say("Unspecified.", "right lung", {"Unspecified Abnormality": "present"}),
        say("Effusion on the left.", "left lung", {EFFUSION: "present"}),
    ]
    assert texts(in_order(said, ATLAS)) == [
        "Effusion on the left.",
        "Unspecified.",
        "Possible nodule.",
    ]


def test_what_is_said_of_one_finding_stands_together() -> None:
    said = [
        say("Opacity on the left.", "left lower lung zone", {OPACITY: "present"}),
        say("Effusion on the right.", "right lung", {EFFUSION: "present"}),
        say("Opacity on the right.", "right upper lung zone", {OPACITY: "present"}),
        say("Effusion on the left.", "left lung", {EFFUSION: "present"}),
        say("No nodule.", "right lung", {NODULE: "absent"}),
    ]
    assert texts(in_order(said, ATLAS)) == [
        "Effusion on the right.",
        "Effusion on the left.",
        "Opacity on the right.",
        "Opacity on the left.",
        "No nodule.",
    ]


def test_what_is_open_stands_before_what_is_normal_and_what_was_not_assessed_comes_last(
    compose: Compose,
) -> None:
    report = compose(
        [
            say("Nodules were not assessed.", "right lung"),
            say("No opacity.", "left lung", {OPACITY: "absent"}),
            say("Possibly large.", "cardiac silhouette", {"Cardiomegaly": "uncertain"}),
        ]
    )
    assert [s.text for s in report.section("findings")] == [
        "Possibly large.",
        "No opacity.",
        "Nodules were not assessed.",
    ]


def test_a_sentence_without_evidence_is_taken_out_with_the_reason(compose: Compose) -> None:
    report = compose([Sentence("Guess.", ("left lung",), "test")])
    assert report.sentences == ()
    assert [(item.text, item.reason) for item in report.removed] == [
        ("Guess.", "no evidence to stand on")
    ]


def test_the_impression_says_the_surest_first_and_keeps_the_evidence(compose: Compose) -> None:
    report = compose(
        [
            sentence("A long.", "right lung", BOX, score=0.6, impression="A.", abnormal=True),
            sentence("B long.", "left lung", OTHER, score=0.9, impression="B.", abnormal=True),
        ]
    )
    impression = report.section("impression")
    assert [s.text for s in impression] == ["B.", "A."]
    assert impression[0].evidence == (OTHER,)


def test_nothing_abnormal_stands_on_everything_assessed(compose: Compose) -> None:
    report = compose(
        [
            sentence("Heart fine.", "cardiac silhouette", findings=(finding("absent"),)),
            sentence("A length.", "left lung", OTHER),
        ]
    )
    [impression] = report.section("impression")
    assert impression.text == NOTHING_ABNORMAL
    assert impression.regions == ("cardiac silhouette",)


@pytest.mark.parametrize("findings", [(), (finding("uncertain"),)])
def test_without_a_sure_finding_there_is_no_all_clear(
    compose: Compose, findings: tuple[Finding, ...]
) -> None:
    report = compose([sentence("Heart.", "cardiac silhouette", findings=findings)])
    assert NOTHING_ABNORMAL not in report.text


def test_abnormal_findings_stand_before_normal_ones(compose: Compose) -> None:
    report = compose(
        [
            say("The right lung is clear.", "right lung", {OPACITY: "absent"}),
            say("There is a left effusion.", "left lung", {EFFUSION: "present"}),
            say("The heart is enlarged.", "cardiac silhouette", {"Cardiomegaly": "present"}),
        ]
    )
    assert [s.regions[0] for s in report.section("findings")] == [
        "left lung",
        "cardiac silhouette",
        "right lung",
    ]


CASE = (
    say("The right lung is clear.", "right lung", {OPACITY: "absent"}, score=0.8),
    say("The left lung is clear.", "left lung", {OPACITY: "absent"}, score=0.9),
    say("No opacity in the left lung.", "left lung", {OPACITY: "absent"}, score=0.7),
    say("There is no right pleural effusion.", "right lung", {EFFUSION: "absent"}),
    say("There is no left pleural effusion.", "left lung", {EFFUSION: "absent"}),
    say("Right lung opacity.", "right lung", {OPACITY: "present"}, score=0.95),
    say("Stable cardiomegaly.", "cardiac silhouette", {"Cardiomegaly": "present"}),
    say("Left basal nodule.", "right lung", {NODULE: "present"}),
    say("There is a pneumothorax.", "left lung", {"Pneumothorax": "absent"}),
    say("Seen nowhere.", "left lung", evidence=()),
)


def test_every_sentence_given_stands_in_the_report_or_among_the_removed(compose: Compose) -> None:
    report = compose(CASE)
    notes = [note for item in report.sentences for note in item.notes]
    for given in CASE:
        kept = given.text in {item.text for item in report.sentences}
        merged = any(f"“{given.text}”" in note for note in notes)
        removed = given.text in {item.text for item in report.removed}
        assert kept + merged + removed == 1, given.text


def test_a_case_reads_as_a_report(compose: Compose) -> None:
    report = compose(CASE)
    assert [item.text for item in report.section("findings")] == [
        "Right lung opacity.",
        "There is no pleural effusion.",
        "The left lung is clear.",
    ]
    assert [item.text for item in report.section("impression")] == ["Opacity in the right lung."]
    assert {item.text: item.reason.split()[1] for item in report.removed} == {
        "Seen nowhere.": "evidence",
        "Stable cardiomegaly.": "speaks",
        "Left basal nodule.": "says",
        "There is a pneumothorax.": "words",
        "The right lung is clear.": "contradicts",
        "No opacity in the left lung.": "of",
    }


def test_what_was_removed_survives_the_json(compose: Compose) -> None:
    report = compose(CASE)
    assert GroundedReport.from_dict(report.to_dict()).removed == report.removed


def test_the_same_sentences_in_another_order_make_the_same_report(compose: Compose) -> None:
    texts = {tuple(s.text for s in compose(case).sentences) for case in (CASE, CASE[::-1])}
    assert len(texts) == 1


def test_a_drawn_box_is_composed_like_a_region(film: Image) -> None:
    drawn = Regions.none().drawn("marked area", Box(5, 5, 30, 30))
    sentences = [
        say("There is a left opacity.", "marked area", {OPACITY: "present"}),
        say("The marked area is clear.", "marked area", {OPACITY: "absent"}, score=0.6),
        say("Unchanged.", "marked area"),
    ]
    report = AnatomicalComposer().compose(film, drawn, sentences, ATLAS, Scope(), PROVENANCE)
    assert [s.text for s in report.sentences] == [
        "There is a left opacity.",
        "Opacity in the marked area.",
    ]
    assert len(report.removed) == 2


def test_no_sentences_make_an_empty_report(compose: Compose) -> None:
    assert compose([]).sentences == ()


def test_a_report_keeps_what_it_was_composed_of(compose: Compose, film: Image) -> None:
    report = compose([sentence("Clear.", "right lung")])
    assert report.sites == ATLAS.sites(report.regions.names)
    assert "right lung" in report.sites
    assert (report.film, report.image) == (film, film.info)
    assert (report.scope, report.provenance) == (Scope(), PROVENANCE)


MIRRORED = "(right and left are in doubt)"


def test_where_sides_are_in_doubt_each_sentence_that_names_one_says_so(
    film: Image, found: Regions
) -> None:
    doubted = replace(film, info=replace(film.info, sides_in_doubt=True))
    opacity = Finding(OPACITY, "present", "right lung", 0.9)
    said = [
        sentence("Opacity in the right lung.", "right lung", findings=(opacity,), abnormal=True),
        sentence("Shifted to the left.", "cardiac silhouette"),
        sentence("The heart is large.", "cardiac silhouette"),
    ]
    report = AnatomicalComposer().compose(doubted, found, said, ATLAS, Scope(), PROVENANCE)
    assert [item.text for item in report.sentences] == [
        f"Opacity in the right lung {MIRRORED}.",
        f"Shifted to the left {MIRRORED}.",
        "The heart is large.",
        f"Opacity in the right lung {MIRRORED}.",
    ]
