"""Who comes in, from where, and what goes out beside the answer."""

import http.client
import logging
import re
import signal
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from grounded.serve.run import Address, AddressError, on_shelf

from .conftest import ADDRESS, TOKEN, Start, add


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """A browser that does not know the key."""
    del client.headers["authorization"]
    return client


@pytest.mark.parametrize("path", ["/", "/s/1", "/static/room.js", "/api/sessions", "/api/events"])
def test_nothing_is_shown_without_the_key(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 401


def test_the_key_in_the_address_becomes_a_cookie_and_goes(stranger: TestClient) -> None:
    answer = stranger.get(f"/?token={TOKEN}&x=1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?x=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert stranger.get("/api/sessions").status_code == 200


@pytest.mark.parametrize("key", ["", "other", f"{TOKEN}x", "é", "%00"])
def test_another_key_is_none(stranger: TestClient, key: str) -> None:
    assert stranger.get(f"/?token={key}", follow_redirects=False).status_code == 401
    header = {"authorization": f"Bearer {key}".encode()}
    assert stranger.get("/api/sessions", headers=header).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", ""]
)
def test_a_name_that_was_made_to_point_here_is_not_ours(client: TestClient, host: str) -> None:
    assert client.get("/api/sessions", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "x"])
def test_the_page_of_another_site_gets_nothing(client: TestClient, origin: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = client.request(method, "/api/sessions", headers={"origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_our_own_page_gets_in(client: TestClient) -> None:
    headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    assert client.get("/api/sessions", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_script_elsewhere_cannot_load_our_files(client: TestClient, site: str) -> None:
    headers = {"sec-fetch-site": site}
    assert client.get("/api/sessions", headers=headers).status_code == 403
    assert client.get("/static/room.js", headers=headers).status_code == 403


def test_no_script_stands_in_the_page_and_none_comes_from_elsewhere(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    for header in ("x-content-type-options", "x-frame-options", "referrer-policy"):
        assert header in answer.headers
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


def test_what_is_of_a_patient_is_not_kept_by_the_browser(client: TestClient) -> None:
    id = add(client)["id"]
    for path in ("", "/preview", "/thumbnail", "/text"):
        answer = client.get(f"/api/sessions/{id}{path}")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/static/..%2findex.html", "/api/x", "/a.js"])
def test_there_are_no_other_files(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_request_that_is_no_film_is_small(client: TestClient) -> None:
    id = add(client)["id"]
    answer = client.post(f"/api/sessions/{id}/ask", content=b" " * (1 << 21))
    assert answer.status_code == 413


def test_no_log_line_names_a_film(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        add(client, name="Doe^Jane.png")
        client.post("/api/films?name=Doe^Jane.png", content=b"no film")
    ours = [line for line in caplog.records if line.name.startswith("grounded")]
    assert not [line for line in ours if "Doe" in line.getMessage()]


def test_another_address_has_to_be_asked_for() -> None:
    with pytest.raises(AddressError, match="--expose"):
        Address("0.0.0.0")
    assert Address("0.0.0.0", exposed=True, names=("films.example",)).hosts[1] == "films.example"


def test_an_address_that_is_taken_is_an_error_in_words() -> None:
    with Address(port=0).open() as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match="choose another --port"):
            Address(port=port).open()


def test_the_shelf_holds_what_may_be_films(tmp_path) -> None:
    for name in ("b.png", "a.dcm", "noted.txt", ".hidden.png", "IM0001"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in on_shelf([tmp_path])] == ["IM0001", "a.dcm", "b.png"]
    with pytest.raises(ValueError, match="no such file"):
        on_shelf([tmp_path / "gone"])


def test_a_server_of_another_name_answers_to_it(start: Start) -> None:
    client = start(hosts=("films.example",))
    assert client.get("/api/sessions", headers={"host": "films.example:80"}).status_code == 200


def test_the_server_ends_at_once_though_windows_listen(tmp_path) -> None:
    command = [sys.executable, "-c", "from grounded.cli import main; main()", "serve"]
    options = ["--no-open", "--port", "0", "--preset", "baseline", "--sessions", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *options], stdout=pipe, stderr=pipe, text=True) as process:
        said = _asked_to_end(process)
    assert "Traceback" not in said
    assert "timeout" not in said


def _asked_to_end(process: subprocess.Popen[str]) -> str:
    """What it says on standard error, asked to end while a window listens."""
    found = re.search(r"http://127.0.0.1:(\d+)/\?token=(\S+)", process.stdout.readline())
    window = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
    window.request("GET", "/api/events", headers={"Authorization": f"Bearer {found[2]}"})
    assert window.getresponse().readline() == b"event: hello\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    window.close()
    return said
