"""What the trainings of GateNet and SideNet share: their configuration and their frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import torch
from torch import Tensor, nn

from grounded.data.gate_films import GateFilm
from grounded.detectors.gate import FilmNet
from grounded.nn.weights import parameters, write
from grounded.train.configuration import Count, RunConfig, configured, read_configuration
from grounded.train.loop import decayed


@dataclass(frozen=True, kw_only=True)
class FilmNetConfig(RunConfig):
    """All that a run depends on, beside the data. side, widths, hidden: of the network."""

    side: Count
    widths: tuple[Count, ...]
    hidden: Count

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a TOML file. Raises ConfigError for one that does not fit."""
        return configured(cls, read_configuration(path), path)

    @property
    def net(self) -> dict[str, Any]:
        """What the network is constructed with."""
        return {"side": self.side, "widths": list(self.widths), "hidden": self.hidden}


Config = TypeVar("Config", bound=FilmNetConfig)
Net = TypeVar("Net", bound=FilmNet)


@dataclass
class FilmNetTask(Generic[Config, Net]):
    """A network's part of a training run. films: those held out are only measured on."""

    config: Config
    films: Sequence[GateFilm]
    output: Path
    net: Net
    name: str

    def groups(self) -> list[dict[str, Any]]:
        return decayed(self.net)

    def write(self, net: Net) -> None:
        half = {name: value.half().contiguous() for name, value in parameters(net).items()}
        write(self.output, self.config.net, half)


def logits_of(net: nn.Module, films: Tensor) -> Tensor:
    """What a network makes of films (B, 1, S, S), in half precision inside."""
    films = films.contiguous(memory_format=torch.channels_last)
    with torch.autocast(films.device.type, torch.bfloat16):
        logits: Tensor = net(films)
    return logits.float()
