from collections.abc import Callable, Sequence

import pytest

from grounded import Atlas, Box, Finding, GroundedReport, Image, Regions, Sentence
from grounded.compose import NOTHING_ABNORMAL, AnatomicalComposer
from grounded.report import Scope

from .conftest import PROVENANCE

Compose = Callable[[Sequence[Sentence]], GroundedReport]
ATLAS = Atlas.open("chest29")
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
    assert report.section("impression") == ()


def test_no_sentences_make_an_empty_report(compose: Compose) -> None:
    assert compose([]).sentences == ()
