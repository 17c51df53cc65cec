"""A PACS over DIMSE: C-STORE, C-FIND and C-GET, with TLS where the address asks for it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context, build_role

from grounded.dicom.context import encoded
from grounded.dicom.pacs.address import Address, calling_title, tls_context
from grounded.dicom.pacs.archive import DUPLICATE, Instance, Sent
from grounded.errors import ArchiveError

_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")  # Study Root Query/Retrieve, PS3.4 annex C
_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
_SECONDS = 30
_PENDING = (0xFF00, 0xFF01)
_WARNINGS = (0xB000, 0xB006, 0xB007)  # of C-STORE: stored, with a remark
_FETCHED = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
    ComprehensiveSRStorage,
    Comprehensive3DSRStorage,
    SegmentationStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    EncapsulatedPDFStorage,
    KeyObjectSelectionDocumentStorage,
)
_COMPRESSED = (
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
)  # fmt: skip
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, *_COMPRESSED)


class _RefusedError(ArchiveError):
    """A question that a PACS does not answer on principle, so that asking again is no use."""


class DimseArchive:
    """A PACS at a host and port."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def send(self, files: Sequence[bytes], *, again: bool = False) -> Sent:
        held = [pydicom.dcmread(io.BytesIO(data)) for data in files]
        kinds = {(item.SOPClassUID, item.file_meta.TransferSyntaxUID) for item in held}
        contexts = [build_context(sop_class, syntax) for sop_class, syntax in sorted(kinds)]
        if again:
            contexts.append(build_context(_FIND))
        with self._associated(contexts) as association:
            there = self._there(association, held) if again else None
            missing = [item for item in held if item.SOPInstanceUID not in (there or ())]
            for dataset in missing:
                self._store(association, dataset)
        return Sent(len(missing), len(held) - len(missing), there is not None)

    def _there(self, association: Association, held: Sequence[Dataset]) -> set[str] | None:
        """The UIDs of those that the PACS says that it has; None if it takes no questions."""
        if all(context.abstract_syntax != _FIND for context in association.accepted_contexts):
            return None
        try:
            return {str(item.SOPInstanceUID) for item in held if self._has(association, item)}
        except _RefusedError:
            return None

    def _has(self, association: Association, dataset: Dataset) -> bool:
        """Whether the PACS says that it has this very instance."""
        query = Dataset()
        query.QueryRetrieveLevel = "IMAGE"
        query.StudyInstanceUID = dataset.StudyInstanceUID
        query.SeriesInstanceUID = dataset.SeriesInstanceUID
        query.SOPInstanceUID = dataset.SOPInstanceUID
        answers = self._answers(association, query)
        return any(answer.get("SOPInstanceUID") == dataset.SOPInstanceUID for answer in answers)

    def _store(self, association: Association, dataset: Dataset) -> None:
        try:
            status = association.send_c_store(dataset)
        except (RuntimeError, ValueError) as error:  # a context that was refused
            raise ArchiveError(f"{self._address} takes no {dataset.SOPClassUID.name}") from error
        code = status.get("Status") if status else None
        if code not in (0x0000, DUPLICATE, *_WARNINGS):
            said = "no answer" if code is None else f"status {code:04X}"
            raise ArchiveError(f"{self._address} did not store an object: {said}")

    def find(self, wanted: Mapping[str, str]) -> list[Instance]:
        query = _query("IMAGE", wanted)
        context = [build_context(_FIND)]
        found: list[Instance] = []
        with self._associated(context) as association:
            for study in self._answers(association, _query("STUDY", wanted)):
                query.StudyInstanceUID = study.StudyInstanceUID
                series_query = _query("SERIES", wanted)
                series_query.StudyInstanceUID = study.StudyInstanceUID
                for series in self._answers(association, series_query):
                    query.SeriesInstanceUID = series.SeriesInstanceUID
                    found += [
                        Instance(
                            str(study.StudyInstanceUID),
                            str(series.SeriesInstanceUID),
                            str(image.SOPInstanceUID),
                            str(series.get("Modality", "")),
                        )
                        for image in self._answers(association, query)
                    ]
        return found

    def _answers(self, association: Association, query: Dataset) -> list[Dataset]:
        model = _FIND
        found = []
        for status, identifier in association.send_c_find(query, model):
            code = status.get("Status") if status else None
            if code in _PENDING and identifier is not None:
                found.append(identifier)
            elif code is None:
                raise ArchiveError(f"{self._address} does not answer a question")
            elif code != 0x0000:
                raise _RefusedError(f"{self._address} refuses the question: status {code:04X}")
        return found

    def fetch(self, instance: Instance) -> Iterator[bytes]:
        query, level = Dataset(), "STUDY"
        query.StudyInstanceUID = instance.study_uid
        if instance.series_uid:
            query.SeriesInstanceUID, level = instance.series_uid, "SERIES"
        if instance.instance_uid:
            query.SOPInstanceUID, level = instance.instance_uid, "IMAGE"
        query.QueryRetrieveLevel = level
        held: list[bytes] = []

        def keep(event: evt.Event) -> int:
            held.append(file_of_event(event))
            return 0x0000

        contexts = [build_context(_GET)]
        contexts += [build_context(sop_class, list(SYNTAXES)) for sop_class in _FETCHED]
        roles = [build_role(sop_class, scp_role=True) for sop_class in _FETCHED]
        with self._associated(contexts, [(evt.EVT_C_STORE, keep)], roles) as association:
            model = _GET
            for status, _ in association.send_c_get(query, model):
                code = status.get("Status") if status else None
                if code not in (*_PENDING, 0x0000, 0xB000):
                    raise ArchiveError(f"{self._address} gives nothing: status {code}")
        yield from held

    @contextmanager
    def _associated(
        self,
        contexts: list[PresentationContext],
        handlers: list[Any] | None = None,
        roles: list[SCP_SCU_RoleSelectionNegotiation] | None = None,
    ) -> Iterator[Association]:
        entity = AE(ae_title=calling_title())
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _SECONDS
        entity.connection_timeout = _SECONDS
        tls = (tls_context(), self._address.host) if self._address.secure else None
        association = entity.associate(
            self._address.host,
            self._address.port,
            contexts=contexts,
            ae_title=self._address.title,
            evt_handlers=handlers or [],
            ext_neg=list(roles or []),
            tls_args=tls,
        )
        if not association.is_established:
            why = "refuses us" if association.is_rejected else "cannot be reached"
            raise ArchiveError(f"{self._address} {why}")
        try:
            yield association
        finally:
            association.release()


def _query(level: str, wanted: Mapping[str, str]) -> Dataset:
    """The question at one level, with the attributes that belong there."""
    asked = {
        "STUDY": ("PatientID", "PatientName", "AccessionNumber", "StudyDate", "StudyInstanceUID"),
        "SERIES": ("Modality", "BodyPartExamined", "SeriesInstanceUID"),
        "IMAGE": ("SOPInstanceUID",),
    }[level]
    query = Dataset()
    query.QueryRetrieveLevel = level
    for keyword in asked:
        setattr(query, keyword, wanted.get(keyword, ""))
    return query


def file_of_event(event: evt.Event) -> bytes:
    """What was received, as a file."""
    dataset = event.dataset
    dataset.file_meta = event.file_meta
    return encoded(dataset)
