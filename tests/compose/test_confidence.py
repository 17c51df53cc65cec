"""How probable a sentence is right, what is withheld, and what is said in its place."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grounded import Box, Finding, GroundedReport, GroundedSentence, Image, Regions, Sentence
from grounded.compose.composer import AnatomicalComposer
from grounded.compose.confidence import Confidence, Curve, Fitted, Known, log_odds, sort_of
from grounded.errors import ConfigError, InvalidValueError
from grounded.evidence import Evidence
from grounded.findings import Presence, ScoreKind
from grounded.language.labeller import Labeller
from grounded.protocols import Question
from grounded.provenance import Provenance, Scope
from grounded.report import WITHHELD
from grounded.view import Projection

from .said import ATLAS, EFFUSION, OPACITY, texts

RIGHT, LEFT = "right lung", "left lung"
UNKNOWN = Projection.UNKNOWN
BOXES = np.array([[10, 5, 40, 60], [60, 5, 90, 60], [35, 35, 70, 62]])
FOUND = Regions((RIGHT, LEFT, "cardiac silhouette"), BOXES, np.ones(3))
FILM = Image.of(np.zeros((80, 100), np.float32))
ASKED = Question.of_film(FILM, FOUND)
PROVENANCE = Provenance("0", "test", "", "", "", "")


def finding(label: str, presence: str, region: str, score: float) -> Finding:
    return Finding(label, Presence(presence), region, score, ScoreKind.PROBABILITY)  # type: ignore[arg-type]


def said(text: str, *findings: Finding) -> Sentence:
    regions = tuple(dict.fromkeys(item.region for item in findings))
    places: tuple[Evidence, ...] = tuple(FOUND[name].box for name in regions)
    return Sentence(
        text,
        regions,
        "neural",
        places,
        findings,
        score=min(item.score for item in findings),
        abnormal=any(item.presence != "absent" for item in findings),
        score_kind=ScoreKind.PROBABILITY,
    )


def fitted(limits: dict[float, float] | None = None, wrong: int = 2, **curve: float) -> Fitted:
    """All sorts of opacity and effusion alike; only a score of 0.9 holds 5 %, if not told."""
    made = Known(
        Curve(**{"slope": 1.0, "intercept": 0.0, **curve}),
        limits or {0.05: 0.9},
        60,
        wrong,
        "films of a test",
    )
    sorts = {
        sort_of(finding(label, presence, RIGHT, 0.5)): made
        for label in (OPACITY, EFFUSION)
        for presence in Presence
    }
    return Fitted(sorts, {}, 0.1)


def kept(*sentences: Sentence, of: Fitted | None = None, wrong: float = 0.05) -> list[Sentence]:
    return Confidence.of(of or fitted(), wrong).withhold(ASKED, sentences, ATLAS, UNKNOWN)


SURE = said("Opacity in the right lung.", finding(OPACITY, "present", RIGHT, 0.95))
UNSURE = said("Opacity in the left lung.", finding(OPACITY, "present", LEFT, 0.7))
NONE = said(
    "No opacity or pleural effusion.",
    *(finding(OPACITY, "absent", name, 0.95) for name in (RIGHT, LEFT)),
    *(finding(EFFUSION, "absent", name, 0.8) for name in (RIGHT, LEFT)),
)


def composed(sentences: list[Sentence]) -> GroundedReport:
    placed = [
        item if item.evidence else replace(item, evidence=(FOUND[item.regions[0]].box,))
        for item in sentences
    ]
    return AnatomicalComposer().compose(FILM, FOUND, placed, ATLAS, Scope(), PROVENANCE)


def test_without_a_level_nothing_is_withheld() -> None:
    assert Confidence.of(fitted()).withhold(ASKED, [SURE, UNSURE], ATLAS, UNKNOWN) == [SURE, UNSURE]


def test_what_does_not_hold_the_level_is_withheld_and_said_to_be() -> None:
    sentences = kept(SURE, UNSURE)
    assert texts(sentences) == [
        "Opacity in the right lung.",
        "Withheld: opacities in the left lung cannot be stated or denied at the 5 % level.",
    ]
    assert sentences[1].origin == WITHHELD
    assert sentences[1].notes == ("Lung Opacity: its score is 0.700, not 0.900 or more",)


def test_a_level_holds_by_the_next_stricter_one_that_was_fitted() -> None:
    assert kept(SURE, wrong=0.07) == [SURE]
    assert kept(SURE, wrong=0.04)[0].origin == WITHHELD


def test_where_no_score_holds_the_level_all_of_a_finding_is_withheld() -> None:
    [sentence] = kept(SURE, of=fitted({0.2: 0.5}, wrong=30))
    assert sentence.notes == (
        "Lung Opacity: no score holds it: 30 of 60 such statements were wrong",
    )


def test_too_few_films_are_called_so() -> None:
    few = {sort_of(SURE.findings[0]): Known(Curve(1.0, 0.0), {}, 7, 0, "")}
    [sentence] = kept(SURE, of=replace(fitted(), sorts=few))
    assert sentence.notes == (
        "Lung Opacity: too few films to tell: 0 of 7 such statements were wrong",
    )


def test_what_was_not_measured_is_withheld() -> None:
    heart = said(
        "Heart size is normal.", finding("Cardiomegaly", "absent", "cardiac silhouette", 1.0)
    )
    [sentence] = kept(heart)
    assert sentence.text.startswith("Withheld: cardiomegaly cannot be stated or denied")
    assert "was not measured" in sentence.notes[0]


def test_scores_of_another_kind_are_another_sort() -> None:
    by_distance = replace(SURE.findings[0], score_kind=ScoreKind.DISTANCE)
    assert kept(replace(SURE, findings=(by_distance,)))[0].origin == WITHHELD


def test_what_is_left_of_a_denial_is_said_anew() -> None:
    assert texts(kept(NONE)) == [
        "No opacity.",
        "Withheld: pleural effusion cannot be stated or denied at the 5 % level.",
    ]


def test_what_is_left_on_one_side_is_denied_of_that_side() -> None:
    half = said(
        "No opacity.",
        finding(OPACITY, "absent", RIGHT, 0.95),
        finding(OPACITY, "absent", LEFT, 0.8),
    )
    assert texts(kept(half))[0] == "No opacity in the right lung."


def test_no_lung_is_called_clear_beside_what_is_withheld_of_it() -> None:
    clear = said("The left lung is clear.", finding(OPACITY, "absent", LEFT, 0.95))
    effusion = said("Possible left pleural effusion.", finding(EFFUSION, "uncertain", LEFT, 0.6))
    assert texts(kept(clear, effusion))[0] == "No opacity in the left lung."
    other = said("Possible right pleural effusion.", finding(EFFUSION, "uncertain", RIGHT, 0.6))
    assert texts(kept(clear, other))[0] == "The left lung is clear."


def test_what_is_withheld_is_no_reason_why_something_cannot_be_judged() -> None:
    text = "Heart size cannot be judged, as a pleural effusion on the right may hide its border."
    judged = Sentence(text, (RIGHT,), "measured", (Box(0, 0, 9, 9),))
    effusion = said("Right pleural effusion.", finding(EFFUSION, "present", RIGHT, 0.6))
    assert texts(kept(judged, effusion))[0] == "Heart size cannot be judged."
    assert texts(kept(judged)) == ["Heart size cannot be judged."]
    sure = said("Right pleural effusion.", finding(EFFUSION, "present", RIGHT, 0.95))
    assert judged in kept(judged, sure)
    edge = replace(judged, text="Heart size cannot be judged, as the lung reaches the edge.")
    assert edge in kept(edge, effusion)


def test_misses_have_a_level_of_their_own() -> None:
    lenient = Confidence.of(fitted({0.05: 0.9, 0.2: 0.6}), 0.05, 0.2)
    sentences = lenient.withhold(ASKED, [UNSURE, NONE], ATLAS, UNKNOWN)
    assert NONE in sentences
    assert UNSURE not in sentences
    only_misses = Confidence.of(fitted(), missed=0.05)
    assert UNSURE in only_misses.withhold(ASKED, [UNSURE, NONE], ATLAS, UNKNOWN)


def test_what_a_reader_has_set_is_not_withheld() -> None:
    question = Question.of_film(FILM, FOUND, findings={LEFT: {OPACITY: Presence.PRESENT}})
    assert Confidence.of(fitted(), 0.05).withhold(question, [UNSURE], ATLAS, UNKNOWN) == [UNSURE]


def test_of_a_child_s_film_nothing_is_promised() -> None:
    film = replace(FILM, info=replace(FILM.info, child=True))
    trust = Confidence.of(fitted(), 0.05)
    [sentence] = trust.withhold(Question.of_film(film, FOUND), [SURE], ATLAS, UNKNOWN)
    assert "limits are those of adults" in sentence.notes[0]
    [rated, *_] = trust.rate(film.info, composed([SURE]).sentences, Projection.PA)
    assert rated.right is None
    assert "limits are those of adults" in rated.unrated


def test_a_sentence_that_claims_nothing_stays() -> None:
    open_ = Sentence("Not assessed: nodules.", (RIGHT,), "neural", (Box(0, 0, 9, 9),))
    assert kept(open_) == [open_]


def test_the_labeller_takes_nothing_from_what_is_withheld() -> None:
    sentences = kept(UNSURE, NONE)
    withheld = [item.text for item in sentences if item.origin == WITHHELD]
    assert [list(Labeller.open().label(text)) for text in withheld] == [[], []]


def test_the_report_says_in_its_place_what_was_withheld() -> None:
    report = composed(kept(SURE, UNSURE))
    assert [item.text for item in report.withheld] == [
        "Withheld: opacities in the left lung cannot be stated or denied at the 5 % level."
    ]
    assert "Withheld: opacities in the left lung" in report.text
    assert not report.removed
    again = GroundedReport.from_dict(report.to_dict())
    assert again.withheld == report.withheld


def test_an_impression_beside_something_withheld_calls_nothing_normal() -> None:
    report = composed(kept(NONE))
    assert [item.text for item in report.section("impression")] == [
        "Findings were withheld: what they are about can be neither stated nor denied."
    ]
    both = composed(kept(SURE, UNSURE)).section("impression")
    assert [item.text for item in both] == [
        "Opacity in the right lung.",
        "Findings were withheld: what they are about can be neither stated nor denied.",
    ]


def test_a_sentence_carries_the_probability_that_it_is_right() -> None:
    report = composed([SURE])
    [sentence, *_] = Confidence.of(fitted()).rate(FILM.info, report.sentences, Projection.UNKNOWN)
    assert sentence.right is not None
    assert sentence.right.probability == pytest.approx(0.95)
    assert sentence.right.population == "films of a test"
    data = sentence.to_dict()
    assert data["right"]["score_kind"] == "probability that the sentence is right"
    assert type(sentence).from_dict(data).right == sentence.right


def test_no_probability_is_nearer_to_one_than_its_films_can_show() -> None:
    sort = sort_of(SURE.findings[0])
    sure = Known(Curve(3.0, 2.0), {}, 18, 0, "films of a test")
    right = rated(SURE, Fitted({sort: sure}, {}, 0.1)).right
    assert right is not None
    assert right.probability == pytest.approx(1 - 1 / 20)


def test_the_view_moves_the_probability() -> None:
    trust = Confidence.of(fitted(view=-0.5))
    ap, pa, unknown = (
        trust.right(SURE.findings, view)
        for view in (Projection.AP, Projection.PA, Projection.UNKNOWN)
    )
    assert ap is not None
    assert pa is not None
    assert unknown is not None
    assert ap.probability < unknown.probability < pa.probability
    assert ap.population.endswith("AP")


def test_several_findings_are_right_together_more_seldom_than_each() -> None:
    right = Confidence.of(fitted()).right(NONE.findings, Projection.UNKNOWN)
    assert right is not None
    assert right.probability == pytest.approx(0.95 * 0.8)


def test_what_was_not_measured_has_no_probability() -> None:
    heart = finding("Cardiomegaly", "absent", "cardiac silhouette", 1.0)
    trust = Confidence.of(fitted())
    assert trust.right((heart, *SURE.findings), Projection.PA) is None
    assert trust.right((), Projection.PA) is None


def rated(sentence: Sentence, of: Fitted, view: Projection = UNKNOWN) -> GroundedSentence:
    return Confidence.of(of).rate(FILM.info, composed([sentence]).sentences, view)[0]


def test_what_claims_something_without_a_probability_says_why() -> None:
    heart = said(
        "Heart size is normal.", finding("Cardiomegaly", "absent", "cardiac silhouette", 1.0)
    )
    without = rated(heart, fitted())
    assert without.right is None
    assert without.unrated == "Cardiomegaly: how often it is right was not measured on films"
    assert GroundedSentence.from_dict(without.to_dict()) == without
    few = {sort_of(heart.findings[0]): Known(None, {}, 7, 0, "films of a test")}
    assert rated(heart, Fitted(few, {}, 0.1)).unrated == (
        "Cardiomegaly: too few films to measure how often it is right: said of 7 patients"
    )
    one = {sort_of(heart.findings[0]): Known(None, {}, 1, 0, "films of a test")}
    assert rated(heart, Fitted(one, {}, 0.1)).unrated.endswith("said of 1 patient")
    set_ = replace(heart.findings[0], score_kind=ScoreKind.UNSPECIFIED)
    assert rated(replace(heart, findings=(set_,)), fitted()).unrated.endswith("read of the film")
    assert rated(SURE, fitted()).unrated == ""


def test_what_was_measured_on_films_of_one_view_holds_for_that_view_alone() -> None:
    made = fitted()
    only = {sort: replace(known, only=Projection.PA) for sort, known in made.sorts.items()}
    of_pa = replace(made, sorts=only)
    assert rated(SURE, of_pa, Projection.PA).right is not None
    for view in (Projection.AP, UNKNOWN):
        assert rated(SURE, of_pa, view).right is None
        assert "measured on PA films alone" in rated(SURE, of_pa, view).unrated
        [kept_] = Confidence.of(of_pa, 0.05).withhold(ASKED, [SURE], ATLAS, view)
        assert kept_.origin == WITHHELD
        assert "measured on PA films alone" in kept_.notes[0]
    assert Confidence.of(of_pa, 0.05).withhold(ASKED, [SURE], ATLAS, Projection.PA) == [SURE]


def test_a_sentence_of_several_findings_is_bent_by_the_films_that_know_all_of_them() -> None:
    made = replace(fitted(), several={"films of a test": Curve(1.0, -1.0)})
    bent = rated(NONE, made).right
    assert bent is not None
    assert bent.probability == pytest.approx(Curve(1.0, -1.0).at(0.95 * 0.8))
    effusion = sort_of(finding(EFFUSION, "absent", RIGHT, 0.5))
    other = replace(made.sorts[effusion], population="other films")
    mixed = rated(NONE, replace(made, sorts={**made.sorts, effusion: other})).right
    assert mixed is not None
    assert mixed.probability == pytest.approx(0.95 * 0.8)
    assert mixed.population == "films of a test; other films"


def test_the_scope_says_what_is_promised_and_of_which_films() -> None:
    scope = Confidence.of(fitted(), 0.05, 0.1).scope(Scope())
    assert "at most 5 %" in scope.text
    assert "at most 10 %" in scope.text
    assert "films of a test" in scope.text
    assert "90 %" in scope.text
    assert Scope.from_dict(scope.to_dict()) == scope
    assert Confidence.of(fitted()).scope(Scope()) == Scope()


def test_what_was_fitted_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = replace(fitted(), weights_sha256={"generator/a": "0" * 64})
    made.write(tmp_path / "confidence.json")
    assert Fitted.read(tmp_path / "confidence.json") == made


@pytest.mark.parametrize("content", ["", "{}", '{"schema": 1}', '{"schema": 2, "sorts": 3}'])
def test_a_file_that_holds_no_confidence_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "confidence.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="grounded train confidence"):
        Confidence(file)


@pytest.mark.parametrize("level", [0.0, 1.0, 5.0, -0.1])
def test_a_level_lies_between_none_and_all(level: float) -> None:
    with pytest.raises(InvalidValueError, match=r"0\.05 is 5 %"):
        Confidence.of(fitted(), level)


def test_log_odds_are_finite_at_the_ends() -> None:
    assert log_odds(0) == pytest.approx(-log_odds(1))
