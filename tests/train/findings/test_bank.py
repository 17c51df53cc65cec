"""What the writer learns to look at."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from grounded.chest.names import REGIONS, kind_of
from grounded.train.findings.bank import fill_bank
from grounded.train.findings.network import FindingConfig, ReadingNet
from grounded.train.findings.samples import KnownFilm, Painting
from grounded.train.writer.bank import Bank

from .known import PAIRS, known_films, row

CONFIG = FindingConfig(
    pairs={}, start="", side=64, widths=(8, 8, 8, 8, 8), fused=8, features=6, hidden=8
)
PAINTED = replace(CONFIG, painting=Painting(often=1.0, more=0.0, kinds={"effusion": 1.0}))


_OTHER_SIDE = re.compile(r"^(right|left) (?!atrium)")


def _swap(match: re.Match[str]) -> str:
    return "left " if match[1] == "right" else "right "


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> KnownFilm:
    return known_films(tmp_path_factory.mktemp("films"), 1)[0]


@pytest.fixture(scope="module")
def net() -> ReadingNet:
    torch.manual_seed(0)
    return ReadingNet(CONFIG, PAIRS).eval()


def bank(net: ReadingNet, film: KnownFilm, rounds: int = 1) -> Bank:
    return fill_bank(net, [film], PAIRS, PAINTED, rounds=rounds, seed=0)


def test_each_region_that_is_read_is_seen_once_a_round(net: ReadingNet, film: KnownFilm) -> None:
    kinds = [kind_of(name) for name in REGIONS if kind_of(name) in PAIRS.all_kinds]
    assert list(bank(net, film).kinds) == kinds
    assert list(bank(net, film, rounds=2).kinds) == kinds * 2


def test_vectors_are_a_grid_of_the_encoders_features(net: ReadingNet, film: KnownFilm) -> None:
    made = bank(net, film)
    assert made.vectors.shape == (len(made), 16, 6)
    assert made.vectors.dtype == torch.float16


def test_findings_are_those_that_are_known(net: ReadingNet, film: KnownFilm) -> None:
    made = bank(net, film)
    by_kind = [f for kind, f in zip(made.kinds, made.findings, strict=True) if "angle" in kind]
    assert sorted(f["Pleural Effusion"] for f in by_kind) == ["absent", "present"]
    assert all("Abnormal" not in findings for findings in made.findings)


def test_the_size_of_a_lesion_is_kept_where_it_lies(net: ReadingNet, film: KnownFilm) -> None:
    made = bank(net, film)
    for findings, size in zip(made.findings, made.sizes, strict=True):
        present = findings.get("Pleural Effusion") == "present"
        assert (size in ("small", "moderate", "large")) == present


def test_a_film_that_was_not_painted_has_no_sizes(net: ReadingNet, film: KnownFilm) -> None:
    known = film.known.copy()
    known[row("right lung")] = 1
    described = replace(film, paintable=False, real=True, known=known)
    made = bank(net, described)
    assert set(made.sizes) == set(made.varieties) == {""}
    assert made.findings[made.kinds.index("lung")]["Lung Opacity"] == "present"


def test_a_mirrored_film_looks_the_same_from_the_other_side(film: KnownFilm) -> None:
    class Film(torch.nn.Module):
        """Takes the film itself for its map."""

        def forward(self, films: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(films, 8)

    net = ReadingNet(CONFIG, PAIRS)
    net.encoder = Film()  # type: ignore[assignment]
    width = film.film.shape[1]
    boxes = width - film.boxes[:, [2, 1, 0, 3]]
    boxes[:, [1, 3]] = film.boxes[:, [1, 3]]
    other = [REGIONS.index(_OTHER_SIDE.sub(_swap, name, count=1)) for name in REGIONS]
    mirrored = replace(
        film, film=np.ascontiguousarray(film.film[:, ::-1]), boxes=boxes[other], paintable=False
    )
    plain = replace(film, paintable=False)
    still = replace(CONFIG, painting=Painting(often=0.0, distract=0.0))
    first, second = (fill_bank(net, [f], PAIRS, still, rounds=1, seed=0) for f in (plain, mirrored))
    names = [name for name in REGIONS if kind_of(name) in PAIRS.all_kinds]
    right, left = names.index("right lung"), names.index("left lung")
    assert torch.allclose(first.vectors[right], second.vectors[left], atol=0.02)


def test_the_same_seed_fills_the_same_bank(net: ReadingNet, film: KnownFilm) -> None:
    assert torch.equal(bank(net, film).vectors, bank(net, film).vectors)
