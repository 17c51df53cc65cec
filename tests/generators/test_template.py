from dataclasses import replace
from pathlib import Path

import pytest

from grounded.chest.names import HEART, LEFT_LUNG
from grounded.errors import ConfigError, InvalidValueError
from grounded.findings import ASSESSABLE
from grounded.generators.template import Template
from grounded.protocols import SentenceGenerator

from .conftest import Ask


def test_it_fits_the_protocol() -> None:
    assert isinstance(Template(), SentenceGenerator)


def test_without_sentences_it_claims_nothing(ask: Ask) -> None:
    [[sentence]] = Template().describe([ask(HEART)])
    assert sentence.text == "Cardiac silhouette: nothing was read here."
    assert (sentence.findings, sentence.score, sentence.abnormal) == ((), 0.0, False)


def test_each_region_gets_one_sentence_that_stands_on_its_box(ask: Ask) -> None:
    question = ask()
    [sentences] = Template().describe([question])
    assert tuple(sentence.regions for sentence in sentences) == tuple(
        (name,) for name in question.asked.names
    )
    assert [s.evidence for s in sentences] == [(region.box,) for region in question.asked]


def test_the_film_makes_no_difference(ask: Ask) -> None:
    one, other = Template().describe([ask(HEART, ratio=0.4), ask(HEART, ratio=0.7)])
    assert [sentence.text for sentence in one] == [sentence.text for sentence in other]


def test_given_sentences_are_said_and_the_others_left_out(ask: Ask) -> None:
    template = Template({HEART: "The {region} is normal."}, default="")
    [sentences] = template.describe([ask()])
    assert [sentence.text for sentence in sentences] == ["The cardiac silhouette is normal."]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", '"left lung" = "Left lung clear."'),
        ("a.json", '{"left lung": "Left lung clear."}'),
    ],
)
def test_sentences_can_come_from_a_file(name: str, content: str, tmp_path: Path, ask: Ask) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    [[sentence]] = Template(file).describe([ask(LEFT_LUNG)])
    assert sentence.text == "Left lung clear."


@pytest.mark.parametrize("content", ["{", "[1]", '{"left lung": ""}', '{"left lung": 3}'])
def test_a_file_that_holds_no_sentences_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "sentences.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError):
        Template(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the sentences"):
        Template(str(tmp_path / "none.json"))


def test_it_cannot_be_steered(ask: Ask) -> None:
    question = ask()
    told = replace(question, findings={"left lung": {"Edema": "present"}})
    with pytest.raises(InvalidValueError, match="has fixed sentences"):
        Template().describe([told])


def test_a_batch_says_what_single_films_say(ask: Ask) -> None:
    questions = [ask(), ask(HEART)]
    assert Template().describe(questions) == [Template().describe([q])[0] for q in questions]


def test_no_finding_of_the_vocabulary_is_in_its_scope() -> None:
    assert Template.scope.not_assessed == ASSESSABLE
    assert not Template.scope.assessed
