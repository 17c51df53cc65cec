"""A sentence stands on the outlines or boxes of its regions."""

from dataclasses import replace

import numpy as np

from grounded import Box, Image, Mask, Regions, Sentence
from grounded.explain.places import RegionBoxes
from grounded.generators.template import Template
from grounded.protocols import Explainer, Question


def explained(question: Question, *sentences: Sentence) -> list[Sentence]:
    return RegionBoxes().explain(question, sentences, Template())


def test_it_is_an_explainer():
    assert isinstance(RegionBoxes(), Explainer)


def test_a_sentence_stands_on_the_outline_or_else_the_box_of_each_region(
    film: Image, found: Regions
) -> None:
    sentence = Sentence("Clear.", ("right lung", "cardiac silhouette"), "test")
    [given] = explained(Question.of_film(film, found), sentence)
    assert given.evidence == (found["right lung"].box, found["cardiac silhouette"].mask)


def test_what_a_sentence_stood_on_before_stays_in_front(film: Image, found: Regions) -> None:
    own = Mask(np.ones((2, 2), np.float32), Box(0, 0, 5, 5))
    sentence = Sentence("Clear.", ("right lung",), "test", evidence=(own,))
    [given] = explained(Question.of_film(film, found), sentence)
    assert given.evidence == (own, found["right lung"].box)
    assert replace(given, evidence=(own,)) == sentence


def test_a_box_drawn_by_hand_is_the_place_that_was_asked_about(film: Image, found: Regions) -> None:
    drawn = found.drawn("marked area", Box(1, 2, 30, 40))
    [given] = explained(Question(film, found, drawn), Sentence("Clear.", ("marked area",), "test"))
    assert given.evidence == (Box(1, 2, 30, 40),)


def test_no_sentences_are_a_fine_answer(film: Image, found: Regions) -> None:
    assert explained(Question.of_film(film, found)) == []
