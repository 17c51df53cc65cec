"""The PACS at an address."""

from __future__ import annotations

from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.archive import Archive
from grounded.errors import MissingExtraError


def archive(address: Address) -> Archive:
    """The PACS at an address. Raises MissingExtraError without the extra "pacs"."""
    try:
        if address.url:
            from grounded.dicom.pacs.web import WebArchive

            return WebArchive(address)
        from grounded.dicom.pacs.dimse import DimseArchive

        return DimseArchive(address)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a PACS is spoken to with {error.name}: pip install 'grounded[pacs]'"
        ) from error
