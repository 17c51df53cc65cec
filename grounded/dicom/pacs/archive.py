"""What is asked of a PACS, whichever way it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instance:
    """An object in a PACS, by its unique identifiers."""

    study_uid: str
    series_uid: str
    instance_uid: str
    modality: str = ""


class Archive(Protocol):
    """A PACS. Each method raises ArchiveError when it cannot be reached or refuses."""

    def send(self, files: Sequence[bytes]) -> None:
        """Store DICOM files; all of them are there when this returns."""
        ...

    def find(self, wanted: Mapping[str, str]) -> list[Instance]:
        """The instances whose attributes, by keyword, match; wildcards as DICOM has them."""
        ...

    def fetch(self, instance: Instance) -> Iterator[bytes]:
        """The files of an instance, or of a series or study where the others are ""."""
        ...
