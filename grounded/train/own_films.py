"""Fine-tunes a sentence generator on films of one's own.

Linear: read the table, find the regions, train on from a generator that is there, calibrate, see
which findings hold on the films held out, write a preset. The words stay as they are. What the
table says nothing of is read no more: the network has changed, and nobody has measured it there.
"""

from __future__ import annotations

import shutil
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from grounded.data.example import Example, Split
from grounded.data.film_table import film_table, labels_of, split_films
from grounded.detectors.organs.detector import OrganDetector
from grounded.errors import ConfigError, DataError
from grounded.generators.neural.finding_net import FILM
from grounded.generators.neural.finding_reader import CALIBRATION, read_calibrations
from grounded.nn.weights import read_config
from grounded.train.configuration import Part, configured, read_configuration
from grounded.train.findings.calibration import StatementConfig
from grounded.train.findings.films import keep, places
from grounded.train.findings.network import ENCODER, FINDINGS, FindingConfig, LearningConfig
from grounded.train.findings.run import train_findings
from grounded.train.findings.truth import LABELS
from grounded.train.generator import WRITER, state, write_neural_preset
from grounded.train.loop import Progress

DETECTOR = "detector"


@dataclass(frozen=True, kw_only=True)
class TuningConfig(LearningConfig):
    """How a reader of findings is trained on; its sizes are those that it has."""

    rounds: float = 8.0
    batch: int = 16
    learning_rate: float = 2e-4
    ema: float = 0.98


@dataclass(frozen=True, kw_only=True)
class OwnFilmsConfig:
    """The tables of a configuration file. calibration, held: the parts of the patients whose films
    are calibrated and measured with, of those that the table assigns to nothing."""

    calibration: Part = 0.2
    held: Part = 0.2
    findings: TuningConfig = field(default_factory=TuningConfig)
    statements: StatementConfig = field(default_factory=StatementConfig)

    @classmethod
    def read(cls, path: Path) -> OwnFilmsConfig:
        """From a TOML file. Raises ConfigError for one that does not fit."""
        return configured(cls, read_configuration(path), path)


@dataclass(frozen=True, slots=True)
class Start:
    """The folders of the generator that is gone on from: its detector's weights, and its own."""

    organs: Path
    encoder: Path
    generator: Path

    @classmethod
    def open(cls, preset: Path) -> Start:
        """Read a preset file. Raises ConfigError for one of another detector or generator."""
        try:
            tables = tomllib.loads(preset.read_text(encoding="utf-8"))
            detector, generator = tables["detector"], tables["generator"]
            names = detector["weights"], detector["encoder"], generator["weights"]
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{preset} is no preset of a neural generator, which has weights of a detector, an "
                f"encoder and a generator: {error}"
            ) from error
        return cls(*(preset.parent / name for name in names))

    def config(self, tuning: TuningConfig) -> FindingConfig:
        """The sizes of the reader, with how it is trained on."""
        sizes, read = read_config(self.encoder), read_config(self.generator / FINDINGS)
        calibrations = read_calibrations(self.generator / FINDINGS / CALIBRATION, read["labels"])
        return FindingConfig(
            **{item.name: getattr(tuning, item.name) for item in fields(tuning) if item.init},
            pairs={
                label: [kind for kind in kinds if kind != FILM]
                for label, kinds in calibrations.items()
                if label in LABELS
            },
            organs=self.organs,
            **{name: sizes[name] for name in ("side", "scale", "width", "depth") if name in sizes},
        )


def train_on_own_films(
    config: OwnFilmsConfig,
    table: Path,
    start: Path,
    output: Path,
    progress: Progress | None = None,
) -> Path:
    """Train on from the preset file `start` with the films of a table; the new preset's path.

    Raises DataError for a table that cannot be used, before anything is trained.
    """
    progress = progress or Progress()
    begun = Start.open(start)
    films = film_table(table)
    parts = split_films(films, config.calibration, config.held, config.findings.seed)
    for line in described(films, parts):
        progress.say(line)
    reading = begun.config(config.findings)
    detector = OrganDetector(begun.organs)
    kept = {
        part: [keep(film, places(film, detector), reading.kinds, reading.side) for film in of]
        for part, of in parts.items()
    }
    net = train_findings(
        reading,
        kept["train"],
        kept["calibration"],
        output,
        start=_together(begun, output),
        progress=progress,
    )
    apart = kept["calibration"], kept["held"]
    for line in state(net, reading, config.statements, kept["calibration"], apart, output):
        progress.say(line)
    return write_neural_preset(output, output / DETECTOR)


def set_aside(config: OwnFilmsConfig, table: Path) -> Mapping[str, Sequence[Example]]:
    """The films of a table that are calibrated with, by what they are, in words."""
    parts = split_films(film_table(table), config.calibration, config.held, config.findings.seed)
    return {f"the films of {table.name} that were set aside to calibrate": parts["calibration"]}


def described(films: Sequence[Example], parts: Mapping[Split, Sequence[Example]]) -> list[str]:
    """What a table holds, a line a part. Raises DataError for one that nothing is learned from."""
    known = [label for label in labels_of(films) if label in LABELS]
    if not known:
        raise DataError(f"the table says nothing of a finding that is read: {', '.join(LABELS)}")
    if empty := [part for part, of in parts.items() if not of]:
        raise DataError(
            f"no films for {' and '.join(empty)}: each part needs some, by the column split or, "
            f"where that is empty, by enough patients"
        )
    lines = []
    for part, of in parts.items():
        there = Counter(
            label
            for film in of
            for label, presence in film.findings.items()
            if presence == "present"
        )
        counts = ", ".join(f"{label} {there[label]}" for label in known)
        lines.append(f"{part}: {len(of)} films, of these with {counts}")
    if unread := set(labels_of(films)) - set(known):
        lines.append(f"not read by this generator: {', '.join(sorted(unread))}")
    return lines


def _together(begun: Start, output: Path) -> Path:
    """Copy what stays as it is to `output`, and what is gone on from to a folder in it."""
    before = output / "start"
    for source, target in (
        (begun.organs, output / DETECTOR),
        (begun.generator / WRITER, output / WRITER),
        (begun.encoder, before / ENCODER),
        (begun.generator / FINDINGS, before / FINDINGS),
    ):
        shutil.copytree(source, target, dirs_exist_ok=True)
    return before
