"""A folder of weights: `config.json` with a network's sizes, `model.safetensors` beside it.

`config.json` may say as well what the weights belong to, by SHA-256: a network that was trained on
the output of another works with that one alone, and one of equal shape would be no error by itself.

Tensors are read one by one, so that a network whose weights are stored in float32 and wanted in
bfloat16 never needs the memory of both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from grounded.errors import ConfigError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
BELONGS_TO = "belongs_to"  # in config.json: SHA-256 by the part that they belong to
Network = TypeVar("Network", bound=nn.Module)
COUNTER = "num_batches_tracked"  # of a batch normalisation; not needed to read a film
AT_ONCE = 64_000_000  # bytes of a file that are read through one handle
SHOWN = 5  # names of a list that a message shows


def read_config(folder: Path) -> dict[str, Any]:
    """The sizes in a folder of weights. Raises ConfigError for a folder that has none."""
    return {key: value for key, value in _config(folder).items() if key != BELONGS_TO}


def belongs_to(folder: Path, part: str) -> str:
    """The SHA-256 of the part that a folder's weights belong to.

    Raises ConfigError if the folder does not say.
    """
    digests = _config(folder).get(BELONGS_TO)
    digest = digests.get(part) if isinstance(digests, dict) else None
    if not isinstance(digest, str) or not digest:
        raise ConfigError(
            f"{folder / CONFIG} does not say which {part} the weights belong to; train them again, "
            f'or write "{BELONGS_TO}": {{"{part}": "SHA-256 of its file"}} if you know it'
        )
    return digest


def check_belongs(folder: Path, part: str, digest: str) -> None:
    """Raise ConfigError if a folder's weights belong to another file than that of this SHA-256."""
    expected = belongs_to(folder, part)
    if digest != expected:
        raise ConfigError(
            f"the weights in {folder} belong to the {part} {expected[:12]}, got {digest[:12]} "
            f"(SHA-256); use the {part} that they were trained with, or train them again"
        )


def bind(folder: Path, **digests: str) -> None:
    """Write into a folder what its weights belong to, by part."""
    config = _config(folder)
    config[BELONGS_TO] = {**config.get(BELONGS_TO, {}), **digests}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file() or not (folder / WEIGHTS).is_file():
        raise ConfigError(f"no weights in {folder}: expected a folder with {CONFIG} and {WEIGHTS}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path} holds an object of sizes, got a {type(config).__name__}")
    return config


def build(network: type[Network], keywords: Mapping[str, Any], folder: Path) -> Network:
    """The network that a folder describes, to be given its weights by `fill`: it has none yet.

    Raises ConfigError for keywords that the network does not take.
    """
    try:
        with _Unfilled():
            return network(**keywords)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{folder / CONFIG} does not describe a {network.__name__}: {error}"
        ) from error


class _Unfilled(TorchFunctionMode):
    """While it is entered, what would be filled with random numbers stays as it is.

    Most of the time in which a small network is made goes into weights that are thrown away.
    """

    FILLING = frozenset(
        {nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_}
    )

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func in self.FILLING:
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def write(folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Make a folder of weights."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(config), indent=2) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")
    save_file(dict(tensors), folder / WEIGHTS)


def fill(
    net: nn.Module,
    folder: Path,
    dtype_of: Callable[[str], torch.dtype] | None = None,
    *,
    role: str = "",
) -> dict[str, str]:
    """Give a network the weights of a folder; it may have been built on torch's meta device.

    dtype_of: the type to keep a tensor in, by its name; float32 without it. role: what the network
    is to the part that it serves; the folder's name without it. Returns the SHA-256 of the file
    under "role/model.safetensors". Raises ConfigError for a file that does not fit the network.
    """
    from safetensors import SafetensorError

    path = folder / WEIGHTS
    expected = {name: tuple(value.shape) for name, value in parameters(net).items()}
    try:
        check(path, shapes(path), expected)
        for name, tensor in _read(path, expected):
            _put(net, name, tensor.to(dtype_of(name) if dtype_of else torch.float32))
    except SafetensorError as error:
        raise ConfigError(f"{path} is no safetensors file: {error}") from error
    for name, value in net.named_buffers():
        if value.is_meta:  # the counters
            _put(net, name, torch.zeros(value.shape, dtype=value.dtype))
    net.eval()
    return {f"{role or folder.resolve().name}/{WEIGHTS}": sha256(path)}


def parameters(net: nn.Module) -> dict[str, Tensor]:
    """What a network keeps in a file: everything but the counters of its batch normalisations."""
    state = net.state_dict().items()
    return {name: value for name, value in state if not name.endswith(COUNTER)}


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a safetensors file but counters, without reading them."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        names = [name for name in file.keys() if not name.endswith(COUNTER)]  # noqa: SIM118
        return {name: tuple(file.get_slice(name).get_shape()) for name in names}


def check(
    source: object, got: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise ConfigError that lists what is missing, extra or of another shape."""
    problems = {
        "missing": [name for name in expected if name not in got],
        "not expected": [name for name in got if name not in expected],
        "of another shape": [
            f"{name} {got[name]} instead of {expected[name]}"
            for name in expected
            if name in got and tuple(got[name]) != tuple(expected[name])
        ],
    }
    said = [f"{len(names)} {what}: {_few(names)}" for what, names in problems.items() if names]
    if said:
        raise ConfigError(f"{source} does not fit the network; {'; '.join(said)}")


def _few(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _read(path: Path, names: Iterable[str]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a safetensors file, one by one.

    The file is opened anew every AT_ONCE bytes: the pages that a handle has read stay in memory.
    """
    from safetensors import safe_open

    waiting = list(reversed(list(names)))
    while waiting:
        read = 0
        with safe_open(path, "pt") as file:
            while waiting and read < AT_ONCE:
                name = waiting.pop()
                tensor: Tensor = file.get_tensor(name)
                read += tensor.nbytes
                yield name, tensor


def _put(net: nn.Module, name: str, value: Tensor) -> None:
    owner, _, leaf = name.rpartition(".")
    module = net.get_submodule(owner)
    if leaf in module._parameters:
        module._parameters[leaf] = nn.Parameter(value, requires_grad=False)
    else:
        module._buffers[leaf] = value
