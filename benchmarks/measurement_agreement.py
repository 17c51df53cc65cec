"""How well the measurements agree with readers, and what is usual on films of healthy chests.

    python benchmarks/measurement_agreement.py --data DIR [--detector PRESET]

Without a detector everything is measured on the outlines that people drew. Printed are the
agreement of the cardiothoracic ratio with the readers' (Wingspan) for several definitions of it,
the span of the middle 95 % of each measurement on the JSRT films (the reference ranges of
`grounded.chest.measures`), how the values move when a film is tilted or its masks are coarse,
and how often each statement is made. With a detector also the difference between the values from
its outlines and from people's; the distance within which 90 % of the films lie, over 1.645, is the
`error` of each reference.
`--held-out FRACTION SEED` takes only films that a training with that split did not see.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import grounded
from grounded import Box, Image, Mask, Regions
from grounded.chest import measures
from grounded.chest.names import HEART, LEFT_LUNG, RIGHT_LUNG
from grounded.chest.outline import Chest, NotMeasurable
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example, split_by_patient
from grounded.generators.measured.generator import Measured
from grounded.image import ImageInfo
from grounded.protocols import Question

Measure = Callable[[Chest], float]
Values = NDArray[np.float64]

COLUMNS = "   n  mean abs     bias        95 % limits  90 % within    error"
ORGANS = (RIGHT_LUNG, LEFT_LUNG, HEART)
MEASURES: dict[str, Measure] = {
    "cardiothoracic ratio": lambda chest: measures.cardiothoracic_ratio(chest).value,
    "difference in lung height": lambda chest: measures.lung_height_difference(chest).value,
    "right lung's share of the area": lambda chest: measures.right_area_share(chest).value,
    "position of the heart": lambda chest: measures.heart_position(chest).value,
    "position of upper mediastinum": lambda chest: measures.upper_mediastinum_position(chest).value,
    "width of upper mediastinum": lambda chest: measures.upper_mediastinum_width(chest).value,
}


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """An annotated film with its masks (H, W) of right lung, left lung and heart, as 0 and 1."""

    example: Example
    masks: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(cls, example: Example) -> Film:
        return cls(example, tuple(example.mask(organ).astype(np.float32) for organ in ORGANS))

    def tilted(self, degrees: float) -> Film:
        height, width = self.masks[0].shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        return Film(
            self.example,
            tuple(
                np.asarray(cv2.warpAffine(m, turn, (width, height)), np.float32) for m in self.masks
            ),
        )

    def coarse(self, factor: int) -> Film:
        height, width = self.masks[0].shape
        size = (width // factor, height // factor)
        return Film(
            self.example,
            tuple(
                np.asarray(cv2.resize(m, size, interpolation=cv2.INTER_AREA), np.float32)
                for m in self.masks
            ),
        )

    @property
    def regions(self) -> Regions:
        """The organs in a film of 512 x 512 pixels, whatever the size of the masks."""
        frame = Box(0, 0, 512, 512)
        boxes = np.array([tuple(frame)] * len(ORGANS))
        masks = tuple(Mask(mask, frame) for mask in self.masks)
        return Regions(ORGANS, boxes, np.ones(len(ORGANS)), masks)

    @property
    def image(self) -> Image:
        return Image.of(self.example.image().pixels, view="PA", name=self.example.name)


def measured(found: Regions) -> dict[str, float]:
    """Every measurement of a film of 512 x 512 pixels, NaN where it is not measurable."""
    chest = Chest.of(found, ImageInfo(512, 512))
    return {name: _value(measure, chest) for name, measure in MEASURES.items()}


def columns(rows: Iterable[dict[str, float]]) -> dict[str, Values]:
    table: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            table[name].append(value)
    return {name: np.array(values) for name, values in table.items()}


def definitions_of_the_ratio(film: Film) -> dict[str, float]:
    """Other ways to take the two diameters, against which the one in use was chosen."""
    right, left, heart = (mask > 0.5 for mask in film.masks)
    rows = [y for y in range(len(right)) if right[y].any() and left[y].any()]
    widths = {y: np.flatnonzero(left[y])[-1] + 1 - np.flatnonzero(right[y])[0] for y in rows}
    across = np.flatnonzero(heart.any(axis=0))
    diameter = across[-1] + 1 - across[0]
    widest = int(heart.sum(axis=1).argmax())
    return {
        "extent of heart / extent of lungs (in use)": measured(film.regions)[
            "cardiothoracic ratio"
        ],
        "extent of heart / widest level of chest": diameter / max(widths.values()),
        "extent of heart / chest at the heart's widest level": diameter
        / widths.get(widest, np.nan),
        "widest level of heart / widest level of chest": heart.sum(axis=1).max()
        / max(widths.values()),
    }


def print_agreement(films: Sequence[Film]) -> None:
    read = [film for film in films if film.example.cardiothoracic_ratio is not None]
    readers = np.array([film.example.cardiothoracic_ratio for film in read], dtype=np.float64)
    print(f"\nCardiothoracic ratio against the readers, {len(read)} films")
    print(f"{'definition':54} {COLUMNS}")
    for name, values in columns(map(definitions_of_the_ratio, read)).items():
        _print_difference(name, values - readers)


def print_ranges(rows: dict[str, Values], of: str) -> None:
    print(f"\nMeasurements on outlines drawn by people, {of}")
    print(f"{'measurement':34} {'n':>4} {'2.5 %':>8} {'median':>8} {'97.5 %':>8}")
    for name, values in rows.items():
        known = values[np.isfinite(values)]
        low, middle, high = np.percentile(known, [2.5, 50, 97.5])
        print(f"{name:34} {len(known):4} {low:8.3f} {middle:8.3f} {high:8.3f}")


def print_robustness(films: Sequence[Film], rows: dict[str, Values]) -> None:
    changes: dict[str, Callable[[Film], Film]] = {
        "tilt 3": lambda film: film.tilted(3),
        "tilt -3": lambda film: film.tilted(-3),
        "tilt 5": lambda film: film.tilted(5),
        "tilt -5": lambda film: film.tilted(-5),
        "256 px": lambda film: film.coarse(2),
        "128 px": lambda film: film.coarse(4),
    }
    print(f"\nMean absolute change of a measurement, {len(films)} JSRT films")
    print(f"{'measurement':34}" + "".join(f"{name:>9}" for name in changes))
    changed = [
        columns(measured(change(film).regions) for film in films) for change in changes.values()
    ]
    for name, values in rows.items():
        moved = [np.nanmean(np.abs(other[name] - values)) for other in changed]
        print(f"{name:34}" + "".join(f"{value:9.4f}" for value in moved))


def print_statements(questions: Sequence[Question], of: str) -> None:
    counts: dict[str, Counter[str]] = {label: Counter() for label in Measured.scope.assessed}
    for sentences in Measured().describe(questions):
        said = [finding for sentence in sentences for finding in sentence.findings]
        for label, count in counts.items():
            here = {finding.presence for finding in said if finding.label == label}
            count.update([p for p in ("present", "uncertain", "absent") if p in here][:1])
    print(f"\nHow often a finding is stated, {len(questions)} {of}")
    print(f"{'finding':30} {'present':>8} {'uncertain':>10} {'absent':>8} {'unmeasured':>11}")
    for label, count in counts.items():
        present, unsure, absent = (count[p] for p in ("present", "uncertain", "absent"))
        left = len(questions) - count.total()
        print(f"{label:30} {present:8} {unsure:10} {absent:8} {left:11}")


def print_detector(films: Sequence[Film], preset: str, rows: dict[str, Values]) -> None:
    detector = grounded.load(preset).detector
    images = [film.image for film in films]
    found = [detector.detect([image])[0] for image in images]
    detected = columns(map(measured, found))
    print(f"\nDetector of preset {preset!r} against outlines drawn by people, {len(films)} films")
    print(f"{'measurement':54} {COLUMNS}")
    for name, values in detected.items():
        _print_difference(name, values - rows[name])
    readers = np.array([film.example.cardiothoracic_ratio or np.nan for film in films])
    _print_difference(
        "cardiothoracic ratio, against readers", detected["cardiothoracic ratio"] - readers
    )
    questions = [Question.of_film(i, f) for i, f in zip(images, found, strict=True)]
    print_statements(questions, "films, outlines of the detector")


def _print_difference(name: str, difference: Values) -> None:
    known = difference[np.isfinite(difference)]
    if len(known) < 2:
        print(f"{name:54} {len(known):4}")
        return
    bias, spread = known.mean(), known.std(ddof=1)
    within = np.percentile(np.abs(known), 90)
    limits = f"{bias - 1.96 * spread:+.4f} {bias + 1.96 * spread:+.4f}"
    print(
        f"{name:54} {len(known):4} {np.abs(known).mean():9.4f} {bias:+8.4f} {limits:>18}"
        f" {within:12.4f} {within / measures.CERTAIN:8.4f}"
    )


def _value(measure: Measure, chest: Chest) -> float:
    try:
        return measure(chest)
    except NotMeasurable:
        return float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with chest_anatomy")
    parser.add_argument("--detector", default="", help="a preset whose detector is measured")
    parser.add_argument("--held-out", nargs=2, metavar=("FRACTION", "SEED"))
    options = parser.parse_args()

    examples = chest_anatomy(options.data / "chest_anatomy")
    if options.held_out:
        fraction, seed = options.held_out
        _, examples = split_by_patient(examples, float(fraction), int(seed))
    films = [Film.of(example) for example in examples]
    rows = columns(measured(film.regions) for film in films)
    if options.detector:
        print_detector(films, options.detector, rows)
        return
    print_agreement(films)
    for source in sorted({film.example.source for film in films}):
        chosen = [film for film in films if film.example.source == source]
        of = np.array([film.example.source == source for film in films])
        own = {name: values[of] for name, values in rows.items()}
        print_ranges(own, f"{len(chosen)} {source} films")
        if source == "jsrt":
            print_robustness(chosen, own)
        questions = [Question.of_film(f.image, f.regions) for f in chosen]
        print_statements(questions, f"{source} films")


if __name__ == "__main__":
    main()
