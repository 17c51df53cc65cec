"""Films in, refused or read anyway, and their pixels out."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from starlette.testclient import TestClient

from grounded import Image
from grounded.serve.pixels import preview, tile

from .conftest import ROOT, Start, add, dicom, encoded, noise, png, wait


def greys(answer) -> np.ndarray:
    shape = int(answer.headers["x-height"]), int(answer.headers["x-width"])
    return np.frombuffer(answer.content, "<u2").reshape(shape)


def test_a_film_becomes_a_session_that_is_read(client: TestClient) -> None:
    state = add(client)
    assert state["status"] == "ready"
    assert state["document"]["regions"]
    assert len(state["lines"]) == len(state["document"]["sentences"]) > 0


def test_pixels_are_there_before_the_film_is_read(client: TestClient) -> None:
    state = client.post("/api/films?name=a.png", content=png()).json()
    assert client.get(f"/api/sessions/{state['id']}/preview").status_code == 200


@pytest.mark.parametrize("width", [79, 80, 81])
def test_pixels_come_in_16_bits_without_padding(client: TestClient, width: int) -> None:
    film = np.random.default_rng(0).integers(0, 2**16, (61, width), np.uint16)
    film[0, 0] = 2**16 - 1
    answer = client.get(f"/api/sessions/{add(client, encoded(film))['id']}/film")
    assert len(answer.content) == 61 * width * 2
    np.testing.assert_array_equal(greys(answer), film)


def test_a_part_of_a_film_is_cut_at_its_edges(client: TestClient) -> None:
    id = add(client)["id"]
    whole = greys(client.get(f"/api/sessions/{id}/film"))
    part = client.get(f"/api/sessions/{id}/film?x0=30&y0=20&x1=9000&y1=33")
    np.testing.assert_array_equal(greys(part), whole[20:33, 30:])


@pytest.mark.parametrize("query", ["x0=80&x1=90", "x0=5&x1=5", "x0=9&x1=3", "x0=-1", "x0=a"])
def test_no_part_of_a_film_is_an_error(client: TestClient, query: str) -> None:
    id = add(client)["id"]
    assert client.get(f"/api/sessions/{id}/film?{query}").status_code == 422


def test_a_part_is_no_larger_than_a_tile() -> None:
    film = Image.of(np.zeros((2100, 2100), np.float32))
    with pytest.raises(ValueError, match="at most 2048"):
        tile(film, 0, 0, 2100, 2100)
    assert tile(film, 52, 0, 2100, 2048).shape == (2048, 2048)


def test_the_preview_is_the_mean_of_each_area() -> None:
    film = np.zeros((2048, 1024), np.float32)
    film[::2] = 1
    small = preview(Image.of(film))
    assert small.shape == (1024, 512)
    assert abs(int(small.mean()) - 32768) <= 1


def test_the_same_film_is_stored_once(client: TestClient) -> None:
    first, second = add(client), add(client)
    assert first["id"] != second["id"]
    assert [f.name for f in client.room.store.films.iterdir()] == [first["film"]["id"]]
    client.delete(f"/api/sessions/{first['id']}")
    assert client.get(f"/api/sessions/{second['id']}/preview").status_code == 200
    client.delete(f"/api/sessions/{second['id']}")
    assert not list(client.room.store.films.iterdir())


@pytest.mark.parametrize(
    ("film", "words"),
    [
        (b"", "empty"),
        (b"hello", "text file"),
        (b"%PDF-1.4", "PDF"),
        (png()[:90], "cannot be read|damaged|cut"),
        (encoded(np.zeros((5, 5), np.uint8)), "too small"),
    ],
)
def test_what_is_no_film_is_refused_with_the_reason(
    client: TestClient, film: bytes, words: str
) -> None:
    answer = client.post("/api/films?name=x.png", content=film)
    assert answer.status_code == 422
    assert answer.json()["can_force"] is False
    assert any(word in answer.json()["detail"] for word in words.split("|"))
    assert client.get("/api/sessions").json()["total"] == 0
    assert not list(client.room.store.films.iterdir())


def test_a_coloured_picture_can_be_read_anyway(client: TestClient) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    film = encoded(colours)
    answer = client.post("/api/films", content=film)
    assert (answer.status_code, answer.json()["can_force"]) == (422, True)
    assert "anyway" in answer.json()["detail"]
    assert "--force" not in answer.json()["detail"]
    state = add(client, film, force=True)
    assert any("by force" in warning for warning in state["film"]["warnings"])


def test_what_the_check_refuses_can_be_read_anyway(start: Start, shipped) -> None:
    client = start(shipped)
    id = add(client, png(200, 200))["id"]
    state = client.get(f"/api/sessions/{id}").json()
    assert (state["status"], state["can_force"]) == ("refused", True)
    assert "not a frontal chest" in state["reason"]
    assert client.post(f"/api/sessions/{id}/read", json={"force": True}).status_code == 202
    assert wait(client, id)["status"] == "ready"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\films\\a.png", "/a/b.png", "", "a\0b"])
def test_no_name_from_outside_becomes_a_path(client: TestClient, name: str) -> None:
    state = add(client, name=name)
    assert "/" not in state["name"]
    assert "\\" not in state["name"]
    assert [f.name for f in client.room.store.films.iterdir()] == [state["film"]["id"]]


def test_films_named_at_the_start_are_on_the_shelf(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(png())
    client = start(shelf=(path,))
    assert client.get("/api/shelf").json() == [{"id": 0, "name": "one.png"}]
    state = client.post("/api/shelf/0").json()
    assert wait(client, state["id"])["name"] == "one"
    assert client.post("/api/shelf/1").status_code == 422
    path.unlink()
    assert client.post("/api/shelf/0").status_code == 422


def test_greys_are_those_before_the_films_own_window(client: TestClient) -> None:
    film = noise()
    state = add(client, dicom(film, WindowCenter=1000, WindowWidth=101))
    scale, sent = state["film"]["scale"], greys(client.get(f"/api/sessions/{state['id']}/film"))
    own = sent * scale["slope"] + scale["intercept"]
    np.testing.assert_allclose(own, film, atol=0.05)
    low, high = (scale["window"][end] * scale["slope"] for end in ("low", "high"))
    assert (low, high) == (pytest.approx(949.5, abs=0.5), pytest.approx(1049.5, abs=0.5))
    thumbnail = client.get(f"/api/sessions/{state['id']}/thumbnail").content
    assert {0, 255} <= set(np.asarray(Picture.open(io.BytesIO(thumbnail))).flat)


def test_a_thumbnail_is_a_small_picture(client: TestClient) -> None:
    id = add(client, png(600, 300))["id"]
    picture = Picture.open(io.BytesIO(client.get(f"/api/sessions/{id}/thumbnail").content))
    assert picture.size == (128, 256)


def test_a_film_that_lay_turned_is_shown_as_it_was_read(start: Start, shipped) -> None:
    upright = np.asarray(Picture.open(ROOT / "examples" / "normal_pa.jpg").convert("L"))
    client = start(shipped, most_memory=1)
    state = add(client, encoded(np.ascontiguousarray(np.rot90(upright, 2))))
    add(client)  # puts the first one out of the memory
    assert "upside down" in " ".join(state["film"]["warnings"])
    shown = greys(client.get(f"/api/sessions/{state['id']}/film"))
    np.testing.assert_array_equal(shown >> 8, upright)


def test_200_files_of_garbage_are_all_refused(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    heads = (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", bytes(128) + b"DICM")
    for number in range(200):
        body = heads[number % 5] + rng.bytes(int(rng.integers(1, 3000)))
        answer = client.post("/api/films", content=body)
        assert answer.status_code == 422, (number, answer.text)
    assert client.get("/api/sessions").json()["total"] == 0


def test_too_large_a_film_is_not_taken(start: Start) -> None:
    client = start(most_bytes=1000)
    assert client.post("/api/films", content=bytes(2000)).status_code == 413
    pieces = (bytes(100) for _ in range(30))
    assert client.post("/api/films", content=pieces).status_code == 413
    assert not list(client.room.store.films.iterdir())


def test_the_memory_of_films_is_bounded(start: Start) -> None:
    client = start(most_memory=30 << 20)
    for seed in range(12):
        add(client, png(600, 600, seed))
    assert len(client.room.desk.shelf) < 12
    assert client.room.desk.shelf.bytes <= 30 << 20
    first = client.get("/api/sessions?limit=200").json()["sessions"][-1]
    assert client.get(f"/api/sessions/{first['id']}/preview").status_code == 200
