"""A PDF document of a report as an Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from grounded.dicom.context import context_of, encoded
from grounded.dicom.identity import NOT_FOR_DIAGNOSIS, Identity
from grounded.report import GroundedReport

_NUMBER = 7


def encapsulated(report: GroundedReport, document: bytes, uids: str) -> bytes:
    """A PDF as an object of the film's study. Raises ReportError as `.sr.dcm`."""
    context = context_of(report.film)
    identity = Identity.of(report, context, "Encapsulated PDF", uids)
    made = SOPClass(
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        study_instance_uid=context.StudyInstanceUID,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        specific_character_set="ISO_IR 192",
        **identity.series(_NUMBER, "Document"),
        **identity.times,
    )
    made.copy_patient_and_study_information(context)
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"  # the patient's name stands in it
    made.DocumentTitle = f"Draft report: {NOT_FOR_DIAGNOSIS}"
    made.ConceptNameCodeSequence = [_radiology_report()]
    made.SourceInstanceSequence = [_source(context)]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    made.EncapsulatedDocumentLength = len(document)
    return encoded(identity.dated(made))


def _radiology_report() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "18748-4", "LN"
    code.CodeMeaning = "Diagnostic imaging report"
    return code


def _source(context: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = context.SOPClassUID
    item.ReferencedSOPInstanceUID = context.SOPInstanceUID
    return item
