"""Many films in, a folder a film out. A broken film is noted and the others go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grounded.errors import GroundedError
from grounded.export.files import save_all
from grounded.image import Image
from grounded.reporter import Reporter


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the films: the folder of each report, or why there is none."""

    written: dict[Path, Path] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)


def report_files(
    reporter: Reporter,
    paths: Sequence[Path],
    out: Path,
    *,
    force: bool = False,
    pictures: bool = True,
    batch_size: int = 4,
    advance: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Report each file into `out` (one film) or into a folder a film within it (many).

    `batch_size` films go through the models at once, and only as many are held in memory.
    `advance` hears how many films are done. Whatever was written stays.
    """
    outcome = Outcome()
    folders = _folders(paths, out)
    for start in range(0, len(paths), batch_size):
        batch = paths[start : start + batch_size]
        images = dict(_open(batch, force, outcome.failed))
        for path, report in zip(images, reporter.report_all(images.values()), strict=True):
            try:
                save_all(report, folders[path], pictures=pictures)
                outcome.written[path] = folders[path]
            except (GroundedError, OSError) as error:
                outcome.failed[path] = f"{path}: its report could not be written: {error}"
        advance(start + len(batch))
    return outcome


def films_in(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those in the folders named (hidden ones left out), each once."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("[!.]*")) if path.is_dir() else [path]
        found.update((file, None) for file in inside if not file.is_dir())
    return list(found)


def _open(
    paths: Sequence[Path], force: bool, failed: dict[Path, str]
) -> Iterator[tuple[Path, Image]]:
    for path in paths:
        try:
            yield path, Image.open(path, force=force)
        except GroundedError as error:
            failed[path] = str(error)


def _folders(paths: Sequence[Path], out: Path) -> Mapping[Path, Path]:
    if len(paths) == 1:
        return {paths[0]: out}
    folders: dict[Path, Path] = {}
    for path in paths:
        names = itertools.chain([path.stem], (f"{path.stem}-{n}" for n in itertools.count(2)))
        taken = set(folders.values())
        folders[path] = next(out / name for name in names if out / name not in taken)
    return folders
