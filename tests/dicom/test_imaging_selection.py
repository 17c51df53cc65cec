"""The places of sentences in FHIR R5, on the pixels of the stored film."""

import json

import pytest

pytest.importorskip("fhir.resources")
from grounded.export.fhir import encode


def test_each_sentence_with_a_box_is_an_imaging_selection(reported) -> None:
    held = [entry["resource"] for entry in json.loads(encode(reported))["entry"]]
    made = [item for item in held if item["resourceType"] == "ImagingSelection"]
    assert len(made) == 4
    [instance] = made[0]["instance"]
    assert instance["uid"] == "1.3.6.1.4.1.99999.77.3"
    assert instance["imageRegion2D"][0]["coordinate"][:6] == [10, 8, 40, 8, 40, 60]
    assert made[0]["subject"]["identifier"]["value"] == "SECRET77"
    coded = [item for item in held if "valueCodeableConcept" in item]
    seen = [item["derivedFrom"][0].get("reference") for item in coded]
    assert f"urn:uuid:{made[0]['id']}" in seen
