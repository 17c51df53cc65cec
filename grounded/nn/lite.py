"""EfficientNet-Lite without its classifier: a small network whose weights know photographs.

Tan and Le, ICML 2019, in the "lite" form that Google published in 2020 (no squeeze-and-excitation,
ReLU6). Lite0 is scale 1 and depth 1, Lite2 is scale 1.1 and depth 1.2. The batch normalisations are
folded into the convolutions before them: what is trained on is a network without any, so that films
in one batch do not change each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Stage(NamedTuple):
    channels: int
    blocks: int
    stride: int
    kernel: int
    expand: int


STEM = 32
STAGES = (
    _Stage(16, 1, 1, 3, 1),
    _Stage(24, 2, 2, 3, 6),
    _Stage(40, 2, 2, 5, 6),
    _Stage(80, 3, 2, 3, 6),
    _Stage(112, 3, 1, 5, 6),
    _Stage(192, 4, 2, 5, 6),
    _Stage(320, 1, 1, 3, 6),
)
NORM_EPS = 1e-3  # of the published batch normalisations


class LiteTrunk(nn.Module):
    """Films to maps at strides 2, 4, 8, 16 and 32.

    scale, depth: how many channels, and blocks in each stage but the first and the last, there are
    for each of Lite0's.
    """

    def __init__(self, scale: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        widths = [max(8, round(stage.channels * scale / 8) * 8) for stage in STAGES]
        self.stem = _Convolution(1, STEM, 3, stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    _Inverted(before if first else after, after, stage, first)
                    for first in (True, *[False] * (blocks - 1))
                )
            )
            for stage, blocks, (before, after) in zip(
                STAGES, _blocks(depth), pairwise([STEM, *widths]), strict=True
            )
        )
        # the last stage at each grid
        self.widths = tuple(widths[row] for row in (0, 1, 2, 4, 6))

    def forward(self, films: Tensor) -> list[Tensor]:
        """Films (B, 1, S, S), 0..1, to five maps (B, C, S/2^n, S/2^n) with C of `widths`."""
        maps = [self.stem(films * 2 - 1)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return [maps[row] for row in (1, 2, 3, 5, 7)]


class _Convolution(nn.Module):
    """A convolution that halves its grid as TensorFlow does, and ReLU6 where it is asked for."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        bend: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            before, after, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups
        )
        over = kernel - stride
        self.beyond = (over // 2, over - over // 2) * 2 if stride > 1 else None
        self.bend = bend

    def forward(self, maps: Tensor) -> Tensor:
        if self.beyond is not None:
            maps = functional.pad(maps, self.beyond)
        if self.conv.groups > 1:
            # gradients of depthwise convolutions in half precision take CPUs three times as long
            with torch.autocast(maps.device.type, enabled=False):
                maps = self.conv(maps.to(self.conv.weight.dtype))
        else:
            maps = self.conv(maps)
        return functional.relu6(maps) if self.bend else maps


class _Inverted(nn.Module):
    """An inverted residual block: widen, look around, narrow."""

    def __init__(self, before: int, after: int, stage: _Stage, first: bool) -> None:
        super().__init__()
        stride, wide = stage.stride if first else 1, before * stage.expand
        self.skip = stride == 1 and before == after
        widen = [_Convolution(before, wide, 1)] if stage.expand > 1 else []
        self.body = nn.Sequential(
            *widen,
            _Convolution(wide, wide, stage.kernel, stride, groups=wide),
            _Convolution(wide, after, 1, bend=False),
        )

    def forward(self, maps: Tensor) -> Tensor:
        inner: Tensor = self.body(maps)
        return inner + maps if self.skip else inner


def _blocks(depth: float) -> list[int]:
    """How many blocks each stage has; the first and the last stay as they are."""
    inner = [math.ceil(stage.blocks * depth) for stage in STAGES[1:-1]]
    return [STAGES[0].blocks, *inner, STAGES[-1].blocks]


def folded(published: Mapping[str, Tensor], depth: float = 1.0) -> dict[str, Tensor]:
    """The state of a LiteTrunk from the published names (`efficientnet-lite` for PyTorch).

    Colours are summed, since a film has one grey. Raises KeyError for other weights.
    """
    state = _fold(published, "_conv_stem", "_bn0", "stem")
    state["stem.conv.weight"] = state["stem.conv.weight"].sum(dim=1, keepdim=True)
    block = 0
    for row, (stage, blocks) in enumerate(zip(STAGES, _blocks(depth), strict=True)):
        for step in range(blocks):
            parts = [("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
            parts = [("_expand_conv", "_bn0"), *parts] if stage.expand > 1 else parts
            for place, (conv, norm) in enumerate(parts):
                at = f"_blocks.{block}."
                state |= _fold(published, at + conv, at + norm, f"stages.{row}.{step}.body.{place}")
            block += 1
    return state


def _fold(published: Mapping[str, Tensor], conv: str, norm: str, name: str) -> dict[str, Tensor]:
    scale = published[f"{norm}.weight"] / (published[f"{norm}.running_var"] + NORM_EPS).sqrt()
    bias = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * scale
    weight = published[f"{conv}.weight"] * scale[:, None, None, None]
    return {f"{name}.conv.weight": weight, f"{name}.conv.bias": bias}
