import json
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, Finding, GroundedSentence, Heatmap
from grounded.audit import Audit, Check, SentenceAudit, Share, Verdict
from grounded.compose.impression import NOTHING_SURE
from grounded.findings import Presence, ScoreKind
from grounded.greys import Greys, Scale, Window
from grounded.report import WITHHELD, Right
from grounded.viz.document import document, kind_of


def page_of(report, answers=None):
    return json.loads(document(report, answers).to_json())


def said(text="Something.", presence=None, **more):
    found = (Finding("Lung Opacity", presence, "right lung", 0.5),) if presence else ()
    return GroundedSentence(text, ("right lung",), (Box(0, 0, 1, 1),), "t", findings=found, **more)


def test_a_document_holds_the_window_that_the_film_asks_for(drawn):
    greys = Greys(np.zeros(drawn.film.shape, np.uint16), Scale(Window(100.0, 900.0), bits=12))
    made = page_of(replace(drawn, film=replace(drawn.film, unwindowed=greys)))
    assert made["film"]["scale"]["window"] == {"low": 100.0, "high": 900.0, "curve": []}
    assert page_of(drawn)["film"]["scale"]["window"]["high"] == 65535


def test_what_is_no_part_of_a_page_is_not_written(drawn):
    with pytest.raises(TypeError, match="no part of a page"):
        replace(document(drawn), title=object()).to_json()


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        (said("Opacity.", Presence.PRESENT, abnormal=True), "abnormal"),
        (said("Possible opacity.", Presence.UNCERTAIN, abnormal=True), "uncertain"),
        (said("No opacity.", Presence.ABSENT), "normal"),
        (said("A pacemaker.", Presence.PRESENT), "normal"),
        (said("Something is wrong.", abnormal=True), "abnormal"),
        (said("Not judged: opacities."), "open"),
        (said("Not assessed: nodules."), "open"),
        (said("Heart size cannot be judged."), "open"),
        (said(NOTHING_SURE, Presence.UNCERTAIN, abnormal=True), "uncertain"),
    ],
)
def test_a_sentence_is_of_a_kind(sentence, kind):
    assert kind_of(sentence) == kind


def test_what_is_not_assessed_has_no_score(drawn):
    probable = ScoreKind.PROBABILITY
    sentences = (said("Not assessed: nodules.", score_kind=probable), said(score_kind=probable))
    first, second = page_of(replace(drawn, sentences=sentences))["sentences"]
    assert first["score"] is None
    assert (second["score"], second["score_kind"]) == (1.0, "raw score")


def test_evidence_that_is_a_region_names_it(drawn):
    evidence = page_of(drawn)["sentences"][0]["evidence"]
    assert evidence[0] == {"kind": "region", "region": "right lung"}


def test_heat_comes_back_from_its_bytes(drawn):
    values = np.array([[0.0, 1.5], [-2.0, 3.0]], np.float32)
    hot = replace(said(), evidence=(Heatmap(values, Box(0, 0, 10, 10), "made up"),))
    [heat] = page_of(replace(drawn, sentences=(hot,)))["sentences"][0]["evidence"]
    cells = np.frombuffer(b64decode(heat["values"]), np.uint8).reshape(heat["rows"], -1)
    assert np.allclose(cells / 255 * heat["most"], np.maximum(values, 0), atol=0.01)


def test_a_measurement_stands_once_however_many_sentences_use_it(drawn):
    heart = drawn.sentences[2]
    made = page_of(replace(drawn, sentences=(heart, replace(heart, section="impression"))))
    assert [item["text"] for item in made["measurements"]] == ["0.43"]
    assert {"kind": "measurement", "index": 0} in made["sentences"][1]["evidence"]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.45, ""), (0.51, "borderline"), (0.39, "borderline"), (0.53, "outside")],
)
def test_a_value_hardly_out_of_range_is_borderline(drawn, value, verdict):
    heart = drawn.sentences[2]
    ratio = replace(heart.measurements[0], value=value)  # normal 0.40 to 0.50, to 0.02
    made = page_of(replace(drawn, sentences=(replace(heart, evidence=(ratio,)),)))
    assert made["measurements"][0]["verdict"] == verdict


def test_the_other_side_of_a_region_is_named(drawn):
    first = page_of(drawn)["regions"][0]
    assert (first["side"], first["other"]) == ("right", "left lung")


def test_answers_stand_beside_the_report(drawn):
    made = page_of(drawn, {"left lung": replace(drawn, sentences=drawn.sentences[1:2])})
    assert [item["text"] for item in made["answers"]["left lung"]["sentences"]] == [
        "The left lung is clear."
    ]


def test_a_sentence_carries_the_verdict_of_the_audit_and_what_it_follows_from(drawn):
    first, second = drawn.section("findings")[:2]
    check = Check("Lung Opacity present, right lung", Verdict.WEAK)
    rate = {"causal grounding rate": Share(1, 2), "direct shortcut": Share(0, 0)}
    audit = Audit("a network", (SentenceAudit(first.text, (check,)),), rate)
    shown = page_of(replace(drawn, audit=audit))
    by_text = {sentence["text"]: sentence for sentence in shown["sentences"]}
    assert by_text[first.text]["verdict"] == "weakly supported"
    assert by_text[first.text]["checks"] == ["Lung Opacity present, right lung: weakly supported"]
    assert by_text[second.text]["verdict"] == "not audited"
    assert list(shown["audit"]["measures"]) == ["causal grounding rate"]


def test_a_sentence_carries_the_probability_that_it_is_right(drawn):
    first, second, *others = drawn.sentences
    rated = replace(first, right=Right(0.87, "films of a test"))
    unrated = replace(second, unrated="nobody measured it")
    made = page_of(replace(drawn, sentences=(rated, unrated, *others)))
    assert made["sentences"][0]["right"] == {
        "score": 0.87,
        "score_kind": "probability that the sentence is right",
        "population": "films of a test",
    }
    assert made["sentences"][1]["right"] is None
    assert [item["unrated"] for item in made["sentences"][:2]] == ["", "nobody measured it"]


def test_what_is_withheld_has_a_kind_of_its_own_and_no_score(drawn):
    text = "Withheld: nodules cannot be stated or denied at the 5 % level."
    withheld = replace(drawn.sentences[0], text=text, origin=WITHHELD, findings=())
    assert kind_of(withheld) == "withheld"
    [made, *_] = page_of(replace(drawn, sentences=(withheld,)))["sentences"]
    assert made["score"] is None


def test_the_page_says_what_is_promised(drawn):
    scope = replace(drawn.scope, guarantee="At most so much is wrong")
    assert page_of(replace(drawn, scope=scope))["scope"]["guarantee"] == "At most so much is wrong"


def test_without_an_audit_no_sentence_has_a_verdict(drawn):
    shown = page_of(drawn)
    assert shown["audit"] is None
    assert {sentence["verdict"] for sentence in shown["sentences"]} == {""}
