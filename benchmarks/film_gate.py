"""How well the gate knows a frontal chest film, and how it lies.

    python benchmarks/film_gate.py --data DIR --pictures FOLDER

DIR holds nih, hannover, covid_films, chest_anatomy and dicom, as for training; only what was held
out of the gate's training counts, by patient (`grounded.data.gate_films`). A film is lost when it
is refused, by the gate or, for films as they are and for pictures of something else, because the
detector finds no lung in it (its training saw most of the lateral films). Negatives, mirrored and
turned films are the same frontal films, changed. FOLDER: photographs and drawings, a picture each.
Intervals: Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

import grounded
from grounded import Image
from grounded.data.gate_films import GateFilm, gate_films
from grounded.errors import GroundedError, UnsuitableImageError
from grounded.evaluate.intervals import Rate
from grounded.train.augmentation import no_chest
from grounded.train.gate.samples import limb

Change = Callable[[np.ndarray], np.ndarray]
CHANGES: dict[str, Change] = {
    "as it is": lambda film: film,
    "negative": lambda film: 1 - film,
    "mirrored": lambda film: film[:, ::-1],
    "turned by 90": lambda film: np.rot90(film, -1),
    "turned by 270": lambda film: np.rot90(film, 1),
    "upside down": lambda film: np.rot90(film, 2),
    "negative, mirrored": lambda film: 1 - film[:, ::-1],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--preset", default="measured")
    parser.add_argument("--films", type=int, default=1000, help="frontal films at most")
    given = parser.parse_args()
    reporter = grounded.load(given.preset)
    held = [film for film in gate_films(given.data, given.pictures) if film.held_out]
    frontal = _spread([film for film in held if film.frontal], given.films)
    print(f"{len(frontal)} frontal films, by how they were changed:\n")
    print("| film | n | lost | called negative | called mirrored | turned |")
    print("|---|---|---|---|---|---|")
    images = [image for film in frontal if (image := opened(film.path)) is not None]
    for name, change in CHANGES.items():
        unchanged = change is CHANGES["as it is"]
        answers = [verdict(reporter, changed(image, change), unchanged) for image in images]
        print(
            f"| {name} | {len(answers)} | "
            + " | ".join(map(share, zip(*answers, strict=True)))
            + " |"
        )
    print("\n| picture of something else | n | refused |\n|---|---|---|")
    for name, others in _others(held).items():
        refused = [verdict(reporter, image)[0] for image in others]
        print(f"| {name} | {len(refused)} | {share(refused)} |")


def verdict(
    reporter: grounded.Reporter, image: Image, confirmed: bool = True
) -> tuple[bool, bool, bool, bool]:
    """Whether a film was refused, turned over, called mirrored and turned back.

    confirmed: the detector looks for lungs, too.
    """
    assert reporter.check is not None
    try:
        checked = reporter.check.check(image)
        if confirmed:
            [regions] = reporter.detector.detect([checked])
            reporter.check.confirm(checked, regions)
    except UnsuitableImageError:
        return True, False, False, False
    negative = any("turned over" in text for text in checked.info.warnings)
    return False, negative, checked.info.sides_in_doubt, checked.info.orientation != 1


def changed(image: Image, change: Change) -> Image:
    return Image.of(np.ascontiguousarray(change(image.pixels)))


def opened(path: Path) -> Image | None:
    try:
        return replace(Image.open(path, force=True), forced=False)
    except GroundedError:
        return None


def share(hits: Iterable[bool]) -> str:
    flags = list(hits)
    return str(Rate(sum(flags), len(flags)).estimate)


def _spread(films: list[GateFilm], count: int) -> list[GateFilm]:
    """All films of the small collections, and as many of the large one, its large films first."""
    small = [film for film in films if film.source != "nih"]
    large = sorted((film for film in films if film.source == "nih"), key=_by_size)
    return (small + large)[:count]


def _by_size(film: GateFilm) -> tuple[int, str]:
    return -int(film.path.parent.name.split("_")[-1]), film.path.name


def _others(held: list[GateFilm]) -> dict[str, list[Image]]:
    rng = np.random.default_rng(0)
    groups: dict[str, list[Image]] = {}
    for film in held:
        if not film.frontal and (image := opened(film.path)) is not None:
            name = "lateral chest" if film.source == "covid" else film.source
            groups.setdefault(name, []).append(image)
    groups["made up: noise, clouds, bars"] = [Image.of(no_chest(300, rng)) for _ in range(200)]
    groups["made up: limbs"] = [Image.of(limb(300, rng)) for _ in range(200)]
    return groups


if __name__ == "__main__":
    main()
