from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, GroundedSentence
from grounded.errors import ReportError
from grounded.findings import ScoreKind
from grounded.report import Right
from grounded.viz.canvas import Display
from grounded.viz.palette import REGION_COLORS
from grounded.viz.panel import draw_sentence, how_sure, lettered
from grounded.viz.sheet import PAPER, gutter


def film_part(panel, shape):
    left = gutter(Display.of(shape, largest=1280).font)
    return panel[: shape[0], left : left + shape[1]].astype(int)


def shows(part, color):
    return bool((np.abs(part - np.array(color)).max(axis=2) <= 6).any())


def test_a_panel_shows_the_regions_of_its_sentence_and_no_others(drawn):
    part = film_part(draw_sentence(drawn, drawn.sentences[1]), drawn.film.shape)
    assert shows(part, REGION_COLORS["left lung"])
    assert not shows(part, REGION_COLORS["right lung"])
    assert not shows(part, REGION_COLORS["cardiac silhouette"])


def test_a_measured_line_is_drawn_in_white(drawn):
    part = film_part(draw_sentence(drawn, drawn.sentences[2]), drawn.film.shape)
    assert shows(part[474:486, 250:290], (255, 255, 255))


def test_heat_changes_the_film_only_where_it_is(drawn):
    part = film_part(draw_sentence(drawn, drawn.sentences[0]), drawn.film.shape)
    colored = np.ptp(part, axis=2) > 30
    assert colored[480, 150]
    assert not colored[:, 300:].any()


def test_the_words_beside_the_bar_of_heat_are_whole(drawn):
    panel = draw_sentence(drawn, drawn.sentences[0])
    assert (panel[: drawn.film.shape[0], -3:] == PAPER).all()


def test_weak_heat_does_not_glow(drawn):
    strong, weak = (
        film_part(draw_sentence(drawn, sentence), drawn.film.shape)
        for sentence in drawn.sentences[:2]
    )
    assert np.ptp(strong[460:500, 100:240], axis=2).max() > 60
    assert np.ptp(weak[300:420, 430:540], axis=2).max() < 40


def test_a_panel_says_first_how_probable_its_sentence_is_right(drawn):
    raw = replace(drawn.sentences[0], score=0.46, score_kind=ScoreKind.PROBABILITY)
    assert how_sure(raw) == "raw score 0.46"
    rated = replace(raw, right=Right(0.77, "films"))
    assert how_sure(rated) == "probability that the sentence is right 0.77 · raw score 0.46"
    unrated = replace(raw, unrated="too few films")
    assert (
        how_sure(unrated) == "probability that the sentence is right not measured · raw score 0.46"
    )


def test_evidence_that_is_no_regions_own_is_drawn_as_well(drawn):
    sentence = GroundedSentence("Here.", ("spine",), (Box(500, 620, 600, 700),), "test")
    part = film_part(draw_sentence(drawn, sentence), drawn.film.shape)
    assert shows(part[615:626, 500:600], (255, 255, 255))
    assert shows(part, REGION_COLORS["spine"])


def test_a_long_sentence_makes_a_higher_panel_not_a_wider_one(drawn):
    short = drawn.sentences[1]
    long = replace(short, text="The lung is clear and remains so. " * 20)
    one, other = draw_sentence(drawn, short), draw_sentence(drawn, long)
    assert one.shape[1] == other.shape[1]
    assert other.shape[0] > one.shape[0] + 100


def test_the_panel_of_a_large_film_is_kept_small(drawn):
    assert max(draw_sentence(drawn, drawn.sentences[1]).shape) < 1280 + 400


def test_a_panel_needs_the_film(drawn):
    with pytest.raises(ReportError, match="without its film"):
        draw_sentence(replace(drawn, film=None), drawn.sentences[0])


def test_each_measured_line_has_a_letter(drawn):
    [ratio] = drawn.sentences[2].measurements
    assert lettered(drawn.sentences[2]) == list(zip("ab", ratio.lines, strict=True))


def test_a_line_that_two_measurements_share_has_one_letter(drawn):
    [ratio] = drawn.sentences[2].measurements
    chest = replace(ratio, name="thoracic diameter", lines=ratio.lines[1:])
    both = replace(drawn.sentences[2], evidence=(ratio, chest))
    assert [letter for letter, _ in lettered(both)] == ["a", "b"]


def test_no_letter_covers_a_measured_line(drawn):
    part = film_part(draw_sentence(drawn, drawn.sentences[2]), drawn.film.shape)
    for x0, x1, y in ((246, 444, 480), (86, 564, 570)):
        along = part[y - 1 : y + 1, x0:x1].max(axis=0)
        assert np.all(along > 200)
