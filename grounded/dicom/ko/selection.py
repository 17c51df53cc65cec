"""A film with a critical finding as a Key Object Selection document (`.ko.dcm`)."""

from __future__ import annotations

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
from pydicom.sr.codedict import codes

from grounded.dicom.context import context_of, encoded
from grounded.dicom.identity import MANUFACTURER, NOT_FOR_DIAGNOSIS, Identity
from grounded.errors import NothingToExportError
from grounded.findings import Presence
from grounded.report import GroundedReport

CRITICAL = "Pneumothorax,Mediastinal Shift"
_NUMBER = 6


def encode(report: GroundedReport, *, uids: str = "new", critical: str = CRITICAL) -> bytes:
    """A selection of the film if it has a critical finding, present or suspected.

    critical: labels of findings, with commas between them. uids: as for `.sr.dcm`. Raises
    NothingToExportError for a film without any, ReportError for one that did not come from DICOM.
    """
    labels = {label.strip() for label in critical.split(",")}
    found = dict.fromkeys(
        f"{finding.label} ({finding.presence})"
        for sentence in report.sentences
        for finding in sentence.findings
        if finding.label in labels and finding.presence != Presence.ABSENT
    )
    if not found:
        raise NothingToExportError(f"this report has none of the critical findings: {critical}")
    context = context_of(report.film)
    identity = Identity.of(report, context, "Key Object Selection", uids)
    device = DeviceObserverIdentifyingAttributes(
        uid=identity.device_uid, name="grounded", manufacturer_name=MANUFACTURER
    )
    content = KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=[context],
        observer_device_context=ObserverContext(codes.DCM.Device, device),
        description=f"{', '.join(found)}. {NOT_FOR_DIAGNOSIS}.",
    )
    made = KeyObjectSelectionDocument(
        evidence=[context],
        content=content,
        **identity.series(_NUMBER, "Critical"),
        **identity.times,
    )
    return encoded(identity.dated(made))
