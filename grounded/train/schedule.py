"""How the learning rate changes over a run."""

from __future__ import annotations

import math


def learning_rate_at(progress: float, warmup: float) -> float:
    """The part of the largest rate at `progress` (0..1): a linear rise, then half a cosine."""
    if progress < warmup:
        return (progress + 1e-3) / (warmup + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) + 1e-3
