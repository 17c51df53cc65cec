"""The gate that ships, on the example film and on what is no film; its network alone."""

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from grounded import Box, Image, Regions
from grounded.detectors.gate import FilmGate, GateNet, SideNet, ask, gate_film
from grounded.errors import ConfigError, UnsuitableImageError
from grounded.protocols import FilmCheck

FILM = Path(__file__).parents[2] / "examples" / "normal_pa.jpg"
WEIGHTS = Path(str(files("grounded.configs"))) / "weights" / "gate"


@pytest.fixture(scope="module")
def gate() -> FilmGate:
    return FilmGate(WEIGHTS, WEIGHTS.parent / "sides")


@pytest.fixture(scope="module")
def film() -> Image:
    return Image.open(FILM)


def changed(film: Image, pixels: np.ndarray) -> Image:
    return Image.of(np.ascontiguousarray(pixels), spacing_mm=(0.2, 0.3))


def test_it_fits_the_protocol(gate: FilmGate) -> None:
    assert isinstance(gate, FilmCheck)


def test_a_film_that_lies_as_usual_is_left_alone(gate: FilmGate, film: Image) -> None:
    assert gate.check(film) is film


def test_a_negative_is_turned_over_with_a_note(gate: FilmGate, film: Image) -> None:
    checked = gate.check(changed(film, 1 - film.pixels))
    np.testing.assert_allclose(checked.pixels, film.pixels, atol=1e-6)
    assert "negative" in checked.info.warnings[-1]


def test_without_its_network_no_film_is_called_mirrored(film: Image) -> None:
    mirrored = changed(film, film.pixels[:, ::-1])
    assert not FilmGate(WEIGHTS).check(mirrored).info.sides_in_doubt


def test_a_mirrored_film_is_named_and_left_as_it_is(gate: FilmGate, film: Image) -> None:
    mirrored = changed(film, film.pixels[:, ::-1])
    checked = gate.check(mirrored)
    np.testing.assert_array_equal(checked.pixels, mirrored.pixels)
    assert checked.info.sides_in_doubt
    assert "heart seems to lie on the right" in checked.info.warnings[-1]


@pytest.mark.parametrize(("turns", "orientation"), [(1, 8), (2, 3), (3, 6)])
def test_a_turned_film_is_turned_back_with_a_note(
    gate: FilmGate, film: Image, turns: int, orientation: int
) -> None:
    lying = changed(film, np.rot90(film.pixels, -turns))
    checked = gate.check(lying)
    np.testing.assert_array_equal(checked.pixels, film.pixels)
    assert checked.info.orientation == orientation
    assert checked.info.spacing_mm == ((0.3, 0.2) if turns % 2 else (0.2, 0.3))
    assert "turned back" in checked.info.warnings[-1]


@pytest.mark.parametrize("lies", [lambda all: np.rot90(all, -1), lambda all: all.max() - all])
def test_greys_before_the_window_go_with_a_film_that_is_set_right(
    gate: FilmGate, film: Image, lies: Callable
) -> None:
    greys = film.greys.lying(lies)
    lain = changed(film, greys.scale.window.shown(greys.values))
    checked = gate.check(replace(lain, unwindowed=greys))
    assert checked.info.warnings
    shown = checked.scale.window.shown(checked.greys.values)
    np.testing.assert_allclose(shown, checked.pixels, atol=1e-4)


def test_the_content_of_a_turned_film_turns_with_it(gate: FilmGate, film: Image) -> None:
    bordered = np.pad(film.pixels, ((200, 0), (0, 100)))
    checked = gate.check(Image.open(np.rot90(bordered, -1)))
    x0, y0, x1, y1 = checked.info.content or Box(0, 0, 1, 1)
    assert (round(x0), round(y0)) == (0, 200)
    assert (round(x1), round(y1)) == (film.shape[1], film.shape[0] + 200)


@pytest.mark.parametrize("name", ["camera", "coins", "text", "moon", "brick", "page"])
def test_photographs_are_refused(gate: FilmGate, name: str) -> None:
    with pytest.raises(UnsuitableImageError, match="not a frontal chest radiograph"):
        gate.check(Image.open(getattr(data, name)()))


@pytest.mark.parametrize("kind", ["noise", "blank", "ramp"])
def test_what_shows_nothing_is_refused(gate: FilmGate, kind: str) -> None:
    pixels = {
        "noise": np.random.default_rng(0).random((300, 300)),
        "blank": np.full((300, 300), 0.5),
        "ramp": np.linspace(0, 1, 90_000).reshape(300, 300),
    }[kind]
    with pytest.raises(UnsuitableImageError, match="not a frontal chest radiograph"):
        gate.check(Image.of(pixels.astype(np.float32)))


@pytest.mark.parametrize("axis", [0, 1])
def test_two_films_in_one_picture_are_refused(gate: FilmGate, film: Image, axis: int) -> None:
    with pytest.raises(UnsuitableImageError, match=r"several films|not a frontal"):
        gate.check(changed(film, np.concatenate([film.pixels] * 2, axis=axis)))


def test_force_turns_a_refusal_into_a_warning(gate: FilmGate) -> None:
    forced = gate.check(replace(Image.open(data.camera()), forced=True))
    assert "read by force" in forced.info.warnings[-1]


def test_a_film_in_which_no_lung_was_found_is_refused(gate: FilmGate, film: Image) -> None:
    missing = {"right lung": "it was not seen", "left lung": "it was not seen"}
    with pytest.raises(UnsuitableImageError, match="no lung was found"):
        gate.confirm(film, Regions.none(missing))
    gate.confirm(replace(film, forced=True), Regions.none(missing))
    gate.confirm(film, Regions.none({"femur": "not seen"}))  # of another atlas


def test_a_film_and_its_mirror_image_get_opposite_answers() -> None:
    torch.manual_seed(0)
    sides = SideNet(32, (4, 4, 4, 4), 4).eval()
    films = torch.rand(3, 1, 32, 32)
    torch.testing.assert_close(sides(films.flip(3)), -sides(films))


def test_a_mirror_image_lies_as_its_film_turned_the_other_way() -> None:
    torch.manual_seed(0)
    net = GateNet(32, (4, 4, 4, 4), 4).eval()
    pixels = torch.rand(2, 1, 32, 32)
    for here, there in zip(ask(net, pixels), ask(net, pixels.flip(3)), strict=True):
        assert here.frontal == pytest.approx(there.frontal, abs=1e-5)
        assert here.turns == pytest.approx([there.turns[i] for i in (0, 3, 2, 1)], abs=1e-5)
    for here, there in zip(ask(net, pixels), ask(net, 1 - pixels), strict=True):
        assert here.negative == pytest.approx(-there.negative, abs=1e-5)


@pytest.mark.parametrize("shape", [(20, 30), (96, 96), (700, 300)])
def test_the_network_sees_any_film_as_a_square(shape: tuple[int, int]) -> None:
    seen = gate_film(np.random.default_rng(0).random(shape, dtype=np.float32), 96)
    assert seen.shape == (96, 96)
    assert (seen.min(), seen.max()) == (0, 1)


def test_sides_that_do_not_halve_are_refused(tmp_path: Path) -> None:
    for net in (GateNet, SideNet):
        with pytest.raises(ValueError, match="multiple of 16"):
            net(90)
    with pytest.raises(ConfigError, match="no weights"):
        FilmGate(tmp_path)
