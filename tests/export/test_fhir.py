"""The report as FHIR, as a FHIR library reads it."""

import base64
import json
from dataclasses import replace

import pytest

fhir = pytest.importorskip("fhir.resources")
from grounded.export.fhir import encode, encode_r4  # noqa: E402
from grounded.report import WITHHELD, Right  # noqa: E402


def resources(data: bytes, kind: str) -> list[dict]:
    held = [entry["resource"] for entry in json.loads(data)["entry"]]
    return [item for item in held if item["resourceType"] == kind]


def test_a_library_reads_r5(report):
    from fhir.resources.bundle import Bundle

    bundle = Bundle.model_validate_json(encode(report))
    assert bundle.entry[0].resource.get_resource_type() == "DiagnosticReport"


def test_a_library_reads_r4(report):
    from fhir.resources.R4B.bundle import Bundle

    bundle = Bundle.model_validate_json(encode_r4(report))
    assert bundle.entry[0].resource.get_resource_type() == "DiagnosticReport"
    assert not resources(encode_r4(report), "ImagingSelection")


@pytest.mark.parametrize("weights", [{}, {"detector": "f" * 64}])
def test_the_classes_of_r4_itself_read_it_strictly_and_give_the_same_back(report, weights):
    bundle = pytest.importorskip("fhirclient.models.bundle")  # of R4, 4.0.1
    provenance = replace(report.provenance, weights_sha256=weights)
    data = json.loads(encode_r4(replace(report, provenance=provenance)))
    assert bundle.Bundle(data, strict=True).as_json() == data


def test_the_report_is_preliminary_until_a_person_accepts_it(report):
    [made] = resources(encode(report), "DiagnosticReport")
    assert made["status"] == "preliminary"
    [made] = resources(encode(report.accepted("Rita Reader", "Hospital")), "DiagnosticReport")
    assert made["status"] == "final"
    assert made["performer"][1]["display"] == "Rita Reader"


def test_findings_and_measurements_are_observations(report):
    made = resources(encode(report), "Observation")
    coded = [item for item in made if "valueCodeableConcept" in item]
    assert coded[0]["code"]["coding"][0]["code"] == "287272002"
    assert coded[0]["valueCodeableConcept"]["text"] == "absent"
    assert coded[0]["bodySite"]["text"] == "cardiac silhouette"
    [ratio] = [item for item in made if "valueQuantity" in item][:1]
    assert ratio["valueQuantity"] == {
        "value": 0.44,
        "unit": "1",
        "system": "http://unitsofmeasure.org",
        "code": "1",
    }


def test_every_result_is_in_the_bundle(report):
    data = encode(report)
    [made] = resources(data, "DiagnosticReport")
    names = {f"urn:uuid:{item['id']}" for item in resources(data, "Observation")}
    assert {item["reference"] for item in made["result"]} == names


def test_the_text_is_the_reports(report):
    [made] = resources(encode(report), "DiagnosticReport")
    assert base64.b64decode(made["presentedForm"][0]["data"]).decode() == report.text
    assert made["conclusion"] == "Normal heart size."


def test_the_probability_that_a_sentence_is_right_is_a_component(report):
    lungs, heart, *_ = report.sentences
    rated = replace(heart, right=Right(0.87, "films of a test"))
    unrated = replace(heart, text="Heart size is normal.", unrated="nobody measured it")
    report = replace(report, sentences=(rated, unrated, lungs))
    for encoded in (encode(report), encode_r4(report)):
        components = {
            item["note"][0]["text"]: item.get("component")
            for item in resources(encoded, "Observation")
        }
        [right] = components[heart.text]
        assert right["code"]["coding"][0]["display"] == "Probability"
        assert right["valueQuantity"]["value"] == pytest.approx(87)
        assert right["interpretation"] == [{"text": "on films of a test"}]
        [unknown] = components["Heart size is normal."]
        assert unknown["dataAbsentReason"]["text"] == "nobody measured it"
        assert components[lungs.text] is None


def test_why_something_is_withheld_is_a_note(report):
    why = ("Lung Opacity: no score holds it",)
    gap = replace(report.sentences[0], text="Withheld: opacities.", origin=WITHHELD, notes=why)
    [made] = resources(encode(replace(report, sentences=(gap,))), "Observation")
    assert made["valueString"] == "Withheld: opacities."
    assert [note["text"] for note in made["note"]] == ["Withheld: opacities.", *why]
