"""What is asked of a PACS, whichever way it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

DUPLICATE = 0x0111  # PS3.7 C.5.6: the PACS has an instance of this UID


@dataclass(frozen=True, slots=True)
class Instance:
    """An object in a PACS, by its unique identifiers."""

    study_uid: str
    series_uid: str
    instance_uid: str
    modality: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of objects that were sent.

    stored: those that went out now. there: those that the PACS had from an earlier try. asked:
    whether it could be asked.
    """

    stored: int
    there: int = 0
    asked: bool = False


class Archive(Protocol):
    """A PACS. Each method raises ArchiveError when it cannot be reached or refuses."""

    def send(self, files: Sequence[bytes], *, again: bool = False) -> Sent:
        """Store DICOM files; all of them are there when this returns.

        again: an earlier try may have stored some of them, so the PACS is asked first, and what it
        has is not sent. A PACS that takes no questions gets all of them, under the same UIDs.
        """
        ...

    def find(self, wanted: Mapping[str, str]) -> list[Instance]:
        """The instances whose attributes, by keyword, match; wildcards as DICOM has them."""
        ...

    def fetch(self, instance: Instance) -> Iterator[bytes]:
        """The files of an instance, or of a series or study where the others are ""."""
        ...
