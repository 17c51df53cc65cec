"""How well the gate knows a frontal chest film, and how it lies.

    python benchmarks/film_gate.py --data DIR --pictures FOLDER --others FOLDER

DIR holds nih, hannover, covid_films, chest_anatomy and dicom, as for training; only what was held
out of the gate's training counts, by patient (`grounded.data.gate_films`). A film is lost when it
is refused, by the gate or, for films as they are and for pictures of something else, because the
detector finds no lung in it (its training saw most of the lateral films). Negatives, mirrored and
turned films are the same frontal films, changed.

The threshold for mirrored films is chosen on one half of the films held out, by patient (the
highest at which 99 % of their mirror images are known), and all figures are of the other half.

pictures: photographs and drawings, a picture each, as given to the training. others: pictures of
something else that no training saw, in a folder for each kind. Intervals: Wilson's, 95 %.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import grounded
from grounded import Image
from grounded.data.gate_films import GateFilm, gate_films
from grounded.detectors.gate import FilmGate
from grounded.errors import GroundedError, UnsuitableImageError
from grounded.evaluate.intervals import Rate
from grounded.train.augmentation import no_chest
from grounded.train.gate.samples import limb

Film = NDArray[np.float32]
Change = Callable[[np.ndarray], np.ndarray]
MADE_UP = "made up"
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
    parser.add_argument("--others", type=Path)
    parser.add_argument("--preset", default="measured")
    parser.add_argument("--films", type=int, default=1000, help="frontal films at most")
    given = parser.parse_args()
    reporter = grounded.load(given.preset)
    held = [film for film in gate_films(given.data, given.pictures) if film.held_out]
    frontal = [film for film in held if film.frontal]
    print(chosen(reporter, [film for film in frontal if film.chooses]))
    frontal = _spread([film for film in frontal if not film.chooses], given.films)
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
    groups = _others(held) | (_folders(given.others) if given.others else {})
    for name, others in groups.items():
        refused = [verdict(reporter, image)[0] for image in others]
        print(f"| {name} | {len(refused)} | {share(refused)} |", flush=True)
    real = [image for name, images in groups.items() if MADE_UP not in name for image in images]
    refused = [verdict(reporter, image)[0] for image in real]
    print(f"| all that are not made up | {len(refused)} | {share(refused)} |")


def chosen(reporter: grounded.Reporter, films: list[GateFilm]) -> str:
    """The threshold for mirrored films that these films give, in words."""
    gate = reporter.check
    assert isinstance(gate, FilmGate)
    images = [image for film in films if (image := opened(film.path)) is not None]
    odds = np.sort([-gate.mirrored(image) for image in images])  # of the mirror images
    threshold = odds[int(0.01 * len(odds))]
    false = sum(odds < -threshold)
    return (
        f"{len(odds)} frontal films to choose by: above log-odds of {threshold:.2f}, 99 % of their "
        f"mirror images and {false} of the films themselves are called mirrored\n"
    )


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
    trained_on = {"noise, clouds, bars": no_chest, "limbs": limb}
    for name, make in (trained_on | STRANGE).items():
        kind = "trained on" if name in trained_on else "not trained on"
        groups[f"{MADE_UP} ({kind}): {name}"] = [Image.of(make(300, rng)) for _ in range(100)]
    return groups


def _folders(folder: Path) -> dict[str, list[Image]]:
    return {
        part.name: [image for path in sorted(part.iterdir()) if (image := opened(path)) is not None]
        for part in sorted(folder.iterdir())
        if part.is_dir()
    }


def _page(side: int, rng: np.random.Generator) -> Film:
    """Lines of text, black on white or white on black."""
    page = np.zeros((side, side), np.uint8)
    size, step = float(rng.uniform(0.3, 0.9)), int(rng.integers(12, 36))
    for row in range(step, side, step):
        letters = "".join(rng.choice(list("abcdefghij klmnop qrstuv wxyz"), 60))
        cv2.putText(page, letters, (10, row), int(rng.integers(0, 5)), size, 255, 1)
    return (page if rng.random() < 0.5 else 255 - page) / np.float32(255)


def _plot(side: int, rng: np.random.Generator) -> Film:
    """Curves or bars within axes."""
    plot = np.ones((side, side), np.float32)
    cv2.rectangle(plot, (30, 15), (side - 15, side - 30), 0.0, 1)
    for _ in range(int(rng.integers(1, 5))):
        y = side / 2 + np.cumsum(rng.normal(0, 8, 40))
        points = np.column_stack([np.linspace(30, side - 15, 40), np.clip(y, 15, side - 30)])
        cv2.polylines(
            plot, [np.round(points).astype(np.int32)], False, float(rng.uniform(0, 0.7)), 2
        )
    for x in range(40, side - 40, int(rng.integers(20, 60))):
        if rng.random() < 0.5:
            top = int(rng.integers(30, side - 40))
            cv2.rectangle(plot, (x, top), (x + 12, side - 30), float(rng.uniform(0, 0.9)), -1)
    return plot


def _waves(side: int, rng: np.random.Generator) -> Film:
    """Gratings, checkers or rings."""
    y, x = np.mgrid[:side, :side] / side - rng.uniform(0.3, 0.7, (2, 1, 1))
    turned = x * np.cos(angle := rng.uniform(0, np.pi)) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    many = rng.uniform(4, 40)
    kinds = (turned, np.hypot(x, y), turned * np.sign(np.sin(across * many)))
    waves = 0.5 + 0.5 * np.sin(kinds[int(rng.integers(3))] * many)
    return np.asarray(np.round(waves) if rng.random() < 0.5 else waves, dtype=np.float32)


def _fractal(side: int, rng: np.random.Generator) -> Film:
    """Noise with as much power at every scale as natural pictures have, or other amounts."""
    reach = np.hypot(*np.meshgrid(*[np.fft.fftfreq(side)] * 2))
    reach[0, 0] = 1
    spectrum = np.fft.fft2(rng.standard_normal((side, side))) / reach ** rng.uniform(0.5, 2.5)
    field = np.fft.ifft2(spectrum).real
    return np.asarray((field - field.min()) / np.ptp(field), dtype=np.float32)


STRANGE = {"pages": _page, "plots": _plot, "waves": _waves, "noise of all scales": _fractal}


if __name__ == "__main__":
    main()
