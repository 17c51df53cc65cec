"""Films of adults with tuberculosis (TBX11K) with radiologists' boxes of the lesions.

Folder: `annotations.json` and `images/`. All of them have the disease, so regions are compared
within a film, and films with others of the same look only with care. Terms: cite Liu et al., CVPR
2020; the statements on its licence differ, so academic and non-commercial use.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from grounded.data.annotations import read_annotations
from grounded.data.example import Example, FilmReading, Mark, checked
from grounded.data.nih import OPACITY, RADIOLOGISTS, part_of
from grounded.findings import Presence
from grounded.geometry import Box


def tuberculosis_seen(folder: Path) -> list[Example]:
    """The films of `tuberculosis_films`, of which those with a box are said to show an opacity, so
    that reports can be judged by them."""
    films = tuberculosis_films(folder)
    return [
        replace(film, readings=tuple(replace(r, findings=_shown(r)) for r in film.readings))
        for film in films
    ]


def _shown(reading: FilmReading) -> dict[str, Presence]:
    return dict.fromkeys((mark.label for mark in reading.marks), Presence.PRESENT)


def tuberculosis_films(folder: Path) -> list[Example]:
    """All films, ordered by name; their lesions are opacities, and each of them has a box.

    Nothing is said of a film as a whole: where all films have a disease, it could be seen from the
    look of the collection.
    """
    films = []
    for row in read_annotations(folder, required=("file", "boxes")):
        path = folder / str(row["file"])
        reading = FilmReading(
            RADIOLOGISTS,
            marks=tuple(Mark(OPACITY, Box(*item["box"])) for item in row["boxes"]),
            located=frozenset({OPACITY}),
        )
        films.append(
            Example(
                name=path.stem,
                source="tb",
                patient=path.stem,  # one film a patient
                path=path,
                split=part_of(path.stem),
                readings=(reading,),
            )
        )
    return checked(sorted(films, key=lambda film: film.name))
