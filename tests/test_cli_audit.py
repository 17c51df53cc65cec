"""`grounded audit` as a user calls it: reports, commands and addresses."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded.audit import Audit

SEES = """
import json, sys
import cv2
film = cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED) / 65535
right = ("right", film[:, :48], [8, 12, 44, 84])
left = ("left", film[:, 48:], [52, 12, 88, 84])
for side, part, box in (right, left):
    if part.max() > 0.55:
        print(json.dumps({"text": f"There is an opacity in the {side} lung.", "boxes": [box]}))
"""
WORDS = "There is an opacity in the right lung."


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Grey lungs with noise, the right one with an opacity."""
    return saved(tmp_path / "film.png", seed=0, opacity=0.45)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A folder with one film of another patient, without an opacity."""
    folder = tmp_path / "pool"
    folder.mkdir()
    saved(folder / "other.png", seed=1, opacity=0.0)
    (folder / "films.csv").write_text("file,findings\nother.png,\n")
    return folder


def saved(path: Path, seed: int, opacity: float) -> Path:
    pixels = 0.25 + 0.02 * np.random.default_rng(seed).standard_normal((96, 96))
    pixels[30:60, 12:40] += opacity
    Picture.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)).save(path)
    return path


def written(folder: Path, code: str) -> str:
    script = folder / "generator.py"
    script.write_text(code)
    return f"{sys.executable} {script}"


@contextmanager
def served(body: bytes, status: int = 200) -> Iterator[str]:
    """An address that answers every film with the same."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/report"
    finally:
        server.shutdown()
        server.server_close()


def test_a_command_is_audited_and_its_audit_is_written(run, film, pool, tmp_path: Path) -> None:
    out, command = tmp_path / "audit.json", written(tmp_path, SEES)
    status, said, _ = run("audit", film, "--command", command, "--pool", pool, "-o", out)
    assert status == 0
    assert f"[supported] {WORDS}" in said
    assert "causal grounding rate" in said
    audit = Audit.from_dict(json.loads(out.read_text()))
    assert audit.sentences[0].text == WORDS


def test_an_address_is_audited(run, film: Path) -> None:
    with served(json.dumps({"text": WORDS, "probability": 0.8}).encode()) as address:
        status, said, _ = run("audit", film, "--command", address)
    assert status == 0
    assert f"[does not use the image] {WORDS}" in said


def test_words_without_a_place_are_asked_of_whole_films_only(run, film, pool, tmp_path) -> None:
    sees = SEES.replace("right lung", "lung").replace('"boxes": [box]', '"boxes": []')
    code = sees.replace("in the {side} lung", "somewhere")
    command = written(tmp_path, code)
    status, said, _ = run("audit", film, "--command", command, "--pool", pool)
    assert status == 0
    assert "[not audited] There is an opacity somewhere." in said
    assert "neither boxes nor a side" in said
    assert "direct shortcut" not in said  # there is no place that could be hidden


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('Normal chest.')", "line 1 is 'Normal chest.'; expected an object a line"),
        ("print('{\"boxes\": []}')", "did not answer with JSON lines"),
        ("import sys; sys.exit('no weights')", "failed with status 1: no weights"),
        ("import time; time.sleep(30)", "took longer than 0.5 s"),
        (
            'print(\'{"text": "Opacity.", "boxes": [[5, 5, 1, 1]]}\')',
            "sentence 'Opacity.': a box needs x0 < x1",
        ),
        ('print(\'{"text": "A", "label": "Kidney"}\')', "no finding 'Kidney'"),
    ],
)
def test_what_goes_wrong_with_a_command_is_said_in_a_line(
    run, film: Path, tmp_path: Path, code: str, reason: str
) -> None:
    limit = ("--timeout", "0.5") if "sleep" in code else ()
    status, _, error = run("audit", film, "--command", written(tmp_path, code), *limit)
    assert status == 1
    assert reason in error
    assert len(error.strip().splitlines()) == 1


def test_an_address_that_refuses_is_said(run, film: Path) -> None:
    with served(b"", status=500) as address:
        status, _, error = run("audit", film, "--command", address)
    assert status == 1
    assert "does not answer: HTTP Error 500" in error


def test_a_report_of_another_film_is_refused(run, film: Path, tmp_path: Path) -> None:
    run("report", film, "-o", tmp_path / "out", "--preset", "baseline", "--no-pictures")
    other = tmp_path / "other.png"
    Picture.fromarray(np.full((96, 96), 80, np.uint8)).save(other)
    report = tmp_path / "out" / "report.json"
    status, _, error = run("audit", other, report, "--preset", "baseline")
    assert status == 1
    assert "is not of the film" in error


def test_a_report_is_audited_and_saved_with_its_audit(run, film: Path, tmp_path: Path) -> None:
    run("report", film, "-o", tmp_path / "out", "--preset", "baseline", "--no-pictures")
    report, out = tmp_path / "out" / "report.json", tmp_path / "audited.json"
    status, said, _ = run("audit", film, report, "--preset", "baseline", "-o", out)
    assert status == 0
    assert "AUDIT of" in said
    assert json.loads(out.read_text())["audit"]["sentences"]


def test_a_command_takes_no_report(run, film: Path, tmp_path: Path) -> None:
    status, _, error = run("audit", film, tmp_path / "report.json", "--command", "true")
    assert status == 1
    assert "leave the report out" in error


def test_reports_are_written_with_their_audit(run, film: Path, pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--preset", "baseline", "--format", "json,html", "--audit", "--pool", pool)
    status, _, _ = run("report", film, "-o", out, *options)
    assert status == 0
    assert json.loads((out / "report.json").read_text())["audit"]["sentences"]
    assert '"verdict":"does not use the image"' in (out / "report.html").read_text()


def test_a_pool_without_an_audit_is_refused(run, film: Path, pool: Path, tmp_path: Path) -> None:
    status, _, error = run("report", film, "-o", tmp_path / "out", "--pool", pool)
    assert status == 1
    assert "give --audit with it" in error
