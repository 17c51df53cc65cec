"""The training loop, with a network of one layer."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grounded.errors import ConfigError, DataError, MissingExtraError
from grounded.train.configuration import RunConfig
from grounded.train.loop import Progress, Turns, decayed, ready, train
from grounded.train.schedule import learning_rate_at

CURVES = importlib.util.find_spec("tensorboard") is not None
CONFIG = RunConfig(
    steps=6,
    batch=2,
    accumulate=2,
    learning_rate=0.1,
    ema=0.9,
    workers=0,
    device="cpu",
    log_every=2,
    measure_every=3,
)


class Numbers(torch.utils.data.Dataset[Tensor]):
    """Sample n is the number n, a little disturbed."""

    def __getitem__(self, number: int) -> Tensor:
        noise = torch.randn(1, generator=torch.Generator().manual_seed(number))
        return torch.tensor([number / 10]) + 0.01 * noise


@dataclass(eq=False)
class Doubling:
    """Learns to double a number, through a layer that drops out at random."""

    output: Path
    net: nn.Sequential
    name: str = "doubling"
    factor: float = 1.0
    seen: list[Tensor] = field(default_factory=list)

    def groups(self) -> list[dict[str, Any]]:
        return [{**group, "scale": 2.0} for group in decayed(self.net)]

    def batches(self, turns: Turns) -> Iterable[Tensor]:
        return turns.load(Numbers())

    def loss(self, net: nn.Module, batch: Tensor, progress: float) -> Mapping[str, Tensor]:
        self.seen.append(batch)
        error = (net(batch).float() - 2 * batch).square().mean() * self.factor
        return {"error": error, "total": error}

    def measure(self, net: nn.Module) -> Mapping[str, float]:
        assert not net.training
        return {"weight": float(next(net.parameters()).detach())}

    def write(self, net: nn.Module) -> None:
        torch.save(net.state_dict(), self.output / "net.pt")


def run(
    output: Path, config: RunConfig = CONFIG, *, progress: Progress | None = None, **changes: Any
) -> tuple[Doubling, dict[str, float]]:
    engine = ready(config)
    net = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.2))
    task = Doubling(output, net, **changes)
    return task, train(task, config, engine, output, progress)


def stop_after(steps: int) -> Progress:
    def advance(done: int, of: int) -> None:
        if done > steps:
            raise KeyboardInterrupt

    return Progress(advance=advance)


def weights(output: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(output / "net.pt", weights_only=True)
    return found


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(parts, progress=stop_after(3))
    run(parts)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(parts)[name]), name


def test_the_order_of_the_batches_follows_from_the_seed(tmp_path: Path) -> None:
    first, second = (run(tmp_path / name)[0].seen for name in ("a", "b"))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(first) == CONFIG.steps * CONFIG.accumulate


def test_what_is_logged_is_the_mean_of_the_steps(tmp_path: Path) -> None:
    said: list[str] = []
    _, figures = run(tmp_path, progress=Progress(said.append))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    kinds = [(entry["step"], entry["kind"]) for entry in log]
    assert kinds == [(2, "train"), (3, "valid"), (4, "train"), (6, "train"), (6, "valid")]
    assert all(entry["error"] == entry["total"] > 0 for entry in log if entry["kind"] == "train")
    assert json.loads((tmp_path / "figures.json").read_text()) == figures
    assert said[0].startswith("train step 2: seconds_a_step")


def test_progress_is_told_of_every_step(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    run(tmp_path, progress=Progress(advance=lambda done, of: steps.append((done, of))))
    assert steps == [(done, 6) for done in range(1, 7)]


def test_the_kept_weights_follow_the_network_slowly(tmp_path: Path) -> None:
    task, _ = run(tmp_path)
    kept, net = weights(tmp_path), task.net.state_dict()
    assert not torch.equal(kept["0.weight"], net["0.weight"])
    plain, _ = run(tmp_path / "plain", replace(CONFIG, ema=0.0))
    assert torch.equal(weights(tmp_path / "plain")["0.weight"], plain.net[0].weight)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_other_precisions_train_and_resume_too(tmp_path: Path, precision: Any) -> None:
    config = replace(CONFIG, precision=precision)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, config, progress=stop_after(3))
    _, figures = run(tmp_path, config)
    assert torch.isfinite(torch.tensor(figures["weight"]))


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(ConfigError, match="holds a run of 'doubling'; give 'halving' a folder"):
        run(tmp_path, name="halving")


def test_a_checkpoint_of_other_layers_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    task = Doubling(tmp_path, nn.Sequential(nn.Linear(1, 2)))
    with pytest.raises(ConfigError, match="a run with another configuration"):
        train(task, CONFIG, ready(CONFIG), tmp_path)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no number after step 2: take a smaller learning_rate"):
        run(tmp_path, factor=float("inf"))


@pytest.mark.skipif(not CURVES, reason="TensorBoard is not installed")
def test_curves_are_written_for_tensorboard(tmp_path: Path) -> None:
    run(tmp_path, replace(CONFIG, tensorboard=True))
    assert list((tmp_path / "curves").glob("events.*"))


@pytest.mark.skipif(CURVES, reason="TensorBoard is installed")
def test_curves_without_tensorboard_name_the_extra(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"grounded\[train\]"):
        run(tmp_path, replace(CONFIG, tensorboard=True))


def test_processes_share_what_one_would_see() -> None:
    alone = list(Turns(0, 4, batch=2))
    shared = [list(Turns(0, 2, batch=2, rank=rank, processes=2)) for rank in (0, 1)]
    assert [shared[0][0], shared[1][0], shared[0][1], shared[1][1]] == alone


def test_batches_can_start_in_the_middle() -> None:
    assert list(Turns(3, 6, batch=2)) == list(Turns(0, 6, batch=2))[3:]
    assert len(Turns(3, 6, batch=2)) == 3


def test_the_rate_rises_and_falls() -> None:
    assert learning_rate_at(0.0, 0.1) < 0.05
    assert learning_rate_at(0.1, 0.1) == pytest.approx(1, abs=0.01)
    assert learning_rate_at(1.0, 0.1) < 0.01
