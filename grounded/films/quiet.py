"""Other libraries kept quiet while a file is read.

What pydicom, Pillow and tifffile warn of and log may quote values from the file, a patient's name
among them, so it goes nowhere. What is worth knowing reaches the user in words of our own, through
`ImageInfo.warnings` or an error.

Python's warning filters and loggers belong to the process, but a film is read in one thread of
many. So one filter of each kind is installed with the first film, and it asks every time whether
the thread (or task) that warns or logs is reading a file.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIBRARIES = ("pydicom", "PIL", "tifffile")
_READING = ContextVar("reading", default=False)  # whether this thread reads a file
_INSTALLING = threading.Lock()


class _AnyWhileReading(type):
    """Every warning counts as one of this class's kind while its thread reads a file."""

    def __subclasscheck__(cls, category: type) -> bool:
        return _READING.get()


class _Unheard(Warning, metaclass=_AnyWhileReading):
    """The category that the warning filter names."""


@contextmanager
def silenced() -> Iterator[None]:
    """No Python warning and no log line of the reading libraries leaves this block.

    Other threads warn and log as before.
    """
    _install()
    token = _READING.set(True)
    try:
        yield
    finally:
        _READING.reset(token)


def _install() -> None:
    with _INSTALLING:  # of the filters alone; files are read beside one another
        if not warnings.filters or warnings.filters[0][2] is not _Unheard:  # others may come before
            warnings.simplefilter("ignore", _Unheard)
        for handler in _handlers():
            handler.addFilter(_passes)


def _handlers() -> Iterator[logging.Handler]:
    """Where the libraries' log lines may end."""
    for logger in (logging.getLogger(name) for name in ("", *_LIBRARIES)):
        yield from logger.handlers
    if logging.lastResort is not None:  # without any other handler
        yield logging.lastResort


def _passes(record: logging.LogRecord) -> bool:
    return not (_READING.get() and record.name.split(".")[0] in _LIBRARIES)
