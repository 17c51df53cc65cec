"""Reading a film in a child process, for files whose decoders may crash or fill the memory.

The child is started once and kept; it may take so much memory and time for a film and no more. What
it says on the terminal is thrown away, as C libraries write there what they like. A film that
makes it crash or run out ends in an ImageError, and the next film gets a new child.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from grounded import errors
from grounded.errors import GroundedError, ImageError
from grounded.films.source import Source
from grounded.greys import Greys, Scale
from grounded.image import Image, ImageInfo

SECONDS = 15  # of processor time for one film
_MOST_SECONDS = 20.0  # by the clock, which stands still while others have the processor
MEMORY = 1 << 31  # bytes of address space of the child, the libraries' own among them
_START_SECONDS = 30.0
_OUT_OF_TIME = -24  # ended by SIGXCPU
_SERVE = "from grounded.films import child, open; child.serve(open.decode)"
_LENGTHS = struct.Struct("<QQ")  # of the JSON, and of what follows it

Decode = Callable[..., Image]
"""A film from a source, by `force` read whatever it shows: `grounded.films.open.decode`."""


def read_in_child(source: Source, *, force: bool = False) -> Image:
    """What `grounded.films.open.decode` makes of a source, made in the child.

    Raises ImageError when the child crashed, or took too much memory or time; else as `decode`.
    """
    with _LOCK:
        return _child().read(source, force=force)


class _Child:
    """The process. It answers one request at a time; `alive` is False after one that failed."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.late = False
        with self._within(_START_SECONDS):  # its imports take no film's time
            self.ready = self._is_ready()

    @property
    def alive(self) -> bool:
        return self.ready and self.owner == os.getpid() and self.process.poll() is None

    def read(self, source: Source, *, force: bool) -> Image:
        request = {"label": source.label, "name": source.name, "force": force}
        answer, rest = self._ask(request, source)
        if "error" in answer:
            kind = getattr(errors, str(answer["error"]), ImageError)
            raise kind(answer["message"])
        info = ImageInfo.from_dict(answer["info"])
        count = info.height * info.width
        shape = info.height, info.width
        pixels = np.frombuffer(rest, dtype=np.float32, count=count)
        left, greys = memoryview(rest)[pixels.nbytes :], None
        if (scale := answer["scale"]) is not None:
            values = np.frombuffer(left, dtype=np.uint16, count=count)
            greys = Greys(values.reshape(shape), Scale.from_dict(scale))
            left = left[values.nbytes :]
        return Image(pixels.reshape(shape), info, header=bytes(left), unwindowed=greys)

    def _is_ready(self) -> bool:
        try:
            _receive(self._pipes[1])
        except EOFError:
            return False
        return True

    @property
    def _pipes(self) -> tuple[Any, Any]:
        return self.process.stdin, self.process.stdout

    def _ask(self, request: dict[str, Any], source: Source) -> tuple[dict[str, Any], bytearray]:
        to, back = self._pipes
        try:
            with self._within(_MOST_SECONDS):
                _send(to, request, source.data)
                return _receive(back)
        except (OSError, EOFError):
            late = self.late or self.process.wait() == _OUT_OF_TIME
            self.close()
            reason = f"takes more than {SECONDS} s" if late else "makes its decoder crash"
            raise ImageError(
                f"{source}: the file {reason}; it is damaged, or no film: export it again"
            ) from None

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """The process is ended if what follows takes it longer."""
        done = threading.Event()
        threading.Thread(target=self._watch, args=(seconds, done), daemon=True).start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, seconds: float, done: threading.Event) -> None:
        end, waited = time.monotonic() + seconds, self._waited()
        while (left := end + self._waited() - waited - time.monotonic()) > 0:
            if done.wait(left):
                return
        self.late = True
        self.process.kill()

    def _waited(self) -> float:
        """The seconds for which the process could have run, but the processors were taken. As Linux
        counts them (schedstat); elsewhere 0.
        """
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_bytes().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0

    def close(self) -> None:
        """End the process, if it is this process's own."""
        if self.owner != os.getpid():
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was left unsent
                    pipe.close()


_LOCK = threading.Lock()
_CHILDREN: list[_Child] = []  # the last one is in use; one of before a fork is its parent's


def _child() -> _Child:
    """The child that is in use, or a new one."""
    if not _CHILDREN or not _CHILDREN[-1].alive:
        _CHILDREN.append(_Child())
    return _CHILDREN[-1]


@atexit.register
def _close() -> None:
    for child in _CHILDREN:
        child.close()


def serve(decode: Decode) -> None:
    """What the child does: read requests, answer them, until its parent is gone."""
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1):
            os.dup2(nowhere, number)
        os.close(nowhere)
        _limit()
        _send(answers, {"ready": True}, b"")
        while True:
            try:
                request, data = _receive(requests)
            except EOFError:
                return
            _limit_time()
            answer, rest = _answer(decode, request, bytes(data))
            _send(answers, answer, rest)


def _limit() -> None:
    """Memory that cannot be exceeded, and no core files. On Unix alone."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_time() -> None:
    """The processor time of the next film. On Unix alone; by the clock, the parent sees to it."""
    try:
        import resource
    except ImportError:
        return
    most = int(time.process_time()) + SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _answer(decode: Decode, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    source = Source(data, request["label"], request["name"])
    try:
        image = decode(source, force=request["force"])
    except GroundedError as error:
        return {"error": type(error).__name__, "message": str(error)}, b""
    except MemoryError:
        message = f"{source}: the file takes more memory than any film; it is damaged, or no film"
        return {"error": "ImageError", "message": message}, b""
    greys = image.unwindowed
    about = {"info": image.info.to_dict(), "scale": greys and greys.scale.to_dict()}
    values = b"" if greys is None else greys.values.tobytes()
    return about, b"".join((image.pixels.tobytes(), values, image.header))


def _send(stream: Any, head: dict[str, Any], rest: bytes) -> None:
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), len(rest)))
    stream.write(text)
    stream.write(rest)
    stream.flush()


def _receive(stream: Any) -> tuple[dict[str, Any], bytearray]:
    """The next message. Raises EOFError when the other side is gone."""
    first, second = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    head: dict[str, Any] = json.loads(bytes(_exactly(stream, first)))
    return head, _exactly(stream, second)


def _exactly(stream: Any, count: int) -> bytearray:
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        got = stream.readinto(view[done:])
        if not got:
            raise EOFError
        done += got
    return data
