"""Films with known regions, from phantoms: what the tests of findings start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from grounded.chest.names import REGIONS
from grounded.data.example import Example
from grounded.data.finding_films import finding_films
from grounded.synthetic.collection import phantom_regions
from grounded.synthetic.phantom import chest_phantom, write_phantoms
from grounded.train.findings.samples import KnownFilm, Pairs

SIDE = 128
ZONES = ("upper lung zone", "mid lung zone", "lower lung zone")
PAIRS = Pairs.of(
    {
        "Lung Opacity": ["lung", *ZONES],
        "Pleural Effusion": ["costophrenic angle"],
        "Cardiomegaly": ["cardiac silhouette"],
        "Support Devices": ["lung", "trachea"],
    }
)
OPACITY, EFFUSION, HEART, DEVICES, ABNORMAL = range(5)  # columns of PAIRS


def row(region: str) -> int:
    return REGIONS.index(region)


def examples(folder: Path, count: int) -> list[Example]:
    """`count` phantoms as a folder of films that are clear of findings."""
    write_phantoms(folder / "chest_anatomy", count, side=SIDE)
    return finding_films(folder)


def known_films(folder: Path, count: int, side: int = SIDE) -> list[KnownFilm]:
    """The same with their true regions in the place of a detector's."""
    return [
        KnownFilm.of(example, phantom_regions(chest_phantom(seed, (SIDE, SIDE))), PAIRS, side)
        for seed, example in enumerate(examples(folder, count))
    ]


def unknown() -> NDArray[np.float32]:
    """(R, F) of a film of which nothing is known."""
    return np.full((len(REGIONS), len(PAIRS.labels)), np.nan, dtype=np.float32)
