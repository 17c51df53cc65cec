"""What the sentences say: wording, findings and scores for given values and views."""

import numpy as np
import pytest

from grounded import Measurement, Sentence
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.findings import Presence
from grounded.generators.measured.generator import Measured
from grounded.image import Image
from grounded.protocols import Question

from .conftest import SIDE, Ask, Shape, ellipse, mask_of, rectangle, regions_of

Shapes = dict[str, Shape]


def sentence_on(label: str, question: Question) -> Sentence:
    [sentences] = Measured("long").describe([question])
    [sentence] = [s for s in sentences if any(f.label == label for f in s.findings)]
    return sentence


def film_of(shapes: Shapes, view: str = "PA") -> Question:
    masks = {name: mask_of(shape) for name, shape in shapes.items()}
    image = Image.of(np.zeros((SIDE, SIDE), np.float32), view=view)
    return Question.of_film(image, regions_of(masks))


@pytest.mark.parametrize(
    ("ratio", "view", "words", "presence"),
    [
        (0.42, "PA", "The heart is not enlarged: cardiothoracic ratio 0.42", "absent"),
        (0.50, "PA", "The heart is of borderline size: cardiothoracic ratio 0.50", "uncertain"),
        (0.58, "PA", "The heart is enlarged: cardiothoracic ratio 0.58", "present"),
        (0.42, "AP", "The heart is not enlarged: cardiothoracic ratio 0.42", "absent"),
        (0.53, "AP", "cannot be judged on this AP film, which magnifies it", "uncertain"),
        (0.53, "AP supine", "cannot be judged on this AP film", "uncertain"),
        (0.68, "AP", "enlarged, also when the magnification of an AP film", "present"),
    ],
)
def test_heart_size_is_worded_by_ratio_and_view(
    ratio: float, view: str, words: str, presence: Presence, ask: Ask
) -> None:
    sentence = sentence_on("Cardiomegaly", ask(ratio=ratio, view=view))
    assert words in sentence.text
    assert sentence.findings[0].presence == presence
    assert sentence.regions == (HEART,)
    assert sentence.abnormal == (presence == "present")
    assert bool(sentence.impression) == (presence != "absent")


def test_an_enlarged_heart_on_a_film_without_a_view_is_conditional(ask: Ask) -> None:
    sentence = sentence_on("Cardiomegaly", ask(ratio=0.58, view=""))
    assert "holds for PA films, and the view of this one is not stated" in sentence.text


def test_the_score_grows_with_the_distance_from_the_limit(ask: Ask) -> None:
    near, far = (sentence_on("Cardiomegaly", ask(ratio=ratio)).score for ratio in (0.51, 0.60))
    assert 0.5 <= near < far <= 1


def test_diameters_are_in_centimetres_only_where_the_film_has_a_spacing(ask: Ask) -> None:
    assert " cm" not in sentence_on("Cardiomegaly", ask(ratio=0.58)).text
    spaced = ask(ratio=0.58, spacing_mm=(1.5, 1.5), spacing_kind="patient")
    heart = spaced.found[HEART].box.width * 1.5 / 10
    text = sentence_on("Cardiomegaly", spaced).text
    said = float(text.split("(")[1].split(" cm")[0])
    assert said == pytest.approx(heart, abs=0.1)
    assert "detector" not in text


@pytest.mark.parametrize(
    ("kind", "note"), [("detector", "at the detector"), ("unknown", "by the file's pixel spacing")]
)
def test_a_spacing_that_may_be_magnified_is_named(kind: str, note: str, ask: Ask) -> None:
    question = ask(ratio=0.58, spacing_mm=(1.5, 1.5), spacing_kind=kind)
    assert note in sentence_on("Cardiomegaly", question).text


@pytest.mark.parametrize("spacing", [0.2, 5.0])
def test_a_spacing_that_no_adult_chest_fits_gives_no_lengths(spacing: float, ask: Ask) -> None:
    question = ask(spacing_mm=(spacing, spacing), spacing_kind="patient")
    text = sentence_on("Cardiomegaly", question).text
    assert "no lengths are given, as by the file's pixel spacing the chest would be " in text
    assert text.count(" cm") == 1


def test_the_evidence_carries_value_range_tolerance_and_source(ask: Ask) -> None:
    [ratio] = sentence_on("Cardiomegaly", ask(ratio=0.58)).evidence
    assert isinstance(ratio, Measurement)
    assert ratio.normal == (0.0, 0.5)
    assert ratio.tolerance > 0
    assert "Danzer" in ratio.source


def test_level_domes_are_called_not_elevated_on_both_sides(chest_shapes: Shapes) -> None:
    sentence = sentence_on("Elevated Hemidiaphragm", film_of(chest_shapes))
    assert sentence.text.startswith("Neither hemidiaphragm is elevated")
    assert {finding.presence for finding in sentence.findings} == {"absent"}
    assert [finding.region for finding in sentence.findings] == [RIGHT_LUNG, LEFT_LUNG]


def test_a_short_lung_has_an_elevated_hemidiaphragm(chest_shapes: Shapes) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(146, 40, 236, 150)
    chest_shapes[HEART] = ellipse(146, 130, 45, 35)
    sentence = sentence_on("Elevated Hemidiaphragm", film_of(chest_shapes))
    assert sentence.text.startswith("The left hemidiaphragm is elevated: from apex to dome")
    [finding] = sentence.findings
    assert (finding.presence, finding.region) == ("present", LEFT_LUNG)
    assert sentence.impression == "Elevated left hemidiaphragm."


def test_a_small_lung_is_named(chest_shapes: Shapes) -> None:
    sentence = sentence_on("Lung Volume Asymmetry", film_of(chest_shapes))
    assert "The right lung is small in relation to the left: the right has 42 %" in sentence.text
    assert [f.region for f in sentence.findings] == [RIGHT_LUNG]


def test_a_left_lung_behind_a_large_heart_is_not_called_small(chest_shapes: Shapes) -> None:
    chest_shapes[RIGHT_LUNG] = rectangle(36, 40, 106, 200)
    chest_shapes[LEFT_LUNG] = rectangle(196, 40, 236, 200)
    chest_shapes[HEART] = ellipse(150, 160, 60, 35)
    sentence = sentence_on("Lung Volume Asymmetry", film_of(chest_shapes))
    assert "the heart hides a part of it" in sentence.text
    assert sentence.findings[0].presence == "uncertain"


def test_heart_and_upper_mediastinum_off_to_one_side_are_a_shift(chest_shapes: Shapes) -> None:
    chest_shapes[HEART] = ellipse(116, 160, 45, 35)
    sentence = sentence_on("Mediastinal Shift", film_of(chest_shapes))
    assert sentence.text.startswith("The mediastinum is shifted to the right")
    assert "a rotated patient looks the same" in sentence.text
    assert sentence.impression == "Mediastinal shift to the right."


def test_the_upper_mediastinum_off_alone_is_no_shift(chest_shapes: Shapes) -> None:
    sentence = sentence_on("Mediastinal Shift", film_of(chest_shapes))
    assert sentence.text.startswith("The mediastinum as a whole is not shifted")
    assert sentence.findings[0].presence == "absent"


@pytest.mark.parametrize(("view", "presence"), [("PA", "present"), ("AP", "uncertain")])
def test_a_wide_mediastinum_is_not_sure_on_an_ap_film(
    chest_shapes: Shapes, view: str, presence: Presence
) -> None:
    chest_shapes[LEFT_LUNG] = rectangle(176, 40, 236, 200)
    sentence = sentence_on("Enlarged Cardiomediastinum", film_of(chest_shapes, view))
    assert "35 % of the thoracic diameter" in sentence.text
    assert sentence.findings[0].presence == presence
