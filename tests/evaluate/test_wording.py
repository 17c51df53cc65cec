"""Faults of a report's words that show without the film."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grounded import Box, GroundedReport, Regions
from grounded.chest.names import chest_atlas
from grounded.evaluate.wording import Wording, is_faithful, is_uneven, sources
from grounded.evidence import Line, Measurement
from grounded.findings import Finding, Presence
from grounded.image import ImageInfo
from grounded.language.labeller import Labeller
from grounded.provenance import Provenance, Scope
from grounded.report import GroundedSentence

ATLAS, LABELLER, PLACE = chest_atlas(), Labeller.open(), Box(0, 0, 9, 9)
EFFUSION = Finding("Pleural Effusion", Presence.PRESENT, "left lung")
HEART = Finding("Cardiomegaly", Presence.PRESENT, "cardiac silhouette")


def said(text: str, *findings: Finding, impression: bool = False) -> GroundedSentence:
    regions = tuple(finding.region for finding in findings) or ("left lung",)
    section = "impression" if impression else "findings"
    return GroundedSentence(text, regions, (PLACE,), "test", findings, section=section)


def report(*sentences: GroundedSentence) -> GroundedReport:
    names = tuple(dict.fromkeys(name for s in sentences for name in s.regions))
    boxes = [[0.0, 0.0, 9.0, 9.0]] * len(names)
    return GroundedReport(
        ImageInfo(9, 9),
        Regions(names, boxes, [1.0] * len(names)),
        sentences,
        Scope({}, ()),
        Provenance("0", "", "", "", "", ""),
    )


def worded(*sentences: GroundedSentence) -> Wording:
    return Wording.of([report(*sentences)], LABELLER, ATLAS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Left pleural effusion.", True),
        ("Possible left pleural effusion.", False),
        ("Left pleural effusion and pneumothorax.", False),
        ("Nothing there.", False),
    ],
)
def test_words_are_faithful_when_they_are_read_back_as_meant(text: str, expected: bool) -> None:
    assert is_faithful(text, [EFFUSION], LABELLER) is expected


def test_sentences_that_differ_in_numbers_alone_are_one() -> None:
    found = worded(
        said("The heart is enlarged (CTR 0.58).", HEART),
        said("The heart is enlarged (CTR 0.61).", HEART),
        said("Left pleural effusion.", EFFUSION),
        said("Right apical nodule.", EFFUSION),
    )
    assert (found.faithful.hits, found.faithful.count) == (3, 4)
    assert found.different == {"The heart is enlarged (CTR #).", "Left pleural effusion."}


def test_a_word_beyond_the_finding_is_counted_unless_it_was_measured() -> None:
    measured = replace(
        said("The heart is enlarged (CTR 0.58).", HEART),
        evidence=(Measurement("cardiothoracic ratio", 0.58, "1", (Line(0, 5, 9, 5),)),),
    )
    found = worded(said("Small left pleural effusion.", EFFUSION), measured)
    assert (found.added.hits, found.added.count) == (1, 1)


@pytest.mark.parametrize(
    ("summed", "of", "uneven"),
    [
        ("Cardiomegaly.", ("The heart is enlarged.",), False),
        ("Cardiomegaly.", ("The heart appears enlarged.",), True),
        ("The heart appears enlarged.", ("The heart appears enlarged.",), False),
        ("Cardiomegaly.", ("Possible cardiomegaly.",), True),
        ("Possible cardiomegaly.", ("The heart is enlarged.",), True),
        ("Cardiomegaly.", ("Borderline heart size.",), True),
        ("Cardiomegaly.", ("The heart is enlarged.", "The heart appears enlarged."), True),
    ],
)
def test_an_impression_is_as_firm_as_the_least_firm_sentence_that_it_sums_up(
    summed: str, of: tuple[str, ...], uneven: bool
) -> None:
    assert is_uneven(said(summed, HEART), [said(text, HEART) for text in of]) is uneven


def test_an_impression_that_nothing_is_sure_sums_up_nothing() -> None:
    perhaps = replace(EFFUSION, presence=Presence.UNCERTAIN)
    nothing = said("No definite abnormality among the findings assessed.", perhaps, impression=True)
    found = report(said("Possible left pleural effusion.", perhaps), nothing)
    assert list(sources(found)) == []
