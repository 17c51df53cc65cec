"""ChestX-Det: films of NIH ChestX-ray14 with what radiologists outlined (Lian et al., 2021).

Folder: `ChestX_Det_train.json` and `ChestX_Det_test.json` (rows with file_name, syms, boxes and
polygons), and the PNG films in `train_data/` or `train/`, and `test_data/` or `test/`. Terms: the
annotations are under Apache-2.0, cite Lian et al., arXiv:2104.10326; the films are the NIH Clinical
Center's, without restriction on use, cite Wang et al., CVPR 2017, and name the source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grounded.data.example import Example, Split, checked
from grounded.data.nih import radiologists_reading
from grounded.errors import DataError

_SPLITS: Mapping[str, Split] = {"train": "train", "test": "held"}


def chestx_det(folder: Path) -> list[Example]:
    """The films of both splits, ordered by name. Raises DataError for a folder that does not fit.

    Every object of the 13 findings is outlined, so a film without one is free of it.
    """
    tables = {split: folder / f"ChestX_Det_{split}.json" for split in _SPLITS}
    films = []
    for split, table in tables.items():
        if not table.is_file():
            continue
        places = _films(folder, split)
        try:
            rows = json.loads(table.read_text(encoding="utf-8"))
            films += [_example(folder, split, row, places) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{table} is not as expected: {error!r}") from error
    if not films:
        raise DataError(f"neither {' nor '.join(p.name for p in tables.values())} in {folder}")
    return checked(sorted(films, key=lambda film: film.name))


def _films(folder: Path, split: str) -> dict[str, Path]:
    roots = (folder / f"{split}_data", folder / split)
    return {path.name: path for root in roots for path in root.rglob("*.png")}


def _example(
    folder: Path, split: str, row: Mapping[str, Any], places: Mapping[str, Path]
) -> Example:
    name = str(row["file_name"])
    objects = [
        {"label": label, "polygon": polygon}
        for label, polygon in zip(row["syms"], row["polygons"], strict=True)
    ]
    return Example(
        name=Path(name).stem,
        source="ChestX-Det",
        patient=name.partition("_")[0],  # NIH's names begin with the patient's number
        path=places.get(name, folder / split / name),
        split=_SPLITS[split],
        readings=(radiologists_reading(objects),),
    )
