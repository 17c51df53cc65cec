"""The neural generator: a reader whose findings are set by hand, a writer of a few sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from grounded import Box, Mask
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Finding, Presence
from grounded.generators.measured.generator import Measured
from grounded.generators.neural.generator import MENTIONED, Neural, read_mentioned
from grounded.generators.neural.planned import ORIGIN, SET, Stated, by_zone, plainly, told
from grounded.language.labeller import Labeller
from grounded.nn.weights import bind
from grounded.protocols import Attributable, Question, SentenceGenerator, encoded_film
from grounded.report import Sentence
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.run import WriterConfig, train_writer

from .reading import (
    ENCODER,
    LABELS,
    OPEN,
    PRESENT,
    ZONES,
    chest,
    map_with,
    question,
    without_map,
    write_findings,
)

ZONE = "right lower lung zone"
OPACITY = {(ZONE, "Lung Opacity"): PRESENT}
TINY = WriterConfig(
    vocabulary=300,
    length=40,
    width=32,
    layers=2,
    heads=2,
    dropout=0.0,
    held_out=0.0,
    steps=180,
    batch=16,
    learning_rate=1e-2,
    log_every=1000,
)
OF_OPACITY: dict[Presence, str] = {
    "present": "There is an opacity in the <region>.",
    "uncertain": "Possible opacity in the <region>.",
    "absent": "The <region> is clear.",
}
OF_DEVICES: dict[Presence, str] = {
    "present": "There is a tube in the <region>.",
    "absent": "There is no tube in the <region>.",
}


def toy_phrases() -> list[Phrase]:
    opacity = [
        Phrase(
            text,
            kind,
            (("Lung Opacity", presence), ("Consolidation", presence))
            if presence == "absent"
            else (("Lung Opacity", presence),),
        )
        for kind, (presence, text) in product(("lung", *ZONES), OF_OPACITY.items())
    ]
    devices = [
        Phrase(text, "trachea", (("Support Devices", presence),))
        for presence, text in OF_DEVICES.items()
    ]
    large = (("Cardiomegaly", "present"),)
    hearts = [
        Phrase("The heart is enlarged.", "cardiac silhouette", large),
        Phrase(
            "The heart is enlarged, with a cardiothoracic ratio of <ratio>.",
            "cardiac silhouette",
            large,
            ratio=True,
        ),
    ]
    return [*opacity, *devices, *hearts]


def toy_bank() -> Bank:
    vectors = torch.rand(2, 16, len(LABELS), generator=torch.Generator().manual_seed(0)).half()
    return Bank(vectors, ("lung", "trachea"), ({"Lung Opacity": "present"}, {}), ("", ""), ("", ""))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("neural")
    write_findings(out / "findings")
    train_writer(toy_phrases(), toy_bank(), TINY, out / "writer")
    bind(out / "writer", encoder=ENCODER)
    mentioned = {"lung": {"Lung Opacity": 0.8}, "trachea": {"Support Devices": 0.1}}
    (out / MENTIONED).write_text(json.dumps(mentioned))
    return out


@pytest.fixture(scope="module")
def neural(folder: Path) -> Neural:
    return Neural(folder)


def say(neural: Neural, asked: Question) -> list[Sentence]:
    [sentences] = neural.describe([asked])
    return sentences


def read_from(sentences: Sequence[Sentence], *origins: str) -> list[Sentence]:
    return [sentence for sentence in sentences if sentence.origin in (origins or (ORIGIN, SET))]


def texts(sentences: Sequence[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


def test_it_is_a_generator_that_can_be_explained(neural: Neural) -> None:
    assert isinstance(neural, SentenceGenerator)
    assert isinstance(neural, Attributable)


def test_a_finding_is_said_of_the_region_that_it_was_read_in(neural: Neural) -> None:
    [said] = read_from(say(neural, question(ZONE, OPACITY)))
    assert said.text == "There is an opacity in the right lower lung zone."
    assert said.regions == (ZONE,)
    assert said.abnormal
    [finding] = said.findings
    assert (finding.label, finding.presence, finding.region) == ("Lung Opacity", "present", ZONE)
    assert said.score == finding.score > 0.9


def test_doubt_and_absence_are_said_too(neural: Neural) -> None:
    open_ = {(ZONE, "Lung Opacity"): OPEN}
    assert texts(read_from(say(neural, question(ZONE, open_)))) == [
        "Possible opacity in the right lower lung zone."
    ]
    [clear] = read_from(say(neural, question(ZONE)))
    assert clear.text == "The right lower lung zone is clear."
    assert not clear.abnormal


def test_the_mirrored_film_has_the_finding_on_the_other_side(neural: Neural) -> None:
    left = "left lower lung zone"
    [said] = read_from(say(neural, question(left, {(left, "Lung Opacity"): PRESENT})))
    assert said.text == "There is an opacity in the left lower lung zone."
    [other] = read_from(say(neural, question(ZONE, {(left, "Lung Opacity"): PRESENT})))
    assert other.text == "The right lower lung zone is clear."


def test_a_film_names_what_is_there_and_the_absences_that_reports_mention(neural: Neural) -> None:
    said = texts(read_from(say(neural, question(values=OPACITY))))
    assert "There is an opacity in the right lower lung zone." in said
    assert "The left lung is clear." in said
    assert "The left lower lung zone is clear." not in said  # nobody says that of a zone
    assert "There is no tube in the trachea." not in said  # few say that


def test_what_is_measured_keeps_its_sentences(neural: Neural) -> None:
    asked = question(values=OPACITY, ratio=0.58)
    measured = Measured().answer(asked)
    assert say(neural, asked)[-len(measured) :] == measured


def test_a_region_in_which_nothing_is_assessed_says_so(neural: Neural) -> None:
    sentences = say(neural, question("left clavicle"))
    assert len(sentences) == 1
    assert sentences[0].text.startswith("No finding was assessed in the left clavicle")


def test_a_region_of_which_something_was_read_says_that_nothing_else_was(neural: Neural) -> None:
    assert say(neural, question(ZONE))[-1].text == (
        "Nothing else was assessed in the right lower lung zone."
    )


def test_a_finding_that_a_reader_sets_is_said_and_noted(neural: Neural) -> None:
    [said] = read_from(say(neural, question(ZONE, told={"Lung Opacity": "present"})))
    assert said.text == "There is an opacity in the right lower lung zone."
    assert said.origin == SET
    [note] = said.notes
    assert note.startswith("set by the reader; read from the film: absent (0.9")


def test_a_set_finding_takes_the_place_of_what_was_read(neural: Neural) -> None:
    said = read_from(say(neural, question(ZONE, OPACITY, told={"Lung Opacity": "absent"})))
    assert texts(said) == ["The right lower lung zone is clear."]
    assert said[0].findings[0].presence == "absent"


def test_a_set_finding_leaves_the_others_as_they_were_read(neural: Neural) -> None:
    asked = question("trachea", told={"Lung Opacity": "present"})
    set_, read = read_from(say(neural, asked))
    assert (set_.origin, read.origin) == (SET, ORIGIN)
    assert read.text == "There is no tube in the trachea."
    assert set_.notes == ("set by the reader; not assessed in the film",)


def test_a_set_heart_size_is_noted_with_what_was_measured(neural: Neural) -> None:
    asked = question("cardiac silhouette", told={"Cardiomegaly": "present"})
    sentences = say(neural, asked)
    [said] = read_from(sentences, SET)
    assert said.text == "The heart is enlarged."  # the ratio says otherwise
    assert "read from the film: absent" in said.notes[0]
    labels = [f.label for s in sentences if s is not said for f in s.findings]
    assert "Cardiomegaly" not in labels


def test_a_set_heart_size_states_the_ratio_that_bears_it_out(neural: Neural) -> None:
    asked = question("cardiac silhouette", ratio=0.6, told={"Cardiomegaly": "present"})
    [said] = read_from(say(neural, asked), SET)
    assert said.text.startswith("The heart is enlarged, with a cardiothoracic ratio of 0.6")


def test_findings_for_a_whole_film_are_refused(neural: Neural) -> None:
    with pytest.raises(InvalidValueError, match="ask for one region"):
        neural.describe([question(told={"Lung Opacity": "present"})])


def test_a_finding_without_words_is_refused(neural: Neural) -> None:
    with pytest.raises(InvalidValueError, match="no words for the finding 'Fracture'"):
        neural.describe([question(ZONE, told={"Fracture": "present"})])


def test_a_drawn_box_is_said_of_itself_and_noted_as_what_it_was_read(neural: Neural) -> None:
    box = chest()[1][ZONE].box
    drawn = Box(box.x0 + 2, box.y0 + 2, box.x1, box.y1)
    [said] = read_from(say(neural, question(drawn, OPACITY)))
    assert said.text == "There is an opacity in the marked area."
    assert said.regions == ("marked area",)
    assert said.notes == ("read as a right lower lung zone, which it overlaps most",)


def test_a_box_beside_all_regions_is_not_assessed(neural: Neural) -> None:
    [said] = say(neural, question(Box(1, 1, 8, 8)))
    assert said.text.startswith("No finding was assessed in the marked area")


def test_words_that_say_something_else_are_put_plainly(neural: Neural) -> None:
    asked = question("trachea", told={"Cardiomegaly": "absent"})  # the writer knows no such words
    said = read_from(say(neural, asked), SET)[0]
    assert said.text == plainly(said.findings[0]) == "No cardiomegaly in the trachea."
    assert any(note.startswith("put plainly, as other words were written") for note in said.notes)


@pytest.mark.parametrize(
    ("presence", "text"),
    [
        ("present", "Lung opacity in the left lung."),
        ("absent", "No lung opacity in the left lung."),
        ("uncertain", "Possible lung opacity in the left lung."),
    ],
)
def test_plain_words_follow_the_finding(presence: Presence, text: str) -> None:
    assert plainly(Finding("Lung Opacity", presence, "left lung", 0.5)) == text


def test_a_batch_gives_what_its_questions_give_one_by_one(neural: Neural) -> None:
    asked = [
        question(values=OPACITY),
        question(ZONE, told={"Lung Opacity": "present"}),
        question("left clavicle"),
        question(Box(1, 1, 8, 8)),
        question(values={("trachea", "Support Devices"): PRESENT}, ratio=0.58),
    ]
    together = neural.describe(asked)
    alone = [say(neural, one) for one in asked]
    assert [texts(s) for s in together] == [texts(s) for s in alone]
    assert [[x.findings for x in s] for s in together] == [[x.findings for x in s] for s in alone]
    assert neural.describe([]) == []


def test_a_film_without_a_map_is_an_error(neural: Neural) -> None:
    with pytest.raises(ConfigError, match="encoder"):
        neural.describe([without_map(question())])


def test_the_scope_holds_what_is_measured_and_what_may_be_stated(neural: Neural) -> None:
    assert neural.scope.assessed["Lung Opacity"] == "of Lung Opacity"
    assert "Cardiomegaly" in neural.scope.assessed
    assert "Pneumothorax" in neural.scope.not_assessed
    assert set(neural.weights_sha256) == {
        "findings/model.safetensors",
        "findings/calibration.json",
        "writer/model.safetensors",
        "writer/tokenizer.json",
        MENTIONED,
    }


def maps_of(asked: Question, *values: float) -> Tensor:
    return torch.stack([map_with(asked.found, {(ZONE, "Lung Opacity"): value}) for value in values])


def test_measured_sentences_have_no_support_in_the_map(neural: Neural) -> None:
    asked = question(values=OPACITY)
    sentences = say(neural, asked)
    support = neural.support(asked, sentences, maps_of(asked, 0.0, PRESENT), "finding")
    assert support.shape == (2, len(sentences))
    read = torch.tensor([sentence.origin == ORIGIN for sentence in sentences])
    assert torch.equal(support.isfinite().all(dim=0), read)


def test_the_support_of_a_finding_grows_with_what_is_seen(neural: Neural) -> None:
    asked = question(ZONE, OPACITY)
    sentences = read_from(say(neural, asked))
    maps = maps_of(asked, 0.0, 1.0, 2.0).requires_grad_()
    support = neural.support(asked, sentences, maps, "finding")
    assert support[0, 0] < support[1, 0] < support[2, 0]
    support.sum().backward()
    assert maps.grad is not None
    box = chest()[1][ZONE].box
    _, _, y, x = maps.grad.nonzero(as_tuple=True)
    cells = 4  # pixels a cell
    assert box.x0 / cells - 2 <= x.min() <= x.max() <= box.x1 / cells + 2
    assert box.y0 / cells - 2 <= y.min() <= y.max() <= box.y1 / cells + 2


def test_words_have_support_as_well(neural: Neural) -> None:
    asked = question(ZONE, OPACITY)
    sentences = say(neural, asked)
    maps = maps_of(asked, 0.5, PRESENT).requires_grad_()
    support = neural.support(asked, sentences, maps, "words")
    assert support.isfinite().all(dim=0).tolist() == [s.origin == ORIGIN for s in sentences]
    assert (support[:, 0] < 0).all()
    support[:, 0].sum().backward()
    assert maps.grad is not None
    assert maps.grad.any()


def test_no_sentences_have_no_support(neural: Neural) -> None:
    asked = question(ZONE)
    assert neural.support(asked, [], maps_of(asked, 0.0), "finding").shape == (1, 0)


def test_a_folder_without_its_parts_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights"):
        Neural(tmp_path)
    for text in ("[1]", "{", '{"lung": 1}'):
        (tmp_path / MENTIONED).write_text(text)
        with pytest.raises(ConfigError, match="does not say how often"):
            read_mentioned(tmp_path / MENTIONED)


def with_a_high_dome(of: Question) -> Question:
    """The same film, with the right lung's outline cut off above its base."""
    row = of.found.names.index("right lung")
    mask = of.found.masks[row]
    assert mask is not None
    values = mask.values.copy()
    rows = values.max(axis=1).nonzero()[0]
    values[rows[-len(rows) // 3] :] = 0
    masks = (*of.found.masks[:row], Mask(values, mask.extent), *of.found.masks[row + 1 :])
    found = replace(of.found, masks=masks)
    return replace(of, found=found, asked=found)


def about_the_dome(sentences: Sequence[Sentence]) -> list[Finding]:
    findings = [finding for sentence in sentences for finding in sentence.findings]
    return [finding for finding in findings if finding.label == "Elevated Hemidiaphragm"]


def test_an_opacity_puts_the_measured_borders_of_the_lungs_in_doubt(neural: Neural) -> None:
    [sure] = about_the_dome(say(neural, with_a_high_dome(question())))
    assert sure.presence == "present"
    [doubtful] = about_the_dome(say(neural, with_a_high_dome(question(values=OPACITY))))
    assert doubtful.presence == "uncertain"


def test_what_is_in_doubt_says_so_and_stays_out_of_the_impression(neural: Neural) -> None:
    sentences = say(neural, with_a_high_dome(question(values=OPACITY)))
    [sentence] = [s for s in sentences if about_the_dome([s])]
    assert sentence.text.startswith("As opacities may hide the borders of the lungs, it is uncer")
    assert not sentence.impression
    said = {f.label: f.presence for f in Labeller.open().label(sentence.text)}
    assert said["Elevated Hemidiaphragm"] == "uncertain"


@pytest.mark.parametrize(
    ("label", "presence", "also"),
    [
        ("Consolidation", "present", {"Lung Opacity": "present"}),
        ("Consolidation", "uncertain", {"Lung Opacity": "uncertain"}),
        ("Consolidation", "absent", {}),
        ("Lung Opacity", "absent", {"Consolidation": "absent"}),
        ("Lung Opacity", "present", {}),
    ],
)
def test_the_writer_is_told_what_follows_from_a_finding(
    label: str, presence: Presence, also: dict[str, Presence]
) -> None:
    assert told(Finding(label, presence, ZONE)) == {label: presence, **also}


def opacities(sentences: Sequence[Sentence]) -> dict[str, Presence]:
    found = [finding for sentence in sentences for finding in sentence.findings]
    return {f.region: f.presence for f in found if f.label == "Lung Opacity"}


def test_in_a_film_an_opacity_is_told_by_its_zones(neural: Neural) -> None:
    values = {("right lung", "Lung Opacity"): PRESENT}  # in the middle: all zones hold of it
    told_of = opacities(say(neural, question(values=values)))
    assert told_of.pop("left lung") == "absent"
    assert told_of == {f"right {zone}": "present" for zone in ZONES}


def test_a_lung_that_is_opaque_in_no_zone_is_in_doubt() -> None:
    lung = Finding("Lung Opacity", "present", "left lung", 0.7)
    zone = Finding("Lung Opacity", "absent", "left mid lung zone", 0.9)
    kept = by_zone([Stated(lung, None), Stated(zone, None)])
    assert [item.finding.presence for item in kept] == ["uncertain", "absent"]


def test_a_lung_that_may_have_something_else_is_not_called_clear(neural: Neural) -> None:
    asked = question(values={("right lung", "Pneumothorax"): PRESENT})
    sentences = read_from(say(neural, asked))
    [other] = [sentence for sentence in sentences if not sentence.findings]
    assert other.text == "Something that is not assessed may be seen in the right lung."
    assert other.abnormal
    assert opacities(sentences) == {"left lung": "absent"}
    assert not torch.isfinite(neural.support(asked, [other], asked_map(asked), "finding")).any()


def asked_map(asked: Question) -> Tensor:
    return encoded_film(asked).film[None]
