"""The whole network against the reference's recorded numbers; minutes, and 6 GB of memory.

Runs where GROUNDED_RGRG_REFERENCE names the folder with `fill_weights.py`, `layout.json` and
`golden_<seed>.npz`: make full-size RGRG_REFERENCE=DIR.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from grounded.convert.rgrg import convert_rgrg

REFERENCE = os.environ.get("GROUNDED_RGRG_REFERENCE", "")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "rgrg_parity.py"


@pytest.mark.full_size
@pytest.mark.skipif(not REFERENCE, reason="GROUNDED_RGRG_REFERENCE names no folder")
def test_the_published_layout_gives_the_references_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("rgrg_parity", SCRIPT)
    parity = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parity)
    reference = Path(REFERENCE)
    [golden, *_] = sorted(reference.glob("golden_*.npz"))
    seed = int(golden.stem.removeprefix("golden_"))
    parity.write_checkpoint(reference, seed, tmp_path / "full_model.pt")
    convert_rgrg(tmp_path / "full_model.pt", tmp_path / "rgrg")
    film = torch.from_numpy(parity.stand_in(reference).image(seed))
    found = parity.outputs(tmp_path / "rgrg", film, "float32")
    with np.load(golden) as file:
        assert parity.compare(found, dict(file)), capsys.readouterr().out
