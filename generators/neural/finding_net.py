"""FindingNet: from an encoded film and a region's box to a logit for each finding of that region.

Two readings are added up. Each place of the map says by itself what it shows, and the strongest
places of the box count (a smooth maximum), so that a small lesion is not averaged away. Beside it,
the arrangement inside the box is read as a whole, so that a meniscus differs from a dome. Boxes of
the left side are read mirrored: outwards is outwards on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

GRID = 8  # a box is read at 8 x 8 places for the smooth maximum
COARSE = 4  # and at 4 x 4 places for their arrangement


class FindingNet(nn.Module):
    """labels: F findings. kinds: K kinds of region, a region's name without its side.

    features: D of the encoder's map. hidden: channels in which a place is read. arranged: channels
    of the 4 x 4 grid.
    """

    def __init__(
        self,
        labels: Sequence[str],
        kinds: Sequence[str],
        features: int = 128,
        hidden: int = 96,
        arranged: int = 24,
    ) -> None:
        super().__init__()
        self.labels, self.kinds = tuple(labels), tuple(kinds)
        count = len(self.labels)
        self.place = nn.Conv2d(features, hidden, 1)
        self.context = nn.Linear(2 * features, hidden)
        self.evidence = nn.Conv2d(hidden, count, 1)
        self.sharpness = nn.Parameter(torch.full((count,), 1.0))
        self.arrange = nn.Conv2d(features, arranged, 1)
        self.whole = nn.Sequential(
            nn.Linear(arranged * COARSE**2 + len(self.kinds), 64), nn.ReLU(), nn.Linear(64, count)
        )
        self.scale = nn.Embedding(len(self.kinds), count)
        self.bias = nn.Embedding(len(self.kinds), count)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(
        self,
        maps: Tensor,
        boxes: Tensor,
        kinds: Tensor,
        mirrored: Tensor,
        film_given: bool = False,
    ) -> Tensor:
        """Logits (N, F) of N boxes.

        maps: (B, D, h, w). boxes: (N, 5), the row of the map, then x0 y0 x1 y1 in its cells.
        kinds: (N,) places in `kinds`. mirrored: (N,) true for boxes of the left side.
        film_given: see `places`.
        """
        places = self.places(maps, film_given)  # (B, F, h, w)
        inside = _grid(places, boxes, GRID).flatten(2)  # (N, F, 64)
        sharpness = functional.softplus(self.sharpness)[:, None]
        strongest = torch.logsumexp(inside * sharpness, dim=2) - torch.log(
            torch.tensor(float(GRID**2))
        )
        strongest = strongest / sharpness[:, 0]  # (N, F)
        grid = _grid(functional.relu(self.arrange(maps)), boxes, COARSE)  # (N, C, 4, 4)
        grid = torch.where(mirrored[:, None, None, None], grid.flip(3), grid)
        kind = functional.one_hot(kinds, len(self.kinds)).to(grid.dtype)
        whole = self.whole(torch.cat([grid.flatten(1), kind], dim=1))  # (N, F)
        logits: Tensor = strongest * self.scale(kinds) + whole + self.bias(kinds)
        return logits

    def places(self, maps: Tensor, film_given: bool = False) -> Tensor:
        """What each place of the maps (B, D, h, w) says by itself: (B, F, h, w).

        film_given: what the film looks like as a whole is not followed back, when gradients are.
        """
        whole = maps.detach() if film_given else maps
        film = torch.cat([whole.mean(dim=(2, 3)), whole.amax(dim=(2, 3))], dim=1)  # (B, 2D)
        hidden = functional.relu(self.place(maps) + self.context(film)[:, :, None, None])
        evidence: Tensor = self.evidence(hidden)
        return evidence


def seen(maps: Tensor, boxes: Tensor, mirrored: Tensor) -> Tensor:
    """What is seen in boxes (N, 5): a 4 x 4 grid of the maps, (N, 16, D), row by row."""
    grid = _grid(maps, boxes, COARSE)  # (N, D, 4, 4)
    grid = torch.where(mirrored[:, None, None, None], grid.flip(3), grid)
    return grid.flatten(2).transpose(1, 2)


def _grid(maps: Tensor, boxes: Tensor, size: int) -> Tensor:
    from torchvision.ops import roi_align  # 1.5 s of imports that loading a preset does not need

    pooled: Tensor = roi_align(
        maps, boxes.to(maps.dtype), output_size=size, sampling_ratio=2, aligned=True
    )
    return pooled
