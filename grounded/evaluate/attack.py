"""An attack on the network that reads findings: changes too small to see, chosen to do most harm.

Projected gradient descent (Madry et al., ICLR 2018) by the Adversarial Robustness Toolbox, extra
`robustness`. It moves the strongest finding of the film across one half: what is read as free of
findings gets one, and what is not loses its strongest one.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from grounded.errors import MissingExtraError
from grounded.evaluate.altered import Alteration, Altered, Pixels, unaltered

PACKAGE = "adversarial-robustness-toolbox"
STEPS = 10
STRENGTHS = (0.001, 0.002, 0.004, 0.008)  # the largest change of a pixel; 1/255 is 0.004


class _AnyFinding(nn.Module):
    """Films to two logits: no finding, and the strongest one. net: films to log-odds (B, F)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, films: Tensor) -> Tensor:
        strongest = self.net(films).amax(dim=1)
        return torch.stack([torch.zeros_like(strongest), strongest], dim=1)


class Attack:
    """net: films (B, 1, S, S) in 0..1 to log-odds (B, F) of findings. Raises MissingExtraError."""

    def __init__(self, net: nn.Module, side: int) -> None:
        try:
            evasion: Any = importlib.import_module("art.attacks.evasion")
            estimators: Any = importlib.import_module("art.estimators.classification")
            self.by = f"{PACKAGE} {version(PACKAGE)}"
        except ImportError as error:
            raise MissingExtraError(
                f"the attack needs the Adversarial Robustness Toolbox "
                f"(pip install 'grounded[robustness]'): {error}"
            ) from error
        self._descent = evasion.ProjectedGradientDescent
        self._classifier = estimators.PyTorchClassifier(
            _AnyFinding(net).eval(),
            loss=nn.CrossEntropyLoss(),
            input_shape=(1, side, side),
            nb_classes=2,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )

    @property
    def alteration(self) -> Alteration:
        return Alteration(
            "attack", "largest change of a pixel, of the grey scale", STRENGTHS, self.alter
        )

    def alter(self, pixels: Pixels, strength: float) -> Altered:
        """The film (S, S) with changes up to `strength` in each pixel."""
        attack = self._descent(
            self._classifier,
            eps=strength,
            eps_step=strength / 4,
            max_iter=STEPS,
            num_random_init=0,
            verbose=False,
        )
        changed = attack.generate(pixels[None, None])
        return unaltered(np.asarray(changed[0, 0], dtype=np.float32))
