"""How well regions are found: boxes against reference boxes, one film a pair."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from grounded.chest.measures import ratio_of_boxes
from grounded.geometry import Box
from grounded.regions import Regions

PACKAGE = "pycocotools"  # comes with pycocoevalcap, extra "evaluate"
Pair = tuple[Regions, Mapping[str, Box]]
"""What was found in a film, and the reference boxes of it (image frame)."""


@dataclass(frozen=True, slots=True)
class RegionAccuracy:
    """One region over `count` films that have a reference box of it.

    mean_iou, low_iou: mean and 10th percentile of intersection over union; a region that was not
    found counts as 0. found: the part of the films in which it was found.
    """

    count: int
    mean_iou: float
    low_iou: float
    found: float


def region_accuracy(pairs: Sequence[Pair]) -> dict[str, RegionAccuracy]:
    """By region name, in the order in which the references name them. Empty for no pairs."""
    overlaps: dict[str, list[float]] = {}
    hits: dict[str, int] = {}
    for regions, reference in pairs:
        for name, box in reference.items():
            found = name in regions
            overlaps.setdefault(name, []).append(regions[name].box.iou(box) if found else 0.0)
            hits[name] = hits.get(name, 0) + found
    return {
        name: RegionAccuracy(
            len(values),
            float(np.mean(values)),
            float(np.percentile(values, 10)),
            hits[name] / len(values),
        )
        for name, values in overlaps.items()
    }


def ratio_errors(found: Sequence[Regions], readings: Sequence[float]) -> list[float]:
    """Measured minus read cardiothoracic ratio of each film in which it could be measured."""
    errors = []
    for regions, reading in zip(found, readings, strict=True):
        ratio = ratio_of_boxes({region.name: region.box for region in regions})
        if ratio is not None:
            errors.append(ratio - reading)
    return errors


def area_under_curve(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """The chance that a present region scores above an absent one (ties count half); NaN if one
    kind is missing."""
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    present, absent = values[labels], values[~labels]
    if not present.size or not absent.size:
        return float("nan")
    above = (present[:, None] > absent).mean() + 0.5 * (present[:, None] == absent).mean()
    return float(above)


def calibration_error(
    scores: Sequence[float],
    truth: Sequence[bool],
    bins: int = 10,
    weights: Sequence[float] | None = None,
) -> float:
    """Mean gap between score and frequency over equal bins of 0..1, weighted by their counts.

    weights: of the scores, all the same for None. NaN when nothing has a weight.
    """
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    counts = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not counts.sum():
        return float("nan")
    place = np.minimum((values * bins).astype(int), bins - 1)
    sums = np.bincount(place, counts * (values - labels), bins)
    return float(np.abs(sums).sum() / counts.sum())


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """Mean average precision over the categories that have a reference box.

    at_half: at an IoU of 0.5. coco: the mean over IoU 0.5 to 0.95. by: the package and its version.
    """

    at_half: float
    coco: float
    by: str
    films: int


Found = Sequence[tuple[str, Box, float]]
"""What was found in a film: category, box, score."""


def average_precision(
    pairs: Sequence[tuple[Found, Mapping[str, Sequence[Box]]]],
) -> AveragePrecision | None:
    """By pycocotools, the reference implementation. None without the package or without boxes.

    pairs: of each film what was found, and the reference's boxes by category. A category that is
    not among a film's keys is not known there, and the film does not count for it.
    """
    try:
        release = f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return None
    names = sorted({name for _, true in pairs for name, boxes in true.items() if boxes})
    figures = [
        _coco(PACKAGE, [_of(pair, name) for pair in pairs if name in pair[1]]) for name in names
    ]
    if not figures:
        return None
    halves, means = zip(*figures, strict=True)
    films = sum(any(true.values()) for _, true in pairs)
    return AveragePrecision(float(np.mean(halves)), float(np.mean(means)), release, films)


def _of(
    pair: tuple[Found, Mapping[str, Sequence[Box]]], category: str
) -> tuple[list[tuple[Box, float]], Sequence[Box]]:
    found, true = pair
    return [(box, score) for name, box, score in found if name == category], true[category]


def _coco(
    package: str, films: Sequence[tuple[list[tuple[Box, float]], Sequence[Box]]]
) -> tuple[float, float]:
    """AP at IoU 0.5 and over 0.5 to 0.95 of one category."""
    found = [(film, box, score) for film, (boxes, _) in enumerate(films) for box, score in boxes]
    true = [(film, box, None) for film, (_, boxes) in enumerate(films) for box in boxes]
    evaluation = importlib.import_module(f"{package}.cocoeval").COCOeval
    with redirect_stdout(io.StringIO()):  # it prints its progress
        evaluator = evaluation(
            _collection(package, len(films), true), _collection(package, len(films), found), "bbox"
        )
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return float(evaluator.stats[1]), float(evaluator.stats[0])


def _collection(package: str, films: int, boxes: Sequence[tuple[int, Box, float | None]]) -> Any:
    coco = importlib.import_module(f"{package}.coco").COCO()
    coco.dataset = {
        "images": [{"id": film} for film in range(films)],
        "categories": [{"id": 1}],
        "annotations": [
            {
                "id": number,
                "image_id": film,
                "category_id": 1,
                "bbox": [box.x0, box.y0, box.width, box.height],
                "area": box.area,
                "iscrowd": 0,
                **({} if score is None else {"score": score}),
            }
            for number, (film, box, score) in enumerate(boxes, start=1)
        ],
    }
    coco.createIndex()
    return coco
