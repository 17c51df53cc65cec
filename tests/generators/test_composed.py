"""What is measured passes the composer's guards: of films, of regions and of drawn boxes."""

import pytest

from grounded import Box, GroundedReport
from grounded.atlas import Atlas
from grounded.compose.composer import AnatomicalComposer
from grounded.evaluate.wording import is_uneven, sources
from grounded.explain.places import RegionBoxes
from grounded.generators.measured.generator import Measured
from grounded.generators.measured.wording import NOTHING, Known
from grounded.language.attributes import strength_named
from grounded.protocols import Question
from grounded.provenance import Provenance

from .conftest import Ask

ATLAS = Atlas.open("chest29")


def composed(question: Question, known: Known = NOTHING) -> GroundedReport:
    sentences = Measured(varied=True).answer(question, known)
    made_by = Provenance("0", "test", "", "", "", "")
    regions = question.asked if "marked area" in question.asked else question.found
    placed = RegionBoxes().explain(question, sentences, Measured())
    report = AnatomicalComposer().compose(
        question.image,
        regions,
        placed,
        ATLAS,
        Measured.scope,
        made_by,
    )
    assert len(report.section("findings")) == len(sentences)
    return report


@pytest.mark.parametrize("view", ["PA", "AP", "lateral", ""])
@pytest.mark.parametrize("ratio", [0.42, 0.505, 0.53, 0.58, 0.64])
def test_every_measured_sentence_of_a_film_stays(ask: Ask, ratio: float, view: str) -> None:
    assert composed(ask(ratio=ratio, view=view)).removed == ()


@pytest.mark.parametrize("about", ["right lung", "left lung", "cardiac silhouette"])
def test_every_measured_sentence_of_a_region_stays(ask: Ask, about: str) -> None:
    assert composed(ask(about, ratio=0.58)).removed == ()


def test_every_measured_sentence_of_a_drawn_box_stays(ask: Ask) -> None:
    assert composed(ask(Box(10, 10, 240, 240), ratio=0.58)).removed == ()


@pytest.mark.parametrize("view", ["PA", "AP"])
@pytest.mark.parametrize("ratio", [0.42, 0.505, 0.53, 0.64])
@pytest.mark.parametrize("heart", [None, -3.0, 1.5, 6.0])
def test_the_impression_is_as_firm_as_what_is_said_of_the_heart(
    ask: Ask, ratio: float, view: str, heart: float | None
) -> None:
    report = composed(ask(ratio=ratio, view=view), Known(heart=heart))
    for summed, of in sources(report):
        assert not is_uneven(summed, of), (summed.text, [sentence.text for sentence in of])


def test_a_heart_that_could_not_be_measured_is_no_firmer_in_the_impression(ask: Ask) -> None:
    known = Known(hidden={"cardiac silhouette": "the opacity"}, heart=6.0)
    [(summed, of)] = sources(composed(ask(ratio=0.6), known))
    assert strength_named(of[0].text) == "apparent"
    assert not is_uneven(summed, of)
