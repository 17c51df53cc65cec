"""Where a training runs: in one process, or in several through accelerate."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from grounded.errors import MissingExtraError
from grounded.train.engine import start

INSTALLED = importlib.util.find_spec("accelerate") is not None
TWO_PROCESSES = """
import sys, torch
from torch import nn
from grounded.train.engine import start

engine = start("float32", "cpu")
torch.manual_seed(0)
net = nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
net, optimizer = engine.prepare(net, optimizer)
for turn in range(2):
    with engine.together(net, turn == 1):
        loss = net(torch.full((1, 2), float(engine.rank + turn))).sum() / 2
    engine.backward(loss)
engine.step(optimizer, net, 100.0)
torch.save(net.module.weight.detach(), f"{sys.argv[1]}/{engine.rank}.pt")
engine.wait()
torch.distributed.destroy_process_group()
"""


def test_one_process_accumulates_clips_and_steps() -> None:
    engine = start("float32", "cpu")
    assert (engine.rank, engine.processes) == (0, 1)
    net, optimizer = nn.Linear(1, 1, bias=False), None
    before = net.weight.item()
    prepared, optimizer = engine.prepare(net, torch.optim.SGD(net.parameters(), lr=1.0))
    for last in (False, True):
        with engine.together(prepared, last):
            loss = prepared(torch.full((1, 1), 5.0)).sum()
        engine.backward(loss)
    engine.step(optimizer, prepared, clip=1.0)  # the gradient of 10 is clipped to 1
    assert net.weight.item() == pytest.approx(before - 1, abs=1e-4)
    assert net.weight.grad is None


def test_a_network_of_another_precision_keeps_its_weights() -> None:
    engine = start("bfloat16", "cpu")
    net = nn.Linear(1, 1)
    prepared, _ = engine.prepare(net, torch.optim.SGD(net.parameters()))
    assert prepared(torch.ones(1, 1)).dtype is torch.bfloat16
    assert net.weight.dtype is torch.float32


@pytest.mark.skipif(INSTALLED, reason="accelerate is installed")
def test_several_processes_without_accelerate_name_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(MissingExtraError, match=r"grounded\[train\]"):
        start("float32", "cpu")


@pytest.mark.skipif(not INSTALLED, reason="accelerate is not installed")
def test_two_processes_end_with_the_same_weights_of_both_ones_data(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO_PROCESSES)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"),
        *(str(script), str(tmp_path)),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    torch.testing.assert_close(one, other)
    torch.manual_seed(0)
    # gradients: the mean over two processes of (rank + 0) / 2 + (rank + 1) / 2, which is 1
    torch.testing.assert_close(one, nn.Linear(2, 1).weight.detach() - 1)
