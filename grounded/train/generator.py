"""Trains the sentence generator from one configuration: the film's findings, then their words.

Linear: read the films, train what reads findings, calibrate it, measure it, look at the training
films with it, train the writer, write a preset.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from grounded.data.iu_text import iu_text
from grounded.detectors.organs.detector import OrganDetector
from grounded.errors import ConfigError
from grounded.generators.neural.finding_reader import CALIBRATION
from grounded.language.labeller import Labeller
from grounded.nn.weights import WEIGHTS, bind, sha256
from grounded.train.configuration import configured, read_configuration
from grounded.train.findings.calibration import (
    StatementConfig,
    assessed,
    fitted,
    write_calibrations,
)
from grounded.train.findings.films import Known, blanked, read_films
from grounded.train.findings.network import ENCODER, FINDINGS, FindingConfig, ReadingNet
from grounded.train.findings.run import train_findings
from grounded.train.findings.scope import on_held_out
from grounded.train.findings.truth import LABELS
from grounded.train.loop import Progress
from grounded.train.writer.corpus import phrases
from grounded.train.writer.run import WriterConfig, train_writer

WRITER = "writer"
PRESET = """\
# A trained sentence generator; the detector's weights are the ones that it was trained beside.
[detector]
use = "grounded.detectors.organs.detector:OrganDetector"
weights = {organs}
encoder = "./encoder"

[generator]
use = "grounded.generators.neural.generator:Neural"
weights = "./"

[explainer]
use = "grounded.explain.evidence:EvidenceMap"

[composer]
use = "grounded.compose.composer:AnatomicalComposer"
"""


@dataclass(frozen=True)
class GeneratorConfig:
    """The tables of a configuration file."""

    findings: FindingConfig
    statements: StatementConfig = field(default_factory=StatementConfig)
    writer: WriterConfig = field(default_factory=WriterConfig)

    @classmethod
    def read(cls, path: Path) -> GeneratorConfig:
        """From a TOML file. Raises ConfigError for one that does not fit."""
        table = read_configuration(path)
        try:
            findings, others = table["findings"], [table.get(x, {}) for x in ("statements", WRITER)]
        except KeyError as error:
            raise ConfigError(f"{path} does not describe a generator: {error}") from error
        made = configured(FindingConfig, findings, path)
        if set(made.pairs) != set(LABELS):
            raise ConfigError(
                f"{path} [findings.pairs] names {', '.join(sorted(made.pairs)) or 'nothing'}; "
                f"expected: {', '.join(LABELS)}"
            )
        statements, writer = others
        return cls(
            made,
            configured(StatementConfig, statements, path),
            configured(WriterConfig, writer, path),
        )


def train_generator(
    config: GeneratorConfig,
    data: Path,
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train both stages and write a preset to `output`; the preset's path.

    data: the folder that holds nih and iu_text. A run that finds its own checkpoints in `output`
    goes on from them. say: called with each line of progress.
    """
    of = config.findings
    films = read_films(data, of.kinds, of.side, OrganDetector(of.start))
    if of.blank:
        films = {part: [blanked(f, of.kinds) for f in kept] for part, kept in films.items()}
    say(", ".join(f"{len(kept)} films: {part}" for part, kept in films.items()))
    net = train_findings(of, films["train"], films["calibration"], output, say=say)
    state(net, config, films["calibration"], films["held"], output, say=say)
    labeller = Labeller.open()
    reports = [report for report in iu_text(data / "iu_text") if report.split == "train"]
    said = phrases(reports, labeller, own=config.writer.phrases, familiar=3)
    train_writer(said, None, config.writer, output / WRITER, Progress(say))
    preset = output / "preset.toml"
    preset.write_text(
        PRESET.format(organs=json.dumps(str(Path(of.start).resolve()))), encoding="utf-8"
    )
    return preset


def state(
    net: ReadingNet,
    config: GeneratorConfig,
    calibration: list[Known],
    held: list[Known],
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Calibrate what was trained, see what holds on films held out, write what may be stated."""
    made = fitted(net, calibration, config.findings, config.statements)
    rows = on_held_out(net, calibration, held, made)
    holds = {row.label: row.holds(config.statements) for row in rows}
    figures = {row.label: str(row) for row in rows}
    for label, figure in figures.items():
        say(f"{label}, {'stated' if holds[label] else 'silent'}: {figure}")
    path = output / FINDINGS / CALIBRATION
    write_calibrations(path, assessed(made, holds, figures))
    encoder = sha256(output / ENCODER / WEIGHTS)
    bind(path.parent, encoder=encoder, calibration=sha256(path))
