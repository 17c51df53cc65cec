"""Findings of a report against those of a reference."""

import pytest

from grounded.evaluate.findings import example_fourteen, finding_table, micro_five
from grounded.findings import CHEXPERT
from grounded.language.labeller import Labeller

LABELLER = Labeller.open()
TRUE = ["Mild edema and a left effusion.", "The heart is normal. No effusion."]
SAID = ["Left pleural effusion.", "Cardiomegaly."]


def test_a_table_has_a_column_for_each_observation() -> None:
    table = finding_table(TRUE, LABELLER)
    assert table.shape == (2, 14)
    assert [CHEXPERT[i] for i in table[0].nonzero()[0]] == ["Edema", "Pleural Effusion"]
    assert [CHEXPERT[i] for i in table[1].nonzero()[0]] == ["No Finding"]
    assert finding_table([], LABELLER).shape == (0, 14)


def test_uncertain_counts_as_asked() -> None:
    column = CHEXPERT.index("Pneumonia")
    assert finding_table(["Possible pneumonia."], LABELLER)[0, column]
    assert not finding_table(["Possible pneumonia."], LABELLER, "absent")[0, column]


def test_micro_five_and_example_fourteen_by_hand() -> None:
    truth, said = finding_table(TRUE, LABELLER), finding_table(SAID, LABELLER)
    five = micro_five(truth, said, ("p", "q"))
    assert [part.value for part in five] == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    fourteen = example_fourteen(truth, said, ("p", "q"))
    assert [part.value for part in fourteen] == pytest.approx([1 / 2, 1 / 4, 1 / 3])
