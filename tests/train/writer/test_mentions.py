"""How often reports deny a finding."""

from __future__ import annotations

import pytest

from grounded.data.iu_text import TextReport
from grounded.language.labeller import Labeller
from grounded.train.writer.mentions import mentioned


@pytest.fixture(scope="module")
def labeller() -> Labeller:
    return Labeller.open()


def report(*sentences: str) -> TextReport:
    return TextReport("1", "train", sentences)


def test_the_part_of_reports_that_deny_a_finding_is_counted(labeller: Labeller) -> None:
    reports = [report("No pneumothorax.")] * 3 + [report("The heart is normal in size.")]
    table = mentioned(reports, labeller)
    assert table["lung"]["Pneumothorax"] == 0.75
    assert table["cardiac silhouette"]["Cardiomegaly"] == 0.25


def test_reports_that_have_the_finding_do_not_count(labeller: Labeller) -> None:
    reports = [report("There is a right pneumothorax."), report("Possible left pneumothorax.")]
    assert mentioned([*reports, report("No pneumothorax.")], labeller)["lung"]["Pneumothorax"] == 1


def test_no_reports_mention_nothing(labeller: Labeller) -> None:
    table = mentioned([], labeller)
    assert all(part == 0 for labels in table.values() for part in labels.values())
    assert table["costophrenic angle"] == {"Pleural Effusion": 0}
