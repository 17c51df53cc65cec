"""Other libraries are quiet in the thread that reads a file, and in that thread alone."""

import logging
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from grounded import Image
from grounded.films.quiet import silenced


def in_another_thread(work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_no_warning_leaves_the_block() -> None:
    with silenced():
        warnings.warn("a name", stacklevel=1)


def test_a_warning_after_the_block_is_heard() -> None:
    with silenced():
        pass
    with pytest.warns(UserWarning, match="a word"):
        warnings.warn("a word", stacklevel=1)


def test_a_filter_that_came_later_does_not_undo_the_silence() -> None:
    with silenced():
        pass
    warnings.simplefilter("error")
    with silenced():
        warnings.warn("a name", stacklevel=1)


def test_a_thread_that_reads_nothing_is_heard_meanwhile() -> None:
    def warn() -> None:
        with pytest.raises(UserWarning, match="a word"):
            warnings.warn("a word", stacklevel=1)

    with silenced():
        in_another_thread(warn)


@pytest.mark.parametrize("name", ["pydicom", "PIL.PngImagePlugin", "tifffile"])
def test_no_log_line_of_a_library_leaves_the_block(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with silenced():
        logging.getLogger(name).error("a name")
        logging.getLogger("another").error("a word")
        in_another_thread(lambda: logging.getLogger(name).error("elsewhere"))
    logging.getLogger(name).error("later")
    assert caplog.messages == ["a word", "elsewhere", "later"]


def test_a_log_line_without_any_handler_is_silenced_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with silenced():
        logging.getLogger("PIL").error("a name")
    logging.getLogger("PIL").error("later")
    assert capsys.readouterr().err.strip() == "later"


def test_two_threads_read_at_the_same_time(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=30)

    def read() -> None:
        with silenced():
            both.wait()  # a lock around the block would keep one of them out

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(read) for _ in range(2)]:
            future.result()


def test_a_film_is_read_as_before_in_a_thread(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))
    expected = Image.open(path).pixels
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(Image.open, [path] * 8))
    assert all(np.array_equal(image.pixels, expected) for image in found)
