"""The films and reports of the DICOM tests."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pydicom.uid import generate_uid

from grounded.dicom.context import encoded


def _of(folder: str) -> ModuleType:
    path = Path(__file__).parent.parent / "dicom" / folder / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"dicom_fixtures_{folder}", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


_films, _pacs = _of(""), _of("pacs")
dx, report_of, reported = _films.dx, _films.report_of, _films.reported
orthanc = _pacs.orthanc


@pytest.fixture
def film(dx):
    """film(**attributes): the bytes of a film large enough to be read, a new instance each time."""

    def make(**attributes: object) -> bytes:
        values = {"SOPInstanceUID": str(generate_uid()), "PixelSpacing": None} | attributes
        return encoded(dx(300, 300, **values))

    return make
