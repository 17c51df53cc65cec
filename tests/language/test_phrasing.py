"""A film has one wording of each thing, and all wordings of a thing say the same."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources

import pytest

from grounded.chest.names import REGIONS, chest_atlas
from grounded.compose.merging import sides_and_zones
from grounded.findings import Finding, Presence
from grounded.language.additions import beyond
from grounded.language.attributes import strength_named
from grounded.language.finding_words import FindingWords
from grounded.language.labeller import Labeller
from grounded.language.mentions import sides_named, words_of_comparison
from grounded.language.phrasing import PLAIN, Phrasing, alike
from grounded.language.templates import fill
from grounded.report import Sentence

ATLAS, WORDS, LABELLER = chest_atlas(), FindingWords.open(), Labeller.open()
FILMS = [Phrasing(f"film {number}") for number in range(60)]
ROWS = tomllib.loads(
    (resources.files("grounded.configs") / "findings" / "alike.toml").read_text("utf-8")
)["alike"]


def wordings() -> Iterator[tuple[Finding, str]]:
    """Every wording of every finding, presence and region."""
    for label, term in WORDS.terms.items():
        for region in REGIONS:
            if ATLAS.kind(region) in term.kinds:
                for presence in Presence:
                    for template in term.wordings(presence, ATLAS.kind(region)):
                        text = f"{fill(template, region, ATLAS)}."
                        yield Finding(label, presence, region, 0.9), text


def test_a_film_has_the_same_words_each_time_and_films_differ() -> None:
    options = [str(number) for number in range(5)]
    assert {film.choose(options, "a topic") for film in FILMS} == set(options)
    assert [film.choose(options, "a topic") for film in FILMS] == [
        Phrasing(film.film).choose(options, "a topic") for film in FILMS
    ]
    assert PLAIN.choose(options, "a topic") == "0"


def test_one_film_words_its_topics_apart() -> None:
    options = [str(number) for number in range(5)]
    chosen = {FILMS[0].choose(options, f"topic {number}") for number in range(30)}
    assert chosen == set(options)


def test_every_wording_is_read_back_as_meant() -> None:
    for finding, text in wordings():
        said = {found.label: found.presence for found in LABELLER.label(text)}
        assert said.get(finding.label) == finding.presence, text


def test_no_wording_adds_anything_or_names_another_side_or_film() -> None:
    for finding, text in wordings():
        assert not beyond(text, [finding], ATLAS), text
        assert sides_named(text) <= {ATLAS.side(finding.region)}, text
        assert not words_of_comparison(text), text


def test_every_wording_is_as_firm_as_its_finding() -> None:
    for finding, text in wordings():
        expected = "possible" if finding.presence == "uncertain" else "firm"
        assert strength_named(text) == expected, text


@pytest.mark.parametrize("presence", list(Presence))
@pytest.mark.parametrize("label", ["Lung Opacity", "Pleural Effusion", "Emphysema", "Edema"])
def test_what_is_said_of_both_lungs_becomes_one_sentence(label: str, presence: Presence) -> None:
    for film in FILMS:
        said = [
            Sentence(
                WORDS.say(label, presence, region, ATLAS, film),
                (region,),
                "test",
                findings=(Finding(label, presence, region, 0.9),),
            )
            for region in ("right lung", "left lung")
        ]
        if said[0].text != said[1].text:
            assert len(sides_and_zones(said, ATLAS, LABELLER)) == 1, said[0].text


def test_a_denial_of_several_has_several_wordings() -> None:
    labels = ["Lung Opacity", "Pleural Effusion"]
    assert {WORDS.deny_in_film(labels, film) for film in FILMS} == {
        "No opacity or pleural effusion.",
        "There is no opacity or pleural effusion.",
        "No opacity or pleural effusion is seen.",
        "No opacity or pleural effusion is identified.",
    }
    assert "No opacity or pleural effusion is seen in the left lung." in {
        WORDS.deny(labels, "left lung", ATLAS, film) for film in FILMS
    }


def test_a_measurement_is_reworded_with_its_own_side_and_number() -> None:
    said = {film.reworded("Heart size is normal (CTR 0.43).") for film in FILMS}
    assert "Normal heart size (CTR 0.43)." in said
    assert all("0.43" in text for text in said)
    small = {film.reworded("The left lung is small in relation to the right.") for film in FILMS}
    assert small == {
        "The left lung is small in relation to the right.",
        "Small left lung in relation to the right.",
    }


def test_what_has_no_other_wording_stays() -> None:
    assert alike("Not assessed.") == ("Not assessed.",)
    assert FILMS[0].reworded("Not assessed.") == "Not assessed."


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_measurements_that_are_alike_are_read_alike_and_as_firm(row: list[str]) -> None:
    texts = [
        text.replace("<side>", "left").replace("<other>", "right").replace("<ratio>", "0.53")
        for text in row
    ]
    first, *others = texts
    for text in others:
        assert LABELLER.label(text) == LABELLER.label(first), text
        assert strength_named(text) == strength_named(first), text
        assert sides_named(text) == sides_named(first), text
        assert not words_of_comparison(text), text
