"""A preset's confidence goes with every report, and a level goes with every way to ask for one."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

import grounded
from grounded import Finding, Image, Reporter, Sentence
from grounded.batch.run import Options, _digest
from grounded.cli.options import level
from grounded.compose.composer import AnatomicalComposer
from grounded.compose.confidence import Confidence, Curve, Fitted, Known
from grounded.config import CONFIDENCE, load_unrated
from grounded.data.nih import part_of
from grounded.detectors.atlas_prior import AtlasPrior
from grounded.errors import ConfigError, DataError, InvalidValueError
from grounded.explain.places import RegionBoxes
from grounded.findings import Presence, ScoreKind
from grounded.preset import name_confidence
from grounded.protocols import Question
from grounded.provenance import Scope
from grounded.train.confidence import fit_confidence, untrained_films
from grounded.view import Projection

OPACITY = "Lung Opacity"
FILM = Image.of(np.tile(np.linspace(0, 1, 120, dtype=np.float32), (120, 1)))
FITTED = Fitted(
    {
        (OPACITY, "present", "probability"): Known(
            Curve(1.0, 0.0, -0.5), {0.05: 0.9}, 60, 2, "films of a test"
        )
    },
    {},
    0.1,
)


class Says:
    """Says an opacity of each lung, surely on the right alone, and that the film is AP."""

    name, scope = "says", Scope()
    weights_sha256: Mapping[str, str] = {"net": "0" * 64}

    def describe(self, questions: Sequence[Question]) -> list[list[Sentence]]:
        return [
            [
                _opacity(name, score)
                for name, score in (("right lung", 0.95), ("left lung", 0.7))
                if name in question.asked
            ]
            for question in questions
        ]

    def view(self, question: Question) -> Projection:
        return Projection.AP


def _opacity(region: str, score: float) -> Sentence:
    found = Finding(OPACITY, Presence.PRESENT, region, score, ScoreKind.PROBABILITY)
    text = f"Opacity in the {region}."
    return Sentence(text, (region,), "says", (), (found,), score=score, abnormal=True)


def reporter(confidence: Confidence | None) -> Reporter:
    parts = AtlasPrior(), Says(), RegionBoxes(), AnatomicalComposer()
    return Reporter(*parts, confidence=confidence)


def test_a_report_withholds_what_does_not_hold_the_level() -> None:
    report = reporter(Confidence.of(FITTED, 0.05))(FILM)
    assert [item.regions for item in report.withheld] == [("left lung",)]
    assert "Opacity in the right lung." in report.text
    assert "Opacity in the left lung." not in report.text
    assert report.scope.guarantee


def test_without_a_level_sentences_only_say_how_probable_they_are() -> None:
    rated, plain = reporter(Confidence.of(FITTED))(FILM), reporter(None)(FILM)
    assert rated.text == plain.text
    assert [replace(item, right=None) for item in rated.sentences] == list(plain.sentences)
    assert all(item.right is not None for item in rated.sentences)


def test_an_answer_about_one_region_withholds_as_the_report_does() -> None:
    reading = reporter(Confidence.of(FITTED, 0.05)).read(FILM)
    [answer] = reading.describe("left lung")
    assert answer.text.startswith("Withheld: opacities in the left lung")
    assert reading.describe("right lung")[0].text == "Opacity in the right lung."


def test_the_view_is_the_header_s_or_else_what_is_seen() -> None:
    made = reporter(Confidence.of(FITTED))
    seen = made(FILM).sentences[0].right
    stated = made(replace(FILM, info=replace(FILM.info, view="PA"))).sentences[0].right
    assert seen is not None
    assert stated is not None
    assert seen.population.endswith(", AP")
    assert seen.probability < stated.probability


def test_a_confidence_belongs_to_the_weights_that_it_was_fitted_on() -> None:
    own = replace(FITTED, weights_sha256={"generator/net": "0" * 64})
    assert reporter(Confidence.of(own, 0.05)).confidence is not None
    other = replace(FITTED, weights_sha256={"generator/net": "1" * 64})
    with pytest.raises(ConfigError, match=r"other weights .generator/net.; fit it again"):
        reporter(Confidence.of(other))


def test_a_batch_at_another_level_is_another_model() -> None:
    options = Options(("json",), False, False, 1, "")  # type: ignore[arg-type]
    digests = {
        _digest(reporter(Confidence.of(FITTED, wrong)), options) for wrong in (None, 0.05, 0.1)
    }
    assert len(digests) == 3


def collection(folder: Path, part: str) -> Path:
    """Films of NIH's layout, of patients of one part: radiologists saw nothing in them."""
    patients = [str(number) for number in range(300) if part_of(str(number)) == part][:16]
    (folder / "nih" / "films_64").mkdir(parents=True)
    rows = []
    for name in patients:
        file = f"films_64/{name}_000.png"
        cv2.imwrite(str(folder / "nih" / file), np.tile(np.arange(64, dtype=np.uint8), (64, 1)))
        known = {"age": "50", "sex": "F", "view": "PA", "text_labels": [], "rsna": None}
        rows.append({"file": file, "patient": name, **known, "radiologist_objects": []})
    (folder / "nih" / "annotations.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


@pytest.mark.parametrize("part", ["calibration", "held"])
def test_a_confidence_is_fitted_on_films_that_nothing_was_trained_on(
    tmp_path: Path, part: str
) -> None:
    pytest.importorskip("mapie", reason="fitting the confidence needs MAPIE")
    films = untrained_films(collection(tmp_path / "a", part))
    made = fit_confidence(reporter(None), films)
    known = made.sorts[OPACITY, "present", "probability"]
    assert (known.patients, known.wrong) == (16, 16)
    assert known.limits == {}
    assert made.weights_sha256 == {"generator/net": "0" * 64}
    with pytest.raises(DataError, match="those to train on"):
        untrained_films(collection(tmp_path / "b", "train"))


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    shipped = Path(str(resources.files("grounded.configs"))) / "presets" / "baseline.toml"
    return Path(shutil.copy(shipped, tmp_path / "own.toml"))


def test_a_preset_without_a_confidence_knows_no_level(preset: Path) -> None:
    with pytest.raises(ConfigError, match="grounded train confidence"):
        grounded.load(preset, wrong=0.05)


def test_levels_are_given_on_loading(preset: Path) -> None:
    FITTED.write(preset.parent / CONFIDENCE)
    name_confidence(preset, preset.parent / CONFIDENCE)
    trust = grounded.load(preset, wrong=0.05, missed=0.1).confidence
    assert isinstance(trust, Confidence)
    assert (trust.wrong, trust.missed) == (0.05, 0.1)
    assert trust.weights_sha256[CONFIDENCE]
    assert "confidence/confidence.json" in grounded.load(preset).provenance.weights_sha256
    with pytest.raises(InvalidValueError):
        grounded.load(preset, wrong=5)


def test_a_preset_names_its_confidence_once(preset: Path) -> None:
    file = preset.parent / CONFIDENCE
    FITTED.write(file)
    name_confidence(preset, file)
    text = preset.read_text(encoding="utf-8")
    name_confidence(preset, file)
    assert preset.read_text(encoding="utf-8") == text
    assert 'fitted = "./confidence.json"' in text


def test_to_fit_a_confidence_a_preset_is_loaded_without_it(preset: Path) -> None:
    made, file = load_unrated(preset)
    assert made.confidence is None
    assert file == preset.parent / CONFIDENCE
    Fitted({}, {}, 0.1, {"generator/net": "1" * 64}).write(file)
    name_confidence(preset, file)
    assert load_unrated(preset)[1] == file


@pytest.mark.parametrize("words", ["5%", "5 %", "0.05", " 5.0 % "])
def test_a_level_is_read_as_people_write_it(words: str) -> None:
    assert level(words) == pytest.approx(0.05)


@pytest.mark.parametrize("words", ["5", "0", "100%", "five", "5%%", "-1%", "nan"])
def test_what_is_no_level_is_named(words: str) -> None:
    with pytest.raises(InvalidValueError, match="such as 5%"):
        level(words)


def test_no_words_are_no_level() -> None:
    assert level("") is None
