"""Every code that ships is one that pydicom's dictionaries have, with that meaning."""

import pytest
from pydicom.sr._concepts_dict import concepts

from grounded import Atlas, Finding, Image, Measurement
from grounded.codes import Code, codes, finding_code, measurement_code
from grounded.evidence import evidence_from_dict, evidence_to_dict
from grounded.findings import VOCABULARY
from grounded.generators.measured.generator import Measured
from grounded.protocols import Question
from grounded.synthetic.collection import phantom_regions
from grounded.synthetic.phantom import chest_phantom

SHIPPED = {
    **{f"finding {name}": code for name, code in codes()["findings"].items()},
    **{f"measurement {name}": code for name, code in codes()["measurements"].items()},
    **{
        f"region {name}": code
        for name in Atlas.open("chest29").names
        if (code := Atlas.open("chest29")[name].code)
    },
}


@pytest.mark.parametrize("code", SHIPPED.values(), ids=SHIPPED)
def test_a_code_stands_in_a_public_dictionary(code: Code) -> None:
    meanings = {
        meaning.casefold()
        for entries in concepts[code.scheme].values()
        for value, (meaning, _) in entries.items()
        if value == code.value
    }
    assert code.meaning.casefold() in meanings


def test_only_findings_of_the_vocabulary_have_codes() -> None:
    assert set(codes()["findings"]) <= set(VOCABULARY)
    assert finding_code("Fracture") is None


def test_a_finding_carries_its_code_through_json() -> None:
    data = Finding("Pneumothorax", "present", "left lung").to_dict()
    assert data["code"] == {"scheme": "SCT", "value": "36118008", "meaning": "Pneumothorax"}
    assert Finding.from_dict(data).code == finding_code("Pneumothorax")
    assert "code" not in Finding("Fracture", "present", "left lung").to_dict()


def test_what_is_measured_has_a_code_and_a_unit_of_ucum() -> None:
    phantom = chest_phantom(1, (256, 256))
    image = Image.of(phantom.pixels, view="PA")
    asked = Question.of_film(image, phantom_regions(phantom))
    [sentences] = Measured(style="long").describe([asked])
    measured = [item for s in sentences for item in s.evidence if isinstance(item, Measurement)]
    assert "cardiothoracic ratio" in {item.name for item in measured}
    units = {value for entries in concepts["UCUM"].values() for value in entries}
    for item in measured:
        assert item.unit in units
        assert item.code is not None, item.name
        assert item.code == measurement_code(item.name)
        assert evidence_from_dict(evidence_to_dict(item)) == item
