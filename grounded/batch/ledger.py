"""What became of each film of a batch, written down as it happens.

The ledger is `manifest.jsonl`, one film a line, and the same as `manifest.csv`. A line is written
when the report of its film stands on the disk, so a batch that was killed at any moment can go on:
what has a line is done, what has none is done again.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from grounded.errors import ReportError
from grounded.export.exporters import write_whole

LINES, TABLE = "manifest.jsonl", "manifest.csv"


class Status(StrEnum):
    """What became of a film."""

    REPORTED = "reported"
    FAILED = "failed"
    LEFT_OUT = "left out"  # lay in a folder and is no picture


@dataclass(frozen=True, slots=True)
class Entry:
    """One film of a batch.

    file: relative to the folder that was named. folder: of its report, relative to the output.
    instance_uid: the DICOM SOP instance. pixels_sha256, model_sha256: of the film as it was read,
    and of all that the report follows from (version, preset, weights, formats). seconds: that the
    film itself took; of what films share, its part.
    """

    file: str
    status: Status
    folder: str = ""
    reason: str = ""
    instance_uid: str = ""
    pixels_sha256: str = ""
    model_sha256: str = ""
    seconds: float = 0.0


_HEADER = (",".join(field.name for field in fields(Entry)) + "\n").encode()


class Ledger:
    """The manifest of one output folder.

    resume: keep what an earlier batch wrote down there; otherwise the manifest starts anew. Raises
    ReportError when it cannot be read or written, or when a file of its name is no manifest.
    """

    def __init__(self, out: Path, *, resume: bool = False) -> None:
        self.lines, self.table = out / LINES, out / TABLE
        earlier = _read(self.lines)
        _check_table(self.table)
        self.entries: dict[str, Entry] = earlier if resume else {}
        kept = self.entries.values()
        rows = "".join(map(_row_of, kept)).encode("utf-8", "backslashreplace")
        write_whole(self.lines, "".join(map(_line, kept)).encode())
        write_whole(self.table, _HEADER + rows)

    def is_done(self, file: str, pixels_sha256: str, model_sha256: str) -> bool:
        """Whether this film was reported with the same pixels by the same model."""
        entry = self.entries.get(file)
        return (
            entry is not None
            and entry.status is Status.REPORTED
            and (entry.pixels_sha256, entry.model_sha256) == (pixels_sha256, model_sha256)
        )

    def add(self, entry: Entry) -> None:
        """Write a film down; what is on the disk then survives the end of the process."""
        self.entries[entry.file] = entry
        _append(self.lines, _line(entry))
        _append(self.table, _row_of(entry))


def _check_table(path: Path) -> None:
    """A table of the user's own that has this name is not replaced."""
    try:
        with path.open("rb") as file:
            found = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error}") from error
    if found != _HEADER:
        raise ReportError(
            f"{path} is no manifest of a batch, so it is not replaced; move it away or choose "
            f"another folder"
        )


def _append(path: Path, line: str) -> None:
    """The line, whole or not at all: a full disk leaves no half one for the next to follow."""
    size = -1
    try:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            content = line.encode("utf-8", "backslashreplace")
            while content:
                content = content[file.write(content) :]
            os.fsync(file.fileno())
    except OSError as error:
        if size >= 0:
            os.truncate(path, size)
        raise ReportError(f"cannot write {path}: {error}") from error


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry)) + "\n"  # ASCII: any file name survives


def _row_of(entry: Entry) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(asdict(entry).values())
    return text.getvalue()


def _read(path: Path) -> dict[str, Entry]:
    """The last entry of each film; a last line that a crash cut off does not count."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error}") from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            values = json.loads(line)
            entry = Entry(**{**values, "status": Status(values["status"])})
        except (ValueError, TypeError, KeyError) as error:
            if number >= len(lines) - 1:
                break
            raise ReportError(
                f"line {number} of {path} is no entry of a batch ({error}); "
                f"move the file away or choose another folder"
            ) from error
        entries.pop(entry.file, None)
        entries[entry.file] = entry
    return entries
