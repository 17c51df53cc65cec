import json

import pytest

from grounded import Finding, Findings, ReadFinding
from grounded.errors import InvalidValueError, RegionError
from grounded.findings import Presence, presence_of

OPACITY = ReadFinding("Lung Opacity", "left lung", 0.9, "present", True)
AIR = ReadFinding("Pneumothorax", "left lung", 0.2, "absent", False)
OTHER = ReadFinding("Lung Opacity", "right lung", 0.4, "uncertain", True)
READ = Findings((OPACITY, AIR, OTHER), ("left lung", "right lung", "spine"))


def test_a_finding_round_trips() -> None:
    finding = Finding("Cardiomegaly", "uncertain", "cardiac silhouette", 0.6)
    assert Finding.from_dict(finding.to_dict()) == finding


@pytest.mark.parametrize(
    ("label", "presence", "score"),
    [("Dextrocardia", "present", 1), ("Edema", "maybe", 1), ("Edema", "present", 1.5)],
)
def test_what_the_vocabulary_does_not_have_is_refused(
    label: str, presence: str, score: float
) -> None:
    with pytest.raises(InvalidValueError):
        Finding(label, presence, "left lung", score)  # type: ignore[arg-type]


def test_a_label_gives_the_finding_in_all_regions() -> None:
    assert list(READ["Lung Opacity"]) == [OPACITY, OTHER]
    assert list(READ["Fracture"]) == []


def test_a_region_gives_all_that_was_read_in_it() -> None:
    assert list(READ.in_region("left lung")) == [OPACITY, AIR]
    assert list(READ.in_region("left lung")["Pneumothorax"]) == [AIR]
    assert list(READ.in_region("spine")) == []


def test_a_misspelt_name_is_no_empty_answer() -> None:
    with pytest.raises(InvalidValueError, match="did you mean 'Lung Opacity'"):
        READ["lung opacty"]
    with pytest.raises(RegionError, match="did you mean 'left lung'"):
        READ.in_region("left lnug")


def test_it_is_a_sequence() -> None:
    assert len(READ) == 3
    assert READ[0] == OPACITY
    assert list(READ[1:]) == [AIR, OTHER]
    assert AIR in READ
    assert not Findings()


def test_what_the_scope_lets_a_report_say_is_kept_apart() -> None:
    assert list(READ.stated) == [OPACITY, OTHER]


def test_the_table_has_a_row_for_each_with_equal_keys() -> None:
    rows = READ.to_rows()
    assert rows[1] == {
        "region": "left lung",
        "label": "Pneumothorax",
        "probability": 0.2,
        "presence": "absent",
        "stated": False,
        "code": "SCT 36118008",
    }
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert Findings().to_rows() == []


@pytest.mark.parametrize(("probability", "presence"), [(1.2, "present"), (0.5, "perhaps")])
def test_what_is_no_finding_is_refused(probability: float, presence: str) -> None:
    with pytest.raises(InvalidValueError):
        ReadFinding("Lung Opacity", "left lung", probability, presence, True)  # type: ignore[arg-type]


def test_a_presence_is_one_of_three_and_writes_as_its_word() -> None:
    finding = Finding("Edema", "present", "left lung")  # type: ignore[arg-type]
    assert finding.presence is Presence.PRESENT
    assert json.dumps(finding.to_dict()["presence"]) == '"present"'
    with pytest.raises(InvalidValueError, match="one of present, absent, uncertain; got 'maybe'"):
        presence_of("maybe")
