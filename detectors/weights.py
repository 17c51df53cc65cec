"""Reads a folder of weights: config.json with a network's keywords, model.safetensors beside it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from grounded.errors import ConfigError

Network = TypeVar("Network", bound=nn.Module)

CONFIG, WEIGHTS = "config.json", "model.safetensors"


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The network's keywords. Raises ConfigError for a folder that has none."""
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise ConfigError(
            f"no weights in {os.fspath(folder)!r}: expected a folder with {CONFIG} and {WEIGHTS}"
        )
    try:
        keywords = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(keywords, dict):
        raise ConfigError(f"{path} holds a network's keywords, got a {type(keywords).__name__}")
    return keywords


def build(network: type[Network], keywords: dict[str, Any], folder: Path) -> Network:
    """The network with random weights. Raises ConfigError for keywords that it does not take."""
    try:
        return network(**keywords)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{folder / CONFIG} does not describe a {network.__name__}: {error}"
        ) from error


def fill(net: nn.Module, folder: Path) -> dict[str, str]:
    """Put the weights of a folder into a network, in evaluation mode; their SHA-256 by file name.

    Raises ConfigError when the file is missing, broken, or made for another network.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise ConfigError(f"{path} is missing; {CONFIG} lies there without it")
    data = path.read_bytes()
    try:
        net.load_state_dict(_loaded(data))
    except SafetensorError as error:
        raise ConfigError(f"{path} is no safetensors file: {error}") from error
    except RuntimeError as error:
        raise ConfigError(f"{path} was made for another network: {error}") from error
    net.eval()
    return {f"{folder.resolve().name}/{WEIGHTS}": hashlib.sha256(data).hexdigest()}


def _loaded(data: bytes) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = load(data)
    return weights
