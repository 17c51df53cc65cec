"""Published checkpoints to folders that a preset can load. Nothing in a checkpoint is executed.

`convert_rgrg` reads the file of RGRG (Tanida et al., CVPR 2023) and writes

    OUT/preset.toml                   `grounded report FILM --preset OUT`
    OUT/README.md                     the model card
    OUT/detector/                     config.json, model.safetensors
    OUT/generator/                    config.json, model.safetensors
    OUT/tokenizer/                    GPT-2's files, where a folder of them was named
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from grounded.errors import ConfigError, InvalidValueError
from grounded.nn.weights import check, parameters, write
from grounded.preset import write_preset

if TYPE_CHECKING:
    from torch import Tensor

    from grounded.detectors.rgrg.net import DetectorLayout
    from grounded.generators.rgrg.net import DecoderLayout

Dtype = Literal["float32", "bfloat16"]
Mode = Literal["faithful", "grounded"]

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt")
GPT = "language_model.gpt."
_BLOCK_PARTS = ("ln_1", "attn", "ln_2", "mlp")
_ALIASES = (
    ("language_model.gpt_with_lm_head.transformer.", GPT),
    ("language_model.gpt_with_lm_head.lm_head.", f"{GPT}wte."),
    ("language_model.lm_head.", f"{GPT}wte."),
    ("language_model.wte.", f"{GPT}wte."),
    ("language_model.wpe.", f"{GPT}wpe."),
    ("language_model.final_layernorm.", f"{GPT}ln_f."),
    # older versions of torchvision name the convolution of the proposal network without its place
    ("object_detector.rpn.head.conv.weight", "object_detector.rpn.head.conv.0.0.weight"),
    ("object_detector.rpn.head.conv.bias", "object_detector.rpn.head.conv.0.0.bias"),
)
_RENAMED = (
    ("object_detector.roi_heads.dim_reduction.", "detector", "dim_reduction."),
    ("object_detector.", "detector", ""),
    ("binary_classifier_region_selection.classifier.", "detector", "selection."),
    ("binary_classifier_region_abnormal.classifier.", "detector", "abnormal."),
    (GPT, "generator", ""),
    ("language_model.", "generator", ""),
)
_BUFFERS = ("causal_mask", "mask_out_value", "num_batches_tracked", "pos_weight")
_STORED_IN_OUT = re.compile(r"\.(c_attn|c_proj|c_fc)\.weight$")  # GPT-2's (in, out) matrices
UNUSED = f"{GPT}wpe.weight"  # the published model looks positions up in wte


def convert_rgrg(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    dtype: Dtype = "float32",
    mode: Mode = "faithful",
    tokenizer: str | os.PathLike[str] | None = None,
    detector: DetectorLayout | None = None,
    decoder: DecoderLayout | None = None,
) -> Path:
    """Write a published RGRG checkpoint as a folder that `--preset` takes; the preset's path.

    dtype: how matrices are stored; norms and biases stay float32. With "bfloat16" the files are
    half as large and the preset asks for the fast setting. mode: what the preset's detector pools
    features on. tokenizer: a folder with GPT-2's tokenizer, to be copied. detector, decoder: other
    sizes than the published ones. Raises ConfigError that lists what is missing, extra or of
    another shape; nothing is written then.
    """
    if dtype not in get_args(Dtype) or mode not in get_args(Mode):
        raise InvalidValueError(
            f"dtype is one of {get_args(Dtype)} and mode one of {get_args(Mode)}, "
            f"got {dtype!r} and {mode!r}"
        )
    from grounded.detectors.rgrg.net import DetectorLayout
    from grounded.generators.rgrg.net import DecoderLayout

    detector, decoder = detector or DetectorLayout(), decoder or DecoderLayout()
    sizes = {"detector": asdict(detector), "generator": asdict(decoder)}
    files = (
        [_tokenizer_file(Path(tokenizer), name) for name in TOKENIZER_FILES] if tokenizer else []
    )
    tensors = read_checkpoint(Path(checkpoint), detector, decoder)
    folder = Path(out)
    for part, config in sizes.items():
        write(folder / part, config, _stored(tensors[part], dtype))
    for file in filter(None, files):
        (folder / "tokenizer").mkdir(exist_ok=True)
        shutil.copy(file, folder / "tokenizer" / file.name)
    (folder / "README.md").write_text(_card(Path(checkpoint), dtype), encoding="utf-8")
    return _write_preset(folder, dtype, mode, bool(tokenizer))


def read_checkpoint(
    path: Path, detector: DetectorLayout, decoder: DecoderLayout
) -> dict[str, dict[str, Tensor]]:
    """The tensors of "detector" and "generator" under the names of our networks, checked.

    Aliases of a tensor are read once, masks and counters are left out. GPT-2's (in, out) matrices
    come as (out, in).
    """
    state = _canonical(path, _load(path))
    expected = published_layout(detector, decoder)
    check(path, {name: tuple(value.shape) for name, value in state.items()}, expected)
    tensors: dict[str, dict[str, Tensor]] = {"detector": {}, "generator": {}}
    for name, value in state.items():
        if name != UNUSED:
            part, own = _own_name(name)
            tensors[part][own] = value.T if _is_transposed(name) else value
    return tensors


def published_layout(
    detector: DetectorLayout, decoder: DecoderLayout
) -> dict[str, tuple[int, ...]]:
    """Every key that a checkpoint of these sizes must have, one for each tensor, with its shape."""
    import torch

    from grounded.detectors.rgrg.net import DetectorNet
    from grounded.generators.rgrg.net import DecoderNet

    with torch.device("meta"):
        nets = {"detector": DetectorNet(detector), "generator": DecoderNet(decoder)}
    shapes: dict[str, tuple[int, ...]] = {UNUSED: (1024, decoder.width)}
    for part, net in nets.items():
        for own, value in parameters(net).items():
            name = _published_name(part, own)
            shape = tuple(value.shape)
            shapes[name] = shape[::-1] if _is_transposed(name) else shape
    return shapes


def _load(path: Path) -> dict[str, Tensor]:
    import torch

    if not path.is_file():
        raise ConfigError(f"no checkpoint {path}: expected the published file, full_model.pt")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises UnpicklingError, RuntimeError, EOFError ...
        raise ConfigError(f"{path} cannot be read as weights alone: {error}") from error
    state = content.get("model", content) if isinstance(content, Mapping) else content
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise ConfigError(f"{path} holds no weights by name, nor such under 'model'")
    return {str(name): value for name, value in state.items()}


def _canonical(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """One name for each tensor. Raises ConfigError where two aliases hold different values."""
    import torch

    found: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.rpartition(".")[2] in _BUFFERS:
            continue
        name = canonical_name(key)
        other = found.setdefault(name, value)
        same = other.data_ptr() == value.data_ptr() and other.shape == value.shape
        if not same and not torch.equal(other, value):
            raise ConfigError(
                f"{path}: {key} should hold the same tensor as {name}, and holds another"
            )
    return found


def canonical_name(key: str) -> str:
    """The one name of the tensor that a checkpoint holds under `key`."""
    for alias, name in _ALIASES:
        if key.startswith(alias):
            key = name + key[len(alias) :]
            break
    return re.sub(
        r"^language_model\.gpt2_blocks\.(\d+)\.([0-3])\.",
        lambda found: f"{GPT}h.{found[1]}.{_BLOCK_PARTS[int(found[2])]}.",
        key,
    )


def _own_name(name: str) -> tuple[str, str]:
    for prefix, part, own in _RENAMED:
        if name.startswith(prefix):
            return part, own + name[len(prefix) :]
    raise AssertionError(name)  # `check` let only known names pass


def _published_name(part: str, own: str) -> str:
    if part == "generator":
        transformation = own.startswith("feature_space_transformation_nn.")
        return f"language_model.{own}" if transformation else f"{GPT}{own}"
    for prefix, owner, start in _RENAMED:
        if owner == part and start and own.startswith(start):
            return prefix + own[len(start) :]
    return f"object_detector.{own}"


def _is_transposed(name: str) -> bool:
    return name.startswith(GPT) and _STORED_IN_OUT.search(name) is not None


def _stored(tensors: Mapping[str, Tensor], dtype: Dtype) -> dict[str, Tensor]:
    import torch

    wide, narrow = torch.float32, getattr(torch, dtype)
    return {
        name: value.to(narrow if value.ndim > 1 else wide).contiguous()
        for name, value in tensors.items()
    }


def _tokenizer_file(folder: Path, name: str) -> Path | None:
    whole = (folder / "tokenizer.json").is_file()
    parts = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
    if not whole and not parts:
        raise ConfigError(
            f"no tokenizer in {folder}: expected GPT-2's tokenizer.json, "
            f"or vocab.json and merges.txt"
        )
    return folder / name if (folder / name).is_file() else None


def _card(checkpoint: Path, dtype: Dtype) -> str:
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"""\
# RGRG for Grounded

Weights of a checkpoint of RGRG (Tanida et al., "Interactive and Explainable Region-guided Radiology
Report Generation", CVPR 2023), converted by `grounded convert rgrg`; the numbers are unchanged.

- Source: `{checkpoint.name}`, SHA-256 `{digest}`. Matrices are stored in {dtype}.
- Left out: `wpe`, which the published model does not use (it looks positions up in `wte`), aliases,
  masks and counters. GPT-2's (in, out) matrices are stored as (out, in).
- Training data of the published checkpoint: MIMIC-CXR and Chest ImaGenome, both under credentialed
  access on PhysioNet. The checkpoint's own terms hold for this folder too.
- For frontal chest films of adults. A draft for review by a qualified reader; not a medical device.
"""


_ABOUT = """\
The published RGRG model (Tanida et al., CVPR 2023), converted by `grounded convert rgrg`.
mode: "faithful" reads a region in its proposal, as published; "grounded" in the shown box.
dtype: "float32", or "bfloat16": half the memory, and faster where the processor can."""


def _write_preset(folder: Path, dtype: Dtype, mode: Mode, has_tokenizer: bool) -> Path:
    tokenizer = {"tokenizer": "./tokenizer"} if has_tokenizer else {}
    return write_preset(
        folder,
        _ABOUT,
        detector={
            "use": "grounded.detectors.rgrg.detector:RgrgDetector",
            "weights": "./detector",
            "mode": mode,
            "dtype": dtype,
        },
        generator={
            "use": "grounded.generators.rgrg.generator:RgrgGenerator",
            "weights": "./generator",
            **tokenizer,
            "dtype": dtype,
        },
    )
