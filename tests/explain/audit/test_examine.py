from collections.abc import Sequence

import numpy as np

from grounded import Box, Reporter, Sentence
from grounded.audit import Audit, Verdict
from grounded.evaluate.detection import area_under_curve
from grounded.explain.audit.altering import Place
from grounded.explain.audit.controls import (
    ignoring_the_image,
    on_the_wrong_side,
    text_only,
    with_shuffled_weights,
)
from grounded.explain.audit.examine import audit
from grounded.explain.audit.pool import PoolFilm
from grounded.explain.audit.subjects import Claim, Put, ReporterSubject
from grounded.explain.audit.verdicts import grounding
from grounded.findings import Presence
from grounded.generators.template import Template
from grounded.protocols import Question
from grounded.reporter import replace

from .conftest import BOXES, LABEL, LUNGS, Brightness, film_of

POOL = [PoolFilm(film_of(seed=99)), PoolFilm(film_of("right lung", seed=98), frozenset({LABEL}))]


def found(reporter: Reporter, *opaque: str, seed: int = 0) -> Audit:
    return audit(film_of(*opaque, seed=seed), ReporterSubject(reporter), POOL)


def test_an_opacity_that_goes_when_its_own_region_is_hidden_is_supported(reporter) -> None:
    checked = found(reporter, "right lung")
    assert checked.verdict("An opacity in the right lung.") == Verdict.SUPPORTED
    assert checked.measures["causal grounding rate"].hits >= 1
    assert checked.measures["direct shortcut"].hits == 0
    assert checked.measures["sides follow"].hits == 1


def test_what_is_denied_is_supported_when_it_would_be_seen_there(reporter) -> None:
    assert {sentence.verdict for sentence in found(reporter).sentences} == {Verdict.SUPPORTED}


def test_a_generator_that_ignores_the_film_does_not_use_the_image(reporter) -> None:
    blind = ignoring_the_image(reporter, film_of("right lung", seed=5))
    checked = found(blind)
    assert {sentence.verdict for sentence in checked.sentences} == {Verdict.BLIND}
    assert checked.measures["unrelated-image answer rate"].interval.value == 1.0
    assert checked.measures["direct shortcut"].interval.value == 1.0


def test_a_generator_that_looks_at_the_wrong_side_is_not_by_its_region(reporter) -> None:
    checked = found(on_the_wrong_side(reporter), "right lung")
    assert checked.verdict("An opacity in the left lung.") == Verdict.ELSEWHERE
    assert checked.measures["contextual shortcut"].hits == 1


def test_halves_of_the_film_are_hidden_for_what_is_there_and_not_for_what_is_denied(
    reporter,
) -> None:
    there, denied = (s.checks[0].conditions for s in found(reporter, "right lung").sentences)
    assert not there["own half, smooth"].says
    assert there["other half, smooth"].says
    assert not [name for name in denied if "half, smooth" in name]


def test_whoever_refuses_a_blank_film_alone_does_not_use_the_image(reporter) -> None:
    blind = ignoring_the_image(reporter, film_of("right lung", seed=5))

    class RefusesBlank:
        """Says the same of every film but a blank one, of which it says nothing."""

        name, scope, weights_sha256 = "refuses", Brightness.scope, Brightness.weights_sha256

        def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
            said = blind.generator.describe(questions)
            seen = [bool(np.ptp(question.image.pixels)) for question in questions]
            return [answer if sees else [] for answer, sees in zip(said, seen, strict=True)]

    checked = found(replace(reporter, generator=RefusesBlank()))
    assert {sentence.verdict for sentence in checked.sentences} == {Verdict.BLIND}


def test_a_fixed_text_does_not_use_the_image(reporter) -> None:
    checked = found(replace(reporter, generator=Template()))
    assert {sentence.verdict for sentence in checked.sentences} == {Verdict.BLIND}


def test_words_alone_claim_the_findings_that_the_labeller_reads_in_them(reporter) -> None:
    class Words:
        """Writes what the network reads in words, and hands on no finding."""

        name, scope, weights_sha256 = "words", Brightness.scope, Brightness.weights_sha256

        def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
            said = Brightness().describe(questions)
            return [[replace(item, findings=()) for item in answer] for answer in said]

    checked = found(replace(reporter, generator=Words()), "right lung")
    assert checked.verdict("An opacity in the right lung.") == Verdict.SUPPORTED


def test_an_audit_says_what_was_left_out_without_other_films(reporter) -> None:
    checked = audit(film_of("left lung"), ReporterSubject(reporter))
    assert "no pool" in checked.notes[0]
    names = {name for s in checked.sentences for check in s.checks for name in check.conditions}
    assert not [name for name in names if "tissue" in name or "patient" in name]


def test_the_audit_tells_the_controls_from_the_real_generator(reporter) -> None:
    controls = {
        "ignores": ignoring_the_image(reporter, film_of("right lung", seed=50)),
        "shuffled": with_shuffled_weights(reporter),
        "wrong side": on_the_wrong_side(reporter),
    }
    real = scores(reporter)
    for name, control in controls.items():
        other = scores(control)
        truth = [True] * len(real) + [False] * len(other)
        assert area_under_curve(real + other, truth) >= 0.95, name


def test_the_wrong_side_is_told_though_hiding_the_place_adds_to_the_finding(reporter) -> None:
    beside = (Box(41, 40, 43, 56), Box(53, 40, 55, 56))
    real, wrong = scores(reporter, beside), scores(on_the_wrong_side(reporter), beside)
    truth = [True] * len(real) + [False] * len(wrong)
    assert area_under_curve(real + wrong, truth) >= 0.95


def scores(
    reporter: Reporter, places: Sequence[Box] = (Box(*BOXES[0]), Box(*BOXES[1]))
) -> list[float]:
    """Of the claim that there is an opacity, where there is one, on either side.

    places: what is hidden on the right and on the left.
    """
    found = []
    for seed in range(10):
        name, box = LUNGS[seed % 2], places[seed % 2]
        place = Place(name, (box,), (name,) if box == Box(*BOXES[seed % 2]) else ())
        claim = Claim(0, "An opacity.", LABEL, Presence.PRESENT, name, place)
        [sentence] = audit(film_of(name, seed=seed), Put(reporter, [claim]), POOL).sentences
        found += [grounding(check) for check in sentence.checks]
    return found


def test_a_checker_without_film_learns_words_alone() -> None:
    texts = ["a"] * 3 + ["b"] * 3
    truth = [True] * 3 + [False] * 3
    films = ["1", "2", "3"] * 2
    assert text_only(texts, truth, films) == truth
    assert text_only(["a", "a"], [True, False], ["1", "1"]) == [True, True]  # nothing to learn from


def test_an_audit_comes_back_from_json(reporter) -> None:
    checked = found(reporter, "right lung")
    assert Audit.from_dict(checked.to_dict()) == checked


def test_a_report_keeps_its_audit(reporter) -> None:
    report = reporter.read(film_of("right lung")).audit()
    assert report.audit is not None
    again = type(report).from_dict(report.to_dict())
    assert again.audit == report.audit
    assert "[supported]" in report.audit.text
