"""Indiana University's films with their reports (Demner-Fushman et al., JAMIA 2016).

Folder: `indiana_reports.csv` (uid, MeSH, findings, impression), `indiana_projections.csv` (uid,
filename, projection) and the PNG films below it, as the collection is mostly passed on; and,
where it is there, `annotation.json` with the split that papers on report generation use (Chen et
al., EMNLP 2020). Terms: CC BY-NC-ND 4.0; cite the paper, for no commercial use, and pass nothing on
that was changed. `grounded.data.iu_text` reads the text alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from grounded.data.annotations import read_csv
from grounded.data.example import Example, Split, checked
from grounded.errors import DataError

REPORTS, PROJECTIONS, SPLITS = "indiana_reports.csv", "indiana_projections.csv", "annotation.json"
_SPLITS: Mapping[str, Split] = {"train": "train", "val": "calibration", "test": "held"}


def iu_xray(folder: Path) -> list[Example]:
    """The frontal films whose report has findings, ordered by name; reports in one line.

    A report without a findings section gives its impression. Raises DataError for a folder that
    does not fit, and for films that are missing.
    """
    reports = {
        row["uid"]: " ".join((row["findings"] or row["impression"] or "").split())
        for row in read_csv(folder / REPORTS, ("uid", "findings", "impression"))
    }
    splits = _splits(folder / SPLITS)
    places = {path.name: path for path in folder.rglob("*.png")}
    films = [
        Example(
            name=Path(row["filename"]).stem,
            source="IU X-ray",
            patient=row["uid"],  # a report is of one patient; nobody says who came twice
            path=places.get(row["filename"], folder / "images" / row["filename"]),
            split=splits.get(row["uid"], ""),
            report=reports[row["uid"]],
        )
        for row in read_csv(folder / PROJECTIONS, ("uid", "filename", "projection"))
        if row["projection"] == "Frontal" and reports.get(row["uid"])
    ]
    if not films:
        raise DataError(f"{folder} has no frontal film with a report")
    return checked(sorted(films, key=lambda film: film.name))


def _splits(path: Path) -> dict[str, Split]:
    """By uid, from ids CXR<uid>_IM-<n>-<m>; nothing without the file."""
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(item["id"]).removeprefix("CXR").partition("_")[0]: split
            for name, split in _SPLITS.items()
            for item in data[name]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not as expected: {error!r}") from error
