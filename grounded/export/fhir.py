"""The report as FHIR resources, checked by a FHIR library (`.fhir.json`: R5, `.r4.fhir.json`: R4).

A collection of a DiagnosticReport, an Observation for each finding and measurement, the software as
Device, and in R5 an ImagingSelection for each sentence with a place. Patient and study are logical
references by their identifiers, as the DICOM header has them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Literal
from uuid import NAMESPACE_OID, uuid5

from grounded.codes import Code
from grounded.errors import ReportError
from grounded.evidence import Measurement
from grounded.findings import Finding, Presence, ScoreKind
from grounded.geometry import Box
from grounded.report import GroundedReport, GroundedSentence

Version = Literal["R4", "R5"]
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
}
_LOCAL = "urn:grounded:concepts"
_REPORT = {"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}
_RADIOLOGY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD"}
_PRESENCE = {
    Presence.PRESENT: Code("SCT", "52101004", "Present"),
    Presence.ABSENT: Code("SCT", "272519000", "Absent"),
    Presence.UNCERTAIN: Code("SCT", "415684004", "Suspected"),
}
_UIDS = "urn:dicom:uid"
_PROBABILITY = Code("DCM", "122157", "Probability")
_NOT_KNOWN = {
    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "code": "unknown",
}


def encode(report: GroundedReport) -> bytes:
    """FHIR R5. Raises ReportError for a report that the library refuses."""
    return _encoded(report, "R5")


def encode_r4(report: GroundedReport) -> bytes:
    """FHIR R4, without ImagingSelection, which it does not have. Raises as `encode`."""
    return _encoded(report, "R4")


def _encoded(report: GroundedReport, version: Version) -> bytes:
    writer = _Writer(report, version, _context(report))
    entries = [
        {"fullUrl": f"urn:uuid:{item['id']}", "resource": item} for item in writer.resources()
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    checked(bundle, version)
    return json.dumps(bundle, indent=1, ensure_ascii=False).encode() + b"\n"


def checked(bundle: Mapping[str, Any], version: Version) -> None:
    """Raises ReportError for what is no bundle of that version of FHIR."""
    # R4B has what we write of R4 unchanged
    name = "fhir.resources.bundle" if version == "R5" else "fhir.resources.R4B.bundle"
    try:
        import_module(name).Bundle.model_validate_json(json.dumps(bundle))
    except ValueError as error:
        raise ReportError(f"the report makes no valid FHIR {version}: {error}") from error


def _context(report: GroundedReport) -> Mapping[str, str]:
    """Patient, study and instance as the header has them; nothing for a film without one."""
    if report.film is None or not report.film.header:
        reference = report.image.reference
        if reference is None:
            return {}
        return {
            "study": reference.study_uid,
            "series": reference.series_uid,
            "instance": reference.instance_uid,
            "class": reference.class_uid,
        }
    from grounded.dicom.context import context_of

    held = context_of(report.film)
    keywords = {
        "patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID",
        "instance": "SOPInstanceUID", "class": "SOPClassUID", "accession": "AccessionNumber",
    }  # fmt: skip
    found = {name: str(held.get(keyword) or "") for name, keyword in keywords.items()}
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class _Writer:
    report: GroundedReport
    version: Version
    context: Mapping[str, str]

    def resources(self) -> Iterator[dict[str, Any]]:
        selections = dict(self.selections()) if self.version == "R5" else {}
        observations = list(self.observations(selections))
        yield self.diagnostic_report(observations)
        yield from observations
        yield from selections.values()
        yield self.device()

    def diagnostic_report(self, observations: list[dict[str, Any]]) -> dict[str, Any]:
        impression = " ".join(sentence.text for sentence in self.report.section("impression"))
        text = base64.b64encode(self.report.text.encode()).decode()
        study = self.study()
        key = "study" if self.version == "R5" else "imagingStudy"
        return {
            **self.named("DiagnosticReport", "report"),
            "status": "preliminary" if self.report.acceptance is None else "final",
            "category": [{"coding": [_RADIOLOGY]}],
            "code": {"coding": [_REPORT]},
            **self.subject(),
            **({key: [study]} if study else {}),
            **self.issued(),
            "performer": [self.to("Device", "device"), *self.person()],
            "result": [_to(item) for item in observations],
            **({"conclusion": impression} if impression else {}),
            "presentedForm": [{"contentType": "text/plain; charset=utf-8", "data": text}],
        }

    def observations(self, selections: Mapping[int, Any]) -> Iterator[dict[str, Any]]:
        for number, sentence in enumerate(self.report.sentences):
            shared = {
                "note": [{"text": text} for text in (sentence.text, *sentence.notes)],
                **_rating(sentence),
                "device": self.to("Device", "device"),
                **self.seen_in(selections.get(number)),
            }
            for count, finding in enumerate(sentence.findings):
                yield self.finding(f"finding {number} {count}", finding) | shared
            for count, item in enumerate(sentence.measurements):
                yield self.measurement(f"measurement {number} {count}", sentence, item) | shared
            if not (sentence.findings or sentence.measurements):
                yield self.statement(f"statement {number}", sentence) | shared

    def observation(self, name: str) -> dict[str, Any]:
        return {
            **self.named("Observation", name),
            "status": "preliminary" if self.report.acceptance is None else "final",
            "category": [
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "imaging",
                        }
                    ]
                }
            ],
            **self.subject(),
        }

    def finding(self, name: str, finding: Finding) -> dict[str, Any]:
        certainty = {"text": f"{finding.score_kind.word} {finding.score:.3f}"}
        return {
            **self.observation(name),
            "code": _concept(finding.code, finding.label),
            "valueCodeableConcept": _concept(_PRESENCE[finding.presence], str(finding.presence)),
            "bodySite": self.site(finding.region),
            "interpretation": [certainty],
        }

    def measurement(
        self, name: str, sentence: GroundedSentence, item: Measurement
    ) -> dict[str, Any]:
        normal = {}
        if item.normal is not None:
            low, high = (_quantity(value, item.unit) for value in item.normal)
            normal = {"referenceRange": [{"low": low, "high": high}]}
        return {
            **self.observation(name),
            "code": _concept(None, item.name),
            "valueQuantity": _quantity(item.value, item.unit),
            "bodySite": self.site(sentence.regions[0]),
            **normal,
        }

    def statement(self, name: str, sentence: GroundedSentence) -> dict[str, Any]:
        return {
            **self.observation(name),
            "code": {"text": "Statement"},
            "valueString": sentence.text,
            "bodySite": self.site(sentence.regions[0]),
        }

    def selections(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Where each sentence lies in the stored film, by its number."""
        if not {"study", "series", "instance", "class"} <= set(self.context):
            return
        for number, sentence in enumerate(self.report.sentences):
            boxes = [item for item in sentence.evidence if isinstance(item, Box)]
            if boxes:
                yield number, self.selection(number, sentence, boxes)

    def selection(
        self, number: int, sentence: GroundedSentence, boxes: list[Box]
    ) -> dict[str, Any]:
        study = self.study()
        return {
            **self.named("ImagingSelection", f"selection {number}"),
            "status": "available",
            **self.subject(),
            "code": {"text": "Place of a sentence"},
            "studyUid": self.context["study"],
            "seriesUid": self.context["series"],
            "derivedFrom": [study] if study else [],
            "bodySite": {"concept": self.site(sentence.regions[0])},
            "instance": [
                {
                    "uid": self.context["instance"],
                    "sopClass": {
                        "system": "urn:ietf:rfc:3986",
                        "code": f"urn:oid:{self.context['class']}",
                    },
                    "imageRegion2D": [
                        {"regionType": "polyline", "coordinate": self.corners(box)} for box in boxes
                    ],
                }
            ],
        }

    def corners(self, box: Box) -> list[float]:
        from grounded.dicom.frame import StoredFrame

        corners = StoredFrame.of(self.report.image).corners(box)
        closed = [*corners.tolist(), corners[0].tolist()]
        return [round(value, 3) for point in closed for value in point]

    def device(self) -> dict[str, Any]:
        provenance = self.report.provenance
        label, version = f"grounded {provenance.preset}".strip(), provenance.version or "unknown"
        name = {"type": "user-friendly-name"}
        notes = [{"text": f"{part}: {digest}"} for part, digest in _weights(provenance)]
        return {
            **self.named("Device", "device"),
            "manufacturer": "Grounded",
            **(
                {"name": [{"value": label, "type": _typed(name)}]}
                if self.version == "R5"
                else {"deviceName": [{"name": label, **name}]}
            ),
            "version": [{"value": version}],
            **({"note": notes} if notes else {}),  # FHIR has no empty lists
        }

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """The kind and id of a resource; the id is the same for the same report."""
        return {"resourceType": kind, "id": self.id(name)}

    def id(self, name: str) -> str:
        made = (self.report.image.sha256, self.context.get("instance", ""), self.report.text)
        return str(uuid5(NAMESPACE_OID, f"{self.version} {made} {name}"))

    def to(self, kind: str, name: str) -> dict[str, str]:
        return {"reference": f"urn:uuid:{self.id(name)}", "type": kind}

    def subject(self) -> dict[str, Any]:
        patient = self.context.get("patient")
        if not patient:
            return {}
        return {"subject": {"type": "Patient", "identifier": {"value": patient}}}

    def study(self) -> dict[str, Any] | None:
        uid = self.context.get("study")
        if not uid:
            return None
        identifier = {"system": _UIDS, "value": f"urn:oid:{uid}"}
        return {"type": "ImagingStudy", "identifier": identifier}

    def seen_in(self, selection: dict[str, Any] | None) -> dict[str, Any]:
        place = _to(selection) if selection else self.study()
        return {"derivedFrom": [place]} if place else {}

    def issued(self) -> dict[str, str]:
        time = self.report.acceptance.time if self.report.acceptance else datetime.now(UTC)
        return {"issued": time.isoformat(timespec="seconds")}

    def person(self) -> list[dict[str, Any]]:
        acceptance = self.report.acceptance
        return [{"type": "Practitioner", "display": acceptance.name}] if acceptance else []

    def site(self, region: str) -> dict[str, Any]:
        """A body site: its code, and the side in words."""
        site = self.report.sites.get(region)
        return _concept(site.code if site else None, region)


def _concept(code: Code | None, text: str) -> dict[str, Any]:
    if code is None:
        return {"text": text}
    system = _SYSTEMS.get(code.scheme, _LOCAL)
    coding = {"system": system, "code": code.value, "display": code.meaning}
    return {"coding": [coding], "text": text}


def _rating(sentence: GroundedSentence) -> dict[str, Any]:
    """The probability that the sentence is right as a component, or why it is not known."""
    what: dict[str, Any] = {"code": _concept(_PROBABILITY, str(ScoreKind.RIGHT))}
    if sentence.right is not None:
        films = [{"text": f"on {sentence.right.population}"}]
        value = {"valueQuantity": _quantity(100 * sentence.right.probability, "%")}
        return {"component": [what | value | {"interpretation": films}]}
    if sentence.unrated:
        absent = {"coding": [_NOT_KNOWN], "text": sentence.unrated}
        return {"component": [what | {"dataAbsentReason": absent}]}
    return {}


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": _SYSTEMS["UCUM"], "code": unit}


def _typed(name: Mapping[str, str]) -> str:
    return name["type"]


def _to(resource: Mapping[str, Any]) -> dict[str, str]:
    return {"reference": f"urn:uuid:{resource['id']}", "type": resource["resourceType"]}


def _weights(provenance: Any) -> Iterator[tuple[str, str]]:
    yield from sorted(provenance.weights_sha256.items())
