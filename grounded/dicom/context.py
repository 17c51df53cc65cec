"""The composite context of a film: whose it is, of which study, and how its pixels are stored.

It is what objects made from the film take over (patient, study, spacing, orientation), kept with
the film as a small DICOM file without pixels. It holds identifiers, so no report contains it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.config import RAISE
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import validate_value

from grounded.dicom.read.header import Header
from grounded.errors import ReportError
from grounded.films.quiet import silenced
from grounded.image import Image

PATIENT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientIdentityRemoved", "DeidentificationMethod", "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID",
    "ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID",
)  # fmt: skip
STUDY = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
    "ReferringPhysicianName", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
SERIES = (
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "InstitutionName", "StationName",
    "Manufacturer", "ManufacturerModelName",
)  # fmt: skip
INSTANCE = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "FrameOfReferenceUID")
TIMES = ("ContentDate", "ContentTime", "AcquisitionDate", "AcquisitionTime")
STORED = (
    "SpecificCharacterSet", "Modality", "BodyPartExamined", "Laterality", "ImageLaterality",
    "ViewPosition", "PatientOrientation", "ImageType", "Rows", "Columns", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "NumberOfFrames", "PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription", "NominalScannedPixelSpacing", "PixelAspectRatio",
    "EstimatedRadiographicMagnificationFactor", "RescaleIntercept", "RescaleSlope", "RescaleType",
    "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "PresentationLUTShape", "PresentationIntentType", "BurnedInAnnotation",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
_KEPT = (*PATIENT, *STUDY, *SERIES, *INSTANCE, *TIMES, *STORED)
_EMPTY = (  # type 2: it is there, if only empty
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID", "ReferringPhysicianName",
)  # fmt: skip
_STRICT = ("AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI")  # a value against its rules is left out
_TWO = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")


def kept_context(header: Header, stored: NDArray[Any], pixels: NDArray[np.float32]) -> bytes:
    """The context of a film with these `stored` values, read as `pixels` (H, W), from its header.

    A film without a window keeps the one that it was read with. Values that break the rules of
    their kind are left out, since no object may repeat them. b"" for a header that does not
    identify its instance.
    """
    kept = Dataset()
    for keyword in _KEPT:
        element = _sound(header.dataset, keyword)
        if element is not None:
            kept.add(element)
    if kept.get("PatientSex") not in ("M", "F", "O"):
        kept.PatientSex = ""
    kept.Rows, kept.Columns = pixels.shape
    if "WindowCenter" not in kept and "VOILUTSequence" not in kept and stored.ndim == 2:
        slope, intercept = (header.number(name) for name in ("RescaleSlope", "RescaleIntercept"))
        for center, width in _window(stored * (slope or 1.0) + (intercept or 0.0), pixels):
            kept.WindowCenter, kept.WindowWidth = center, width
    for keyword in _EMPTY:
        kept.setdefault(keyword, None)
    identified = all(kept.get(keyword) for keyword in (*INSTANCE[:2], STUDY[0], SERIES[0]))
    return encoded(kept) if identified else b""


def context_of(image: Image | None) -> Dataset:
    """The context of the film that a report was made from, as a data set.

    Raises ReportError for a film that is missing or did not come from DICOM.
    """
    if image is None:
        raise ReportError(
            "a DICOM object refers to the film, and this report was read without it; open it with "
            "film=Image.open(...)"
        )
    if not image.header:
        raise ReportError(
            "a DICOM object refers to a DICOM film with a study and an instance UID, and this film "
            "came from another file; make one of it first: grounded report --wrap"
        )
    return decoded(image.header)


def decoded(header: bytes) -> Dataset:
    with silenced():
        return pydicom.dcmread(io.BytesIO(header))


def encoded(dataset: Dataset) -> bytes:
    """A data set as a file, explicit little endian unless its meta information says another."""
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    buffer = io.BytesIO()
    with silenced():
        dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _window(
    values: NDArray[np.float64], pixels: NDArray[np.float32]
) -> Iterator[tuple[float, float]]:
    """Center and width (PS3.3 C.11.2.1.2) that make pixels of modality values; none if unclear."""
    step = max(1, min(pixels.shape) // 256)
    grey, value = pixels[::step, ::step].ravel(), values[::step, ::step].ravel()
    between = (grey > 0) & (grey < 1)
    if not between.any():
        return
    grey, value = grey[between].astype(np.float64), value[between]
    low, high = int(grey.argmin()), int(grey.argmax())
    if value[low] == value[high]:
        return
    per_value = (grey[high] - grey[low]) / abs(value[high] - value[low])
    inverse = value[high] < value[low]
    shown = 1 - grey[low] if inverse else grey[low]
    black = value[low] - shown / per_value  # the value that is shown as 0
    width = 1 / per_value + 1
    yield round(black + (width - 1) / 2 + 0.5, 3), round(width, 3)


def _sound(dataset: Dataset, keyword: str) -> Any:
    """The element of a header if it can be read and written again, else None."""
    try:
        element = dataset[keyword]
        if element.value in (None, "", b"") or (keyword in _TWO and len(element.value) != 2):
            return None
        if element.VR in _STRICT:
            values = element.value if element.VM > 1 else [element.value]
            for value in values:
                validate_value(element.VR, str(value), RAISE)
        alone = Dataset()
        alone.add(element)
        dcmwrite(io.BytesIO(), alone, implicit_vr=False, little_endian=True)
    except Exception:  # pydicom converts on access, and a broken value fails in any way
        return None
    return element
