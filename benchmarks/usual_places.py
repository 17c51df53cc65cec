"""The usual place of each region: its mean box, as fractions of the film, over annotated films.

    python benchmarks/usual_places.py DATA/chest_anatomy

The regions follow from the outlines that people drew, through `grounded.chest.derive`. The
figures are those of `usual_place` in configs/atlases/chest29.toml.
"""

import sys
from pathlib import Path

import numpy as np

from grounded.atlas import Atlas
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.regions import annotated_regions


def main(folder: Path) -> None:
    places: dict[str, list[tuple[float, ...]]] = {}
    for example in chest_anatomy(folder):
        size = np.tile(example.image().shape[::-1], 2)
        for region in annotated_regions(example):
            places.setdefault(region.name, []).append(tuple(np.array(tuple(region.box)) / size))
    for name in Atlas.open("chest29").names:
        mean, spread = np.mean(places[name], axis=0), np.std(places[name], axis=0)
        numbers = ", ".join(f"{value:.3f}" for value in mean)
        spreads = " ".join(f"{value:.3f}" for value in spread)
        print(f"{name:28} [{numbers}]  spread {spreads}  films {len(places[name])}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
