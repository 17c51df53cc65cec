"""Trains the detector that a configuration file names."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from grounded.errors import ConfigError
from grounded.train.organs.faster_rcnn import FasterRCNNConfig, train_faster_rcnn
from grounded.train.organs.run import DetectorConfig, read_configuration, train_detector


def train_from_file(
    path: Path, data: Path, output: Path, start: Path | None = None
) -> dict[str, float]:
    """Train what a TOML file, as in configs/train, describes; with progress on the screen.

    Its `detector` is "organ_net" or "faster_rcnn"; the other keys are the detector's own.
    start: a folder of OrganNet weights to go on from, in place of random ones.
    Raises ConfigError for a file that cannot be used, DataError for films that are missing.
    """
    table = read_configuration(path)
    kind = table.pop("detector", "organ_net")
    if start is not None:
        table["start"] = str(start)
    console = Console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    if kind == "organ_net":
        figures = train_detector(DetectorConfig.of(table), data, output, say=say)
    elif kind == "faster_rcnn":
        figures = train_faster_rcnn(FasterRCNNConfig.of(table), data, output, say=say)
    else:
        raise ConfigError(f"{path}: detector is 'organ_net' or 'faster_rcnn', got {kind!r}")
    shown = Table("on the films held out", "value")
    for name, value in figures.items():
        shown.add_row(name, f"{value:.4f}")
    console.print(shown)
    return figures
