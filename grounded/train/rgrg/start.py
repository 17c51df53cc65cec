"""Where the region-guided model's weights come from before a stage, and where they go after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from grounded.detectors.rgrg.net import DetectorNet
from grounded.errors import ConfigError
from grounded.generators.rgrg.net import DecoderNet
from grounded.nn import weights
from grounded.preset import write_preset

DETECTOR, GENERATOR = "detector", "generator"


def load_stage(detector: DetectorNet, decoder: DecoderNet, folder: Path) -> None:
    """Both networks from the preset folder of a stage, or of `grounded convert rgrg`."""
    for net, part in ((detector, DETECTOR), (decoder, GENERATOR)):
        path = folder / part / weights.WEIGHTS
        if not path.is_file():
            raise ConfigError(f"{path} is missing: expected the output of the stage before")
        _fill(net, load_file(path), path)


def load_backbone(detector: DetectorNet, path: Path) -> None:
    """The encoder from a state dict of torchvision's ResNet (.pth or .safetensors).

    A first layer of three colours becomes one of grey by adding them up: grey films have all three
    equal. The last, classifying layer is left out.
    """
    if not path.is_file():
        raise ConfigError(f"the backbone's weights {path} are missing")
    if path.suffix == ".safetensors":
        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    stem = state.get("conv1.weight")
    if stem is None:
        raise ConfigError(f"{path} holds no ResNet of torchvision: conv1.weight is missing")
    state = {**state, "conv1.weight": stem.sum(1, keepdim=True)}
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    places = {name: str(place) for place, name in enumerate(names)}
    renamed = {
        f"{places[head]}.{rest}": value
        for key, value in state.items()
        for head, _, rest in [key.partition(".")]
        if head in places
    }
    _fill(detector.backbone, renamed, path)


def load_gpt2(decoder: DecoderNet, folder: Path) -> None:
    """GPT-2's layers and embeddings from a folder of the transformers library.

    What makes image keys and values has no counterpart there and stays random. The table of
    positions is left out: positions are looked up in the token table (see DecoderNet).
    """
    path = folder / weights.WEIGHTS
    if not path.is_file():
        raise ConfigError(f"no {weights.WEIGHTS} in {folder}: expected a downloaded GPT-2")
    state = decoder.state_dict()
    for key, value in load_file(path).items():
        name = key.removeprefix("transformer.")
        if name not in state:
            continue  # wpe, attention masks, the tied output layer
        # GPT-2 stores these as (in, out), a linear layer as (out, in)
        linear = name.startswith("h.") and name.endswith(".weight") and ".ln_" not in name
        state[name] = value.T.contiguous() if linear else value
    _fill(decoder, state, path)


def write_stage(detector: DetectorNet, decoder: DecoderNet, folder: Path) -> None:
    """The folder as `grounded report --preset FOLDER` reads it."""
    parts: tuple[tuple[DetectorNet | DecoderNet, str], ...]
    parts = ((detector, DETECTOR), (decoder, GENERATOR))
    for net, part in parts:
        tensors = weights.parameters(net).items()
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors}
        weights.write(folder / part, asdict(net.layout), plain)
    write_preset(
        folder,
        "Written by `grounded train rgrg`.",
        detector={
            "use": "grounded.detectors.rgrg.detector:RgrgDetector",
            "weights": f"./{DETECTOR}",
        },
        generator={
            "use": "grounded.generators.rgrg.generator:RgrgGenerator",
            "weights": f"./{GENERATOR}",
            "tokenizer": "./tokenizer",
        },
    )


def _fill(net: nn.Module, state: Mapping[str, Tensor], source: Path) -> None:
    kept = {key: v for key, v in state.items() if not key.endswith("num_batches_tracked")}
    shapes = {key: tuple(value.shape) for key, value in kept.items()}
    expected = {key: tuple(value.shape) for key, value in weights.parameters(net).items()}
    weights.check(source, shapes, expected)
    net.load_state_dict(kept, strict=False)
