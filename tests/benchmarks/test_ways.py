"""What each way of saying it says of one film, whose findings are set by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from own.answers import Answer, clinical
from own.asked import Truth
from own.baselines import FrequentNormal, Retrieval
from own.sentence_figures import fidelity
from own.ways import LOOKED_UP, OURS, TRUTH, Told, Ways

from grounded.generators.neural.generator import Neural
from grounded.language.labeller import Labeller
from grounded.nn.weights import bind
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase
from grounded.train.writer.run import WriterConfig, train_writer

from ..generators.reading import ENCODER, LABELS, PRESENT, question, write_findings

OPACITY = "Lung Opacity"
RIGHT, LEFT = "right lung", "left lung"
TINY = WriterConfig(
    vocabulary=300, length=40, width=16, layers=1, heads=2, held_out=0.0, steps=2, batch=4
)
PHRASES = [
    Phrase("There is an opacity in the <region>.", "lung", ((OPACITY, "present"),)),
    Phrase("Possible opacity in the <region>.", "lung", ((OPACITY, "uncertain"),)),
    Phrase(
        "The <region> is clear.",
        "lung",
        ((OPACITY, "absent"), ("Consolidation", "absent")),
        count=9,
    ),
    Phrase("There is a tube in the <region>.", "trachea", (("Support Devices", "present"),)),
]
TRUE: Truth = {
    RIGHT: {OPACITY: False, "Pneumothorax": False},  # pneumothorax may not be stated
    LEFT: {OPACITY: True},
}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Ways:
    folder = tmp_path_factory.mktemp("neural")
    seen = torch.rand(1, 16, len(LABELS), generator=torch.Generator().manual_seed(0)).half()
    bank = Bank(seen, ("lung",), ({OPACITY: "present"},), ("",), ("",))
    write_findings(folder / "findings")
    train_writer(PHRASES, bank, TINY, folder / "writer")
    bind(folder / "writer", encoder=ENCODER)
    return Ways(
        Neural(folder, words="writer"),
        FrequentNormal(PHRASES),
        Retrieval(PHRASES, bank),
        Labeller.open(),
    )


@pytest.fixture(scope="module")
def said(ways: Ways) -> Told:
    """Of a film whose right lung is read as having an opacity, while the left one has it."""
    asked = question(values={(RIGHT, OPACITY): PRESENT})
    told = Told()
    ways.tell("film", asked.image, asked.found, TRUE, told)
    return told


def by_region(answers: Sequence[Answer]) -> dict[str, str]:
    return {answer.region: answer.said.get(OPACITY, "") for answer in answers}


def test_every_way_speaks_of_every_region_that_is_known(said: Told) -> None:
    assert len(said.answers) == 5
    for answers in said.answers.values():
        assert sorted(answer.region for answer in answers) == [LEFT, RIGHT]


def test_the_baselines_say_what_they_always_say(said: Told) -> None:
    assert by_region(said.answers[FrequentNormal.name]) == {RIGHT: "absent", LEFT: "absent"}
    assert by_region(said.answers[Retrieval.name]) == {RIGHT: "present", LEFT: "present"}


def test_the_generator_says_what_it_read(said: Told) -> None:
    assert by_region(said.answers[OURS]) == {RIGHT: "present", LEFT: "absent"}
    assert by_region(said.answers[LOOKED_UP]) == {RIGHT: "present", LEFT: "absent"}
    assert fidelity(said.sentences[OURS], Labeller.open()).agreed.value == 1


def test_the_generator_that_is_told_the_truth_says_it(said: Told) -> None:
    assert by_region(said.answers[TRUTH]) == {RIGHT: "absent", LEFT: "present"}
    assert clinical(said.answers[TRUTH], {}).f1.value == 1
    assert len(said.sentences[TRUTH]) == 2


def test_what_was_read_is_kept_with_its_briefs(said: Told) -> None:
    assert [finding.region for finding in said.findings] == [b.region for b in said.briefs]
    assert all(brief.seen is not None for brief in said.briefs)


def test_a_film_of_which_nothing_is_known_is_passed_over(ways: Ways) -> None:
    asked, told = question(), Told()
    ways.tell("film", asked.image, asked.found, {}, told)
    assert told.answers == {}
