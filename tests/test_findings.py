import pytest

from grounded import Finding
from grounded.errors import InvalidValueError


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
