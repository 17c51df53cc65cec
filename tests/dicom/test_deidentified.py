"""No format of a report of an anonymous film says whose it is."""

import base64
import io
import re
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image as Picture
from typer.testing import CliRunner

from grounded import Image
from grounded.cli.app import app
from grounded.export.exporters import export, formats

SECRETS = (
    "Zwiebelmann", "SECRET77", "ACC4711", "STUDY9", "Referrer", "Hidden", "19600101", "20260102",
    "1960-01-01", "1.3.6.1.4.1.99999.77", "a_name",
)  # fmt: skip


def contents(data: bytes) -> bytes:
    """The file, and what is compressed or encoded in it."""
    found, view = [data], memoryview(data)
    for start in re.finditer(rb"x[\x01\x9c\xda]", data):
        with suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(view[start.start() :]))
    for text in re.findall(rb"[A-Za-z0-9+/]{40,}", data):
        found.append(base64.b64decode(text[: len(text) // 4 * 4]))
    return b"".join(found)


@pytest.mark.parametrize("name", formats())
def test_nothing_of_the_patient_is_left(dx, report_of, tmp_path, name) -> None:
    path = tmp_path / "a_name.dcm"
    dx(PatientName="Zwiebelmann^Zoe").save_as(path, enforce_file_format=True)
    report = report_of(Image.open(path).anonymous())
    critical = {"critical": "Pleural Effusion"} if name == "ko.dcm" else {}
    data = contents(export(report, name, critical))
    assert not [secret for secret in SECRETS if secret.encode() in data]


def test_the_command_leaves_nothing_in_any_file_or_name_and_warns(dx, tmp_path) -> None:
    films = tmp_path / "a_name"
    films.mkdir()
    for number, burned_in in enumerate((None, "NO")):
        film = dx(300, 300 + number, PatientName="Zwiebelmann^Zoe", BurnedInAnnotation=burned_in)
        film.save_as(films / f"{number}.dcm", enforce_file_format=True)
    out = tmp_path / "out"
    command = ["report", str(films), "-o", str(out), "--preset", "baseline", "--deidentify"]
    run = CliRunner().invoke(app, [*command, "--format", ",".join(formats())])
    assert run.exit_code == 0, run.output
    assert "warning: 1 of 2 films: Text that is burned into the pixels" in run.output
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 2 * (len(formats()) - 1)
    for path in files:
        data = contents(path.read_bytes()) + str(path.relative_to(out)).encode()
        assert not [secret for secret in SECRETS if secret.encode() in data], path
    warned = [path for path in out.rglob("report.json") if b"burned into" in path.read_bytes()]
    assert len(warned) == 1


def test_a_patient_that_is_stated_is_left_out_too(tmp_path) -> None:
    (tmp_path / "patient.toml").write_text('id = "SECRET77"\nname = "Zwiebelmann^Zoe"\n')
    film = Path(__file__).parent.parent.parent / "examples" / "normal_pa.jpg"
    command = ["report", "-", "-o", str(tmp_path / "out"), "--preset", "baseline", "--deidentify"]
    wrap = ["--wrap", str(tmp_path / "patient.toml"), "--format", "sr.dcm,json"]
    run = CliRunner().invoke(app, [*command, *wrap], input=film.read_bytes())
    assert run.exit_code == 0, run.output
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert "source.dcm" not in files
    assert not [name for name, data in files.items() if b"SECRET77" in data or b"Zwieb" in data]


def test_without_it_the_objects_do_say_whose_the_film_is(dx, report_of) -> None:
    """The search of the test above finds what is there."""
    data = contents(export(report_of(Image.open(dx())), "sr.dcm"))
    assert b"SECRET77" in data
    assert Picture.open(io.BytesIO(export(report_of(Image.open(dx())), "png"))).size[0] > 0
