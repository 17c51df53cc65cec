"""The usual place of each region: its mean box, as fractions of the film, over annotated films.

    python benchmarks/usual_places.py DATA/chest_anatomy

The regions follow from the outlines that people drew, through `grounded.detectors.anatomy`. The
figures are those of `usual_place` in configs/atlases/chest29.toml.
"""

import sys
from pathlib import Path

import numpy as np

from grounded import Box, Mask, Regions
from grounded.atlas import Atlas
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.organs import OrganExample
from grounded.detectors.anatomy import derive
from grounded.detectors.shape import Profile


def annotated_regions(example: OrganExample) -> tuple[Regions, Box]:
    """All regions that follow from the annotated outlines of a film, and the film's frame."""
    height, width = example.pixels().shape
    frame = Box(0, 0, width, height)
    masks = {
        organ: Mask(example.mask(organ).astype(np.float32), frame) for organ in example.outlines
    }
    profiles = {organ: Profile.of(mask) for organ, mask in masks.items()}
    boxes = {organ: profile.box for organ, profile in profiles.items() if profile is not None}
    organs = Regions(
        tuple(boxes),
        np.array([tuple(box) for box in boxes.values()]),
        np.ones(len(boxes)),
        tuple(masks[organ] for organ in boxes),
    )
    return derive(organs, frame), frame


def main(folder: Path) -> None:
    places: dict[str, list[tuple[float, ...]]] = {}
    for example in chest_anatomy(folder):
        regions, frame = annotated_regions(example)
        size = np.array([frame.width, frame.height] * 2)
        for region in regions:
            places.setdefault(region.name, []).append(tuple(np.array(tuple(region.box)) / size))
    for name in Atlas.open("chest29").names:
        mean, spread = np.mean(places[name], axis=0), np.std(places[name], axis=0)
        numbers = ", ".join(f"{value:.3f}" for value in mean)
        spreads = " ".join(f"{value:.3f}" for value in spread)
        print(f"{name:28} [{numbers}]  spread {spreads}  films {len(places[name])}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
