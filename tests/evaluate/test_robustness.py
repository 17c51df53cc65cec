"""Films made worse, and what becomes of their reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import grounded
from grounded import Box
from grounded.cli.app import app
from grounded.data.example import Example, FilmReading
from grounded.errors import InvalidValueError
from grounded.evaluate.altered import ALTERATIONS, crop, rotation
from grounded.evaluate.robustness import ERRORS, PLACES, SAME, robustness
from grounded.findings import Presence

FILM = Path(__file__).parents[2] / "examples" / "normal_pa.jpg"
RNG = np.random.default_rng(0)
PIXELS = RNG.random((60, 80), dtype=np.float32)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_every_alteration_gets_stronger_and_gives_a_film(name: str) -> None:
    alteration = ALTERATIONS[name]
    assert list(alteration.strengths) == sorted(alteration.strengths)
    for strength in alteration.strengths:
        made = alteration.alter(PIXELS, strength).pixels
        assert made.dtype == np.float32
        assert made.min() >= 0
        assert made.max() <= 1
        assert np.array_equal(made, alteration.alter(PIXELS, strength).pixels)


def test_a_box_moves_with_what_is_in_it() -> None:
    spot = np.zeros((60, 80), dtype=np.float32)
    spot[10:20, 50:70] = 1
    box = Box(50, 10, 70, 20)
    for alter, strength in ((crop, 0.05), (rotation, 90.0), (rotation, 180.0)):
        made = alter(spot, strength)
        moved = made.moved(box)
        assert moved is not None
        rows, columns = np.nonzero(made.pixels > 0.5)
        seen = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert moved.iou(seen) > 0.9
    assert crop(spot, 0.3).moved(Box(0, 0, 10, 10)) is None
    with pytest.raises(InvalidValueError, match="leaves nothing"):
        crop(spot, 0.5)


def test_the_untouched_film_is_the_first_point_of_each_curve() -> None:
    reading = FilmReading("reader", {"Pneumothorax": Presence.PRESENT})
    film = Example("a", "made up", "p", FILM, readings=(reading,))
    found = robustness(grounded.load("baseline"), [film], [ALTERATIONS["contrast"]], data="made up")
    first = found.points[0]
    assert (first.strength, first.films) == (0, 1)
    assert first.values[PLACES].value == 1
    assert first.values[SAME].value == 1
    assert first.values[ERRORS].value == 8  # the missed pneumothorax
    assert len(found.points) == 5
    assert "CONTRAST" in found.text


def test_the_command_writes_curves_and_a_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    table = tmp_path / "films.csv"
    table.write_text(f"file,patient,Edema\n{FILM},p,0\n")
    options = ["--preset", "baseline", "--alterations", "noise", "-o", f"{tmp_path}/r.json"]
    run = CliRunner().invoke(
        app, ["robustness", str(table), *options, "--page", f"{tmp_path}/r.html"]
    )
    assert run.exit_code == 0, run.output
    result = json.loads((tmp_path / "r.json").read_text())
    assert [point["strength"] for point in result["points"]] == [0, 0.02, 0.05, 0.1, 0.2]
    assert "preset baseline" in result["by"]
    assert "<svg" in (tmp_path / "r.html").read_text()
    wrong = CliRunner().invoke(app, ["robustness", str(table), "--alterations", "fog"])
    assert "no alteration fog" in str(wrong.exception)
    none = ["robustness", str(table), "--preset", "baseline", "--alterations", "attack"]
    assert "no findings with a network" in str(CliRunner().invoke(app, none).exception)


class Brightness(nn.Module):
    """A network that finds something in a film that is light on the mean."""

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return 100 * (films.mean(dim=(2, 3)) - 0.5)


def test_the_attack_moves_a_finding_across_one_half_and_no_pixel_too_far() -> None:
    pytest.importorskip("art")
    from grounded.evaluate.attack import Attack

    attack = Attack(Brightness(), 8)
    assert attack.by.startswith("adversarial-robustness-toolbox ")
    for grey in (0.497, 0.503):
        film = np.full((8, 8), grey, dtype=np.float32)
        made = attack.alter(film, 0.008).pixels
        assert np.abs(made - film).max() <= 0.008 + 1e-6
        assert (made.mean() > 0.5) != (grey > 0.5)
