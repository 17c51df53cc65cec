"""How well each of the 29 regions is found, on outlined films that were held out of training.

    python benchmarks/derived_regions.py --data DIR [--weights FOLDER] [--rcnn FOLDER]

DIR holds `chest_anatomy`. The reference of a derived region follows by the same geometry from the
outlines that people drew: the figures say how errors of the outlines carry over, not how well the
geometry fits a region that nobody outlined. Beside the shipped detector stands the usual place of
each region (AtlasPrior), and a trained Faster R-CNN where --rcnn names its weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from grounded import Atlas
from grounded.data.chest_anatomy import chest_anatomy
from grounded.data.example import Example, split_by_patient
from grounded.data.regions import annotated_regions
from grounded.detectors.atlas_prior import AtlasPrior
from grounded.detectors.faster_rcnn.detector import FasterRCNNDetector
from grounded.detectors.organs.detector import OrganDetector
from grounded.evaluate.detection import RegionAccuracy, region_accuracy
from grounded.protocols import RegionDetector

WEIGHTS = Path(__file__).parent.parent / "configs" / "weights" / "organ_net"


def measured(detector: RegionDetector, films: list[Example]) -> dict[str, RegionAccuracy]:
    pairs = []
    for film in films:
        [found] = detector.detect([film.image()])
        pairs.append((found, {region.name: region.box for region in annotated_regions(film)}))
    return region_accuracy(pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--rcnn", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="as in the training configuration")
    parser.add_argument("--held-out", type=float, default=0.15, help="as there")
    given = parser.parse_args()
    _, films = split_by_patient(
        chest_anatomy(given.data / "chest_anatomy"), given.held_out, given.seed
    )
    detectors: list[RegionDetector] = [OrganDetector(given.weights), AtlasPrior()]
    if given.rcnn:
        detectors.append(FasterRCNNDetector(given.rcnn))
    results = [measured(detector, films) for detector in detectors]
    table = Table("region", "source", "films", *(f"{d.name}: IoU, found" for d in detectors))
    for region in Atlas.open("chest29"):
        row = [result[region.name] for result in results]
        figures = (f"{of.mean_iou:.3f}, {of.found:.3f}" for of in row)
        table.add_row(region.name, region.source, str(row[0].count), *figures)
    means = (np.mean([of.mean_iou for of in result.values()]) for result in results)
    table.add_row("mean", "", "", *(f"{mean:.3f}" for mean in means))
    Console().print(table)


if __name__ == "__main__":
    main()
