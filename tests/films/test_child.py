"""What a child process keeps away from the reader: crashes, bombs, and what decoders print."""

import contextlib
import io
import os
import random
import resource
import signal
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image as Picture
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from grounded import GroundedError, Image
from grounded.errors import ImageError, NotAFilmError, UnsuitableImageError
from grounded.films import child
from grounded.films.open import decode
from grounded.films.source import Source, source_of
from grounded.greys import Greys, Scale, Window

RAMP = np.add.outer(np.arange(48), np.arange(64) * 3).astype(np.uint8)


@pytest.fixture
def deflated(tmp_path: Path) -> Path:
    """A small TIFF that is read in the child."""
    tifffile.imwrite(tmp_path / "a.tif", RAMP, photometric="minisblack", compression="zlib")
    return tmp_path / "a.tif"


def test_a_film_from_the_child_is_that_of_this_process(deflated: Path) -> None:
    here = Image.open(deflated)
    there = child.read_in_child(source_of(deflated))
    np.testing.assert_array_equal(here.pixels, there.pixels)
    assert here.info.sha256 == there.info.sha256


def test_a_windowed_film_comes_back_with_its_greys_and_its_header(tmp_path: Path) -> None:
    source = source_of(windowed(tmp_path))
    here, there = decode(source), child.read_in_child(source)
    np.testing.assert_array_equal(here.pixels, there.pixels)
    assert (there.info, there.header) == (here.info, here.header)
    assert len(there.header) > 100
    assert here.unwindowed is not None
    assert there.unwindowed is not None
    assert there.unwindowed.scale == here.unwindowed.scale
    np.testing.assert_array_equal(here.unwindowed.values, there.unwindowed.values)


def windowed(folder: Path) -> Path:
    film = pydicom.Dataset()
    film.SOPClassUID, film.SOPInstanceUID = ComputedRadiographyImageStorage, "1.2.3"
    film.StudyInstanceUID, film.SeriesInstanceUID, film.Modality = "1.2.4", "1.2.5", "CR"
    film.PhotometricInterpretation, film.SamplesPerPixel = "MONOCHROME2", 1
    film.Rows, film.Columns = RAMP.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.WindowCenter, film.WindowWidth = 1500, 2000
    film.PixelData = (RAMP.astype(np.uint16) * 16).tobytes()
    film["PixelData"].VR = "OW"
    film.file_meta = pydicom.dataset.FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.save_as(folder / "a.dcm", enforce_file_format=True)
    return folder / "a.dcm"


def test_an_error_of_the_child_keeps_its_kind_and_its_words(tmp_path: Path) -> None:
    colours = np.dstack([RAMP, 255 - RAMP, RAMP])
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", compression="zlib")
    source = source_of(tmp_path / "a.tif")
    with pytest.raises(UnsuitableImageError) as here:
        decode(source)
    with pytest.raises(UnsuitableImageError) as there:
        child.read_in_child(source)
    assert str(there.value) == str(here.value)
    assert "read by force" in child.read_in_child(source, force=True).info.warnings[0]


def test_after_a_crash_the_next_film_is_read(deflated: Path) -> None:
    Image.open(deflated)
    running = child._CHILDREN[-1].process
    os.kill(running.pid, signal.SIGSTOP)  # it hears nothing until it is gone

    def crash() -> None:
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGABRT)
        os.kill(running.pid, signal.SIGCONT)

    thread = threading.Thread(target=crash)
    thread.start()
    with pytest.raises(ImageError) as error:
        Image.open(deflated)
    thread.join()
    assert str(error.value) == (
        f"{deflated}: the file makes its decoder crash; it is damaged, or no film: export it again"
    )
    assert Image.open(deflated).pixels.max() > 0


def test_a_child_that_used_up_its_processor_time_says_so(deflated: Path) -> None:
    Image.open(deflated)
    running = child._CHILDREN[-1]
    os.kill(running.process.pid, signal.SIGXCPU)  # as the system does
    with pytest.raises(ImageError, match="the file takes more than 15 s; it is damaged"):
        running.read(source_of(deflated), force=False)


def test_a_data_set_that_unpacks_to_gigabytes_ends_in_one_line(tmp_path: Path) -> None:
    uid = b"1.2.840.10008.1.2.1.99"
    element = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid
    group = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(element))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 24)
    body = b"".join(packer.compress(zeros) for _ in range(256)) + packer.flush()
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + group + element + body)
    with pytest.raises(ImageError):
        Image.open(tmp_path / "a.dcm")


def test_films_are_read_by_one_child_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_CHILDREN", [])
    first = child._child()
    assert child._child() is first
    first.close()
    assert first.process.poll() is not None
    second = child._child()
    assert second is not first
    assert child._child() is second
    second.close()


def test_a_child_finds_what_this_process_finds_and_keeps_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "noisy.py").write_text(
        "import os, sys\n"
        "from grounded.errors import ImageError\n"
        "def decode(source, *, force):\n"
        "    os.write(1, b'noise')\n"
        "    os.write(2, b'noise')\n"
        '    raise ImageError(f\'{os.environ["OPENBLAS_NUM_THREADS"]} of {os.environ["AREA"]}\')\n'
    )
    monkeypatch.setattr(sys, "path", [os.path.relpath(tmp_path / "modules"), *sys.path])
    monkeypatch.setenv("AREA", "its own")
    monkeypatch.setattr(child, "_SERVE", "import noisy; from grounded.films import child; "
                        "child.serve(noisy.decode)")  # fmt: skip
    noisy = child._Child()
    assert noisy.alive
    for _ in range(2):
        with pytest.raises(ImageError, match=r"^1 of its own$"):
            noisy.read(Source(b"a film", "it"), force=False)
    noisy.close()
    assert capfd.readouterr() == ("", "")


def test_a_child_that_does_not_start_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_SERVE", "raise SystemExit")
    still = child._Child()
    assert not still.alive
    still.close()


def test_a_file_that_takes_too_long_ends_in_one_line(
    deflated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.open(deflated)
    monkeypatch.setattr(child, "_MOST_SECONDS", 0.3)
    os.kill(child._CHILDREN[-1].process.pid, signal.SIGSTOP)  # it waits, but for no processor
    began = time.monotonic()
    with pytest.raises(ImageError, match="takes more than"):
        Image.open(deflated)
    assert 0.3 <= time.monotonic() - began < 10


def test_a_film_is_given_the_time_for_which_its_child_had_no_processor(
    deflated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.open(deflated)
    waited = iter([5.0])  # seconds so far; half a second more from now on
    running = child._CHILDREN[-1]
    monkeypatch.setattr(child._Child, "_waited", lambda self: next(waited, 5.5))
    os.kill(running.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    running._watch(0.2, threading.Event())
    assert 0.7 <= time.monotonic() - began < 8
    assert running.late
    assert running.process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux alone counts it")
def test_time_in_which_others_have_the_processor_is_not_the_film_s(deflated: Path) -> None:
    Image.open(deflated)
    running = child._CHILDREN[-1]
    os.kill(running.process.pid, signal.SIGSTOP)
    counted = Path(f"/proc/{running.process.pid}/schedstat").read_text()
    assert running._waited() == pytest.approx(int(counted.split()[1]) * 1e-9, rel=1e-3)
    running.close()
    assert running._waited() == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_flipped_bits_end_in_an_error_of_our_own_or_in_a_film(tmp_path: Path, suffix: str) -> None:
    path, chance = tmp_path / f"a.{suffix}", random.Random(3)
    Picture.fromarray(RAMP).save(path)
    whole = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(2):
            damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with contextlib.suppress(GroundedError):  # and nothing else
            Image.open(path, force=True)


@pytest.fixture
def limits() -> Iterator[None]:
    """What a test changes of this process's own limits is taken back, as far as one may."""
    before = resource.getrlimit(resource.RLIMIT_CPU)
    yield
    resource.setrlimit(resource.RLIMIT_CPU, before)


def messages(*parts: tuple[dict[str, Any], bytes]) -> bytes:
    stream = io.BytesIO()
    for head, rest in parts:
        child._send(stream, head, rest)
    return stream.getvalue()


LARGE = bytes(range(256)) * 400  # more than what is read ahead
HUGE = 1 << 46  # bytes of address space that no test takes


def test_a_child_answers_one_request_after_the_other_and_reads_and_prints_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: None
) -> None:
    def noisy(source: Source, *, force: bool) -> Image:
        os.write(1, b"noise")
        assert os.read(0, 1) == b""
        assert source.data == LARGE
        raise NotAFilmError(f"{source.label}, {source.name}, {force}")

    requests = [({"label": "a.png", "name": name, "force": name == "b"}, LARGE) for name in "ab"]
    (tmp_path / "in").write_bytes(messages(*requests))
    monkeypatch.setattr(child, "MEMORY", HUGE)
    with in_place_of_the_terminal(tmp_path / "in", tmp_path / "out"):
        child.serve(noisy)
    assert (tmp_path / "out").read_bytes() == messages(
        ({"ready": True}, b""),
        ({"error": "NotAFilmError", "message": "a.png, a, False"}, b""),
        ({"error": "NotAFilmError", "message": "a.png, b, True"}, b""),
    )
    assert resource.getrlimit(resource.RLIMIT_AS) == (HUGE, HUGE)
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] > 0


@contextmanager
def in_place_of_the_terminal(asked: Path, answered: Path) -> Iterator[None]:
    kept = [os.dup(number) for number in (0, 1)]
    with asked.open("rb") as requests, answered.open("wb") as answers:
        os.dup2(requests.fileno(), 0)
        os.dup2(answers.fileno(), 1)
    try:
        yield
    finally:
        for number, file in enumerate(kept):
            os.dup2(file, number)
            os.close(file)


def test_a_child_takes_so_much_memory_and_leaves_no_core_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "MEMORY", HUGE)
    child._limit()
    assert resource.getrlimit(resource.RLIMIT_AS) == (HUGE, HUGE)
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_each_film_is_given_fifteen_seconds_of_the_processor_and_what_began(limits: None) -> None:
    before = int(time.process_time())
    child._limit_time()
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    assert before + 16 <= soft <= int(time.process_time()) + 16
    assert hard == resource.RLIM_INFINITY


FILM = Image.of(RAMP / np.float32(255), name="bed 3", header=b"kept")
REQUEST = {"label": "a.png", "name": "bed 3", "force": False}


def test_an_answer_holds_the_pixels_the_greys_and_the_header() -> None:
    greys = Greys(RAMP.astype(np.uint16), Scale(Window(3, 90), 8, 2.0, 1.0))
    plain, rest = child._answer(lambda source, force: FILM, REQUEST, b"")
    assert plain == {"info": FILM.info.to_dict(), "scale": None}
    assert rest == FILM.pixels.tobytes() + b"kept"
    film = replace(FILM, unwindowed=greys)
    about, rest = child._answer(lambda source, force: film, REQUEST, b"")
    assert about == {"info": FILM.info.to_dict(), "scale": greys.scale.to_dict()}
    assert rest == FILM.pixels.tobytes() + greys.values.tobytes() + b"kept"


def test_a_file_that_fills_the_memory_is_named() -> None:
    def greedy(source: Source, *, force: bool) -> Image:
        raise MemoryError

    assert child._answer(greedy, REQUEST, b"film") == (
        {
            "error": "ImageError",
            "message": "a.png: the file takes more memory than any film; it is damaged, or no film",
        },
        b"",
    )


class Drops(io.BytesIO):
    """A stream that gives three bytes at a time, as pipes may."""

    def readinto(self, buffer: Any) -> int:
        return super().readinto(memoryview(buffer)[:3])


def test_a_message_that_comes_in_parts_is_put_together() -> None:
    stream = Drops(messages(({"a": 1}, b"some film"), ({}, b"another")))
    assert child._receive(stream) == ({"a": 1}, b"some film")
    assert child._receive(stream) == ({}, b"another")
    with pytest.raises(EOFError):
        child._receive(stream)


def test_a_message_that_ends_early_is_none() -> None:
    with pytest.raises(EOFError):
        child._receive(Drops(messages(({"a": 1}, b"some film"))[:-1]))
