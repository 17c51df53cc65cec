"""What a writer is compared with."""

from __future__ import annotations

import pytest
import torch
from own.baselines import FrequentNormal, Retrieval

from grounded.findings import Presence
from grounded.generators.neural.writer import Brief
from grounded.language.labeller import Labeller
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase

HAS: tuple[tuple[str, Presence], ...] = (("Pneumothorax", "present"),)
HAS_NOT: tuple[tuple[str, Presence], ...] = (("Pneumothorax", "absent"),)
LARGE: tuple[tuple[str, Presence], ...] = (("Cardiomegaly", "present"),)
PHRASES = [
    Phrase("A <side> pneumothorax.", "lung", HAS, count=9),
    Phrase("A tiny <side> pneumothorax.", "lung", HAS, size="small", count=2),
    Phrase("A large <side> pneumothorax.", "lung", HAS, size="large", count=5),
    Phrase("No pneumothorax.", "lung", HAS_NOT, count=3),
    Phrase("No <side> pneumothorax.", "lung", HAS_NOT, count=7),
    Phrase("The heart is large.", "cardiac silhouette", LARGE, count=3),
    Phrase("A ratio of <ratio>.", "cardiac silhouette", LARGE, ratio=True, count=8),
]
SMALL, BIG, CLEAR = torch.eye(3)[:, None].expand(3, 16, 3)
BANK = Bank(
    torch.stack([SMALL, BIG, CLEAR]).half(),
    ("lung",) * 3,
    (dict(HAS), dict(HAS), dict(HAS_NOT)),
    ("small", "large", ""),
    ("", "", ""),
)


def lung(seen: torch.Tensor | None = None, **findings: Presence) -> Brief:
    return Brief("left lung", "lung", findings, seen=seen)


def test_the_frequent_normal_sentence_is_said_whatever_is_told() -> None:
    baseline = FrequentNormal(PHRASES)
    written = baseline.write([lung(Pneumothorax="present"), lung()], verify=Labeller.open())
    assert [words.text for words in written] == ["No left pneumothorax."] * 2
    assert not written[0].agrees


def test_where_nothing_is_denied_nothing_is_said() -> None:
    (words,) = FrequentNormal(PHRASES).write([Brief("heart", "cardiac silhouette", {})])
    assert words.text == ""
    assert not words.agrees


def test_the_nearest_region_chooses_among_the_sentences_that_say_what_is_told() -> None:
    briefs = [lung(seen, Pneumothorax="present") for seen in (SMALL, BIG, CLEAR, None)]
    written = Retrieval(PHRASES, BANK).write(briefs, verify=Labeller.open())
    assert [words.text for words in written[:2]] == [
        "A tiny left pneumothorax.",
        "A large left pneumothorax.",
    ]
    assert written[3].text == "A left pneumothorax."
    assert all(words.agrees for words in written)


def test_without_findings_the_nearest_region_tells_them() -> None:
    written = Retrieval(PHRASES, BANK).write([lung(CLEAR), lung(BIG)])
    assert [words.text for words in written] == [
        "No left pneumothorax.",
        "A large left pneumothorax.",
    ]


@pytest.mark.parametrize(
    ("ratio", "text"), [(None, "The heart is large."), (0.6, "A ratio of 0.60.")]
)
def test_a_ratio_is_stated_only_where_there_is_one(ratio: float | None, text: str) -> None:
    brief = Brief("cardiac silhouette", "cardiac silhouette", dict(LARGE), ratio)
    assert Retrieval(PHRASES, BANK).write([brief])[0].text == text
