"""What stage one of the generator trains: its configuration, and encoder and FindingNet as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from grounded.chest.names import REGIONS, kind_of, side_of
from grounded.detectors.organs.encoder import STRIDE, FilmEncoder
from grounded.errors import ConfigError
from grounded.generators.neural.finding_net import FindingNet
from grounded.nn.weights import WEIGHTS, bind, parameters, sha256, write
from grounded.train.augmentation import Strength
from grounded.train.findings.samples import Painting, Pairs

ENCODER, FINDINGS = "encoder", "findings"


@dataclass(frozen=True)
class FindingConfig:
    """All that a run depends on, beside the data.

    pairs: which findings are read in which kinds of region. start: the shipped detector's weights,
    which find the regions, and whose trunk the encoder starts from. notes: see `finding_films`, ""
    for the table beside the films. side: S of the network's input.
    cache_side: the films are kept with this longest side. held_out, calibration: see `split_films`.
    real: how often a film that readers described is drawn. ranking: weight of the loss that
    compares regions of one film. smoothing: of the labels. head_rate: the learning rate of the new
    layers over that of the trunk.
    """

    pairs: Mapping[str, Sequence[str]]
    start: str
    notes: str = ""
    seed: int = 0
    side: int = 320
    cache_side: int = 400
    held_out: float = 0.15
    calibration: float = 0.15
    widths: tuple[int, ...] = (32, 64, 96, 160, 224)
    fused: int = 160
    features: int = 128
    hidden: int = 96
    steps: int = 2600
    batch: int = 16
    learning_rate: float = 6e-4
    head_rate: float = 3.0
    weight_decay: float = 0.02
    warmup: float = 0.05
    ema: float = 0.998
    real: float = 0.35
    ranking: float = 0.3
    smoothing: float = 0.02
    workers: int = 1
    threads: int = 1
    log_every: int = 50
    measure_every: int = 400
    painting: Painting = field(default_factory=Painting)
    strength: Strength = field(default_factory=Strength)

    @classmethod
    def of(cls, table: Mapping[str, Any], folder: Path) -> FindingConfig:
        """From a table of keywords, with sub-tables. Raises ConfigError.

        folder: what `start` is relative to.
        """
        values = dict(table)
        values["start"] = str(folder / values.get("start", ""))
        if "notes" in values:
            values["notes"] = str(folder / values["notes"])
        try:
            values["painting"] = Painting(**values.get("painting", {}))
            values["strength"] = Strength(**values.get("strength", {}))
            if "widths" in values:
                values["widths"] = tuple(values["widths"])
            return cls(**values)
        except TypeError as error:
            raise ConfigError(f"the training configuration does not fit: {error}") from error


class ReadingNet(torch.nn.Module):
    """Encoder and FindingNet as one, for training and measuring."""

    def __init__(self, config: FindingConfig, pairs: Pairs) -> None:
        super().__init__()
        self.encoder = FilmEncoder(config.side, config.widths, config.fused, config.features)
        self.findings = FindingNet(pairs.labels, pairs.all_kinds, config.features, config.hidden)
        kinds = [kind_of(name) for name in REGIONS]
        places = [pairs.all_kinds.index(kind) if kind in pairs.all_kinds else -1 for kind in kinds]
        mirrored = [side_of(name) == "left" for name in REGIONS]
        self.register_buffer("kinds", torch.tensor(places), persistent=False)
        self.register_buffer("mirrored", torch.tensor(mirrored), persistent=False)

    def forward(self, films: Tensor, boxes: Tensor, there: Tensor) -> Tensor:
        """Logits (B, R, F) of films (B, 1, S, S); NaN for regions that are not read.

        boxes: (B, R, 4) model pixels. there: (B, R).
        """
        maps = self.encoder(films)
        kinds: Tensor = self.kinds  # type: ignore[assignment]
        mirrored: Tensor = self.mirrored  # type: ignore[assignment]
        rows, regions = (there & (kinds >= 0)).nonzero(as_tuple=True)
        on_map = torch.cat([rows[:, None].float(), boxes[rows, regions] / STRIDE], dim=1)
        logits = self.findings(maps.float(), on_map, kinds[regions], mirrored[regions])
        everywhere = logits.new_full((*there.shape, logits.shape[1]), torch.nan)
        filled: Tensor = everywhere.index_put((rows, regions), logits)
        return filled


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


def trunk(encoder: FilmEncoder) -> Iterator[torch.nn.Parameter]:
    """The layers that OrganNet has as well."""
    for part in (encoder.stem, encoder.down, encoder.fuse):
        yield from part.parameters()


def new_layers(net: ReadingNet) -> Iterator[torch.nn.Parameter]:
    yield from net.encoder.out.parameters()
    yield from net.findings.parameters()


def write_reading(net: ReadingNet, config: FindingConfig, output: Path) -> None:
    """`output`/encoder and `output`/findings, in half precision."""
    encoder = {
        "side": config.side,
        "widths": list(config.widths),
        "fused": config.fused,
        "features": config.features,
    }
    findings = {
        "labels": list(net.findings.labels),
        "kinds": list(net.findings.kinds),
        "features": config.features,
        "hidden": config.hidden,
    }
    write(output / ENCODER, encoder, _half(net.encoder))
    write(output / FINDINGS, findings, _half(net.findings))
    bind(output / FINDINGS, encoder=sha256(output / ENCODER / WEIGHTS))


def _half(net: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.half().contiguous() for name, value in parameters(net).items()}
