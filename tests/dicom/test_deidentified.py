"""No format of a report of an anonymous film says whose it is."""

import io
import zlib

import pytest
from PIL import Image as Picture

from grounded import Image
from grounded.errors import NothingToExportError
from grounded.export.exporters import export, formats

SECRETS = (
    "Zwiebelmann", "SECRET77", "ACC4711", "STUDY9", "Referrer", "Hidden", "19600101", "20260102",
    "1960-01-01", "1.3.6.1.4.1.99999.77", "a_name",
)  # fmt: skip


def contents(data: bytes) -> bytes:
    """The file, and what is compressed in it."""
    packed = b""
    for start in range(len(data)):
        if data[start : start + 2] in (b"x\x9c", b"x\xda", b"\x78\x01"):
            try:
                packed += zlib.decompressobj().decompress(data[start:])
            except zlib.error:
                continue
    return data + packed


@pytest.mark.parametrize("name", formats())
def test_nothing_of_the_patient_is_left(dx, report_of, tmp_path, name) -> None:
    path = tmp_path / "a_name.dcm"
    dx(PatientName="Zwiebelmann^Zoe").save_as(path, enforce_file_format=True)
    report = report_of(Image.open(path).anonymous())
    try:
        data = contents(export(report, name))
    except NothingToExportError:
        pytest.skip("there is nothing in this report for this format")
    found = [secret for secret in SECRETS if secret.encode() in data]
    assert not found


def test_without_it_the_objects_do_say_whose_the_film_is(dx, report_of) -> None:
    """The search of the test above finds what is there."""
    data = contents(export(report_of(Image.open(dx())), "sr.dcm"))
    assert b"SECRET77" in data
    assert Picture.open(io.BytesIO(export(report_of(Image.open(dx())), "png"))).size[0] > 0
