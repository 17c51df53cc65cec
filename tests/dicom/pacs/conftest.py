"""A real Orthanc on loopback, as Debian ships it."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = "/usr/share/orthanc/plugins"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Orthanc:
    """A process that can be stopped and started again, with what it had stored."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("Orthanc") or ""
        self.folder, self.http, self.dicom = folder, free_port(), free_port()
        settings = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {"user": "secret"},
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomCheckCalledAet": False,
            "Plugins": [f"{PLUGINS}/libOrthancDicomWeb.so"],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        self.settings = folder / "orthanc.json"
        self.settings.write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def dimse(self) -> str:
        return f"dicom://ORTHANC@127.0.0.1:{self.dicom}"

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, self.settings], stdout=log, stderr=log, env={**os.environ}
            )
        for _ in range(300):
            try:
                self.ask("system")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def ask(self, path: str) -> object:
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        root = f"http://127.0.0.1:{self.http}/"
        manager.add_password(None, root, "user", "secret")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        with opener.open(root + path, timeout=5) as answer:
            return json.load(answer)

    def stored(self) -> list[dict]:
        """What is stored, by its attributes."""
        return [self.ask(f"instances/{name}/simplified-tags") for name in self.ask("instances")]


@pytest.fixture
def orthanc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    if not (shutil.which("Orthanc") and Path(f"{PLUGINS}/libOrthancDicomWeb.so").exists()):
        pytest.skip("Orthanc is not installed (Debian: orthanc orthanc-dicomweb)")
    pytest.importorskip("pynetdicom")
    pytest.importorskip("dicomweb_client")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    monkeypatch.setenv("GROUNDED_PACS_USER", "user")
    monkeypatch.setenv("GROUNDED_PACS_PASSWORD", "secret")
    server = Orthanc(folder)
    server.start()
    yield server
    server.stop()
