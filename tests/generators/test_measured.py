"""Which sentences are given for a film, a region, a drawn box; what happens without outlines."""

import re
from dataclasses import replace

import numpy as np
import pytest

from grounded import Box, GroundedReport, Image, Mask, Measurement, Regions
from grounded.atlas import Atlas
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.compose.composer import AnatomicalComposer
from grounded.errors import InvalidValueError
from grounded.explain.places import RegionBoxes
from grounded.findings import ASSESSABLE, Presence
from grounded.generators.measured.generator import Measured, unassessed
from grounded.generators.measured.wording import Known
from grounded.language.labeller import Labeller
from grounded.protocols import Question, SentenceGenerator
from grounded.provenance import Provenance
from grounded.report import Sentence

from .conftest import Ask, without_outlines

DERIVED = ("left lower lung zone", "mediastinum", "right costophrenic angle")


def texts(question: Question) -> list[str]:
    [sentences] = Measured().describe([question])
    return [sentence.text for sentence in sentences]


def test_it_fits_the_protocol() -> None:
    assert isinstance(Measured(), SentenceGenerator)


def test_a_film_is_told_in_two_lines_when_all_is_as_usual(ask: Ask) -> None:
    said = texts(ask(boxes=DERIVED))
    assert said[0] == "Heart size is normal (CTR 0.45)."
    assert len(said) == 2
    assert said[1].startswith("The mediastinum is not ")


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
    assert said == ["Heart size is normal (CTR 0.45).", "The mediastinum is not shifted."]


def test_a_region_that_is_not_measured_is_never_called_normal(ask: Ask) -> None:
    [text] = texts(ask("left lower lung zone", boxes=DERIVED))
    assert text.startswith(
        "Not assessed: opacities, nodules, masses, atelectasis, pleural effusion"
    )


def test_a_region_says_why_it_was_not_measured(ask: Ask) -> None:
    [text] = texts(ask(HEART, without=(LEFT_LUNG,)))
    assert text == (
        "Heart size and mediastinal shift cannot be judged, as the left lung was not found."
    )


def test_a_drawn_box_gets_what_was_measured_in_it(ask: Ask) -> None:
    heart = ask().found[HEART].box
    said = texts(ask(Box(heart.x0 - 5, heart.y0 - 5, heart.x1 + 5, heart.y1 + 5)))
    assert said == ["Heart size is normal (CTR 0.45)."]


def test_the_sentences_of_a_drawn_box_point_at_that_box(ask: Ask) -> None:
    heart = ask().found[HEART].box
    [sentences] = Measured().describe([ask(heart)])
    assert {sentence.regions for sentence in sentences} == {("marked area",)}


def test_a_drawn_box_in_which_nothing_was_measured_says_so(ask: Ask) -> None:
    assert texts(ask(Box(2, 2, 30, 20))) == ["Not assessed."]


def test_a_film_whose_heart_cannot_be_measured_says_why(ask: Ask) -> None:
    said = texts(ask(without=(RIGHT_LUNG,)))
    assert said[0] == (
        "Heart size, mediastinal shift and mediastinal width cannot be judged, as the right lung "
        "was not found."
    )


def test_boxes_without_outlines_are_not_measured(ask: Ask) -> None:
    said = texts(without_outlines(ask()))
    assert said == [
        "Heart size, mediastinal shift and mediastinal width cannot be judged, as the right lung "
        "has no outline."
    ]


def test_a_film_with_nothing_to_measure_says_so(ask: Ask) -> None:
    question = ask(without=(RIGHT_LUNG, LEFT_LUNG, HEART), boxes=("carina",))
    [sentences] = Measured().describe([question])
    [sentence] = sentences
    assert sentence.text.startswith("Nothing was measured in this film")
    assert sentence.regions == question.found.names
    assert not sentence.findings


def test_a_lateral_film_is_not_measured(ask: Ask) -> None:
    assert texts(ask(view="LL")) == [
        "Heart size, mediastinal shift and mediastinal width cannot be judged, as a lateral film "
        "is not measured."
    ]


def test_a_measurement_cannot_be_told_what_to_find(ask: Ask) -> None:
    question = ask()
    told = replace(question, findings={"left lung": {"Edema": "present"}})
    with pytest.raises(InvalidValueError, match="measures and cannot be told"):
        Measured().describe([told])


def test_two_regions_that_share_a_sentence_hear_it_once(ask: Ask) -> None:
    question = ask()
    lungs = Question(question.image, question.found, question.found[[RIGHT_LUNG, LEFT_LUNG]])
    said = texts(lungs)
    assert len([text for text in said if "hemidiaphragm" in text]) == 1


def test_the_scope_covers_the_vocabulary_once() -> None:
    scope = Measured().scope
    assert sorted([*scope.assessed, *scope.not_assessed]) == sorted(ASSESSABLE)
    assert all(scope.assessed.values())


def test_costophrenic_angles_are_not_assessed(ask: Ask) -> None:
    assert "Blunted Costophrenic Angle" in Measured.scope.not_assessed
    said = texts(ask("right costophrenic angle", boxes=DERIVED))
    assert said == ["Not assessed: pleural effusion, pleural thickening and blunting."]


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
    assert "Cardiomegaly." in report.section("impression")[0].text
    again = GroundedReport.from_dict(report.to_dict())
    assert again.text == report.text
    assert any(isinstance(item, Mask) for item in report.sentences[0].evidence)


def test_the_long_style_states_all_numbers(ask: Ask) -> None:
    [sentences] = Measured("long").describe([ask(ratio=0.58)])
    assert any("cardiothoracic ratio 0.58 (" in sentence.text for sentence in sentences)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="a style is one of"):
        Measured("terse")  # type: ignore[arg-type]


def test_styles_measure_the_same(ask: Ask) -> None:
    short, long = (Measured(style).describe([ask(ratio=0.58)])[0] for style in ("short", "long"))  # type: ignore[arg-type]

    def values(sentences: list[Sentence]) -> set[tuple[str, float]]:
        return {
            (item.name, item.value)
            for sentence in sentences
            for item in sentence.evidence
            if isinstance(item, Measurement)
        }

    assert values(short) == values(long)


def test_a_short_sentence_keeps_one_number_at_most(ask: Ask) -> None:
    for ratio, view in ((0.42, "PA"), (0.5, "PA"), (0.58, ""), (0.53, "AP"), (0.68, "AP")):
        for text in texts(ask(ratio=ratio, view=view)):
            assert len(re.findall(r"[0-9]+(?:[.][0-9]+)?", text)) <= 1, text


def test_a_film_that_appears_ap_is_held_against_the_limit_of_ap_films(ask: Ask) -> None:
    question = ask(ratio=0.55, view="")
    [plain] = heart_of(Measured().answer(question))
    [as_ap] = heart_of(Measured().answer(question, Known(view="AP")))
    assert plain.findings[0].presence == "present"
    assert as_ap.findings[0].presence == "uncertain"
    assert as_ap.notes == ("the film appears AP, by what the network reads",)


def test_what_the_header_says_stands_before_what_the_film_looks_like(ask: Ask) -> None:
    [sentence] = heart_of(Measured().answer(ask(ratio=0.55), Known(view="AP")))
    assert sentence.findings[0].presence == "present"


@pytest.mark.parametrize(
    ("read", "words", "presence"),
    [
        (-2.0, "Heart size is normal (CTR 0.5).", "absent"),
        (1.0, "Borderline heart size (CTR 0.5).", "uncertain"),
        (3.0, "The heart appears enlarged, though the CTR is 0.5.", "present"),
    ],
)
def test_a_ratio_near_the_limit_is_judged_together_with_the_reader(
    read: float, words: str, presence: str, ask: Ask
) -> None:
    [sentence] = heart_of(Measured().answer(ask(ratio=0.5), Known(heart=read)))
    assert sentence.text.replace("0.50", "0.5") == words
    assert sentence.findings[0].presence == presence
    assert sentence.findings[0].score_kind == "probability"


def test_a_heart_a_little_above_the_limit_that_is_not_read_as_large_is_at_the_upper_limit(
    ask: Ask,
) -> None:
    [sentence] = heart_of(Measured().answer(ask(ratio=0.52), Known(heart=-3.0)))
    assert sentence.text == "Heart size is at the upper limits of normal (CTR 0.52)."
    assert (sentence.findings[0].presence, sentence.impression) == ("absent", "")


def test_a_large_heart_whose_border_is_hidden_is_called_large_without_a_number(ask: Ask) -> None:
    hidden = {HEART: "a pleural effusion on the left"}
    known = Known(hidden=hidden, heart=4.0)
    [sentence] = heart_of(Measured().answer(ask(ratio=0.66), known))
    assert sentence.text == "The heart appears enlarged."
    assert sentence.findings[0].presence == "present"
    assert "a pleural effusion on the left may hide" in sentence.notes[0]


@pytest.mark.parametrize(("ratio", "read"), [(0.58, -4.0), (0.42, 4.0)])
def test_a_heart_on_which_ratio_and_reader_contradict_each_other_is_not_judged(
    ratio: float, read: float, ask: Ask
) -> None:
    said = Measured().answer(ask(ratio=ratio), Known(heart=read))
    assert heart_of(said) == []
    [doubt] = [sentence for sentence in said if sentence.text.startswith("Heart size")]
    assert doubt.text == (
        f"Heart size cannot be judged, as the measured ratio ({ratio}) and what the network reads "
        f"of the heart do not agree."
    )


def test_a_hidden_border_is_not_judged_and_the_report_says_why(ask: Ask) -> None:
    known = Known(hidden={HEART: "a pleural effusion on the left"})
    sentences = Measured().answer(ask(ratio=0.66), known)
    assert heart_of(sentences) == []
    [doubt] = [sentence for sentence in sentences if sentence.text.startswith("Heart size")]
    assert doubt.text == (
        "Heart size and mediastinal shift cannot be judged, as a pleural effusion on the left may "
        "hide the borders of the heart."
    )
    assert not any(isinstance(item, Measurement) for item in doubt.evidence)


def test_no_style_denies_a_large_heart_whose_size_is_unknown(ask: Ask) -> None:
    known = Known(hidden={HEART: "a pleural effusion on the left"}, heart=5.0)
    for style in ("short", "long"):
        [sentence] = heart_of(Measured(style).answer(ask(ratio=0.66), known))
        said = {item.label: item.presence for item in Labeller.open().label(sentence.text)}
        assert said["Cardiomegaly"] == "present"


def test_what_a_reader_has_set_is_not_called_not_judged(ask: Ask) -> None:
    known = Known(hidden={HEART: "a pleural effusion on the left"})
    asked = replace(ask(ratio=0.66), findings={HEART: {"Cardiomegaly": Presence.ABSENT}})
    said = [sentence.text for sentence in Measured().answer(asked, known)]
    assert not any(text.startswith("Heart size") for text in said)
    assert any(text.startswith("Mediastinal shift cannot be judged") for text in said)


def test_what_cannot_be_judged_of_a_region_is_not_said_to_be_unassessed_too(ask: Ask) -> None:
    asked = ask("cardiac silhouette", ratio=0.6)
    known = Known(hidden={HEART: "the left pleural effusion"})
    generator = Measured()
    said = generator.answer(asked, known)
    assert "cannot be judged" in said[0].text
    assert unassessed(next(iter(asked.asked)), "cardiac silhouette", said) == []


def test_a_reason_that_lies_on_one_side_is_said_of_both(ask: Ask) -> None:
    domes = ("right hemidiaphragm", "left hemidiaphragm")
    [said] = Measured().answer(ask("right hemidiaphragm", boxes=domes, ratio=0.78))
    assert said.text.endswith("as the heart hides the dome under the left lung.")
    assert said.regions == domes


def test_what_is_hidden_by_one_thing_is_said_in_one_sentence(ask: Ask) -> None:
    effusion = "the left pleural effusion"
    known = Known(hidden={HEART: effusion, "upper mediastinum": effusion}, opaque=effusion)
    said = Measured().answer(ask(ratio=0.66), known)
    assert [s.text for s in said if "may hide" in s.text] == [
        "Heart size, mediastinal shift and mediastinal width cannot be judged, as the left pleural "
        "effusion may hide the borders of the heart and the upper mediastinum."
    ]


def test_a_ratio_that_only_an_ap_film_allows_is_called_normal_for_one(ask: Ask) -> None:
    said = Measured().answer(ask(ratio=0.53, view="AP"), Known(heart=-4.0))
    assert heart_of(said)[0].text == "Heart size is normal for an AP film (CTR 0.53)."
    said = Measured().answer(ask(ratio=0.45, view="AP"), Known(heart=-4.0))
    assert heart_of(said)[0].text == "Heart size is normal (CTR 0.45)."


@pytest.mark.parametrize("view", ["PA", "AP"])
def test_every_ratio_has_words_whatever_a_reader_says_of_the_heart(ask: Ask, view: str) -> None:
    for ratio in np.arange(0.488, 0.58, 0.004):
        for heart in (-4.0, 0.0, 1.0, 2.0, 6.0):
            said = Measured().answer(ask(ratio=ratio, view=view), Known(heart=heart))
            [text] = [s.text for s in said if "CTR" in s.text or "cannot be judged" in s.text]
            despite = re.fullmatch(r"The heart appears enlarged, though the CTR is 0\.\d\d\.", text)
            assert text.endswith((").", "do not agree.")) or despite


def heart_of(sentences: list[Sentence]) -> list[Sentence]:
    return [s for s in sentences if any(f.label == "Cardiomegaly" for f in s.findings)]


def test_a_child_s_film_is_not_held_against_the_limits_of_adults(ask: Ask) -> None:
    assert texts(ask(child=True)) == [
        "Heart size, mediastinal shift and mediastinal width cannot be judged, as this is a "
        "child's film, and the limits are those of adults."
    ]


@pytest.mark.parametrize(("millimetres", "child"), [(0.6, True), (1.2, False), (0.2, False)])
def test_a_chest_as_narrow_as_a_child_s_is_taken_for_one(
    ask: Ask, millimetres: float, child: bool
) -> None:
    said = " ".join(texts(ask(spacing_mm=(millimetres, millimetres))))
    assert ("a child's film" in said) == child


def test_where_sides_are_in_doubt_no_side_is_judged(ask: Ask) -> None:
    question = ask()
    info = replace(question.image.info, sides_in_doubt=True)
    doubtful = replace(question, image=replace(question.image, info=info))
    said = texts(doubtful)
    assert any(text.startswith("Heart size is normal") for text in said)
    assert not [text for text in said if "diaphragm" in text or "symmetric" in text]
    assert "the film is mirrored or the heart lies on the right" in " ".join(said)


def test_a_film_that_cuts_off_a_lung_says_so(ask: Ask) -> None:
    question = ask()
    row = question.found.names.index(LEFT_LUNG)
    mask = question.found.masks[row]
    assert mask is not None
    values = mask.values.copy()
    x, y = (int(at) for at in question.found[LEFT_LUNG].box.center)
    values[y:, x : x + 30] = 1
    masks = (
        *question.found.masks[:row],
        Mask(values, mask.extent),
        *question.found.masks[row + 1 :],
    )
    found = replace(question.found, masks=masks)
    said = texts(Question.of_film(question.image, found))
    assert "The edge of the film cuts off the base of the left lung." in said
    assert any("cannot be judged, as the left lung reaches the lower edge" in text for text in said)
