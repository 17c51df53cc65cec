"""All films of a data folder in which organs were outlined or boxed."""

from __future__ import annotations

from pathlib import Path

from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.covid_films import covid_films
from grounded.data.example import Example


def organ_films(data: Path) -> list[Example]:
    """The annotated films in a data folder: of chest_anatomy, and of covid_films if it is there."""
    films = chest_anatomy(data / "chest_anatomy")
    if (data / "covid_films").is_dir():
        films += covid_films(data / "covid_films")
    return films
