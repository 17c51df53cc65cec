"""Whether rotation and inspiration could be stated of a film: what the outlines carry of them.

    python benchmarks/film_quality.py --data DIR --detector neural --films 60

On JSRT films, whose clavicles are outlined too, two candidates are measured on people's outlines
and on those of a preset's detector:

- rotation: how much farther the left clavicle's medial end lies from the midline than the right
  one's, over the distance between them. The midline is the axis of the lungs' borders, since
  neither the spine nor the spinous processes are outlined.
- inspiration: the lungs' mean height from apex to dome over the width of the chest.

Printed are the span of the middle 95 % of the films by people's outlines, the error of the
detector's, and how many films lie further from the median than that error alone may move them; and
for inspiration, 25 films of each view of patients with pneumonia: who lies, breathes in less.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import grounded
from grounded import Mask
from grounded.atlas import Side
from grounded.chest.landmarks import Landmarks, survey
from grounded.chest.measures import CERTAIN
from grounded.chest.names import LEFT_CLAVICLE, ORGANS, RIGHT_CLAVICLE
from grounded.chest.outline import Profile
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.covid_films import covid_films
from grounded.data.example import Example
from grounded.errors import InvalidValueError
from grounded.protocols import RegionDetector


def rotation(chest: Landmarks) -> float:
    """0 where both medial ends lie as far from the midline; positive with the left one farther."""
    right, left = chest.organs[RIGHT_CLAVICLE].box, chest.organs[LEFT_CLAVICLE].box
    level = (right.center[1] + left.center[1]) / 2
    middle = chest.axis.at(level)
    return ((left.x0 - middle) - (middle - right.x1)) / (left.x0 - right.x1)


def inspiration(chest: Landmarks) -> float:
    """Mean height of the lungs over the width of the chest."""
    heights = [chest.lung(side).height for side in (Side.RIGHT, Side.LEFT)]
    return float(np.mean(heights)) / chest.width


CANDIDATES: dict[str, Callable[[Landmarks], float]] = {
    "rotation": rotation,
    "inspiration": inspiration,
}


def measured(outlines: dict[str, Mask], example: Example) -> dict[str, float]:
    """Each candidate, NaN where an outline is missing."""
    profiles = {name: Profile.of(mask) for name, mask in outlines.items()}
    known = {name: profile for name, profile in profiles.items() if profile is not None}
    chest = survey(known, example.image().info.frame)
    found = {}
    for name, measure in CANDIDATES.items():
        try:
            found[name] = measure(chest)
        except (KeyError, InvalidValueError):
            found[name] = float("nan")
    return found


def drawn(example: Example) -> dict[str, Mask]:
    """What people outlined."""
    frame = example.image().info.frame
    return {
        organ: Mask(example.mask(organ).astype(np.float32), frame)
        for organ in ORGANS
        if organ in example.outlines
    }


def print_views(detector: RegionDetector, folder: Path, count: int = 25) -> None:
    """Inspiration on films of ill people, by view, on the detector's outlines."""
    films = covid_films(folder)
    for view in ("PA", "AP", "AP Supine"):
        own = [film for film in films if film.view == view]
        order = np.random.default_rng(0).permutation(len(own))[:count]
        values = [
            measured(outlined(detector, own[index]), own[index])["inspiration"] for index in order
        ]
        low, middle, high = np.nanpercentile(values, [5, 50, 95])
        print(
            f"inspiration, {view:9} {len(values)} films: {low:.3f} to {high:.3f}, "
            f"median {middle:.3f}"
        )


def outlined(detector: RegionDetector, example: Example) -> dict[str, Mask]:
    [regions] = detector.detect([example.image()])
    return {region.name: region.mask for region in regions if region.mask is not None}


def report(name: str, people: NDArray[np.float64], detector: NDArray[np.float64]) -> None:
    both = np.isfinite(people) & np.isfinite(detector)
    low, middle, high = np.percentile(people[both], [2.5, 50, 97.5])
    away = np.abs(detector - people)[both]
    error = float(np.percentile(away, 90)) / CERTAIN
    beyond = int((np.abs(people[both] - middle) > CERTAIN * error).sum())
    print(
        f"{name:12} {both.sum():3} films, people: {low:.3f} to {high:.3f}, median {middle:.3f}, "
        f"standard deviation {people[both].std(ddof=1):.3f}; detector: bias "
        f"{(detector - people)[both].mean():+.3f}, error {error:.3f}; {beyond} films lie further "
        f"from the median than the error may move them"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="chest_anatomy, covid_films in it")
    parser.add_argument("--detector", default="neural", help="the preset whose detector is used")
    parser.add_argument("--films", type=int, default=60)
    options = parser.parse_args()
    examples = [
        example
        for example in chest_anatomy(options.data / "chest_anatomy")
        if {RIGHT_CLAVICLE, LEFT_CLAVICLE} <= set(example.outlines)
    ][: options.films]
    detector = grounded.load(options.detector).detector
    people, found = [], []
    for example in examples:
        people.append(measured(drawn(example), example))
        found.append(measured(outlined(detector, example), example))
    for name in CANDIDATES:
        report(
            name,
            np.array([row[name] for row in people]),
            np.array([row[name] for row in found]),
        )
    print_views(detector, options.data / "covid_films")


if __name__ == "__main__":
    main()
