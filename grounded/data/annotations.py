"""Reads what data sets keep their annotations in; the adapters share it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from grounded.errors import DataError


def read_annotations(folder: Path, required: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of `folder/annotations.json`. Raises DataError for what is missing or misshapen."""
    path = folder / "annotations.json"
    if not path.is_file():
        raise DataError(f"no annotations.json in {folder}; expected the data set's own folder")
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path} should hold a list of films, got {type(rows).__name__}")
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or not row.keys() >= set(required):
            found = sorted(row) if isinstance(row, dict) else type(row).__name__
            raise DataError(f"film {number} of {path} lacks some of {required}; it has {found}")
    return rows


def read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a table. Raises DataError when it is missing, empty or lacks one of `columns`."""
    if not path.is_file():
        raise DataError(f"{path} is missing; is the data set complete?")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if lacking := [key for key in columns if key not in (reader.fieldnames or ())]:
                raise DataError(f"{path} lacks the columns {lacking}; it has {reader.fieldnames}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if not rows:
        raise DataError(f"{path} lists no films")
    return rows


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of a film, from the file's header. Raises DataError for an unreadable one."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            return picture.size
    except FileNotFoundError as error:
        raise DataError(f"the film {path} is missing") from error
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"the film {path} cannot be read") from error
