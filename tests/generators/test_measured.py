"""Which sentences are given for a film, a region, a drawn box; what happens without outlines."""

from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, GroundedReport, Image, Mask, Regions
from grounded.atlas import Atlas
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.compose.composer import AnatomicalComposer
from grounded.errors import InvalidValueError
from grounded.explain.places import RegionBoxes
from grounded.findings import VOCABULARY
from grounded.generators.measured.generator import Measured
from grounded.protocols import Question, SentenceGenerator
from grounded.report import Provenance

from .conftest import Ask, without_outlines

DERIVED = ("left lower lung zone", "mediastinum", "right costophrenic angle")


def texts(question: Question) -> list[str]:
    [sentences] = Measured().describe([question])
    return [sentence.text for sentence in sentences]


def test_it_fits_the_protocol() -> None:
    assert isinstance(Measured(), SentenceGenerator)


def test_a_film_gets_one_sentence_a_measurement_and_none_for_other_regions(ask: Ask) -> None:
    said = texts(ask(boxes=DERIVED))
    assert said[0].startswith("The heart is not enlarged")
    assert not [text for text in said if "left lower lung zone" in text or "assessed" in text]


def test_every_sentence_stands_on_a_measurement_and_on_regions_that_were_found(ask: Ask) -> None:
    question = ask(boxes=DERIVED)
    [sentences] = Measured().describe([question])
    assert all(sentence.evidence for sentence in sentences)
    assert all(name in question.found for sentence in sentences for name in sentence.regions)


def test_a_batch_says_what_single_films_say(ask: Ask) -> None:
    questions = [ask(ratio=0.42), ask(ratio=0.58), ask(HEART)]
    generator = Measured()
    singles = [generator.describe([question])[0] for question in questions]
    assert generator.describe(questions) == singles


def test_no_questions_have_no_answers() -> None:
    assert Measured().describe([]) == []


def test_a_film_without_regions_has_no_sentences() -> None:
    nothing = Regions.none({"right lung": "not seen"})
    film = Image.of(np.zeros((20, 20), np.float32))
    assert Measured().describe([Question.of_film(film, nothing)]) == [[]]


def test_a_heart_is_described_by_its_size_and_place(ask: Ask) -> None:
    said = texts(ask(HEART, boxes=DERIVED))
    assert said[0].startswith("The heart is not enlarged")
    assert said[-1] == "Nothing else was assessed in the cardiac silhouette."


def test_a_region_that_is_not_measured_is_never_called_normal(ask: Ask) -> None:
    [text] = texts(ask("left lower lung zone", boxes=DERIVED))
    assert text == (
        "No finding was assessed in the left lower lung zone "
        "(16 % of the film's width and 16 % of its height)."
    )


def test_a_region_says_why_it_was_not_measured(ask: Ask) -> None:
    said = texts(ask(HEART, without=(LEFT_LUNG,)))
    [text] = said
    assert text.startswith("No finding was assessed in the cardiac silhouette (")
    assert text.endswith(
        "; not measured: heart size, as the left lung was not found; "
        "mediastinal shift, as the left lung was not found."
    )


def test_a_drawn_box_gets_what_was_measured_in_it(ask: Ask) -> None:
    heart = ask().found[HEART].box
    said = texts(ask(Box(heart.x0 - 5, heart.y0 - 5, heart.x1 + 5, heart.y1 + 5)))
    assert said[0].startswith("The heart is not enlarged")
    assert said[-1] == "Nothing else was assessed in the marked area."


def test_the_sentences_of_a_drawn_box_point_at_that_box(ask: Ask) -> None:
    heart = ask().found[HEART].box
    [sentences] = Measured().describe([ask(heart)])
    assert {sentence.regions for sentence in sentences} == {("marked area",)}


def test_a_drawn_box_in_which_nothing_was_measured_says_so(ask: Ask) -> None:
    [text] = texts(ask(Box(2, 2, 30, 20), spacing_mm=(1.5, 1.5), spacing_kind="patient"))
    assert text == "No finding was assessed in the marked area (4.2 cm x 2.7 cm)."


def test_a_film_whose_heart_cannot_be_measured_says_why(ask: Ask) -> None:
    said = texts(ask(without=(RIGHT_LUNG,)))
    assert said[0] == "The size of the heart was not measured: the right lung was not found."


def test_boxes_without_outlines_are_not_measured(ask: Ask) -> None:
    said = texts(without_outlines(ask()))
    assert said == ["The size of the heart was not measured: the right lung has no outline."]


def test_a_film_with_nothing_to_measure_says_so(ask: Ask) -> None:
    question = ask(without=(RIGHT_LUNG, LEFT_LUNG, HEART), boxes=("carina",))
    [sentences] = Measured().describe([question])
    [sentence] = sentences
    assert sentence.text.startswith("Nothing was measured in this film")
    assert sentence.regions == question.found.names
    assert not sentence.findings


def test_a_lateral_film_is_not_measured(ask: Ask) -> None:
    assert texts(ask(view="LL")) == [
        "The size of the heart was not measured: a lateral film is not measured."
    ]


def test_a_measurement_cannot_be_told_what_to_find(ask: Ask) -> None:
    question = ask()
    told = replace(question, findings={"Edema": "present"})
    with pytest.raises(InvalidValueError, match="measures and cannot be told"):
        Measured().describe([told])


def test_two_regions_that_share_a_sentence_hear_it_once(ask: Ask) -> None:
    question = ask()
    lungs = Question(question.image, question.found, question.found[[RIGHT_LUNG, LEFT_LUNG]])
    said = texts(lungs)
    assert len(said) == len(set(said))
    assert len([text for text in said if "lungs are" in text or "relation" in text]) == 1


def test_the_scope_covers_the_vocabulary_once() -> None:
    scope = Measured().scope
    assert sorted([*scope.assessed, *scope.not_assessed]) == sorted(VOCABULARY)
    assert all(scope.assessed.values())


def test_costophrenic_angles_are_not_assessed(ask: Ask) -> None:
    assert "Blunted Costophrenic Angle" in Measured.scope.not_assessed
    [text] = texts(ask("right costophrenic angle", boxes=DERIVED))
    assert text.startswith("No finding was assessed in the right costophrenic angle")


def test_every_finding_it_states_is_in_its_scope(ask: Ask) -> None:
    for ratio in (0.4, 0.5, 0.7):
        [sentences] = Measured().describe([ask(ratio=ratio)])
        labels = {finding.label for sentence in sentences for finding in sentence.findings}
        assert labels <= set(Measured.scope.assessed)


def test_its_sentences_make_a_report_that_survives_its_json(ask: Ask) -> None:
    question, generator = ask(ratio=0.6, boxes=DERIVED), Measured()
    [sentences] = generator.describe([question])
    report = AnatomicalComposer().compose(
        question.image,
        question.found,
        RegionBoxes().explain(question, sentences, Measured()),
        Atlas.open("chest29"),
        generator.scope,
        Provenance("0", "test", "phantom", generator.name, "", ""),
    )
    assert "Cardiomegaly (cardiothoracic ratio 0.60)." in report.text
    again = GroundedReport.from_dict(report.to_dict())
    assert again.text == report.text
    assert any(isinstance(item, Mask) for item in report.sentences[0].evidence)
