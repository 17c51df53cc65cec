"""The films and reports of the DICOM tests."""

import importlib.util
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from grounded.dicom.context import encoded

_spec = importlib.util.spec_from_file_location(
    "dicom_fixtures", Path(__file__).parent.parent / "dicom" / "conftest.py"
)
_made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_made)
dx, report_of, reported = _made.dx, _made.report_of, _made.reported


@pytest.fixture
def film(dx):
    """film(**attributes): the bytes of a film large enough to be read, a new instance each time."""

    def make(**attributes: object) -> bytes:
        values = {"SOPInstanceUID": str(generate_uid()), "PixelSpacing": None} | attributes
        return encoded(dx(300, 300, **values))

    return make
