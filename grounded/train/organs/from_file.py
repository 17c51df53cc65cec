"""Trains the detector that a configuration file names."""

from __future__ import annotations

from pathlib import Path

from grounded.errors import ConfigError
from grounded.train.configuration import configured, read_configuration
from grounded.train.loop import Progress
from grounded.train.organs.faster_rcnn import FasterRCNNConfig, train_faster_rcnn
from grounded.train.organs.run import DetectorConfig, train_detector


def train_from_file(
    path: Path,
    data: Path,
    output: Path,
    start: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Train what a TOML file, as in configs/train, describes; the figures by name.

    Its `detector` is "organ_net" or "faster_rcnn"; the other keys are the detector's own.
    start: a folder of OrganNet weights to go on from, in place of random ones.
    Raises ConfigError for a file that cannot be used, DataError for films that are missing.
    """
    table = read_configuration(path)
    kind = table.pop("detector", "organ_net")
    if start is not None:
        table["start"] = str(start.absolute())
    if kind == "organ_net":
        return train_detector(configured(DetectorConfig, table, path), data, output, progress)
    if kind == "faster_rcnn":
        return train_faster_rcnn(configured(FasterRCNNConfig, table, path), data, output, progress)
    raise ConfigError(f"{path}: detector is 'organ_net' or 'faster_rcnn', got {kind!r}")
