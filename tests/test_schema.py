"""What is written is what docs/report.schema.json describes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import grounded
from grounded import Image
from grounded.config import presets
from grounded.export.json import encode

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("preset", presets())
def test_the_reports_of_a_shipped_preset_keep_to_it(preset: str) -> None:
    report = grounded.load(preset)(ROOT / "examples" / "normal_pa.jpg")
    VALIDATOR.validate(json.loads(encode(report)))


def test_a_report_with_every_kind_of_evidence_keeps_to_it(report) -> None:
    VALIDATOR.validate(json.loads(encode(report)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sentences", 0, "evidence"), []),
        (("sentences", 0, "score"), 1.5),
        (("regions", 0, "box"), [1, 2, 3]),
        (("provenance", "weights_sha256"), {"a": "not a digest"}),
        (("unknown",), 1),
    ],
)
def test_what_is_no_report_does_not_keep_to_it(report, path, value) -> None:
    data = json.loads(encode(report))
    *parents, last = path
    place = data
    for key in parents:
        place = place[key]
    place[last] = value
    assert not VALIDATOR.is_valid(data)


def test_a_report_that_was_read_back_keeps_to_it(report) -> None:
    again = grounded.GroundedReport.from_dict(json.loads(encode(report)), film=None)
    VALIDATOR.validate(json.loads(encode(replace(again, notice="Draft."))))


def test_the_film_is_not_in_it(report) -> None:
    assert isinstance(report.film, Image)
    assert "pixels" not in json.loads(encode(report))["image"]
