"""The neural generator: a reader whose findings are set by hand, a writer of a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grounded import Box, Image, Mask, Measurement
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import Finding, Presence
from grounded.generators.measured.generator import Measured
from grounded.generators.neural.borders import known
from grounded.generators.neural.finding_net import FILM
from grounded.generators.neural.finding_reader import FindingReader
from grounded.generators.neural.generator import Neural
from grounded.generators.neural.planned import ORIGIN, SET, Stated
from grounded.protocols import Attributable, Question, SentenceGenerator, encoded_film
from grounded.report import Sentence
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.run import WriterConfig, train_writer

from .reading import (
    OPEN,
    PRESENT,
    SIDE,
    ZONES,
    calibrations,
    chest,
    finding_net,
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("neural")
    write_findings(out / "findings")
    train_writer(toy_phrases(), TINY, out / "writer")
    return out


@pytest.fixture(scope="module")
def neural(folder: Path) -> Neural:
    return Neural(folder)


def say(neural: Neural, asked: Question) -> list[Sentence]:
    [sentences] = neural.describe([asked])
    return sentences


@pytest.fixture(scope="module")
def unsure(folder: Path) -> Neural:
    """It calls an opacity present from a probability on that no film of these tests reaches with
    what is `OPEN`, and cannot deny it either."""
    neural = Neural(folder)
    made = calibrations()
    made["Lung Opacity"][FILM] = replace(made["Lung Opacity"][FILM], absent=0.7, present=0.8)
    neural.reader = FindingReader.of(finding_net(), made)
    return neural


def read_from(sentences: Sequence[Sentence], *origins: str) -> list[Sentence]:
    return [sentence for sentence in sentences if sentence.origin in (origins or (ORIGIN, SET))]


def inner(box: Box) -> Box:
    """A few pixels in the middle."""
    x, y = box.center
    return Box(x - 4, y - 4, x + 4, y + 4)


def texts(sentences: Sequence[Sentence]) -> list[str]:
    return [sentence.text for sentence in sentences]


def test_it_is_a_generator_that_can_be_explained(neural: Neural) -> None:
    assert isinstance(neural, SentenceGenerator)
    assert isinstance(neural, Attributable)


def test_a_finding_is_said_of_the_region_that_it_was_read_in(neural: Neural) -> None:
    [said] = [s for s in say(neural, question(ZONE, OPACITY)) if s.findings]
    assert said.text == "Opacity in the right lower lung zone."
    assert said.regions == (ZONE,)
    assert said.abnormal
    [finding] = said.findings
    assert (finding.label, finding.presence, finding.region) == ("Lung Opacity", "present", ZONE)
    assert said.score == finding.score > 0.9


def test_doubt_and_absence_are_said_too(neural: Neural) -> None:
    open_ = {(ZONE, "Lung Opacity"): OPEN}
    [doubtful] = [s for s in say(neural, question(ZONE, open_)) if s.findings]
    assert doubtful.text == "Possible opacity in the right lower lung zone."
    [absent] = [s for s in say(neural, question(ZONE)) if s.findings]
    assert absent.text == "No opacity in the right lower lung zone."
    assert not absent.abnormal


def test_the_mirrored_film_has_the_finding_on_the_other_side(neural: Neural) -> None:
    left = "left lower lung zone"
    opaque = {(left, "Lung Opacity"): PRESENT}
    assert texts(say(neural, question(left, opaque)))[0] == "Opacity in the left lower lung zone."
    assert texts(say(neural, question(ZONE, opaque)))[0] == (
        "No opacity in the right lower lung zone."
    )


def test_a_film_names_what_is_there_then_what_is_absent_then_what_was_not_looked_for(
    neural: Neural,
) -> None:
    said = texts(read_from(say(neural, question(values=OPACITY))))
    assert said == [
        "Opacity in the right lower lung zone.",
        "No opacity in the left lung.",
        "Not assessed: nodules, masses, atelectasis, pleural effusion and pneumothorax.",
    ]


def test_what_is_measured_keeps_its_sentences(neural: Neural) -> None:
    asked = question(values={("left apical zone", "Lung Opacity"): OPEN}, ratio=0.58)
    measured = Measured().answer(asked)
    assert say(neural, asked)[-len(measured) :] == measured


def test_a_region_in_which_nothing_is_assessed_says_so_and_no_number(neural: Neural) -> None:
    assert texts(say(neural, question("left clavicle"))) == ["Not assessed: fractures."]
    [nothing] = texts(say(neural, question("carina")))
    assert nothing == "Not assessed: nothing is looked for in the carina."


def test_a_region_names_what_of_it_is_not_assessed(neural: Neural) -> None:
    assert texts(say(neural, question(ZONE))) == [
        "No opacity in the right lower lung zone.",
        "Not assessed: nodules, masses, atelectasis, pleural effusion, fibrosis, pleural "
        "thickening and calcifications.",
    ]


def test_a_finding_that_a_reader_sets_is_said_and_noted(neural: Neural) -> None:
    [said] = read_from(say(neural, question(ZONE, told={"Lung Opacity": "present"})), SET)
    assert said.text == "Opacity in the right lower lung zone."
    [note] = said.notes
    assert note.startswith("set by the reader; read from the film: absent (")


def test_a_set_finding_takes_the_place_of_what_was_read(neural: Neural) -> None:
    asked = question(ZONE, OPACITY, told={"Lung Opacity": "absent"})
    said = [s for s in say(neural, asked) if s.findings]
    assert texts(said) == ["No opacity in the right lower lung zone."]
    assert said[0].findings[0].presence == "absent"


def test_a_set_finding_leaves_the_others_as_they_were_read(neural: Neural) -> None:
    asked = question("trachea", told={"Lung Opacity": "present"})
    set_, read, *_ = say(neural, asked)
    assert (set_.origin, read.origin) == (SET, ORIGIN)
    assert read.text == "No tube or line over the trachea."
    assert set_.notes == ("set by the reader; not assessed in the film",)


def test_a_set_heart_size_takes_the_place_of_the_measurement(neural: Neural) -> None:
    asked = question("cardiac silhouette", told={"Cardiomegaly": "present"})
    sentences = say(neural, asked)
    [said] = read_from(sentences, SET)
    assert said.text == "Cardiomegaly."
    assert "read from the film: absent" in said.notes[0]
    labels = [f.label for s in sentences if s is not said for f in s.findings]
    assert "Cardiomegaly" not in labels


@pytest.mark.parametrize("label", ["Pleural Effusion", "Pneumothorax", "Nodule", "Consolidation"])
def test_a_report_of_a_film_takes_set_findings_without_contradiction(
    neural: Neural, label: str
) -> None:
    asked = question(told={"left lung": {label: "present"}})
    sentences = say(neural, asked)
    [said] = read_from(sentences, SET)
    assert {(f.label, f.presence, f.region) for f in said.findings} == {
        (label, "present", "left lung")
    }
    denied = {
        (finding.label, finding.region)
        for sentence in sentences
        for finding in sentence.findings
        if finding.presence == "absent"
    }
    assert (label, "left lung") not in denied
    if label == "Consolidation":
        assert ("Lung Opacity", "left lung") not in denied


def test_a_finding_that_nobody_has_a_name_for_is_refused(neural: Neural) -> None:
    with pytest.raises(InvalidValueError, match="no finding 'Fractures'"):
        neural.describe([question(ZONE, told={"Fractures": "present"})])


def test_a_drawn_box_is_said_of_itself_and_noted_as_what_it_was_read(neural: Neural) -> None:
    box = inner(chest()[1][ZONE].box)
    [said] = [s for s in say(neural, question(box, OPACITY)) if s.findings]
    assert said.text == "Opacity in the marked area."
    assert said.regions == ("marked area",)
    assert said.notes == ("read as a part of the right lower lung zone",)


def test_a_box_beside_the_lungs_says_so_and_nothing_else(neural: Neural) -> None:
    [said] = say(neural, question(Box(1, 1, 8, 8)))
    assert said.text == "Not assessed: the marked area is not in the lungs."


def test_a_box_in_a_film_in_doubt_is_answered_about_its_own_place(unsure: Neural) -> None:
    values = {(ZONE, "Lung Opacity"): OPEN}
    there, elsewhere = (chest()[1][name].box for name in (ZONE, "left upper lung zone"))
    [possible] = [s for s in say(unsure, question(inner(there), values)) if s.findings]
    assert possible.text == "Possible opacity in the marked area."
    assert possible.score == pytest.approx(0.25, abs=0.05)
    [denied] = [s for s in say(unsure, question(inner(elsewhere), values)) if s.findings]
    assert denied.text == "No opacity in the marked area."


def test_a_region_of_a_film_in_doubt_is_denied_what_is_not_likely_there(unsure: Neural) -> None:
    values = {(ZONE, "Lung Opacity"): OPEN}
    assert texts(say(unsure, question(ZONE, values)))[0] == "Not judged: opacities."
    left = texts(say(unsure, question("left upper lung zone", values)))
    assert left[0] == "No opacity in the left upper lung zone."


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.92, "Not judged: opacities."), (0.88, "No opacity in the left lower lung zone.")],
)
def test_a_place_is_denied_what_another_has_where_it_is_not_likely(
    folder: Path, value: float, said: str
) -> None:
    neural = Neural(folder)
    made = calibrations()
    kind = "lower lung zone"
    made["Lung Opacity"][kind] = replace(made["Lung Opacity"][kind], absent=0.5, present=0.5)
    neural.reader = FindingReader.of(finding_net(), made)
    left = "left lower lung zone"
    values = {**OPACITY, (left, "Lung Opacity"): value}
    assert texts(say(neural, question(left, values)))[0] == said


def test_a_film_in_doubt_is_denied_nothing(unsure: Neural) -> None:
    said = texts(say(unsure, question(values={(ZONE, "Lung Opacity"): OPEN})))
    assert "Not judged: opacities." in said
    assert not any("No opacity" in text for text in said)


def test_a_box_over_the_edge_of_a_lung_says_what_of_it_was_not_assessed(neural: Neural) -> None:
    lung = chest()[1]["right lung"].box
    x, y = lung.x0 + 5, lung.center[1]
    said = texts(say(neural, question(Box(x - 30, y - 15, x + 30, y + 15))))
    assert said[0].startswith("No opacity in the marked area")
    assert said[-1] == "Not assessed: the part of the marked area beside the lungs."


def test_a_box_that_hardly_touches_a_lung_has_no_finding_of_it(neural: Neural) -> None:
    lung = chest()[1]["right lung"]
    outline = lung.mask
    assert outline is not None
    row = int(outline.values.any(axis=1).argmax() + outline.values.shape[0] // 2)
    y = outline.extent.y0 + row * outline.extent.height / outline.values.shape[0]
    x = outline.extent.x0 + int(outline.values[row].argmax()) * (
        outline.extent.width / outline.values.shape[1]
    )
    [said] = say(neural, question(Box(x - 9, y - 5, x + 1, y + 5), OPACITY))
    assert said.text == "Not assessed: the marked area is at the edge of the lungs."
    assert not said.findings


def test_a_box_over_both_lungs_is_read_as_both(neural: Neural) -> None:
    right, left = (chest()[1][name].box for name in ("right lung", "left lung"))
    over = Box(right.x0, right.y0, left.x1, left.y1)
    said = [item for item in read_from(say(neural, question(over))) if item.findings]
    assert said[0].notes == ("read as a part of both lungs",)
    assert all(item.regions == ("marked area",) for item in said)


def test_a_box_over_the_heart_alone_says_so(neural: Neural) -> None:
    x, y = chest()[1]["cardiac silhouette"].box.center
    [said] = say(neural, question(Box(x - 4, y - 4, x + 4, y + 4)))
    assert said.text == "Not assessed: the marked area lies over the heart, not in the lungs."


def test_the_writer_says_what_it_was_trained_on_in_its_own_words(folder: Path) -> None:
    writing = Neural(folder, words="writer")
    said = texts(read_from(say(writing, question(values=OPACITY))))
    assert said[0] == "There is an opacity in the right lower lung zone."
    told = texts(read_from(say(writing, question(ZONE, told={"Nodule": "present"})), SET))
    assert told == ["Nodule in the right lower lung zone."]  # it knows no nodules


def test_an_unknown_kind_of_words_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidValueError, match="words are one of"):
        Neural(folder, words="poems")  # type: ignore[arg-type]


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
    }


def maps_of(asked: Question, *values: float) -> Tensor:
    return torch.stack([map_with(asked.found, {(ZONE, "Lung Opacity"): value}) for value in values])


def test_measured_sentences_have_no_support_in_the_map(neural: Neural) -> None:
    asked = question(values=OPACITY)
    sentences = say(neural, asked)
    support = neural.support(asked, sentences, maps_of(asked, 0.0, PRESENT), "finding")
    assert support.shape == (2, len(sentences))
    read = torch.tensor([s.origin == ORIGIN and bool(s.findings) for s in sentences])
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


def test_no_sentences_have_no_support(neural: Neural) -> None:
    asked = question(ZONE)
    assert neural.support(asked, [], maps_of(asked, 0.0), "finding").shape == (1, 0)


def test_a_folder_without_its_parts_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights"):
        Neural(tmp_path)


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
    sentences = say(neural, with_a_high_dome(question(values=OPACITY)))
    assert about_the_dome(sentences) == []
    [reason] = [text for text in texts(sentences) if "eight of the diaphragm" in text]
    assert "as the opacity in the right lower lung zone may hide the borders of " in reason
    assert reason.endswith("the lungs.")


def test_an_opacity_against_the_heart_makes_its_size_a_thing_not_to_be_judged(
    neural: Neural,
) -> None:
    heart = chest()[1]["cardiac silhouette"].box
    beside = {("left lung", "Lung Opacity"): 0.0}
    asked = question(values=beside)
    film = encoded_film(asked).film
    cell = SIDE / film.shape[1]
    x, y = int(heart.x1 / cell), int(heart.center[1] / cell)
    film[0, y - 1 : y + 8, x - 1 : x + 4] = PRESENT
    sentences = say(neural, asked)
    assert not [f for s in sentences for f in s.findings if f.label == "Cardiomegaly"]
    assert any(
        text.startswith("Heart size") and "may hide the borders of the heart" in text
        for text in texts(sentences)
    )
    [doubt] = [s for s in sentences if s.text.startswith("Heart size")]
    assert not [item for item in doubt.evidence if isinstance(item, Measurement)]


def opacities(sentences: Sequence[Sentence]) -> dict[str, Presence]:
    found = [finding for sentence in sentences for finding in sentence.findings]
    return {f.region: f.presence for f in found if f.label == "Lung Opacity"}


def test_in_a_film_an_opacity_is_told_by_its_zones(neural: Neural) -> None:
    told_of = opacities(say(neural, question(values=OPACITY)))
    assert told_of == {ZONE: "present", "left lung": "absent"}


def test_varied_words_are_a_film_s_own_and_stay_when_a_copy_is_altered(folder: Path) -> None:
    varied = Neural(folder, words="varied")
    asked = question(values=OPACITY)
    films = [
        replace(asked, image=Image.of(np.full((SIDE, SIDE), grey, np.float32)))
        for grey in np.linspace(0.1, 0.9, 12)
    ]
    said = [tuple(texts(say(varied, film))) for film in films]
    assert said == [tuple(texts(say(varied, film))) for film in films]
    assert len(set(said)) > 6
    altered = replace(films[0], image=films[0].image.altered(films[1].image.pixels))
    assert tuple(texts(say(varied, altered))) == said[0]


def test_plain_words_are_those_of_every_film(folder: Path) -> None:
    plain, asked = Neural(folder, words="plain"), question(values=OPACITY)
    films = [
        replace(asked, image=Image.of(np.full((SIDE, SIDE), grey, np.float32)))
        for grey in (0.1, 0.5, 0.9)
    ]
    assert len({tuple(texts(say(plain, film))) for film in films}) == 1


@pytest.mark.parametrize(
    ("place", "hidden"),
    [
        ("right lung", {"cardiac silhouette", "upper mediastinum"}),
        ("right lower lung zone", {"cardiac silhouette"}),
        ("right costophrenic angle", set()),
    ],
)
def test_what_is_stated_away_from_a_border_does_not_hide_it(
    neural: Neural, place: str, hidden: set[str]
) -> None:
    everywhere = question(
        values=dict.fromkeys(product(chest()[1].names, ["Lung Opacity"]), PRESENT)
    )
    there = [Stated(Finding("Lung Opacity", Presence.PRESENT, place))]
    assert set(known(neural.reader, everywhere, there).hidden) == hidden
