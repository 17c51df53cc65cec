"""What every object that we make says of itself: its UIDs, its maker, its place in the study."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from grounded.errors import InvalidValueError
from grounded.provenance import Provenance
from grounded.report import GroundedReport

Uids = Literal["new", "hash"]
MANUFACTURER = "Grounded"
NOT_FOR_DIAGNOSIS = "AI-generated draft, not for diagnosis"
_FIRST_SERIES = 9100  # far above those of devices
_LONGEST = 64  # characters of LO
_DEVICE = "device of "
_ACQUISITION = "109101"  # DCM: equipment that took the film, at its own time


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of one object made from a report and its film's context.

    what: the kind of object. digest: of all that the object follows from, when its UIDs are to be
    the same for identical input; "" for UIDs that are new.
    """

    what: str
    provenance: Provenance
    digest: str
    made: datetime

    @classmethod
    def of(cls, report: GroundedReport, context: Dataset, what: str, uids: str) -> Identity:
        """uids: "new", or "hash" for the same UIDs (and the film's own date) for the same input.

        Raises InvalidValueError for another word.
        """
        if uids not in get_args(Uids):
            raise InvalidValueError(f"uids is one of {', '.join(get_args(Uids))}, got {uids!r}")
        provenance = report.provenance
        if uids == "new":
            return cls(what, provenance, "", datetime.now())
        follows = [report.to_dict(), str(context.SOPInstanceUID), provenance.version, what]
        digest = hashlib.sha256(json.dumps(follows, sort_keys=True).encode()).hexdigest()
        return cls(what, provenance, digest, _date_of(context))

    def uid(self, name: str) -> str:
        """A UID of the object's own: "series", "instance", or of a part of it by name."""
        if not self.digest:
            return str(generate_uid(prefix=None))
        return hashed_uid(f"{self.digest} {name}")

    @property
    def device_uid(self) -> str:
        """The UID of the software with its weights, equal for all objects that they make."""
        return hashed_uid(_DEVICE + json.dumps(self.provenance.to_dict(), sort_keys=True))

    def series(self, number: int, description: str) -> dict[str, Any]:
        """What highdicom's objects take: series, instance, equipment."""
        return {
            "series_instance_uid": self.uid("series"),
            "series_number": _FIRST_SERIES + number,
            "sop_instance_uid": self.uid("instance"),
            "instance_number": 1,
            "series_description": f"{description}: {NOT_FOR_DIAGNOSIS}"[:_LONGEST],
            **self.equipment,
        }

    @property
    def equipment(self) -> dict[str, Any]:
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": f"grounded {self.provenance.preset}".strip()[:_LONGEST],
            "software_versions": self.provenance.version[:_LONGEST] or "unknown",
            "device_serial_number": weights_digest(self.provenance)[:16] or "no weights",
        }

    @property
    def times(self) -> dict[str, Any]:
        return {"content_date": self.made.date(), "content_time": self.made.time()}

    def dated(self, dataset: Dataset) -> Dataset:
        """The object with the time of its making, so that identical input gives identical files."""
        dataset.InstanceCreationDate = f"{self.made:%Y%m%d}"
        dataset.InstanceCreationTime = f"{self.made:%H%M%S}"
        for item in dataset.get("ContributingEquipmentSequence", ()):
            if item.PurposeOfReferenceCodeSequence[0].CodeValue != _ACQUISITION:
                item.ContributionDateTime = f"{self.made:%Y%m%d%H%M%S}"
        return dataset


def hashed_uid(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def weights_digest(provenance: Provenance) -> str:
    """One SHA-256 for all weights; "" without any."""
    if not provenance.weights_sha256:
        return ""
    parts = json.dumps(dict(provenance.weights_sha256), sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def _date_of(context: Dataset) -> datetime:
    """When the film was made, as far as its header says."""
    for date, time in (("ContentDate", "ContentTime"), ("StudyDate", "StudyTime")):
        digits = f"{context.get(date) or ''}{str(context.get(time) or '')[:6].ljust(6, '0')}"
        try:
            return datetime.strptime(digits, "%Y%m%d%H%M%S")
        except ValueError:
            continue
    return datetime(1970, 1, 1)
