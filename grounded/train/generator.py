"""Trains the sentence generator from one configuration: the film's findings, then their words.

Linear: read the films, train what reads findings, calibrate it, measure it, look at the training
films with it, train the writer, write a preset.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grounded.chest.names import kind_of
from grounded.data.example import Example
from grounded.data.iu_text import iu_text
from grounded.detectors.organs.detector import OrganDetector
from grounded.errors import ConfigError
from grounded.generators.neural.finding_reader import CALIBRATION, Calibration, FindingReader
from grounded.generators.neural.generator import MENTIONED
from grounded.language.labeller import Labeller
from grounded.nn.weights import WEIGHTS, bind, sha256
from grounded.train.configuration import configured, read_configuration
from grounded.train.findings.bank import fill_bank
from grounded.train.findings.calibration import fitted, raw, write_calibrations
from grounded.train.findings.network import ENCODER, FINDINGS, FindingConfig
from grounded.train.findings.run import Split, known_film, split_films, train_findings
from grounded.train.findings.samples import Pairs
from grounded.train.findings.scores import (
    RegionScore,
    painted_films,
    patients_of,
    score_films,
    score_painted,
)
from grounded.train.findings.separation import separation
from grounded.train.loop import Progress
from grounded.train.writer.corpus import phrases
from grounded.train.writer.mentions import mentioned
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
use = "grounded.explain.gradient:Gradient"

[composer]
use = "grounded.compose.composer:AnatomicalComposer"
"""


@dataclass(frozen=True)
class StatementConfig:
    """What is made of the probabilities.

    absent, present: up to and from which a statement is made. assessed: the findings that may be
    stated, with the kinds of region in which they held on real films that were held out; the others
    are read and kept silent.
    """

    absent: float = 0.3
    present: float = 0.7
    assessed: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class GeneratorConfig:
    """The tables of a configuration file. rounds: how often each film is looked at for the bank."""

    findings: FindingConfig
    statements: StatementConfig = field(default_factory=StatementConfig)
    writer: WriterConfig = field(default_factory=WriterConfig)
    rounds: int = 2

    @classmethod
    def read(cls, path: Path) -> GeneratorConfig:
        """From a TOML file. Raises ConfigError for one that does not fit."""
        table = read_configuration(path)
        try:
            findings = FindingConfig.of(table["findings"], path.parent)
            statements = StatementConfig(**table.get("statements", {}))
            assessed = statements.assessed.items()
            made = cls(
                findings,
                statements,
                configured(WriterConfig, table.get("writer", {}), path),
                int(table.get("bank", {}).get("rounds", cls.rounds)),
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ConfigError(f"{path} does not describe a generator: {error}") from error
        read = made.findings.pairs
        for label, kinds in assessed:
            if unread := set(kinds) - set(read.get(label, ())):
                raise ConfigError(
                    f"{path} [statements.assessed]: {label!r} cannot be stated of "
                    f"{', '.join(sorted(unread))}, where [findings.pairs] does not read it"
                )
        return made


def train_generator(
    config: GeneratorConfig,
    data: Path,
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train both stages and write a preset to `output`; the preset's path.

    data: the folder that holds chest_anatomy, iu_text and, if there is one, covid_films. A run that
    finds its own checkpoints in `output` goes on from them. say: called with each line of progress.
    """
    pairs = Pairs.of(config.findings.pairs)
    organs = OrganDetector(config.findings.start)
    of = config.findings
    notes = Path(of.notes) if of.notes else None
    split = split_films(data, of.held_out, of.calibration, of.seed, notes)
    say(f"{len(split.train)} films to train on, {len(split.calibration)} to calibrate with")
    films = [known_film(example, pairs, organs, of.cache_side) for example in split.train]
    apart = [known_film(example, pairs, organs, of.cache_side) for example in split.calibration]
    net = train_findings(of, films, apart, pairs, output, say=say)
    state(config, split, pairs, output, say=say)
    bank = fill_bank(net, films, pairs, of, rounds=config.rounds, seed=1)
    say(f"{len(bank)} regions to write of")
    labeller = Labeller.open()
    reports = [report for report in iu_text(data / "iu_text") if report.split == "train"]
    own = config.writer.phrases
    said = phrases(reports, labeller, own=own, familiar=3)
    train_writer(said, bank, config.writer, output / WRITER, Progress(say))
    bind(output / WRITER, encoder=sha256(output / ENCODER / WEIGHTS))
    _write_json(output / MENTIONED, mentioned(reports, labeller))
    preset = output / "preset.toml"
    preset.write_text(
        PRESET.format(organs=json.dumps(str(Path(of.start).resolve()))),
        encoding="utf-8",
    )
    return preset


def state(
    config: GeneratorConfig,
    split: Split,
    pairs: Pairs,
    output: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Calibration]:
    """Calibrate what was trained, measure it on the films that are held out, write the result."""
    path = output / FINDINGS / CALIBRATION
    write_calibrations(path, raw(pairs))
    bind(path.parent, calibration=sha256(path))
    detector = OrganDetector(config.findings.start, encoder=output / ENCODER)
    reader = FindingReader(output / FINDINGS)
    limits = config.statements
    calibrations = fitted(
        scores(detector, reader, split.calibration, pairs),
        pairs,
        absent=limits.absent,
        present=limits.present,
    )
    held = scores(detector, reader, split.held, pairs)
    patients = patients_of(split.held)
    measured = {}
    for label, calibration in calibrations.items():
        kinds = frozenset(limits.assessed.get(label, ()))
        where = kinds or calibration.kinds
        of_label = [s for s in held if s.label == label and kind_of(s.region) in where]
        measured[label] = replace(calibration, assessed=kinds, figure=figure(of_label, patients))
    write_calibrations(path, measured)
    bind(path.parent, calibration=sha256(path))
    for label, calibration in measured.items():
        say(f"{label}: {calibration.figure}")
    return measured


def figure(scores: Sequence[RegionScore], patients: Mapping[str, str]) -> str:
    """What was measured of one finding, in words: on described films, else on painted lesions."""
    described = [s for s in scores if s.source == "described"]
    chosen, where = described, "described films"
    if len({s.truth for s in described}) < 2:
        chosen, where = [s for s in scores if s.source == "painted"], "films with painted lesions"
    if len({s.truth for s in chosen}) < 2:
        return "not measured: no film held out has it"
    films = len({s.film for s in chosen})
    area = separation(chosen, patients).overall
    return f"AUROC {area} on {len(chosen)} regions of {films} {where} held out"


def scores(
    detector: OrganDetector,
    reader: FindingReader,
    examples: Sequence[Example],
    pairs: Pairs,
) -> list[RegionScore]:
    """Of films as they are, and of the clear ones with lesions painted into them."""
    painted = painted_films(detector, examples, pairs)
    return [
        *score_films(detector, reader, examples, pairs),
        *score_painted(detector, reader, painted, pairs),
    ]


def _write_json(path: Path, table: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
