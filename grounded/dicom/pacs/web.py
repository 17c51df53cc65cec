"""A PACS over DICOMweb: STOW-RS, QIDO-RS and WADO-RS (PS3.18)."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient

from grounded.dicom.context import encoded
from grounded.dicom.pacs.address import (
    AUTHORITY,
    CERTIFICATE,
    KEY,
    PASSWORD,
    TOKEN,
    USER,
    Address,
)
from grounded.dicom.pacs.archive import DUPLICATE, Instance, Sent
from grounded.errors import ArchiveError

_DICOM = (("application/dicom", "*"),)  # in whatever transfer syntax it is stored
_NO_ANSWER = (400, 404, 405, 406, 501)  # no such question is taken, or no such study is there
_TAGS = {
    "study_uid": "0020000D",
    "series_uid": "0020000E",
    "instance_uid": "00080018",
    "modality": "00080060",
}


class WebArchive:
    """A PACS at a URL, below which /studies lies."""

    def __init__(self, address: Address) -> None:
        self._address = address
        session, headers = requests.Session(), {}
        session.verify = os.environ.get(AUTHORITY) or True
        if certificate := os.environ.get(CERTIFICATE):
            session.cert = (certificate, os.environ.get(KEY) or certificate)
        if token := os.environ.get(TOKEN):
            headers = {"Authorization": f"Bearer {token}"}
        elif user := os.environ.get(USER):
            session.auth = (user, os.environ.get(PASSWORD, ""))
        self._client = DICOMwebClient(address.url, session=session, headers=headers)
        self._client.set_http_retry_params(retry=False)  # it would send again without asking

    def send(self, files: Sequence[bytes], *, again: bool = False) -> Sent:
        held = [pydicom.dcmread(io.BytesIO(data)) for data in files]
        there = self._there(held) if again else None
        missing = [item for item in held if item.SOPInstanceUID not in (there or ())]
        if missing:
            with self._asking():
                answer = self._client.store_instances(missing)
            failed = [
                item
                for item in answer.get("FailedSOPSequence") or ()  # it is always there
                if item.get("FailureReason") != DUPLICATE
            ]
            if failed:
                raise ArchiveError(
                    f"{self._address} did not store {len(failed)} of {len(missing)} objects"
                )
        return Sent(len(missing), len(held) - len(missing), there is not None)

    def _there(self, held: Sequence[pydicom.Dataset]) -> set[str] | None:
        """The UIDs of those that the PACS says that it has; None if it takes no questions."""
        found: set[str] = set()
        with self._asking():
            for item in held:
                try:
                    rows = self._client.search_for_instances(
                        item.StudyInstanceUID,
                        item.SeriesInstanceUID,
                        search_filters={"SOPInstanceUID": str(item.SOPInstanceUID)},
                    )
                except requests.HTTPError as error:
                    code = error.response.status_code if error.response is not None else 0
                    if code in _NO_ANSWER:
                        return None
                    raise
                found |= {_first(row, _TAGS["instance_uid"]) for row in rows}
        return found

    def find(self, wanted: Mapping[str, str]) -> list[Instance]:
        with self._asking():
            rows = self._client.search_for_instances(
                search_filters=dict(wanted), fields=["Modality"], get_remaining=True
            )
        return [Instance(**{name: _first(row, tag) for name, tag in _TAGS.items()}) for row in rows]

    def fetch(self, instance: Instance) -> Iterator[bytes]:
        with self._asking():
            yield from map(encoded, self._retrieved(instance))

    def _retrieved(self, instance: Instance) -> list[pydicom.Dataset]:
        study, series, single = instance.study_uid, instance.series_uid, instance.instance_uid
        if single:
            return [self._client.retrieve_instance(study, series, single, media_types=_DICOM)]
        if series:
            return list(self._client.retrieve_series(study, series, media_types=_DICOM))
        return list(self._client.retrieve_study(study, media_types=_DICOM))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except requests.HTTPError as error:
            code = error.response.status_code if error.response is not None else "?"
            hint = f"; set {USER} and {PASSWORD}, or {TOKEN}" if code in (401, 403) else ""
            raise ArchiveError(f"{self._address} answers with status {code}{hint}") from error
        except (requests.RequestException, OSError) as error:
            kind = type(error).__name__
            raise ArchiveError(f"{self._address} cannot be reached ({kind})") from error


def _first(row: Mapping[str, Any], tag: str) -> str:
    values = row.get(tag, {}).get("Value") or [""]
    return str(values[0])
