"""A narrow network and phantoms, for all that is trained on them here."""

import numpy as np
import pytest

from grounded.synthetic.collection import write_phantom_findings
from grounded.train.findings.films import Known, examples, keep
from grounded.train.findings.network import FindingConfig
from grounded.train.findings.truth import LABELS

SIDE = 64


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> FindingConfig:
    """Side 64 px, eight channels, one round on the CPU."""
    return FindingConfig(
        pairs=dict.fromkeys(LABELS, ("lung",)),
        organs=tmp_path_factory.mktemp("organs"),
        photographs="",
        side=SIDE,
        scale=0.1,
        width=8,
        rounds=1.0,
        batch=4,
        log_every=2,
        device="cpu",
    )


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory, config: FindingConfig) -> list[Known]:
    """24 phantoms of 64 px with two lungs each."""
    folder = tmp_path_factory.mktemp("data")
    write_phantom_findings(folder / "nih", 24, side=SIDE)
    lungs = ("right lung", "left lung"), np.array([[6.0, 6, 30, 50], [34, 6, 58, 50]])
    return [keep(film, lungs, config.kinds, SIDE) for film in examples(folder)]
