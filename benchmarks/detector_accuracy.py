"""How well the detector finds the annotated organs, on the films that were held out of training.

    python benchmarks/detector_accuracy.py --data DIR [--weights FOLDER]

DIR holds `chest_anatomy` and, if it is there, `covid_films`. Prints the boxes' intersection over
union by source and organ, the error of the cardiothoracic ratio, the same after changing the films
(turned over, rotated, cropped ...), and what the scores are worth. Seed and held-out part are those
of the training configuration.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from grounded import Box, Regions
from grounded.chest.names import ORGANS
from grounded.data.example import Example, split_by_patient
from grounded.data.outlined import organ_films
from grounded.detectors.organs.detector import OrganOutlines, extent, find_outlines, organ_regions
from grounded.detectors.organs.net import OrganNet
from grounded.evaluate.detection import (
    area_under_curve,
    calibration_error,
    ratio_errors,
    region_accuracy,
)
from grounded.nn.device import Placed
from grounded.nn.weights import build, fill, read_config
from grounded.train.augmentation import move_box, no_chest, warp
from grounded.train.organs.samples import FOUND

WEIGHTS = Path(__file__).parent.parent / "configs" / "weights" / "organ_net"
THRESHOLD = 0.5  # the detector's own


@dataclass(frozen=True)
class Film:
    """A held-out film: pixels (H, W) uint8, masks (H, W) uint8 0 or 255, boxes of the rest.

    whole: the area of each organ in the unchanged film at the present scale, square pixels.
    """

    source: str
    pixels: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.uint8]]
    boxes: Mapping[str, Box]
    whole: Mapping[str, float]
    ratio: float | None

    @classmethod
    def of(cls, example: Example) -> Film:
        masks = {name: example.mask(name).astype(np.uint8) * 255 for name in example.outlines}
        whole = {name: mask.sum() / 255 for name, mask in masks.items()}
        whole |= {name: box.area for name, box in example.boxes.items()}
        return cls(
            example.source,
            eight_bit(example),
            masks,
            example.boxes,
            whole,
            example.cardiothoracic_ratio,
        )

    @property
    def frame(self) -> Box:
        return Box(0, 0, self.pixels.shape[1], self.pixels.shape[0])

    def visible(self, name: str) -> float:
        """The part of the organ that lies in the film."""
        if name in self.masks:
            return float(self.masks[name].sum(dtype=np.float64)) / 255 / self.whole[name]
        return self.boxes[name].overlap(self.frame) / self.whole[name]

    def reference(self) -> dict[str, Box]:
        """The boxes of what lies in the film to a third at least."""
        seen = {
            name: extent(mask.astype(np.float32) / 255)
            for name, mask in self.masks.items()
            if self.visible(name) >= FOUND
        }
        boxes = {name: Box(*corners) for name, corners in seen.items()}
        for name, box in self.boxes.items():
            if self.visible(name) >= FOUND:
                boxes[name] = box.clip(self.frame)
        return boxes


def eight_bit(example: Example) -> NDArray[np.uint8]:
    """The film in 256 grey levels."""
    return np.round(example.image().pixels * 255).astype(np.uint8)


def toned(change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Callable[[Film], Film]:
    """A change of the greys alone, of pixels in 0..1."""

    def changed(film: Film) -> Film:
        grey = change(film.pixels.astype(np.float32) / 255)
        return replace(film, pixels=np.round(grey * 255).astype(np.uint8))

    return changed


def windowed(
    x0: float, y0: float, x1: float, y1: float, degrees: float = 0
) -> Callable[[Film], Film]:
    """The film seen through a window (parts of its width and height), turned about its centre."""

    def changed(film: Film) -> Film:
        height, width = film.pixels.shape
        box = Box(x0 * width, y0 * height, x1 * width, y1 * height)
        shape = (round(box.height), round(box.width))
        angle = np.deg2rad(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        shift = np.array(shape[::-1]) / 2 - turn @ np.array(box.center)
        affine = np.column_stack([turn, shift])
        return replace(
            film,
            pixels=warp(film.pixels, affine, shape),
            masks={name: warp(mask, affine, shape) for name, mask in film.masks.items()},
            boxes={
                name: move_box(b, affine) if degrees else shifted(b, box)
                for name, b in film.boxes.items()
            },
        )

    return changed


def shifted(box: Box, window: Box) -> Box:
    return Box(box.x0 - window.x0, box.y0 - window.y0, box.x1 - window.x0, box.y1 - window.y0)


def coarse(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Only 128 pixels along the longest side, blown up again."""
    part = 128 / max(grey.shape)
    small = cv2.resize(grey, None, fx=part, fy=part, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, grey.shape[::-1]), dtype=np.float32)


CHANGES: dict[str, Callable[[Film], Film]] = {
    "as it is": lambda film: film,
    "inverted": toned(lambda grey: 1 - grey),
    "gamma 0.5": toned(lambda grey: grey**0.5),
    "gamma 2": toned(lambda grey: grey**2),
    "rotated +7 degrees": windowed(0, 0, 1, 1, 7),
    "rotated -7 degrees": windowed(0, 0, 1, 1, -7),
    "15 % cut off right and below": windowed(0, 0, 0.85, 0.85),
    "15 % cut off left and above": windowed(0.15, 0.15, 1, 1),
    "black borders of 15 %": windowed(-0.15, -0.15, 1.15, 1.15),
    "128 pixels": toned(coarse),
}
AWAY = {
    "upper third": windowed(0, 0, 1, 0.33),
    "lower third": windowed(0, 0.67, 1, 1),
    "left half": windowed(0, 0, 0.5, 1),
    "right half": windowed(0.5, 0, 1, 1),
}


@dataclass(frozen=True)
class Detector:
    net: Placed[OrganNet]

    def outlines(self, pixels: NDArray[np.uint8]) -> OrganOutlines:
        return find_outlines(self.net, [pixels.astype(np.float32) / 255])[0]

    def regions(self, film: Film) -> Regions:
        return organ_regions(self.outlines(film.pixels), film.frame, THRESHOLD)


def by_source(console: Console, detector: Detector, films: Sequence[Film]) -> None:
    table = Table("source", "organ", "films", "mean IoU", "10th percentile", "found")
    for source in sorted({film.source for film in films}):
        pairs = [(detector.regions(f), f.reference()) for f in films if f.source == source]
        for name, of in sorted(
            region_accuracy(pairs).items(), key=lambda row: ORGANS.index(row[0])
        ):
            figures = (f"{of.mean_iou:.3f}", f"{of.low_iou:.3f}", f"{of.found:.3f}")
            table.add_row(source, name, str(of.count), *figures)
    console.print(table)


def by_change(console: Console, detector: Detector, films: Sequence[Film]) -> None:
    """Mean IoU with everything changed alike; lungs of outlined films and of boxed films apart."""
    table = Table(
        "film", "right lung", "left lung", "heart", "clavicles", "boxed lungs", "CTR error"
    )
    for name, change in CHANGES.items():
        changed = [change(film) for film in films]
        found = [detector.regions(film) for film in changed]
        outlined = [(r, f.reference()) for r, f in zip(found, changed, strict=True) if f.masks]
        boxed = [(r, f.reference()) for r, f in zip(found, changed, strict=True) if not f.masks]
        accuracy = region_accuracy(outlined)
        clavicles = [accuracy[n].mean_iou for n in ORGANS[3:] if n in accuracy]
        lungs = [of.mean_iou for of in region_accuracy(boxed).values()]
        read = [(r, f.ratio) for r, f in zip(found, changed, strict=True) if f.ratio is not None]
        whole = "cut" not in name and "rotated" not in name  # where the reading still holds
        errors = ratio_errors([r for r, _ in read], [v for _, v in read]) if whole else []
        table.add_row(
            name,
            *(f"{accuracy[organ].mean_iou:.3f}" for organ in ORGANS[:3]),
            f"{np.mean(clavicles):.3f}" if clavicles else "",
            f"{np.mean(lungs):.3f}" if lungs else "",
            f"{np.mean(np.abs(errors)):.4f}" if errors else "",
        )
    console.print(table)


def scores(
    console: Console, detector: Detector, films: Sequence[Film], laterals: Sequence[Example]
) -> None:
    """What a score says: of organs in whole films, in parts of films, and where none can be."""
    table = Table("organ", "present", "absent", "area under curve", "calibration error", "wrong")
    rows: dict[str, list[tuple[float, bool]]] = {name: [] for name in ORGANS}
    for film in (
        change(f) for f in films for change in (*list(CHANGES.values())[:1], *AWAY.values())
    ):
        found = detector.outlines(film.pixels).scores
        for row, name in enumerate(ORGANS):
            if name in film.whole and not 0.2 < film.visible(name) < 0.5:  # a matter of opinion
                rows[name].append((float(found[row]), film.visible(name) >= FOUND))
    rng = np.random.default_rng(0)
    strange = [np.round(no_chest(256, rng) * 255).astype(np.uint8) for _ in range(30)]
    for pixels in (*map(eight_bit, laterals), *strange):
        for row, name in enumerate(ORGANS):
            rows[name].append((float(detector.outlines(pixels).scores[row]), False))
    for name, values in rows.items():
        score, truth = [s for s, _ in values], [t for _, t in values]
        wrong = np.mean([(s >= THRESHOLD) != t for s, t in values])
        table.add_row(
            name,
            str(sum(truth)),
            str(len(truth) - sum(truth)),
            f"{area_under_curve(score, truth):.4f}",
            f"{calibration_error(score, truth):.3f}",
            f"{wrong:.3f}",
        )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held-out", type=float, default=0.15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    net = build(OrganNet, read_config(options.weights), options.weights)
    fill(net, options.weights)
    detector = Detector(Placed(net))
    _, held = split_by_patient(organ_films(options.data), options.held_out, options.seed)
    laterals = [example for example in held if example.absent]
    films = [Film.of(example) for example in held if not example.absent]
    console = Console(width=110)
    console.print(f"{len(films)} frontal and {len(laterals)} lateral films held out")
    by_source(console, detector, films)
    ratios = [(detector.regions(f), f.ratio) for f in films if f.ratio is not None]
    errors = ratio_errors([r for r, _ in ratios], [v for _, v in ratios])
    console.print(
        f"cardiothoracic ratio: mean absolute error {np.mean(np.abs(errors)):.4f}, "
        f"bias {np.mean(errors):+.4f}, 95th percentile {np.percentile(np.abs(errors), 95):.4f} "
        f"({len(errors)} films)"
    )
    by_change(console, detector, films)
    scores(console, detector, films, laterals)
    start = time.perf_counter()
    for film in films[:20]:
        detector.regions(film)
    console.print(f"{(time.perf_counter() - start) / 20:.3f} s a film, {options.threads} threads")


if __name__ == "__main__":
    main()
