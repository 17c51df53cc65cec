"""The report as a Comprehensive 3D SR document (`.sr.dcm`)."""

from __future__ import annotations

import json
import zlib
from typing import Any

from highdicom import ContributingEquipment
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept, Comprehensive3DSR
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from grounded.dicom import concepts as say
from grounded.dicom.context import context_of, encoded
from grounded.dicom.frame import StoredFrame
from grounded.dicom.identity import MANUFACTURER, Identity, weights_digest
from grounded.dicom.sr.content import Writer, person_name
from grounded.errors import ReportError
from grounded.evidence import Evidence, Heatmap, Mask, evidence_to_dict
from grounded.report import GroundedReport

PRIVATE_GROUP, PRIVATE_CREATOR, GRIDS = 0x7777, "GROUNDED 1", 0x01
_NUMBER = 1
_SYSTEM = "AI result"
DOCUMENT = "Comprehensive3DSR"


def encode(report: GroundedReport, *, uids: str = "new") -> bytes:
    """The report as one SR document that refers to the film.

    uids: "new", or "hash" for the same UIDs for identical input. Raises ReportError for a report
    whose film did not come from DICOM.
    """
    return encoded(document(report, uids))


def document(report: GroundedReport, uids: str) -> Dataset:
    context = context_of(report.film)
    identity = Identity.of(report, context, DOCUMENT, uids)
    writer = Writer(report, context, identity, StoredFrame.of(report.image))
    root = writer.content()[0]
    tree = root.ContentSequence
    root.ContentSequence = tree[:1]  # highdicom would copy and search it all, for twice the time
    made = Comprehensive3DSR(
        evidence=[context],
        content=root,
        is_complete=True,
        **states(report),
        **identity.series(_NUMBER, "Report"),
        **identity.times,
        coding_schemes=[local_scheme()],
        contributing_equipment=equipment(report, identity),
        specific_character_set="ISO_IR 192",
    )
    made.ContentSequence = tree
    _keep_grids(made, report)
    verify(made, report)
    return identity.dated(made)


def states(report: GroundedReport) -> dict[str, Any]:
    """Unverified and preliminary until a person has accepted the report."""
    acceptance = report.acceptance
    if acceptance is None:
        return {"is_verified": False, "is_final": False}
    return {
        "is_verified": True,
        "is_final": True,
        "verifying_observer_name": person_name(acceptance.name),
        "verifying_organization": acceptance.institution,
    }


def local_scheme() -> CodingSchemeIdentificationItem:
    return CodingSchemeIdentificationItem(
        designator=say.LOCAL, name=say.LOCAL_NAME, responsible_organization=MANUFACTURER
    )


def equipment(report: GroundedReport, identity: Identity) -> list[ContributingEquipment]:
    """The algorithm as equipment that contributed, with the hash of its weights."""
    digest = weights_digest(report.provenance)
    return [
        ContributingEquipment(
            manufacturer=MANUFACTURER,
            purpose_of_reference=CodedConcept.from_code(codes.DCM.ProcessingEquipment),
            manufacturer_model_name=identity.equipment["manufacturer_model_name"],
            software_versions=identity.equipment["software_versions"],
            device_serial_number=identity.equipment["device_serial_number"],
            contribution_description=f"{_SYSTEM}; weights SHA-256 {digest}" if digest else _SYSTEM,
        )
    ]


def verify(document: Dataset, report: GroundedReport) -> None:
    """The time of the acceptance, where there is one."""
    if report.acceptance is not None:
        time = f"{report.acceptance.time:%Y%m%d%H%M%S%z}"
        document.VerifyingObserverSequence[0].VerificationDateTime = time


def _keep_grids(document: Dataset, report: GroundedReport) -> None:
    """What no content item can hold, in a private attribute: the values of masks and heatmaps."""
    kept: dict[str, Any] = {
        "regions": {r.name: evidence_to_dict(r.mask) for r in report.regions if r.mask},
        "sentences": [_grids(sentence.evidence, report) for sentence in report.sentences],
    }
    data = zlib.compress(json.dumps(kept, sort_keys=True).encode(), 9)
    block = document.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(GRIDS, "OB", data + b"\0" * (len(data) % 2))


def _grids(evidence: tuple[Evidence, ...], report: GroundedReport) -> list[Any]:
    """A word or a grid for each piece of evidence, in order."""
    outlines = {id(region.mask): region.name for region in report.regions if region.mask}
    kept: list[Any] = []
    for item in evidence:
        if id(item) in outlines:
            kept.append({"kind": "outline", "region": outlines[id(item)]})
        elif isinstance(item, Mask | Heatmap):
            kept.append(evidence_to_dict(item))
        else:
            kept.append({"kind": type(item).__name__.lower()})
    return kept


def kept_grids(document: Dataset) -> dict[str, Any]:
    """What `_keep_grids` wrote; nothing where an archive took private attributes out.

    Raises ReportError for what cannot be read.
    """
    try:
        block = document.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)
        data = block[GRIDS].value
    except KeyError:
        return {}
    try:
        held = zlib.decompressobj()
        kept: dict[str, Any] = json.loads(held.decompress(data, 1 << 28))
    except (zlib.error, ValueError) as error:
        raise ReportError(f"the grids in this document are damaged: {error}") from error
    return kept
