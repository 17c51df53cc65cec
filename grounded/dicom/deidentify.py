"""A film's context without the patient: what PS3.15 Annex E removes, replaced by what it allows."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from pydicom.dataset import Dataset

from grounded.dicom.context import STORED, decoded, encoded
from grounded.dicom.read.header import coded
from grounded.errors import InvalidValueError

KEY = "GROUNDED_DEIDENTIFY_KEY"
METHOD = "Identifiers removed; UIDs replaced"
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_FREE_TEXT = ("PixelSpacingCalibrationDescription", "ImageType")
_CODED = ("BodyPartExamined", "ViewPosition")  # left out where they hold words of one's own
_TABLES = ("ModalityLUTSequence", "VOILUTSequence")
_FEWEST = 8  # characters of a key
_PROCESS_KEY = secrets.token_bytes(32)


def anonymous_header(header: bytes) -> tuple[bytes, bool]:
    """A film's context without identifiers, and whether it says that no text is burned in.

    Unique identifiers are replaced by keyed hashes, so that nobody finds the old ones by trying.
    """
    source, kept = decoded(header), Dataset()
    for keyword in (*STORED, "SOPClassUID"):
        if keyword in source and keyword not in _FREE_TEXT:
            kept.add(source[keyword])
    for keyword in _TABLES:
        for item in kept.get(keyword, ()):
            if "LUTExplanation" in item:
                del item.LUTExplanation
    for keyword in _CODED:
        if coded(str(kept.get(keyword, ""))) == coded(""):
            kept.pop(keyword, None)
    for keyword in _UIDS:
        if keyword in source:
            setattr(kept, keyword, other_uid(str(source[keyword].value)))
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate"):
        setattr(kept, keyword, "")
    for keyword in ("StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName"):
        setattr(kept, keyword, "")
    kept.PatientIdentityRemoved = "YES"
    kept.DeidentificationMethod = METHOD
    return encoded(kept), source.get("BurnedInAnnotation") == "NO"


def other_uid(uid: str) -> str:
    """The UID that stands for another, by a key that only this process or its owner has."""
    digest = hmac.new(_key(), uid.encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _key() -> bytes:
    key = os.environ.get(KEY, "")
    if key and len(key) < _FEWEST:
        raise InvalidValueError(f"{KEY} has at least {_FEWEST} characters, got {len(key)}")
    return key.encode() or _PROCESS_KEY
