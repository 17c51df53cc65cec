"""Films with what is known of their regions: what findings are learned from and measured on.

The films of `chest_anatomy` are taken for clear of all findings but nodules (JSRT's own) and large
hearts (by their outlines). Those of `covid_films` are known by their notes, see `film_findings`;
what the notes do not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grounded.chest.measures import ratio_of_boxes
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.data.chest_anatomy import FADED, Nodule, chest_anatomy, jsrt_nodules
from grounded.data.covid_films import covid_films
from grounded.data.example import COLLECTION, Example, FilmReading, Mark
from grounded.data.film_findings import read_film_findings
from grounded.errors import DataError
from grounded.findings import Presence

NOTES = "notes"
NOTES_TABLE = "film_findings.csv"  # beside the films of covid_films
NODULES = "JPCLN"  # JSRT's films with a lung nodule; those without one are JPCNN
LARGE, USUAL = 0.52, 0.48  # cardiothoracic ratios from which on there is no doubt
CLEAR_OF = (
    *("Lung Opacity", "Pleural Effusion", "Pneumothorax", "Atelectasis", "Emphysema", "Edema"),
    "Support Devices",
)
LESIONS = ("Lung Lesion", "Nodule", "Mass")
MASS_MM = 30.0  # the size from which on a nodule is called a mass

Known = Mapping[tuple[str, str], Presence]


def finding_films(data: Path, notes: Path | None = None) -> list[Example]:
    """All frontal films of `data` of which findings are known, ordered by name within a source.

    data: the folder that holds `chest_anatomy` and, if there is one, `covid_films`. notes: the
    table of what is known of the films of covid_films (`benchmarks/covid_films.csv`); None looks
    for film_findings.csv beside the films, and leaves them out if it is not there.
    """
    nodules = {nodule.film: nodule for nodule in jsrt_nodules(data / "chest_anatomy")}
    examples = [
        _clear_film(film, nodules.get(film.name))
        for film in chest_anatomy(data / "chest_anatomy")
        if film.name not in FADED
    ]
    folder = data / "covid_films"
    table = notes or folder / NOTES_TABLE
    if folder.is_dir() and table.is_file():
        said = read_film_findings(table)
        examples += [
            _described(film, said[film.name])
            for film in covid_films(folder)
            if film.name in said and not film.absent
        ]
    return examples


def _clear_film(film: Example, nodule: Nodule | None) -> Example:
    absent = list(CLEAR_OF)
    if not film.name.startswith(NODULES):
        absent += LESIONS
    found = dict.fromkeys(absent, Presence.ABSENT)
    marks: tuple[Mark, ...] = ()
    if nodule is not None:
        label = "Mass" if nodule.size_mm >= MASS_MM else "Nodule"
        found |= dict.fromkeys(LESIONS, Presence.ABSENT)
        found |= dict.fromkeys(("Lung Lesion", label), Presence.PRESENT)
        marks = (Mark(label, nodule.box),)
    regions: dict[tuple[str, str], Presence] = {}
    ratio = _ratio(film)
    if not USUAL < ratio < LARGE:
        found["Cardiomegaly"] = Presence.PRESENT if ratio >= LARGE else Presence.ABSENT
        regions[HEART, "Cardiomegaly"] = found["Cardiomegaly"]
    located = frozenset(found) - {"Cardiomegaly"}
    reading = FilmReading(COLLECTION, found, regions, marks, located)
    return replace(film, readings=(reading,))


def _ratio(film: Example) -> float:
    """The cardiothoracic ratio by readers, or else by the boxes of the outlines."""
    if film.cardiothoracic_ratio is not None:
        return film.cardiothoracic_ratio
    ratio = ratio_of_boxes(film.reference_boxes())
    if ratio is None:
        raise DataError(f"{film.name} has no outlines of heart and lungs to take a ratio from")
    return ratio


def _described(film: Example, known: Known) -> Example:
    """A film whose notes call both lungs clear is clear of all that lungs show."""
    lungs = {known.get((lung, "Lung Opacity")) for lung in (RIGHT_LUNG, LEFT_LUNG)}
    others = {presence for (_, label), presence in known.items() if label in CLEAR_OF[1:4]}
    clear = CLEAR_OF[:4] if lungs == {"absent"} and others <= {"absent"} else ()
    return replace(
        film, readings=(FilmReading(NOTES, dict.fromkeys(clear, Presence.ABSENT), known),)
    )
