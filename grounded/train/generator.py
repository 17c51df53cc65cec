"""Trains the sentence generator from one configuration: the film's findings, then their words.

Linear: read the films, train what reads findings, calibrate it, see what holds on films held out,
train the writer, write a preset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grounded.data.example import Split
from grounded.data.iu_text import iu_text
from grounded.data.nih import SOURCE
from grounded.detectors.organs.detector import OrganDetector
from grounded.generators.neural.finding_net import FILM
from grounded.generators.neural.finding_reader import CALIBRATION, Calibration
from grounded.language.labeller import Labeller
from grounded.nn.weights import WEIGHTS, bind, sha256
from grounded.preset import write_preset
from grounded.train.configuration import configured, read_configuration
from grounded.train.findings.calibration import (
    TOO_FEW,
    StatementConfig,
    assessed,
    fitted,
    write_calibrations,
)
from grounded.train.findings.films import Known, blanked, read_films
from grounded.train.findings.network import ENCODER, FINDINGS, FindingConfig, ReadingNet
from grounded.train.findings.run import train_findings
from grounded.train.findings.scope import on_held_out
from grounded.train.findings.teachers import with_lessons
from grounded.train.loop import Progress
from grounded.train.writer.corpus import phrases
from grounded.train.writer.run import WriterConfig, train_writer

WRITER = "writer"
APART: tuple[Split, Split] = ("calibration", "held")


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """The tables of a configuration file."""

    findings: FindingConfig
    statements: StatementConfig = field(default_factory=StatementConfig)
    writer: WriterConfig = field(default_factory=WriterConfig)

    @classmethod
    def read(cls, path: Path) -> GeneratorConfig:
        """From a TOML file. Raises ConfigError for one that does not fit."""
        return configured(cls, read_configuration(path), path)


def train_generator(
    config: GeneratorConfig, data: Path, output: Path, progress: Progress | None = None
) -> Path:
    """Train both stages and write a preset to `output`; the preset's path.

    data: the folder that holds nih and iu_text. A run that finds its own checkpoints in `output`
    goes on from them.
    """
    of, progress = config.findings, progress or Progress()
    films = read_films(data, of.kinds, of.side, OrganDetector(of.organs), of.free)
    if of.blank:
        films = {part: blanked(kept, of.kinds) for part, kept in films.items()}
    progress.say(", ".join(f"{len(kept)} films: {part}" for part, kept in films.items()))
    apart = films["calibration"]
    lessons = with_lessons(of, films["train"], apart, output, progress)
    net = train_findings(of, lessons, apart, output, progress=progress)
    # figures are those of one source: films of others are told apart by how they look
    second, third = (
        [film for film in films[part] if film.patient.startswith(SOURCE)] for part in APART
    )
    for line in state(net, of, config.statements, apart, (second, third), output):
        progress.say(line)
    labeller = Labeller.open()
    reports = [report for report in iu_text(data / "iu_text") if report.split == "train"]
    said = phrases(reports, labeller, own=config.writer.phrases, familiar=3)
    train_writer(said, config.writer, output / WRITER, progress)
    return write_neural_preset(output, of.organs.resolve())


def state(
    net: ReadingNet,
    config: FindingConfig,
    limits: StatementConfig,
    calibration: Sequence[Known],
    apart: tuple[Sequence[Known], Sequence[Known]],
    output: Path,
) -> list[str]:
    """Calibrate what was trained, see what holds on films held out, write what may be stated.

    apart: the films to measure with, those of the calibration and those held out. A line for each
    finding of which they say something.
    """
    made = fitted(net, calibration, config, limits)
    rows = on_held_out(net, *apart, made)
    holds = {row.label: row.holds(limits) for row in rows}
    figures = {row.label: str(row) for row in rows}
    path = output / FINDINGS / CALIBRATION
    final = assessed(made, holds, figures)
    write_calibrations(path, final)
    encoder = sha256(output / ENCODER / WEIGHTS)
    bind(path.parent, encoder=encoder, calibration=sha256(path))
    return [_scope_line(label, final[label][FILM], figure) for label, figure in figures.items()]


def _scope_line(label: str, calibration: Calibration, figure: str) -> str:
    if calibration.figure == TOO_FEW:
        return f"{label}, silent, {TOO_FEW} to calibrate it: {figure}"
    return f"{label}, {'stated' if calibration.assessed else 'silent'}: {figure}"


def write_neural_preset(output: Path, organs: Path) -> Path:
    """`output`/preset.toml, for the networks in `output` and the detector's weights in `organs`."""
    inside = organs.is_relative_to(output)
    name = f"./{organs.relative_to(output).as_posix()}" if inside else str(organs)
    return write_preset(
        output,
        "A trained sentence generator, and the detector's weights that it was trained beside.",
        detector={
            "use": "grounded.detectors.organs.detector:OrganDetector",
            "weights": name,
            "encoder": f"./{ENCODER}",
        },
        generator={"use": "grounded.generators.neural.generator:Neural", "weights": "./"},
        explainer={"use": "grounded.explain.evidence:EvidenceMap"},
    )
