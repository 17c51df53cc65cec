"""Fidelity and wording of sentences, on a few phrases that are looked up."""

import math

import pytest
import torch
from own.baselines import FrequentNormal, Retrieval
from own.sentence_figures import (
    SaidFinding,
    WordTable,
    agrees,
    brief_fidelity,
    fidelity,
    statement_briefs,
    taught,
    wording,
    write,
)

from grounded.findings import Finding
from grounded.generators.neural.planned import told
from grounded.generators.neural.writer import Brief
from grounded.language.labeller import Labeller
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase

LABELLER = Labeller.open()
PHRASES = [
    Phrase("A <side> pneumothorax.", "lung", (("Pneumothorax", "present"),)),
    Phrase("No <side> pneumothorax.", "lung", (("Pneumothorax", "absent"),)),
    Phrase(
        "The <region> is clear.", "lung", (("Lung Opacity", "absent"), ("Consolidation", "absent"))
    ),
    Phrase(
        "An opacity with a small effusion.",
        "lung",
        (("Lung Opacity", "present"), ("Pleural Effusion", "present")),
    ),
]
HAS = Finding("Pneumothorax", "present", "right lung")
HAS_NOT = Finding("Pneumothorax", "absent", "right lung")
CLEAR = Finding("Lung Opacity", "absent", "right lung")


def writer() -> Retrieval:
    bank = Bank(torch.zeros(1, 16, 3).half(), ("lung",), ({},), ("",), ("",))
    return Retrieval(PHRASES, bank)


def brief(finding: Finding) -> Brief:
    return Brief(finding.region, "lung", told(finding))


@pytest.mark.parametrize(
    ("finding", "text", "expected"),
    [
        (HAS, "A large right pneumothorax.", True),
        (HAS, "No right pneumothorax.", False),
        (HAS, "A right pneumothorax and effusion.", False),
        (CLEAR, "The right lung is clear.", True),
        (CLEAR, "No lung opacity in the right lung.", True),
    ],
)
def test_a_sentence_agrees_if_it_says_its_finding_and_no_other(
    finding: Finding, text: str, expected: bool
) -> None:
    assert agrees(SaidFinding(finding, text), LABELLER) is expected


def test_sentences_in_fixed_words_are_counted() -> None:
    found = fidelity(
        [
            SaidFinding(HAS, "Right pneumothorax."),
            SaidFinding(HAS, "Right pleural effusion."),
        ],
        LABELLER,
    )
    assert (found.agreed.hits, found.plain.hits, found.plain.count) == (1, 1, 2)
    assert found.wrong == (SaidFinding(HAS, "Right pleural effusion."),)


def test_a_verified_sentence_that_says_something_else_is_put_plainly() -> None:
    frequent = FrequentNormal(PHRASES)
    findings = [HAS, HAS_NOT]
    briefs = [brief(finding) for finding in findings]
    texts = [said.text for said in write(frequent, findings, briefs, LABELLER)]
    assert texts == ["Right pneumothorax.", "No right pneumothorax."]
    assert write(frequent, findings, briefs, None)[0].text == "No right pneumothorax."


def test_each_finding_of_each_kind_is_taught_once() -> None:
    assert HAS in taught(PHRASES)
    assert CLEAR in taught(PHRASES, alone=True)
    together = Finding("Pleural Effusion", "present", "right lung")
    assert together in taught(PHRASES)
    assert together not in taught(PHRASES, alone=True)


def test_statements_keep_their_findings_together() -> None:
    briefs = statement_briefs([*PHRASES, PHRASES[0]])
    assert len(briefs) == 4
    assert brief_fidelity(writer(), briefs, LABELLER, verified=True).hits == 4


def test_words_of_the_training_and_different_sentences_are_counted() -> None:
    found = wording(["a", "a", "b", "c"], ["a", "c"])
    assert (found.verbatim.hits, found.distinct.hits, found.distinct.count) == (3, 3, 4)


def test_a_table_of_words_knows_what_would_agree_by_chance() -> None:
    pairs = [("small", "small"), ("small", "large"), ("large", "large"), ("large", "")]
    table = WordTable.of(pairs)
    assert (table.agreed.hits, table.agreed.count) == (2, 3)
    assert table.chance == pytest.approx(2 / 3 * 1 / 3 + 1 / 3 * 2 / 3)
    assert math.isnan(WordTable.of([("small", "")]).chance)
