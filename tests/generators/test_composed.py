"""What is measured passes the composer's guards: of films, of regions and of drawn boxes."""

import pytest

from grounded import Box, GroundedReport
from grounded.atlas import Atlas
from grounded.compose.composer import AnatomicalComposer
from grounded.generators.measured.generator import Measured
from grounded.protocols import Question
from grounded.provenance import Provenance

from .conftest import Ask

ATLAS = Atlas.open("chest29")


def composed(question: Question) -> GroundedReport:
    [sentences] = Measured().describe([question])
    made_by = Provenance("0", "test", "", "", "", "")
    regions = question.asked if "marked area" in question.asked else question.found
    report = AnatomicalComposer().compose(
        question.image,
        regions,
        [sentence for sentence in sentences if sentence.evidence],
        ATLAS,
        Measured.scope,
        made_by,
    )
    assert len(report.section("findings")) == len([s for s in sentences if s.evidence])
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
