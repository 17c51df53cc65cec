"""Where films are read: one worker behind a bounded queue, and a bounded memory of readings.

Films are read one after the other, as they came; what is asked of a reading does not wait for them.
A reading that was put away for others is made again when somebody asks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np

from grounded.errors import GroundedError
from grounded.image import Image
from grounded.reporter import Reading, Reporter

T = TypeVar("T")


class BusyError(GroundedError):
    """So many films wait that another one would wait too long."""


@dataclass(frozen=True, slots=True)
class FilmKey:
    """Which film, and how it is read. sha256: of its file."""

    sha256: str
    name: str
    view: str
    forced: bool


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A film in memory, read or not yet."""

    image: Image
    reading: Reading | None = None

    @property
    def shown(self) -> Image:
        """The film as it was read: it may have been turned."""
        return self.reading.image if self.reading is not None else self.image

    @property
    def size(self) -> int:
        """Bytes that it takes, about: the pixels, and as much again for what was turned."""
        turned = self.shown.pixels is not self.image.pixels
        return _bytes_of(self.image) + (_bytes_of(self.shown) if turned else 0) + _ENCODED


def _bytes_of(image: Image) -> int:
    greys = image.unwindowed
    return image.pixels.nbytes + (greys.values.nbytes if greys else 0)


_ENCODED = 4 << 20  # bytes of an encoded film, its outlines and what was read


class Shelf:
    """Films in memory, at most so many bytes of them; the one not used for longest goes first.

    The newest stays whatever its size. Threads may use it beside each other.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._films: OrderedDict[FilmKey, Opened] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: FilmKey) -> Opened | None:
        with self._lock:
            if key in self._films:
                self._films.move_to_end(key)
            return self._films.get(key)

    def put(self, key: FilmKey, opened: Opened) -> None:
        with self._lock:
            self._films[key] = opened
            self._films.move_to_end(key)
            while len(self._films) > 1 and self.bytes > self._most:
                self._films.popitem(last=False)

    @property
    def bytes(self) -> int:
        return sum(film.size for film in self._films.values())

    def __len__(self) -> int:
        return len(self._films)


class Desk:
    """Reads films with one reporter.

    load: the bytes of a film by its hash. workers: films that are read at once. most_waiting: films
    that may wait. most_bytes: of films in memory.
    """

    def __init__(
        self,
        reporter: Reporter,
        load: Callable[[str], bytes],
        *,
        workers: int = 1,
        most_waiting: int = 64,
        most_bytes: int = 1 << 29,
    ) -> None:
        self.reporter = reporter
        self.shelf = Shelf(most_bytes)
        self._load = load
        self._most_waiting = most_waiting
        self._waiting = 0
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._readers = ThreadPoolExecutor(workers, thread_name_prefix="reading")
        self._askers = ThreadPoolExecutor(1, thread_name_prefix="asking")

    def close(self) -> None:
        """Let what is being read end, and forget what waits."""
        for pool in (self._readers, self._askers):
            pool.shutdown(wait=True, cancel_futures=True)

    def warm_up(self) -> None:
        """Read a grey picture that nobody sees: what a first film would wait for is then loaded."""
        grey = np.linspace(0, 255, 256 * 256).reshape(256, 256).astype(np.uint8)
        _, encoded = cv2.imencode(".png", grey)
        self.submit(lambda: self._read_unseen(encoded.tobytes()))

    def _read_unseen(self, film: bytes) -> None:
        with suppress(GroundedError):
            self.reporter.read(Image.open(film), force=True).report()

    def image(self, key: FilmKey) -> Image:
        """The film as it lies in its file. Raises ImageError and its kinds."""
        return self._opened(key).image

    def shown(self, key: FilmKey, pixels_sha256: str) -> Image:
        """The film as it was read: the one with these pixels.

        A film that the reporter turned has to be read again if it is not in memory.
        """
        opened = self._opened(key)
        if opened.shown.info.sha256 != pixels_sha256 and opened.reading is None:
            return self.reading(key).image
        return opened.shown

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """On the reading thread, after all that waits. Raises BusyError when too much does."""
        return self._queued(self._readers, work)

    def ask(self, work: Callable[[], T]) -> T:
        """Do it on the asking thread, and wait for it. Raises BusyError when too much waits."""
        return self._queued(self._askers, work).result()

    def read(self, key: FilmKey) -> Reading:
        """The reading of a film, made on this thread unless it is in memory."""
        opened = self._opened(key)
        if opened.reading is not None:
            return opened.reading
        reading = self.reporter.read(opened.image, force=key.forced)
        self.shelf.put(key, replace(opened, reading=reading))
        return reading

    def reading(self, key: FilmKey) -> Reading:
        """The reading of a film; one that has to be made is made on the reading thread."""
        opened = self.shelf.get(key)
        if opened is not None and opened.reading is not None:
            return opened.reading
        return self.submit(lambda: self.read(key)).result()

    def _opened(self, key: FilmKey) -> Opened:
        opened = self.shelf.get(key)
        if opened is not None:
            return opened
        with self._opening:  # large films are opened one by one, for their memory
            opened = self.shelf.get(key)
            if opened is None:
                data = self._load(key.sha256)
                image = Image.open(data, view=key.view, name=key.name, force=key.forced)
                opened = Opened(image)
                self.shelf.put(key, opened)
        return opened

    def _queued(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise BusyError("many films are being read at the moment; try again in a minute")
            self._waiting += 1
        future = pool.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1
