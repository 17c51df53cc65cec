"""What is trained to read findings: a configuration; encoder, FindingNet and habits as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from grounded.detectors.organs.encoder import FilmEncoder
from grounded.errors import ConfigError
from grounded.generators.neural.finding_net import FILM, VIEW, FindingNet
from grounded.nn.weights import WEIGHTS, parameters, write
from grounded.train.configuration import Beside
from grounded.train.findings.films import Change
from grounded.train.findings.truth import LABELS, READERS

ENCODER, FINDINGS = "encoder", "findings"


@dataclass(frozen=True, slots=True)
class FindingConfig:
    """All that a run depends on, beside the data.

    pairs: in which kinds of region each finding is read; each is read in the whole film as well.
    start: the shipped detector's weights, whose trunk is gone on from. side, widths, width, drop:
    see FilmEncoder. rounds: how often as many films as there are get seen; those that radiologists
    outlined come `outlined` times as often, those with another reading `read` times. trust: the
    weight of each reader's word. trunk_rate: the trunk's part of the learning rate. ema: decay per
    step of the copy that is kept. blank: train on films whose lungs are hidden, as a control.
    threads: more of them wait for each other on a shared machine.
    """

    pairs: Mapping[str, Sequence[str]]
    start: Beside = Path()
    seed: int = 0
    side: int = 192
    widths: tuple[int, ...] = (32, 64, 96, 160, 224)
    width: int = 128
    drop: float = 0.15
    rounds: float = 14.0
    batch: int = 32
    learning_rate: float = 1e-3
    trunk_rate: float = 0.4
    weight_decay: float = 0.02
    warmup: float = 0.05
    ema: float = 0.998
    outlined: float = 2.5
    read: float = 1.5
    trust: tuple[float, ...] = (1.0, 0.6, 0.8, 0.4)
    blank: bool = False
    threads: int = 1
    log_every: int = 50
    change: Change = field(default_factory=Change)

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
            len(LABELS), config.side, config.widths, config.width, config.drop
        )
        self.findings = FindingNet((*LABELS, VIEW), config.kinds)
        self.habits = Habits()


def start_from(encoder: FilmEncoder, folder: Path) -> None:
    """Give the encoder the trunk of an OrganNet. Raises ConfigError for weights without one."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise ConfigError(f"no {WEIGHTS} in {folder} to start from")
    wanted = parameters(encoder)
    found = {name: value.float() for name, value in load_file(path).items() if name in wanted}
    fits = {name: value for name, value in found.items() if value.shape == wanted[name].shape}
    if not fits:
        raise ConfigError(f"{path} holds no layer of a film encoder; expected OrganNet's weights")
    encoder.load_state_dict(fits, strict=False)


def optimizer_of(net: ReadingNet, config: FindingConfig) -> torch.optim.Optimizer:
    """The trunk, which is gone on from, learns more slowly."""
    trunk = [*net.encoder.stem.parameters(), *net.encoder.down.parameters()]
    known = {id(value) for value in trunk}
    others = [value for value in net.parameters() if id(value) not in known]
    return torch.optim.AdamW(
        [{"params": trunk, "scale": config.trunk_rate}, {"params": others, "scale": 1.0}],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
    )


def write_reading(net: ReadingNet, config: FindingConfig, output: Path) -> None:
    """`output`/encoder and `output`/findings, in half precision."""
    encoder = {
        "findings": len(LABELS),
        "side": config.side,
        "widths": list(config.widths),
        "width": config.width,
    }
    findings = {"labels": list(net.findings.labels), "kinds": list(net.findings.kinds)}
    write(output / ENCODER, encoder, _half(net.encoder))
    write(output / FINDINGS, findings, _half(net.findings))


def _half(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.half().contiguous() for name, value in parameters(net).items()}
