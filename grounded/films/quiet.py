"""Other libraries kept quiet while a file is read.

What pydicom, Pillow and tifffile warn of and log may quote values from the file, a patient's name
among them, so it goes nowhere. What is worth knowing reaches the user in words of our own, through
`ImageInfo.warnings` or an error.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LIBRARIES = ("pydicom", "PIL", "tifffile")
_LOCK = threading.RLock()  # warning filters belong to the process: one reader at a time


@contextmanager
def silenced() -> Iterator[None]:
    """No Python warning and no log line of the reading libraries leaves this block."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loggers = [logging.getLogger(name) for name in _LIBRARIES]
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:  # their children inherit the level
                logger.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
