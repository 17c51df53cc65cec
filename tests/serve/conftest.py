"""A room with the smallest preset, and films to put into it."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the reading room needs the extra [serve]")
pytest.importorskip("sqlalchemy", reason="the reading room needs the extra [serve]")

from PIL import Image as Picture
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from starlette.testclient import TestClient

import grounded
from grounded import Reporter
from grounded.serve.app import application
from grounded.serve.room import Room, Rules
from grounded.serve.store import Store

TOKEN = "key-of-the-tests"
ADDRESS = "http://127.0.0.1:8765"
ROOT = Path(__file__).parent.parent.parent
Start = Callable[..., TestClient]


def png(height: int = 64, width: int = 80, seed: int = 0) -> bytes:
    """A noisy film as a PNG file."""
    grey = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    return encoded(grey)


def encoded(grey: np.ndarray) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def noise(height: int = 64, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4095, (height, width))


def dicom(grey: np.ndarray, **more: object) -> bytes:
    """A film of greys 0..4095 as a DICOM file of 12 bits. more: attributes of its header."""
    made = Dataset()
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
        **{"SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2.4", "SeriesInstanceUID": "1.2.5"},
        **{"PatientName": "Doe^John", "PatientID": "7", "Modality": "CR", "ViewPosition": "PA"},
        **{"BodyPartExamined": "CHEST", "PhotometricInterpretation": "MONOCHROME2"},
        **{"Rows": grey.shape[0], "Columns": grey.shape[1], "SamplesPerPixel": 1},
        **{"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0},
        **{"PatientOrientation": ["L", "F"], "PixelSpacing": [4.0, 4.0], **more},
    }
    for keyword, value in values.items():
        setattr(made, keyword, value)
    made.add_new("PixelData", "OW", grey.astype("<u2").tobytes())
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def lookup(levels: list[int]) -> Dataset:
    """A VOI LUT of 8 bits, from 0 on."""
    item = Dataset()
    item.LUTDescriptor = [len(levels), 0, 8]
    item.add_new("LUTData", "US", levels)
    return item


@pytest.fixture(scope="session")
def small() -> Reporter:
    """Usual places of the regions, and one fixed sentence for each."""
    return grounded.load("baseline")


@pytest.fixture(scope="session")
def shipped() -> Reporter:
    """The shipped preset, loaded once."""
    return grounded.load()


@pytest.fixture
def start(tmp_path: Path, small: Reporter) -> Iterator[Start]:
    """Starts a server on one folder of sessions, with other rules if wanted; again, restarts it."""
    clients: list[TestClient] = []

    def started(
        reporter: Reporter = small,
        shelf: tuple[Path, ...] = (),
        folder: str = "sessions",
        hosts: tuple[str, ...] = (),
        **rules: object,
    ) -> TestClient:
        while clients:
            clients.pop().__exit__(None, None, None)
        room = Room(reporter, Store(tmp_path / folder), Rules(warm=False, **rules), shelf=shelf)
        client = TestClient(
            application(room, TOKEN, hosts),
            base_url=ADDRESS,
            headers={"authorization": f"Bearer {TOKEN}"},
            raise_server_exceptions=False,
        )
        client.__enter__()
        client.room = room
        clients.append(client)
        return client

    yield started
    while clients:
        clients.pop().__exit__(None, None, None)


@pytest.fixture
def client(start: Start) -> TestClient:
    return start()


def add(client: TestClient, film: bytes | None = None, **query: object) -> dict:
    """A session of a film that was read to the end."""
    answer = client.post("/api/films", params={"name": "film.png", **query}, content=film or png())
    assert answer.status_code == 201, answer.text
    return wait(client, answer.json()["id"])


def wait(client: TestClient, id: str) -> dict:
    end = time.monotonic() + 60
    while (state := client.get(f"/api/sessions/{id}").json())["status"] == "reading":
        assert time.monotonic() < end, state
        time.sleep(0.01)
    return state


def edit(client: TestClient, state: dict, by: str = "", **change: object) -> dict:
    """The session after an edit that is taken."""
    answer = client.post(
        f"/api/sessions/{state['id']}/edits",
        json={"revision": state["revision"], "by": by, "edit": change},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def texts(state: dict) -> list[str]:
    return [sentence["text"] for sentence in state["document"]["sentences"]]
