"""The pool of other patients' films that an audit asks about and takes tissue from.

A pool is a folder with `films.csv`: a line a film, with the columns `file` (beside the table) and
`findings` (labels of the vocabulary with ";" between them, empty for a film without any). One film
of a healthy chest ships (`configs/audit`).
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from grounded.errors import DataError
from grounded.findings import label_of
from grounded.image import Image

TABLE = "films.csv"


@dataclass(frozen=True, slots=True, eq=False)
class PoolFilm:
    """A film of another patient, and the findings that it is known to have."""

    image: Image
    findings: frozenset[str] = frozenset()


def read_pool(folder: str | os.PathLike[str] | None = None) -> list[PoolFilm]:
    """The films of a pool; without a folder, the one that ships. Raises DataError for no pool."""
    return _shipped() if folder is None else _read(Path(folder))


@lru_cache(maxsize=1)
def _shipped() -> list[PoolFilm]:
    return _read(Path(str(resources.files("grounded.configs"))) / "audit")


def _read(place: Path) -> list[PoolFilm]:
    try:
        with (place / TABLE).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        return [_film(place, row) for row in rows]
    except (OSError, KeyError) as error:
        raise DataError(
            f"{place} holds no pool of films: expected {TABLE} with the columns file and "
            f"findings; {error!r}"
        ) from error


def _film(place: Path, row: dict[str, str]) -> PoolFilm:
    words = [word.strip() for word in (row["findings"] or "").split(";") if word.strip()]
    return PoolFilm(
        Image.open(place / row["file"], force=True), frozenset(label_of(word) for word in words)
    )
