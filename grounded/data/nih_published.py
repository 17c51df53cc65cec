"""NIH ChestX-ray14 as it is published (Wang et al., CVPR 2017): films and labels mined from
reports.

Folder: `Data_Entry_2017*.csv` (Image Index, Finding Labels, Patient ID, Patient Age, Patient
Gender, View Position), `BBox_List_2017.csv` (boxes x y w h of about 1,000 findings),
`test_list.txt` and `train_val_list.txt`, and the PNG films below `images*/`. The labels are
noisy. Terms: the NIH Clinical Center puts no restriction on use; cite the paper and name the
source with a link to nihcc.app.box.com/v/ChestXray-NIHCC. `grounded.data.nih` reads the same
films with what radiologists saw in them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from grounded.data.annotations import read_csv
from grounded.data.example import Example, FilmReading, Mark, Split, checked
from grounded.data.nih import BOXES, FROM_TEXT, TEXT
from grounded.errors import DataError
from grounded.findings import Presence
from grounded.geometry import Box

ENTRIES = "Data_Entry_2017*.csv"
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Gender")
_LISTS: Mapping[str, Split] = {"test_list.txt": "held", "train_val_list.txt": "train"}


def nih_published(folder: Path) -> list[Example]:
    """The films that are in the folder, ordered by name; the set comes in parts.

    Raises DataError for a folder without the table of labels or without any film of it.
    """
    tables = sorted(folder.glob(ENTRIES))
    if not tables:
        raise DataError(f"no {ENTRIES} in {folder}; expected NIH ChestX-ray14's own folder")
    places = {path.name: path for path in folder.rglob("*.png")}
    boxes = _boxes(folder / "BBox_List_2017.csv")
    splits = {
        name: split
        for file, split in _LISTS.items()
        if (folder / file).is_file()
        for name in (folder / file).read_text(encoding="utf-8").split()
    }
    rows = [row for row in read_csv(tables[-1], _COLUMNS) if row["Image Index"] in places]
    films = [
        _example(row, places[row["Image Index"]], boxes[row["Image Index"]], splits) for row in rows
    ]
    if not films:
        raise DataError(f"{folder} has no film that {tables[-1].name} lists")
    return checked(sorted(films, key=lambda film: film.name))


def _example(
    row: Mapping[str, str], path: Path, marks: list[Mark], splits: Mapping[str, Split]
) -> Example:
    said = {FROM_TEXT[name] for name in row["Finding Labels"].split("|") if name in FROM_TEXT}
    reading = FilmReading(TEXT, {label: _presence(label, said) for label in FROM_TEXT.values()})
    about = {"age": row["Patient Age"].lstrip("0"), "sex": row["Patient Gender"]}
    return Example(
        name=path.stem,
        source="NIH ChestX-ray14",
        patient=row["Patient ID"],
        path=path,
        view=row.get("View Position") or "",
        split=splits.get(path.name, ""),
        readings=(FilmReading(BOXES, marks=tuple(marks)), reading) if marks else (reading,),
        about={key: value for key, value in about.items() if value},
    )


def _presence(label: str, said: Iterable[str]) -> Presence:
    return Presence.PRESENT if label in said else Presence.ABSENT


def _boxes(path: Path) -> dict[str, list[Mark]]:
    """By film. The table's heading is "Bbox [x,y,w,h]" over four columns."""
    found: dict[str, list[Mark]] = defaultdict(list)
    if not path.is_file():
        return found
    for row in read_csv(path, ("Image Index", "Finding Label")):
        cells = list(row.values())
        x, y, width, height = (float(cell) for cell in cells[2:6])
        label = FROM_TEXT[row["Finding Label"]]
        found[row["Image Index"]].append(Mark(label, Box(x, y, x + width, y + height)))
    return found
