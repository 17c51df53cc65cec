"""Reports as files: the end of the path's name chooses the exporter, an entry point names it.

An exporter is a function from a report to bytes; what it takes beside the report, by keyword and
with a default, are its options. Any installed package can add one under the entry point group
`grounded.exporters`; its name is the end of the file names that it writes, without the first dot
("json", "sr.dcm"). Our own are found in the same way.
"""

from __future__ import annotations

import inspect
import itertools
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from grounded.errors import (
    GroundedError,
    MissingExtraError,
    NothingToExportError,
    ReportError,
)
from grounded.films.quiet import silenced
from grounded.report import GroundedReport

Exporter = Callable[..., bytes]

GROUP = "grounded.exporters"
DATA = ("json", "txt")
EVERYTHING = (*DATA, "html", "png")
LIST = "report.files"  # names what a report wrote into a folder, one name a line
_OVERLAY = "overlay.png"
_PART = f".{'[0-9a-f]' * 16}.grounded"  # a file that is still being written


def formats() -> tuple[str, ...]:
    """The names of the exporters that are installed, our own first."""
    points = sorted(_installed(), key=lambda point: (not _is_ours(point), point.name))
    return tuple(dict.fromkeys(point.name for point in points))


def exporter(name: str) -> Exporter:
    """The exporter of this name. Only its own module is loaded; our own wins over another's.

    Raises ReportError for a name that is not installed, or an exporter that cannot be loaded, and
    MissingExtraError for one whose library is an extra.
    """
    point = _point(name)
    try:
        loaded = point.load()
    except GroundedError:
        raise
    except ModuleNotFoundError as error:
        raise _missing(name, point, error) from error
    except (ImportError, AttributeError) as error:
        raise _unloadable(point, error) from error
    if not callable(loaded):
        raise ReportError(f"the exporter {name!r} ({point.value}) is no function")
    found: Exporter = loaded
    return found


def format_of(path: Path) -> str:
    """The exporter that the end of a file's name chooses; the longest end that is known wins.

    Raises ReportError when none is known.
    """
    parts = path.name.lower().split(".")
    known = formats()
    for start in range(1, len(parts)):
        if (name := ".".join(parts[start:])) in known:
            return name
    raise ReportError(
        f"cannot write {os.fspath(path)!r}: the suffix {path.suffix!r} is not known; known are "
        f"{', '.join(f'.{name}' for name in known)}. Another name can be used with format="
    )


def export(report: GroundedReport, name: str, options: Mapping[str, str] | None = None) -> bytes:
    """The report in the format of this name. Raises ReportError for an option that it lacks."""
    write, given = exporter(name), dict(options or {})
    if unknown := set(given) - set(options_of(name)):
        known = ", ".join(options_of(name)) or "none"
        raise ReportError(
            f"the exporter {name!r} takes no option {', '.join(sorted(unknown))}; it takes: {known}"
        )
    try:
        with silenced():  # what libraries warn of may quote the patient's name
            return write(report, **given)
    except ModuleNotFoundError as error:
        raise _missing(name, _point(name), error) from error


def options_of(name: str) -> tuple[str, ...]:
    """What the exporter of this name takes beside the report. Raises as `exporter`."""
    parameters = inspect.signature(exporter(name)).parameters.values()
    return tuple(p.name for p in parameters if p.default is not p.empty)


def save(
    report: GroundedReport, path: Path, format: str = "", options: Mapping[str, str] | None = None
) -> None:
    """Write the report in the format that the path's name ends with, or in the one that is named.

    The file appears whole or not at all; missing folders are made. Raises ReportError for an
    unknown format or option, for a picture of a report without film, for a DICOM object of a film
    that is no DICOM, and when the file cannot be written.
    """
    write_whole(path, export(report, format or format_of(path), options))


def save_all(
    report: GroundedReport,
    folder: Path,
    formats: Iterable[str] = EVERYTHING,
    options: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write a report into a folder in several formats and return the paths.

    Each format gives `report.<format>`; "png" gives overlay.png and a panel for each sentence,
    sentence_01.png and on, if the report has its film. A format that finds nothing to write is left
    out. options go to the exporters that take them.
    The names are listed in `report.files`.
    What an earlier report listed there is replaced or removed; any other file stays. Raises
    ReportError, before anything is written, when a file of one of these names stands in the folder
    that no earlier report listed.
    """
    contents = dict(_contents(report, tuple(formats), options or {}))
    listed = _listed(folder)
    for name in contents:
        if name not in listed and (folder / name).exists():
            raise ReportError(
                f"{folder / name} is no file of an earlier report, so it is not replaced; "
                f"move it away or choose another folder"
            )
    for rest in folder.glob(_PART):  # of a process that was killed
        rest.unlink(missing_ok=True)
    write_whole(folder / LIST, _listing([*listed, *contents]))  # before, so that a crash is known
    for name, content in contents.items():
        write_whole(folder / name, content)
    for name in listed - set(contents):
        (folder / name).unlink(missing_ok=True)
    write_whole(folder / LIST, _listing(contents))
    return tuple(folder / name for name in contents)


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the path and move into place, so that no reader ever sees half a file.

    Raises ReportError when it cannot be written; nothing is left then.
    """
    beside = path.with_name(f".{secrets.token_hex(8)}.grounded")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ReportError(f"cannot write {os.fspath(path)!r}: {error}") from error


def _contents(
    report: GroundedReport, formats: Sequence[str], options: Mapping[str, str]
) -> Iterable[tuple[str, bytes]]:
    for name in formats:
        if name != "png":
            taken = {key: options[key] for key in options_of(name) if key in options}
            with suppress(NothingToExportError):
                yield f"report.{name}", export(report, name, taken)
        elif report.film is not None:
            from grounded.export.picture import panels

            yield _OVERLAY, exporter(name)(report)
            for number, panel in zip(itertools.count(1), panels(report)):
                yield f"sentence_{number:02d}.png", panel


def _listed(folder: Path) -> frozenset[str]:
    """What an earlier report wrote there; a name that leads elsewhere does not count."""
    try:
        names = (folder / LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(name for name in names if name.strip(".") and Path(name).name == name)


def _listing(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in sorted(set(names))).encode()


def _point(name: str) -> EntryPoint:
    """Where the exporter of a name is; our own wins over another's."""
    points = sorted((point for point in _installed() if point.name == name), key=_is_ours)
    if not points:
        raise ReportError(f"no exporter {name!r} is installed; there are: {', '.join(formats())}")
    return points[-1]


def _missing(name: str, point: EntryPoint, error: ModuleNotFoundError) -> GroundedError:
    if not point.extras:
        return _unloadable(point, error)
    return MissingExtraError(
        f"the format {name!r} needs {error.name}: pip install 'grounded[{point.extras[0]}]'"
    )


def _unloadable(point: EntryPoint, error: Exception) -> ReportError:
    return ReportError(
        f"the exporter {point.name!r} cannot be loaded from {point.value}: {error}; install its "
        f"package again"
    )


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """Every exporter; kept, since looking through all packages takes milliseconds a time."""
    return tuple(entry_points(group=GROUP))


def _is_ours(point: EntryPoint) -> bool:
    return point.value.startswith("grounded.")
