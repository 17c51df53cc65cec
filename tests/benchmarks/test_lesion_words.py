"""Words of size and look against what was painted."""

import torch
from own.baselines import Retrieval
from own.lesion_words import Look, word_tables

from grounded.findings import Presence
from grounded.generators.neural.writer import Brief
from grounded.train.writer.bank import Bank
from grounded.train.writer.corpus import Phrase

OPACITY: tuple[tuple[str, Presence], ...] = (("Lung Opacity", "present"),)
PHRASES = [
    Phrase("A small opacity.", "lung", OPACITY, size="small", count=5),
    Phrase("A large dense opacity.", "lung", OPACITY, size="large", variety="dense"),
]
FIRST, SECOND = torch.eye(2)[:, None].expand(2, 16, 2)
BANK = Bank(
    torch.stack([FIRST, SECOND]).half(),
    ("lung",) * 2,
    (dict(OPACITY),) * 2,
    ("small", "large"),
    ("", "dense"),
)


def look(seen: torch.Tensor, size: str, variety: str, label: str = "Lung Opacity") -> Look:
    return Look(Brief("right lung", "lung", {label: "present"}, None, seen), size, variety)


LOOKS = [look(FIRST, "small", "patchy"), look(SECOND, "large", "dense")]


def test_words_that_follow_what_is_shown_agree() -> None:
    sizes, varieties = word_tables(Retrieval(PHRASES, BANK), LOOKS)
    assert sizes.counts == {("small", "small"): 1, ("large", "large"): 1}
    assert varieties.counts == {("patchy", ""): 1, ("dense", "dense"): 1}


def test_what_is_hidden_cannot_be_followed() -> None:
    sizes, _ = word_tables(Retrieval(PHRASES, BANK), LOOKS, shown=False)
    assert len(sizes.said) == 1


def test_varieties_are_of_opacities() -> None:
    looks = [look(FIRST, "small", "layering", "Pleural Effusion")]
    _, varieties = word_tables(Retrieval(PHRASES, BANK), looks)
    assert varieties.counts == {}
