"""Objects go to a real PACS and films come from it, over DIMSE and over DICOMweb."""

import io
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pydicom
import pytest
from typer.testing import CliRunner

from grounded.cli.app import app
from grounded.dicom.context import encoded
from grounded.dicom.pacs.address import Address
from grounded.dicom.pacs.archive import Instance, Sent
from grounded.dicom.pacs.reach import archive
from grounded.errors import ArchiveError, ConfigError
from grounded.export.exporters import export

OBJECTS = (
    *("sr.dcm", "narrative.sr.dcm", "seg.dcm", "heat.seg.dcm"),
    *("gsps.dcm", "sc.dcm", "pdf.dcm", "ko.dcm"),
)
STUDY = "1.3.6.1.4.1.99999.77.1"


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_every_object_hangs_under_the_films_study(orthanc, dx, reported, way) -> None:
    pacs = archive(Address.parse(getattr(orthanc, way)))
    files = [encoded(dx()), *objects(reported)]
    pacs.send(files)
    stored = orthanc.stored()
    assert len(stored) == len(files)
    assert {item["StudyInstanceUID"] for item in stored} == {STUDY}
    assert {item["PatientID"] for item in stored} == {"SECRET77"}
    assert len(orthanc.ask("studies")) == 1
    found = pacs.find({"StudyInstanceUID": STUDY})
    assert len(found) == len(files)
    sent = {item.SOPInstanceUID: item for item in map(read, files)}
    for instance in found:
        [back] = map(read, pacs.fetch(instance))
        assert back == sent.pop(instance.instance_uid)
    assert not sent


def objects(report) -> list[bytes]:
    critical = {"critical": "Pleural Effusion"}
    return [export(report, name, critical if name == "ko.dcm" else {}) for name in OBJECTS]


def read(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(data))


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_what_the_pacs_has_of_an_earlier_try_is_not_sent_again(orthanc, dx, reported, way) -> None:
    pacs = archive(Address.parse(getattr(orthanc, way)))
    files = [encoded(dx()), *objects(reported)]
    assert pacs.send(files[:3], again=True) == Sent(3, 0, asked=True)
    assert pacs.send(files, again=True) == Sent(len(files) - 3, 3, asked=True)
    assert len(orthanc.stored()) == len(files)


def test_the_command_line_sends_and_fetches(orthanc, dx, reported, tmp_path) -> None:
    dx().save_as(tmp_path / "film.dcm", enforce_file_format=True)
    reported.save(tmp_path / "film.sr.dcm")
    run = CliRunner().invoke(
        app, ["send", orthanc.dimse, str(tmp_path / "film.dcm"), str(tmp_path / "film.sr.dcm")]
    )
    assert run.exit_code == 0, run.output
    out = tmp_path / "out"
    run = CliRunner().invoke(
        app, ["fetch", orthanc.web, "--patient", "SECRET77", "--modality", "DX", "-o", str(out)]
    )
    assert run.exit_code == 0, run.output
    assert [path.name for path in out.iterdir()] == ["1.3.6.1.4.1.99999.77.3.dcm"]


def test_a_wrong_password_is_named(orthanc, monkeypatch) -> None:
    monkeypatch.setenv("GROUNDED_PACS_PASSWORD", "wrong")
    with pytest.raises(ArchiveError, match="GROUNDED_PACS_USER"):
        archive(Address.parse(orthanc.web)).find({"PatientID": "x"})


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_a_pacs_that_is_down_is_named(orthanc, way) -> None:
    orthanc.stop()
    pacs = archive(Address.parse(getattr(orthanc, way)))
    with pytest.raises(ArchiveError, match="cannot be reached"):
        pacs.find({"PatientID": "x"})
    with pytest.raises(ArchiveError, match="cannot be reached"):
        list(pacs.fetch(Instance("1.2", "1.3", "1.4")))


@pytest.mark.parametrize(
    "text",
    ["", "host:104", "dicom://host:104", "dicom://AE@host", "ftp://x", "https://u:p@host/dicom-web",
     "dicom://ATITLETHATISTOOLONG@host:104"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text) -> None:
    with pytest.raises(ConfigError):
        Address.parse(text)


def test_an_address_is_written_as_it_is_read() -> None:
    for text in ("dicom://PACS@host:104", "dicoms://PACS@host:2762", "https://host/dicom-web"):
        assert str(Address.parse(text)) == text


@pytest.fixture
def certificate(tmp_path):
    """A certificate of 127.0.0.1 and its key, that vouch for themselves."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-out", str(paths[0]), "-keyout", str(paths[1]), "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return paths


def test_objects_go_through_tls_to_whom_is_trusted(certificate, reported, monkeypatch) -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    received = []

    def store(event) -> int:
        received.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    entity = pynetdicom.AE(ae_title="PACS")
    entity.supported_contexts = pynetdicom.StoragePresentationContexts
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.88.34")
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(pynetdicom.evt.EVT_C_STORE, store)],
        ssl_context=context,
    )
    try:
        pacs = archive(Address.parse(f"dicoms://PACS@127.0.0.1:{server.server_address[1]}"))
        monkeypatch.setenv("GROUNDED_PACS_CA", str(certificate[0]))
        pacs.send([export(reported, "sr.dcm")])
        assert len(received) == 1
    finally:
        entity.shutdown()


def test_a_pacs_that_says_that_it_has_an_object_already_is_believed(reported) -> None:
    pynetdicom = pytest.importorskip("pynetdicom")
    entity = pynetdicom.AE(ae_title="PACS")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.88.34")
    handlers = [(pynetdicom.evt.EVT_C_STORE, lambda _: 0x0111)]  # duplicate SOP instance
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        pacs = archive(Address.parse(f"dicom://PACS@127.0.0.1:{server.server_address[1]}"))
        assert pacs.send([export(reported, "sr.dcm")]).stored == 1
    finally:
        entity.shutdown()


class _TakesNoQuestions(BaseHTTPRequestHandler):
    """A DICOMweb server with STOW-RS alone."""

    stored: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        self.send_error(501)

    def do_POST(self) -> None:
        self.stored.append(len(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", "application/dicom+json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def test_a_web_archive_that_takes_no_questions_gets_all_again(reported) -> None:
    pytest.importorskip("dicomweb_client")
    server = HTTPServer(("127.0.0.1", 0), _TakesNoQuestions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        pacs = archive(Address.parse(f"http://127.0.0.1:{server.server_address[1]}"))
        sent = pacs.send([export(reported, "sr.dcm")], again=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert sent == Sent(1, 0, asked=False)
    assert len(_TakesNoQuestions.stored) == 1
