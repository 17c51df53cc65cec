"""The published layout made tiny: few layers, narrow, with every alias of the real file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from grounded import Image
from grounded.convert.rgrg import convert_rgrg, published_layout
from grounded.detectors.rgrg.net import DetectorLayout
from grounded.generators.rgrg.net import DecoderLayout

DETECTOR = DetectorLayout(
    stages=(1, 1, 1, 1),
    bottleneck=False,
    side=128,
    anchor_sizes=(20, 40, 80),
    anchor_ratios=(0.5, 1.0, 2.0),
    proposals=60,
    head=32,
    features=24,
    classifier=(16, 8),
)
DECODER = DecoderLayout(layers=2, width=32, heads=4, vocabulary=400, features=24, stop=399)
PARTS = ("ln_1", "attn", "ln_2", "mlp")


@dataclass(frozen=True)
class Tiny:
    """A published file made small, and the sizes to read it with."""

    state: dict[str, Tensor]
    detector: DetectorLayout = DETECTOR
    decoder: DecoderLayout = DECODER

    def save(self, path: Path, **changes: Tensor | None) -> Path:
        """Write the file; `changes` replace keys (dots as double underscores), None leaves out."""
        state = dict(self.state)
        for key, value in changes.items():
            if value is None:
                del state[key.replace("__", ".")]
            else:
                state[key.replace("__", ".")] = value
        torch.save({"model": state, "epoch": 1}, path)
        return path


def _value(name: str, shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    x = torch.randn(shape, generator=random)
    if name.endswith("running_var"):
        return 0.5 + x.abs()
    if len(shape) == 1:
        return 1 + 0.1 * x if name.endswith("weight") else 0.02 * x
    if "wte" in name:
        return 0.2 * x
    gain = 25.0 if "cls_score" in name else 12.0 if "classifier.4" in name else 1.0
    return x * gain / (x[0].numel() ** 0.5)


def _with_aliases(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every key of the published file: the same tensors under several names, masks and counters."""
    state = dict(tensors)
    gpt = "language_model.gpt."
    for name, value in tensors.items():
        if not name.startswith(gpt):
            continue
        rest = name[len(gpt) :]
        state[f"language_model.gpt_with_lm_head.transformer.{rest}"] = value
        if rest.startswith("h."):
            _, layer, part, *leaf = rest.split(".")
            place = PARTS.index(part)
            state[".".join(["language_model.gpt2_blocks", layer, str(place), *leaf])] = value
        elif rest.startswith("ln_f."):
            state[f"language_model.final_layernorm.{rest[5:]}"] = value
        else:
            state[f"language_model.{rest}"] = value
    word = tensors[f"{gpt}wte.weight"]
    state["language_model.lm_head.weight"] = word
    state["language_model.gpt_with_lm_head.lm_head.weight"] = word
    for layer in range(DECODER.layers):
        state[f"{gpt}h.{layer}.attn.causal_mask"] = torch.ones(1, 1, 4, 4, dtype=torch.uint8)
        state[f"{gpt}h.{layer}.attn.mask_out_value"] = torch.tensor(-1e4)
    state["object_detector.backbone.1.num_batches_tracked"] = torch.tensor(5)
    state["binary_classifier_region_selection.loss_fn.pos_weight"] = torch.ones(1)
    return state


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    random = torch.Generator().manual_seed(0)
    layout = published_layout(DETECTOR, DECODER)
    return Tiny(_with_aliases({n: _value(n, s, random) for n, s in layout.items()}))


@pytest.fixture(scope="session")
def folder(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny file, converted."""
    out = tmp_path_factory.mktemp("rgrg")
    checkpoint = tiny.save(out / "full_model.pt")
    convert_rgrg(checkpoint, out / "rgrg", detector=tiny.detector, decoder=tiny.decoder)
    return out / "rgrg"


@pytest.fixture(scope="session")
def chest() -> Callable[..., Image]:
    """A film of smooth blobs: `chest(seed=1, shape=(150, 130), view="PA")`."""

    def make(seed: int = 0, shape: tuple[int, int] = (150, 130), view: str = "") -> Image:
        random = np.random.default_rng(seed)
        yy, xx = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        pixels = 0.05 * random.standard_normal(shape)
        for _ in range(12):
            cy, cx = random.uniform(0, shape[0]), random.uniform(0, shape[1])
            size = random.uniform(5, 40)
            pixels += random.uniform(-1, 1) * np.exp(
                -((yy - cy) ** 2 + (xx - cx) ** 2) / (2 * size**2)
            )
        low, high = pixels.min(), pixels.max()
        return Image.of(((pixels - low) / (high - low)).astype(np.float32), view=view)

    return make
