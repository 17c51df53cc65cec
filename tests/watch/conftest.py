"""The films and reports of the DICOM tests."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "dicom_fixtures", Path(__file__).parent.parent / "dicom" / "conftest.py"
)
_made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_made)
dx, report_of, reported = _made.dx, _made.report_of, _made.reported
