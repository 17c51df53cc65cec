"""What the networks of this folder are built from: convolutions with a shortcut."""

from __future__ import annotations

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
