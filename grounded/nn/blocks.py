"""What the networks of this folder are built from: convolutions with a shortcut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


def conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def double(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0, mode="nearest")


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.first = conv(before, after, stride)
        self.second = nn.Sequential(
            nn.Conv2d(after, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)
        )
        shortcut: list[nn.Module] = [nn.AvgPool2d(2)] if stride == 2 else []
        if before != after:
            shortcut += [nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, maps: Tensor) -> Tensor:
        summed: Tensor = self.second(self.first(maps)) + self.shortcut(maps)
        return functional.relu(summed)


def descent(widths: Sequence[int]) -> nn.ModuleList:
    """Blocks that halve the grid, from stride 2 to 4, 8, 16 and 32; widths: channels at each."""
    return nn.ModuleList(
        nn.Sequential(
            Residual(before, after, stride=2),
            *([Residual(after, after)] if level else []),  # fine grids are dear
        )
        for level, (before, after) in enumerate(pairwise(widths))
    )


def trunk(side: int, widths: Sequence[int]) -> tuple[nn.Module, nn.ModuleList]:
    """The stem and the blocks that `descend` runs, for films of S x S pixels.

    side: S, a multiple of 32. widths: channels at strides 2, 4, 8, 16 and 32. Raises ValueError.
    """
    if side % 32 or len(widths) != 5:
        raise ValueError(f"side is a multiple of 32 and widths are five, got {side}, {widths}")
    return conv(1, widths[0], stride=2), descent(widths)


def descend(stem: nn.Module, down: nn.ModuleList, films: Tensor) -> list[Tensor]:
    """The maps of films (B, 1, S, S) at strides 2, 4, 8, 16 and 32."""
    stages: list[Tensor] = [stem(films)]
    for block in down:
        stages.append(block(stages[-1]))
    return stages
