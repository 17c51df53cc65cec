"""Reads a data set's `annotations.json`; the adapters share it."""

from __future__ import annotations

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
