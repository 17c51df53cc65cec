"""Which films a batch reads, and where each report goes: decided before anything is opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grounded.batch.ledger import LINES
from grounded.errors import InvalidValueError
from grounded.export.exporters import LIST

_PICTURES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_SKIPPED = "a folder that cannot be read"


@dataclass(frozen=True, slots=True)
class Job:
    """One film and the folder of its report.

    name: the film's path below the folder that was named, or its file name. named: whether the user
    named the file itself.
    """

    film: Path
    name: str
    folder: Path
    named: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch has to do. unreadable: folders that could not be searched, with the reason."""

    jobs: tuple[Job, ...]
    unreadable: dict[Path, str]


def plan(paths: Sequence[Path], out: Path, *, in_place: bool = False) -> Plan:
    """The films that `paths` name, each once, and the folders under `out` for their reports.

    One file goes to `out` itself. Otherwise the output mirrors the input: a film that lies in
    S1/ of a folder that was named goes to out/S1/<its name>, whatever else lies beside it; files
    and folders from several places keep their paths below the folder that they share. A name loses
    its suffix only if that is a picture's, and no other film there has the same name without it.

    Hidden files and folders, folders that hold an earlier report, and what lies under `out` are
    never read. Raises InvalidValueError when there is no file, and when reports would be written
    into a folder of the films that are read, unless `in_place` allows it.
    """
    if not in_place:
        _refuse_in_place(paths, out)
    unreadable: dict[Path, str] = {}
    found: dict[Path, bool] = {}
    for path in paths:
        if not _is_folder(path):
            found[path] = True
            continue
        for film in _films_in(path, None if in_place else out, unreadable):
            found.setdefault(film, False)
    if not found:
        raise InvalidValueError(f"there is no file in {', '.join(map(str, paths))}")
    root = _root(paths)
    names = {film: Path(os.path.relpath(film.absolute(), root)) for film in found}
    alone = len(paths) == 1 and found.get(paths[0], False)
    folders = {paths[0]: Path()} if alone else _folders(names)
    jobs = (
        Job(film, names[film].as_posix(), out / folders[film], named)
        for film, named in found.items()
    )
    return Plan(tuple(jobs), unreadable)


def _films_in(folder: Path, out: Path | None, unreadable: dict[Path, str]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        unreadable[Path(str(error.filename))] = f"{_SKIPPED}: {error.strerror}"

    for root, names, files in os.walk(folder, onerror=refused):
        here = Path(root)
        names[:] = sorted(
            name for name in names if not name.startswith(".") and not _is_output(here / name, out)
        )
        if LIST in files or _is_output(here, out):
            continue
        yield from (here / name for name in sorted(files) if not name.startswith("."))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long; opening it will say so
        return False


def _is_output(folder: Path, out: Path | None) -> bool:
    return out is not None and folder.resolve() == out.resolve()


def _root(paths: Sequence[Path]) -> Path:
    """The folder that names are relative to: the one that was named, or what several share."""
    tops = [str((path if _is_folder(path) else path.parent).absolute()) for path in paths]
    if len(tops) == 1:
        return Path(tops[0])
    shared = os.path.commonpath([str(Path(top).parent) for top in tops])
    return Path(shared if len(set(tops)) > 1 else tops[0])


def _folders(names: dict[Path, Path]) -> dict[Path, Path]:
    """The folder of each film's report, relative to the output, from the films' relative names."""
    short = Counter(_without_suffix(name) for name in names.values())
    whole = set(names.values())

    def folder(name: Path) -> Path:
        without = _without_suffix(name)
        is_free = short[without] == 1 and (without == name or without not in whole)
        return without if is_free else name

    return {film: folder(name) for film, name in names.items()}


def _without_suffix(name: Path) -> Path:
    return name.with_suffix("") if name.suffix.lower() in _PICTURES else name


def _refuse_in_place(paths: Sequence[Path], out: Path) -> None:
    """An output among the films is fine if it is new, or holds the reports of an earlier batch."""
    place = out.resolve()
    for path in paths:
        folder = (path if _is_folder(path) else path.parent).resolve()
        inside = _is_folder(path) and folder in place.parents and _is_used(place)
        if folder == place or inside:
            raise InvalidValueError(
                f"the reports would be written into {out}, where films may lie; name another "
                f"folder with --out, or say --in-place"
            )


def _is_used(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return bool(names) and LINES not in names
