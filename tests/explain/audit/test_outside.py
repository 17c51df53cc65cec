"""A generator that is a command, or an address, is audited as any other."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from grounded.audit import Verdict
from grounded.errors import ConfigError, DataError
from grounded.explain.audit.examine import audit
from grounded.explain.audit.outside import command, endpoint

from .conftest import film_of

SEES = """
import json, sys
import cv2
film = cv2.imread(sys.argv[1], cv2.IMREAD_UNCHANGED) / 65535
for side, part in (("right", film[:, :48]), ("left", film[:, 48:])):
    if part.max() > 0.55:
        print(json.dumps({"text": f"There is an opacity in the {side} lung."}))
    else:
        print(json.dumps({"text": f"The {side} lung is clear.", "boxes": []}))
"""
BLIND = """
print('{"text": "There is an opacity in the right lung.", "boxes": [[8, 12, 44, 84]]}')
"""


def written(tmp_path, code: str) -> str:
    script = tmp_path / "generator.py"
    script.write_text(code)
    return f"{sys.executable} {script}"


def test_a_command_that_looks_is_supported(tmp_path) -> None:
    checked = audit(film_of("right lung"), command(written(tmp_path, SEES)))
    assert checked.verdict("There is an opacity in the right lung.") == Verdict.SUPPORTED


def test_a_command_that_does_not_look_does_not_use_the_image(tmp_path) -> None:
    checked = audit(film_of(), command(written(tmp_path, BLIND)))
    assert checked.verdict("There is an opacity in the right lung.") == Verdict.BLIND


def test_an_address_is_asked_as_a_command_is() -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"text": "Left pleural effusion.", "probability": 0.7}\n')

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        checked = audit(film_of(), endpoint(f"http://127.0.0.1:{server.server_port}"))
    finally:
        server.shutdown()
        server.server_close()
    [sentence] = checked.sentences
    assert sentence.verdict == Verdict.BLIND
    assert sentence.checks[0].conditions["film"].probability == 0.7


def test_a_command_that_fails_or_talks_nonsense_is_an_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot be run"):
        command("/no/such/program").said(film_of())
    with pytest.raises(DataError, match="JSON lines"):
        command(written(tmp_path, "print('hello')")).said(film_of())
    with pytest.raises(ConfigError, match="http"):
        endpoint("ftp://here")
