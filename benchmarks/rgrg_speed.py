"""How fast RGRG runs here, side by side with a straightforward float32 implementation.

    python benchmarks/rgrg_speed.py --weights RGRG/ [--threads 2] [--rounds 3]

RGRG is a folder made by `grounded convert rgrg` in float32; without it, random weights of the
published sizes are made in a temporary folder. Three settings take turns in each round, on the same
weights and inputs:

    plain   torchvision's detector as it is; a decoder written below in the usual way: keys and
            values appended by concatenation, a copy for each beam, reordered in every step, a
            log-softmax over the whole vocabulary
    exact   `dtype = "float32"`
    fast    `dtype = "bfloat16"`

All sentences have the same number of tokens (the stop token is an ordinary one here), so that no
setting gains by stopping early: random weights never stop. Printed are the least seconds of all
rounds, the ratio to plain, whether exact gives plain's tokens, how likely fast's sentences are
under the float32 network, and, from a fresh process each, the peak memory of exact and fast.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import roi_align

from grounded.detectors.rgrg.detector import empty_detector, load_detector
from grounded.detectors.rgrg.net import DetectorLayout, DetectorNet
from grounded.generators.rgrg.generator import empty_decoder, load_decoder
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.nn.decode import Decoded, decode
from grounded.nn.device import DType
from grounded.nn.weights import fill, parameters, read_config, write

CASES = ((29, 4), (8, 4), (8, 1))  # regions, beams
Tokens = list[tuple[int, ...]]
DTYPES: dict[str, DType] = {"exact": "float32", "fast": "bfloat16"}


@torch.inference_mode()
def plain_detector(net: DetectorNet, film: Tensor) -> Tensor:
    """The published pass with torchvision's parts: the region vectors (29, D)."""
    maps = net.encode(film)
    choice = net.choose(maps, net.propose(maps))
    pooled = roi_align(maps, list(choice.proposals), 8, 1 / 32, sampling_ratio=2)
    vectors = net.dim_reduction(pooled.mean((2, 3)))
    net.selection(vectors), net.abnormal(vectors)
    return vectors


@torch.inference_mode()
def plain_decoder(net: DecoderNet, vectors: Tensor, beams: int, length: int) -> Tokens:
    """Beam search of `length` tokens for vectors (N, D), the usual way."""
    count, vocabulary = len(vectors), net.layout.vocabulary
    images = net.feature_space_transformation_nn(vectors).repeat_interleave(beams, 0)
    past = [block.attn.image(images) for block in net.blocks]
    scores = torch.full((count, beams), -1e9)
    scores[:, 0] = 0
    said = torch.full((count * beams, 1), net.layout.stop)
    first_row = torch.arange(count)[:, None] * beams
    for position in range(length):
        hidden = net.wte(said[:, -1:]) + net.wte.weight[position]  # (N * B, 1, width)
        for layer, block in enumerate(net.blocks):
            hidden = block(hidden, _appending(past, layer))
        logits = functional.linear(net.ln_f(hidden[:, -1]), net.wte.weight)
        sums = scores.reshape(-1, 1) + logits.log_softmax(-1)  # (N * B, V)
        best = sums.view(count, -1).topk(2 * beams, sorted=True)
        scores = best.values[:, :beams]
        parents = (first_row + best.indices[:, :beams] // vocabulary).flatten()
        tokens = (best.indices[:, :beams] % vocabulary).flatten()
        said = torch.cat([said[parents], tokens[:, None]], 1)
        past = [(key[parents], value[parents]) for key, value in past]
    return [tuple(row) for row in said.view(count, beams, -1)[:, 0, 1:].tolist()]


def _appending(past: list[tuple[Tensor, Tensor]], layer: int) -> Callable[..., Tensor]:
    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys = torch.cat([past[layer][0], key.transpose(1, 2)], 2)
        values = torch.cat([past[layer][1], value.transpose(1, 2)], 2)
        past[layer] = keys, values
        weights = query.transpose(1, 2) @ keys.transpose(2, 3) / math.sqrt(query.shape[-1])
        return (weights.softmax(-1) @ values).transpose(1, 2)

    return attend


@torch.inference_mode()
def our_detector(net: DetectorNet, film: Tensor) -> Tensor:
    return net(film)[1].vectors


@torch.inference_mode()
def our_decoder(net: DecoderNet, vectors: Tensor, beams: int, length: int) -> list[Decoded]:
    start = net.layout.stop
    return decode(net.step, net.cache(vectors, beams), start=start, stop=-1, max_length=length + 1)


@torch.inference_mode()
def log_probability(net: DecoderNet, vectors: Tensor, said: Tokens) -> Tensor:
    """Log-probability of each sentence under a network: (N,)."""
    sums = []
    for vector, tokens in zip(vectors, said, strict=True):
        ids = torch.tensor([[net.layout.stop, *tokens]])
        logits = net(vector[None], ids[:, :-1])[0].log_softmax(-1)
        sums.append(logits.gather(1, ids[0, 1:, None]).sum())
    return torch.stack(sums)


def load_plain(folder: Path) -> tuple[DetectorNet, DecoderNet]:
    detector = empty_detector(read_config(folder / "detector"), folder)
    decoder = empty_decoder(read_config(folder / "generator"), folder)
    fill(detector, folder / "detector")
    fill(decoder, folder / "generator")
    return detector, decoder


def load_ours(folder: Path, setting: str) -> tuple[DetectorNet, DecoderNet]:
    dtype = DTYPES[setting]
    return (
        load_detector(folder / "detector", dtype)[0].net,
        load_decoder(folder / "generator", dtype)[0],
    )


def film_and_vectors(count: int, width: int) -> tuple[Tensor, Tensor]:
    """A smooth film (1, 1, 512, 512) and vectors (count, width), the same in every process."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, 1, 16, 16, generator=random)
    film = functional.interpolate(coarse, size=(512, 512), mode="bicubic", align_corners=False)
    return film, torch.randn(count, width, generator=random)


def make_random(folder: Path) -> None:
    """Random weights of the published sizes, as lively as trained ones, in float32."""
    random = torch.Generator().manual_seed(0)
    detector, decoder = DetectorLayout(), DecoderLayout()
    with torch.device("meta"):
        nets = {"detector": DetectorNet(detector), "generator": DecoderNet(decoder)}
    sizes = {"detector": asdict(detector), "generator": asdict(decoder)}
    for part, net in nets.items():
        state = parameters(net).items()
        tensors = {name: _random(name, value.shape, random) for name, value in state}
        write(folder / part, sizes[part], tensors)


def _random(name: str, shape: torch.Size, random: torch.Generator) -> Tensor:
    x = torch.randn(shape, generator=random)
    if name.endswith("running_var"):
        return 0.5 + x.abs()
    if len(shape) == 1:
        return 1 + 0.1 * x if name.endswith("weight") else 0.02 * x
    if name.startswith("wte"):
        return 0.05 * x
    return x * (25.0 if "cls_score" in name else 1.0) / math.sqrt(x[0].numel())


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def measure(folder: Path, rounds: int, length: int) -> None:
    film, _ = film_and_vectors(0, 1)
    nets = {
        "plain": load_plain(folder),
        "exact": load_ours(folder, "exact"),
        "fast": load_ours(folder, "fast"),
    }
    plain_decoder_net = nets["plain"][1]
    _, vectors = film_and_vectors(29, plain_decoder_net.layout.features)
    vectors = vectors * plain_detector(nets["plain"][0], film).std()
    best: dict[tuple[str, str], float] = {}
    said: dict[tuple[str, str], Tokens] = {}
    for name, (detector, decoder) in nets.items():  # warm up
        plain_detector(detector, film) if name == "plain" else our_detector(detector, film)
        decoding = plain_decoder if name == "plain" else our_decoder
        decoding(decoder, vectors, 4, 2)
    for _ in range(rounds):
        for name, (detector, decoder) in nets.items():
            detect = plain_detector if name == "plain" else our_detector
            took = {"detector, 1 film": seconds(lambda d=detector, f=detect: f(d, film))[0]}
            for regions, beams in CASES:
                case = f"{regions} regions x {beams} beams x {length} tokens"
                part = vectors[:regions]
                if name == "plain":
                    took[case], tokens = seconds(
                        lambda n=decoder, p=part, b=beams: plain_decoder(n, p, b, length)
                    )
                else:
                    took[case], ours = seconds(
                        lambda n=decoder, p=part, b=beams: our_decoder(n, p, b, length)
                    )
                    tokens = [item.tokens for item in ours]
                said[name, case] = tokens
            for case, value in took.items():
                best[name, case] = min(best.get((name, case), math.inf), value)
    report(best, said)
    quality(plain_decoder_net, vectors, said)
    with torch.inference_mode():
        maps = nets["exact"][0].encode(film)
        print(f"proposals in the film: {len(nets['exact'][0].propose(maps)[0])} of at most 1000")


def report(best: dict[tuple[str, str], float], said: dict[tuple[str, str], Tokens]) -> None:
    cases = [case for name, case in best if name == "plain"]
    whole = "total: 1 film, all 29 regions"
    for name in ("plain", "exact", "fast"):
        best[name, whole] = best[name, cases[0]] + best[name, cases[1]]
    print(
        f"{'seconds (ratio to plain)':36} {'plain':>8} {'exact':>15} {'fast':>15}   exact's tokens"
    )
    for case in (*cases, whole):
        base = best["plain", case]
        cells = [f"{best[n, case]:7.2f} ({base / best[n, case]:4.1f}x)" for n in ("exact", "fast")]
        same = ""
        if ("plain", case) in said:
            same = "equal" if said["plain", case] == said["exact", case] else "DIFFERENT"
        print(f"{case:36} {base:8.2f} {cells[0]:>15} {cells[1]:>15}   {same}")


def quality(net: DecoderNet, vectors: Tensor, said: dict[tuple[str, str], Tokens]) -> None:
    print("log-probability of the sentences under the float32 network, mean over regions:")
    for name, case in said:
        if name != "fast":
            continue
        exact, fast = said["exact", case], said["fast", case]
        part = vectors[: len(exact)]
        expected, found = log_probability(net, part, exact), log_probability(net, part, fast)
        loss = float(((expected - found) / expected.abs()).mean()) * 100
        same = sum(a == b for a, b in zip(exact, fast, strict=True))
        print(
            f"  {case}: exact {float(expected.mean()):.2f}, fast {float(found.mean()):.2f}; "
            f"mean loss {loss:.2f} %; {same} of {len(exact)} sentences equal"
        )


def peak_memory(folder: Path, precision: str, length: int) -> None:
    """Load, read one film and decode 29 regions; the process's peak resident memory."""
    film, vectors = film_and_vectors(29, 1024)
    start = time.perf_counter()
    detector, decoder = load_ours(folder, precision)
    loaded = time.perf_counter() - start
    our_detector(detector, film)
    our_decoder(decoder, vectors, 4, length)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{precision}: peak memory {peak:.2f} GB, of which loading took {loaded:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--memory", choices=("exact", "fast"), help="measure only this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.weights or Path(temporary)
        if options.memory:
            peak_memory(folder, options.memory, options.tokens)
            return
        if options.weights is None:
            make_random(folder)
        for precision in ("exact", "fast"):
            command = [sys.executable, __file__, "--weights", str(folder), "--memory", precision]
            subprocess.run([*command, "--threads", str(options.threads)], check=True)
        print(f"torch {torch.__version__}, {options.threads} threads, least of {options.rounds}")
        measure(folder, options.rounds, options.tokens)


if __name__ == "__main__":
    main()
