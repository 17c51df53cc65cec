"""RGRG's detector made faster on a CPU: same weights and arithmetic, less of it, in a better order.

- Batch normalisation is folded into the convolutions, whose weights are laid out once as oneDNN
  wants them; ReLU and the residual sum happen inside. bfloat16 where asked for and the CPU has the
  instructions, with float32 accumulation.
- The head's first layer, 131072 numbers for each of up to 1000 proposals, is linear in the pooled
  map, and pooling is linear in the map: (A F) W = A (F W) with the pooling weights A of a
  proposal, the map F and the weights W. F W is the same for all proposals, so with many of them
  the right-hand order costs a third. The cheaper order is taken.

`tests/rgrg/test_fast.py` holds it against the plain network.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from grounded.detectors.rgrg.net import POOLED, STRIDE, DetectorNet, sampling_weights
from grounded.nn.onednn import PackedConvolution

MANY = 228  # proposals from which the map goes through the layer first: 34.4 G against 151 M each


def pack_detector(net: DetectorNet, dtype: torch.dtype = torch.float32) -> None:
    """Replace the network's costly parts by fast ones, in place; it cannot be trained any more.

    dtype: of the weights of convolutions and of the head's first layer. Everything that is compared
    or drawn (logits, boxes, vectors) stays float32.
    """
    net.eval()
    side = net.layout.side
    net.backbone = PackedBackbone(net.backbone, side, dtype)  # type: ignore[assignment]
    net.rpn.head = PackedProposalHead(net.rpn.head, side // STRIDE, dtype)
    net.fast_head = FoldedHead(net.roi_heads.box_head, dtype)
    net.roi_heads.box_head = None


class PackedBlock(nn.Module):
    """A residual block of ResNet, basic or bottleneck."""

    def __init__(self, block: Any, side: int, dtype: torch.dtype) -> None:
        super().__init__()
        shortcut = block.downsample
        self.shortcut = (
            None
            if shortcut is None
            else PackedConvolution(shortcut[0], shortcut[1], side, dtype, relu=False)
        )
        pairs = [(block.conv1, block.bn1), (block.conv2, block.bn2)]
        if hasattr(block, "conv3"):
            pairs.append((block.conv3, block.bn3))
        convolutions = []
        for pair in pairs:
            convolutions.append(PackedConvolution(*pair, side, dtype))
            side = convolutions[-1].side_out
        self.first = nn.Sequential(*convolutions[:-1])
        self.last = convolutions[-1]
        self.side_out = side

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(x)
        return self.last.add_to(x if self.shortcut is None else self.shortcut(x), inner)


class PackedBackbone(nn.Module):
    """ResNet's stem and stages; films (B, 1, H, W) to float32 maps (B, C, H / 32, W / 32)."""

    def __init__(self, backbone: Any, side: int, dtype: torch.dtype) -> None:
        super().__init__()
        convolution, norm, _, self.pool, *stages = backbone
        self.stem = PackedConvolution(convolution, norm, side, dtype)
        blocks: list[PackedBlock] = []
        side = (self.stem.side_out - 1) // self.pool.stride + 1
        for block in itertools.chain(*stages):
            blocks.append(PackedBlock(block, side, dtype))
            side = blocks[-1].side_out
        self.blocks = nn.Sequential(*blocks)

    def forward(self, films: Tensor) -> Tensor:
        films = films.contiguous(memory_format=torch.channels_last)
        maps: Tensor = self.blocks(self.pool(self.stem(films)))
        return maps.float()


class PackedProposalHead(nn.Module):
    """The proposal network's convolutions; in and out as torchvision's RPNHead."""

    def __init__(self, head: Any, side: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.convolution = PackedConvolution(head.conv[0][0], None, side, dtype)
        self.cls_logits = head.cls_logits
        self.bbox_pred = head.bbox_pred

    def forward(self, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        hidden = [self.convolution(m).float() for m in maps]
        return [self.cls_logits(h) for h in hidden], [self.bbox_pred(h) for h in hidden]


class FoldedHead(nn.Module):
    """Pooling and the two layers of the box head for all proposals of each film."""

    weight: Tensor

    def __init__(self, head: Any, dtype: torch.dtype) -> None:
        super().__init__()
        fc6 = head.fc6
        width = fc6.out_features
        by_cell = fc6.weight.detach().to(dtype).view(width, -1, POOLED**2)  # (O, C, 64)
        self.register_buffer("weight", by_cell.permute(2, 0, 1).contiguous())  # (64, O, C)
        self.bias = fc6.bias.detach()
        self.fc7 = head.fc7
        self.dtype = dtype

    def forward(self, maps: Tensor, proposals: list[Tensor]) -> Tensor:
        first = torch.cat([self._fc6(*pair) for pair in zip(maps, proposals, strict=True)])
        hidden: Tensor = self.fc7((first + self.bias).relu()).relu()
        return hidden

    def _fc6(self, map_: Tensor, proposals: Tensor) -> Tensor:
        """The first layer before its bias: (P, O)."""
        down, across = sampling_weights(proposals, (map_.shape[1], map_.shape[2]))
        down = down.transpose(1, 2).to(self.dtype)  # (P, h, 8)
        across = across.transpose(1, 2).to(self.dtype)  # (P, w, 8)
        pooling = down[:, :, None, :, None] * across[:, None, :, None]  # (P, h, w, 8, 8)
        cells = map_.flatten(1).T.to(self.dtype)  # (h * w, C)
        if len(proposals) >= MANY:
            seen = nn.functional.linear(cells, self.weight.flatten(0, 1))  # (h * w, 64 * O)
            return (pooling.flatten(1) @ seen.view(-1, self.weight.shape[1])).float()
        pooled = pooling.flatten(3).flatten(1, 2).permute(2, 0, 1) @ cells  # (64, P, C)
        return (pooled @ self.weight.transpose(1, 2)).sum(0, dtype=torch.float32)
