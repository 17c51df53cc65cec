"""Whether our RGRG gives the numbers of the reference, by the public path.

    python benchmarks/rgrg_parity.py --reference DIR [--seed 0] [--work DIR] [--out outputs.npz]

DIR holds `fill_weights.py` (the same pseudo-random value for each key on every machine),
`layout.json` (every key of the published checkpoint with its shape) and, to compare with,
`golden_<seed>.npz`. A checkpoint with every key and alias is written, converted as
`grounded convert rgrg` does, loaded as a preset does, and run. `--out` keeps our outputs under the
names of the golden file, to be compared elsewhere. `--dtype bfloat16` shows what bfloat16 changes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grounded.convert.rgrg import convert_rgrg
from grounded.detectors.rgrg.detector import load_detector
from grounded.detectors.rgrg.net import CHOSEN_ABOVE
from grounded.generators.rgrg.generator import generate, load_decoder
from grounded.nn.decode import Decoded
from grounded.nn.device import DType

Array = NDArray[Any]
LIMITS = {
    "boxes": 0.01,
    "scores": 1e-3,
    "region_features": 1e-3,
    "selection_logits": 1e-3,
    "abnormal_logits": 1e-3,
    "first_step_logits": 1e-3,
}
DECODED = 6  # regions whose sentences were recorded
LENGTH = 24  # tokens, the start token included
EVERY = 7  # of the first step's logits, one in seven was recorded


def stand_in(reference: Path) -> ModuleType:
    """The module that makes the stand-in weights."""
    spec = importlib.util.spec_from_file_location("fill_weights", reference / "fill_weights.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"no fill_weights.py in {reference}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_checkpoint(reference: Path, seed: int, path: Path) -> None:
    """A file like the published one: every key, aliases sharing one tensor, under "model"."""
    weights = stand_in(reference)
    layout = json.loads((reference / "layout.json").read_text())
    tensors: dict[str, Tensor] = {}
    for key, entry in layout.items():
        name = weights.canonical(key)
        if name not in tensors:
            value = weights.fill(key, tuple(entry["shape"]), seed)
            tensors[name] = (
                torch.zeros(entry["shape"], dtype=getattr(torch, entry["dtype"]))
                if value is None
                else torch.from_numpy(value)
            )
    model = {key: tensors[weights.canonical(key)] for key in layout}
    torch.save({"model": model, "epoch": 0}, path)


def outputs(folder: Path, film: Tensor, dtype: DType) -> dict[str, Array]:
    """Everything that the golden file records, from a converted folder."""
    detector = load_detector(folder / "detector", dtype)[0].net
    with torch.inference_mode():
        choice, readings = detector(film)
    regions = choice.detected.shape
    selection = readings.selection_logits.view(regions)
    found = {
        "boxes": choice.boxes,
        "scores": choice.scores,
        "detected": choice.detected,
        "region_features": readings.vectors.view(*regions, -1),
        "selection_logits": selection,
        "abnormal_logits": readings.abnormal_logits.view(regions),
        "selected": choice.detected & (selection > CHOSEN_ABOVE),
    }
    del detector
    decoder, _ = load_decoder(folder / "generator", dtype)
    vectors = readings.vectors[:DECODED]
    stop = decoder.layout.stop
    for name, beams in (("greedy_ids", 1), ("beam4_ids", 4)):
        said = generate(decoder, vectors, beams, LENGTH)
        found[name] = torch.from_numpy(padded(said, stop))
    if dtype == "float32":
        with torch.inference_mode():
            start = torch.full((len(vectors), 1), stop)
            found["first_step_logits"] = decoder(vectors, start)[:, 0, ::EVERY]
    return {name: value.numpy() for name, value in found.items()}


def padded(said: Sequence[Decoded], stop: int) -> NDArray[np.int64]:
    """Token ids with the start token, filled up with the stop token to the longest."""
    rows = [[stop, *item.tokens, *([stop] if item.finished else [])] for item in said]
    longest = min(LENGTH, max(map(len, rows)))
    return np.array([(row + [stop] * longest)[:longest] for row in rows])


def compare(found: dict[str, Array], golden: dict[str, Array]) -> bool:
    """Print a line for each output; whether all are within their limits."""
    good = True
    for name, expected in golden.items():
        if name not in found:
            continue
        if found[name].shape != expected.shape:
            print(f"{name:18} shape {found[name].shape} instead of {expected.shape}   FAIL")
            good = False
        elif name in LIMITS:
            worst = float(np.abs(found[name] - expected).max())
            good &= worst <= LIMITS[name]
            verdict = "ok" if worst <= LIMITS[name] else "FAIL"
            print(f"{name:18} largest difference {worst:.2e} (limit {LIMITS[name]:g})   {verdict}")
        else:
            same = int((found[name] == expected).sum())
            good &= same == expected.size
            verdict = "ok" if same == expected.size else "FAIL"
            print(f"{name:18} {same} of {expected.size} equal   {verdict}")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="keep checkpoint and converted folder here")
    parser.add_argument("--out", type=Path, help="write our outputs to this .npz file")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        checkpoint = work / f"full_model_{options.seed}.pt"
        if not checkpoint.is_file():
            write_checkpoint(options.reference, options.seed, checkpoint)
        folder = work / f"rgrg_{options.seed}"
        if not (folder / "preset.toml").is_file():
            convert_rgrg(checkpoint, folder)
        film = torch.from_numpy(stand_in(options.reference).image(options.seed))
        found = outputs(folder, film, options.dtype)
    if options.out:
        np.savez_compressed(options.out, **found)
    golden = options.reference / f"golden_{options.seed}.npz"
    if not golden.is_file():
        print(f"no {golden.name} to compare with; detected {int(found['detected'].sum())} of 29")
        return
    with np.load(golden) as file:
        good = compare(found, dict(file))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
