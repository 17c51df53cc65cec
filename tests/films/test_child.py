"""What a child process keeps away from the reader: crashes, bombs, and what decoders print."""

import os
import signal
import struct
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from grounded import Image
from grounded.errors import ImageError, UnsuitableImageError
from grounded.films import child
from grounded.films.source import Source, source_of

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


def test_an_error_of_the_child_keeps_its_kind(tmp_path: Path) -> None:
    colours = np.dstack([RAMP, 255 - RAMP, RAMP])
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", compression="zlib")
    with pytest.raises(UnsuitableImageError, match="colour picture"):
        Image.open(tmp_path / "a.tif")


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
    with pytest.raises(ImageError, match="crash"):
        Image.open(deflated)
    thread.join()
    assert Image.open(deflated).pixels.max() > 0


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


def test_the_child_says_nothing_on_the_terminal(tmp_path: Path, capfd) -> None:
    broken = b"\xff\x4f\xff\x51" + bytes(60)
    with pytest.raises(ImageError):
        child.read_in_child(Source(broken, "film"))
    assert capfd.readouterr() == ("", "")


def test_a_file_that_takes_too_long_ends_in_one_line(
    deflated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.open(deflated)
    monkeypatch.setattr(child, "_MOST_SECONDS", 0.3)
    os.kill(child._CHILDREN[-1].process.pid, signal.SIGSTOP)  # it waits, but for no processor
    began = time.monotonic()
    with pytest.raises(ImageError, match="takes more than"):
        Image.open(deflated)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="Linux alone counts it")
def test_time_in_which_others_have_the_processor_is_not_the_film_s(deflated: Path) -> None:
    Image.open(deflated)
    running = child._CHILDREN[-1]
    before = running._waited()
    assert 0 <= before <= time.monotonic()
    running.close()
    assert running._waited() == 0
