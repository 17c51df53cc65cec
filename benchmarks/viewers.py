"""Looks at each of our objects in two viewers, and keeps a picture of each.

    npm pack @ohif/app && tar xzf ohif-app-*.tgz
    python benchmarks/viewers.py film.dcm --ohif package/dist --out shots

Starts a real Orthanc on loopback with its web viewer (Debian: orthanc orthanc-dicomweb
orthanc-webviewer) and serves OHIF beside its DICOMweb. For each object the PACS holds the film and
that object alone. What a viewer says in words is printed; the pictures are for people.
"""

from __future__ import annotations

import argparse
import http.server
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from own.pages import chromium
from PIL import Image as Picture
from playwright.sync_api import Browser, Error, Page, sync_playwright

import grounded
from grounded.config import load
from grounded.dicom.wrap.film import Patient, wrapped
from grounded.export.exporters import export
from grounded.findings import Presence

PLUGINS = "/usr/share/orthanc/plugins"
OBJECTS = {
    "sr.dcm": "SR", "narrative.sr.dcm": "SR", "seg.dcm": "SEG", "heat.seg.dcm": "SEG",
    "gsps.dcm": "PR", "sc.dcm": "OT", "pdf.dcm": "DOC", "ko.dcm": "KO",
}  # fmt: skip
CRITICAL = {"right lung": {"Pneumothorax": Presence.PRESENT}}  # set by hand, so that there is a KO
CONFIG = """window.config = {
  routerBasename: '/', extensions: [], modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 1, investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'dicomweb',
  dataSources: [{ namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'dicomweb', configuration: { friendlyName: 'Orthanc', name: 'orthanc',
      wadoUriRoot: '/wado', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      staticWado: false, singlepart: 'bulkdata,video', omitQuotationForMultipartRequest: true,
      bulkDataURI: { enabled: true, relativeResolution: 'studies' } } }] };
"""
WAIT_MS = 90_000
WIDTH, HEIGHT = 1280, 800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("--ohif", type=Path, help="the folder dist of the package @ohif/app")
    parser.add_argument("--out", type=Path, default=Path("shots"))
    parser.add_argument("--only", nargs="*", default=list(OBJECTS))
    parser.add_argument("--preset", default="neural")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    film, files = objects_of(asked.film, asked.preset, asked.only)
    with orthanc() as root, sync_playwright() as tools:
        browser = chromium(tools)
        for name, data in files.items():
            empty(root)
            post(root, film)
            stored = post(root, data)
            look_in_orthanc(browser, root, stored, asked.out / f"orthanc.{name}.png")
            if asked.ohif:
                with ohif(asked.ohif, root) as page_root:
                    study = ask(root, f"instances/{stored['ID']}/simplified-tags")
                    look_in_ohif(browser, page_root, study, asked.out / f"ohif.{name}.png")
        browser.close()


def objects_of(path: Path, preset: str, names: list[str]) -> tuple[bytes, dict[str, bytes]]:
    """The film as DICOM, and the objects of its report."""
    reporter = load(preset)
    image, made = wrapped(grounded.Image.open(path), Patient("VIEWER", name="Viewer^Test"))
    reading = reporter.read(image)
    report, critical = reading.report(), reading.report(CRITICAL)
    files = {name: export(critical if name == "ko.dcm" else report, name) for name in names}
    return made or path.read_bytes(), files


def look_in_orthanc(browser: Browser, root: str, stored: dict[str, Any], shot: Path) -> None:
    """The web viewer of Orthanc's own explorer shows the series of the object."""
    series = ask(root, f"instances/{stored['ID']}")["ParentSeries"]
    with looked(browser, shot) as page:
        page.goto(f"{root}/web-viewer/app/viewer.html?series={series}", timeout=WAIT_MS)
        page.wait_for_timeout(4000)
        words = " ".join(page.inner_text("body").split())
        print(f"Orthanc {shot.stem}: {words[:200]}")


def look_in_ohif(browser: Browser, root: str, tags: dict[str, Any], shot: Path) -> None:
    """The study in OHIF, with the object's thumbnail opened by a double click."""
    study, modality = tags["StudyInstanceUID"], tags["Modality"]
    with looked(browser, shot) as page:
        page.goto(f"{root}/viewer?StudyInstanceUIDs={study}", timeout=WAIT_MS)
        page.wait_for_selector("canvas.cornerstone-canvas", timeout=WAIT_MS)
        page.wait_for_timeout(3000)
        for label in ("Skip all", "Confirm and hide"):  # what it shows to newcomers
            if (button := page.get_by_text(label, exact=True)).count():
                button.first.click()
        begin = tags["SeriesDescription"][:12]
        thumbnails = page.locator(f'[data-cy^="study-browser-thumbnail"]:has-text("{begin}")')
        if thumbnails.count():
            thumbnails.first.dblclick(timeout=10_000)
        else:
            print(f"OHIF {shot.stem}: no thumbnail of {modality}")
        page.wait_for_timeout(3000)
        for label in ("Confirm", "Yes", "OK", "Load"):
            button = page.get_by_role("button", name=label, exact=True)
            if button.count():
                button.first.click()
        page.wait_for_timeout(8000)
        print(f"OHIF {shot.stem}: {' '.join(page.inner_text('body').split())[:600]}")


@contextmanager
def looked(browser: Browser, shot: Path) -> Iterator[Page]:
    """A page whose picture is kept, whatever happened."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(WAIT_MS)
    page.on("console", lambda said: said.type == "error" and print("  console:", said.text[:160]))
    try:
        yield page
    except Error as error:
        print(f"{shot.stem}: {str(error).splitlines()[0]}")
    page.screenshot(path=shot)
    page.close()
    picture = Picture.open(shot).convert("RGB")
    picture.thumbnail((800, 800))
    picture.quantize(48).save(shot, optimize=True)


@contextmanager
def orthanc() -> Iterator[str]:
    """A PACS with a web viewer; its address."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        settings = {
            "StorageDirectory": f"{folder}/storage",
            "IndexDirectory": f"{folder}/storage",
            "HttpPort": port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [f"{PLUGINS}/libOrthancDicomWeb.so", f"{PLUGINS}/libOrthancWebViewer.so"],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        path = Path(folder) / "orthanc.json"
        path.write_text(json.dumps(settings))
        program = shutil.which("Orthanc") or "Orthanc"
        process = subprocess.Popen(
            [program, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        root = f"http://127.0.0.1:{port}"
        while True:
            try:
                ask(root, "system")
                break
            except OSError:
                time.sleep(0.2)
        try:
            yield root
        finally:
            process.terminate()
            process.wait()


@contextmanager
def ohif(folder: Path, root: str) -> Iterator[str]:
    """OHIF's page, and the PACS behind the same address; the address."""

    class Both(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith(("/dicom-web", "/wado")):
                self._answer(*fetched(root + self.path, dict(self.headers)))
            elif path == "/app-config.js":
                self._answer(200, "text/javascript", CONFIG.encode())
            else:
                file = folder / path.lstrip("/")
                file = file if file.is_file() else folder / "index.html"
                self._answer(200, kind_of(file), file.read_bytes())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.send_header("cross-origin-opener-policy", "same-origin")
            self.send_header("cross-origin-embedder-policy", "require-corp")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Both)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def fetched(url: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """What the PACS answers to the page."""
    kept = {key: value for key, value in headers.items() if key.lower() in ("accept", "host")}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=kept)) as answer:
            return answer.status, answer.headers["content-type"] or "", answer.read()
    except urllib.error.HTTPError as error:
        return error.code, "text/plain", error.read()


def kind_of(file: Path) -> str:
    kinds = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm"}
    return kinds.get(file.suffix, "text/html" if file.suffix == ".html" else "image/svg+xml")


def ask(root: str, path: str) -> Any:
    with urllib.request.urlopen(f"{root}/{path}", timeout=30) as answer:
        return json.load(answer)


def post(root: str, data: bytes) -> dict[str, Any]:
    request = urllib.request.Request(f"{root}/instances", data, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def empty(root: str) -> None:
    for patient in ask(root, "patients"):
        request = urllib.request.Request(f"{root}/patients/{patient}", method="DELETE")
        urllib.request.urlopen(request).close()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


if __name__ == "__main__":
    main()
