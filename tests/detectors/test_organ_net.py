"""The network and what it sees."""

import numpy as np
import pytest
import torch

from grounded.chest.names import ORGANS
from grounded.detectors.organs.net import OrganNet, film_tensor, normalised
from grounded.synthetic.phantom import chest_phantom

TINY = {"side": 64, "widths": (4, 8, 8, 8, 16), "decoder_width": 8, "features": 12}


@pytest.fixture
def net() -> OrganNet:
    torch.manual_seed(0)
    return OrganNet(**TINY).eval()  # type: ignore[arg-type]


def test_outputs_have_the_stated_shapes(net: OrganNet) -> None:
    output = net(torch.rand(2, 1, 64, 64))
    assert output.mask_logits.shape == (2, len(ORGANS), 32, 32)
    assert output.edges.shape == (2, len(ORGANS), 4)
    assert output.presence_logits.shape == (2, len(ORGANS))
    assert output.edges.min() >= 0
    assert output.edges.max() <= 1


def test_a_batch_equals_singles(net: OrganNet) -> None:
    films = torch.rand(3, 1, 64, 64)
    with torch.inference_mode():
        together = net(films)
        for row in range(3):
            alone = net(films[row : row + 1])
            for both, one in zip(together, alone, strict=True):
                assert torch.allclose(both[row : row + 1], one, atol=1e-5)


def test_a_side_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        OrganNet(side=100)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_neither_window_nor_gamma_changes_what_is_seen(gamma: float) -> None:
    film = chest_phantom(0, (128, 128)).pixels
    other = (0.3 + 0.5 * film**gamma).astype(np.float32)
    difference = abs(normalised(film) - normalised(other))
    assert difference.mean() < 0.03
    assert abs(normalised(film) - film).mean() > 0.05  # it does something


def test_a_black_border_does_not_change_the_greys() -> None:
    film = chest_phantom(0, (128, 128)).pixels * 0.9 + 0.05
    framed = np.pad(film, 30).astype(np.float32)
    assert abs(normalised(framed)[30:-30, 30:-30] - normalised(film)).mean() < 0.02


def test_a_flat_film_gives_zeros() -> None:
    assert not normalised(np.full((8, 8), 0.4, np.float32)).any()


@pytest.mark.parametrize("shape", [(40, 64), (1, 90), (333, 100), (64, 64)])
def test_a_film_of_any_shape_fills_its_part_of_the_square(shape: tuple[int, int]) -> None:
    film = np.random.default_rng(0).random(shape, dtype=np.float32)
    tensor, placement = film_tensor(film, 64)
    assert tensor.shape == (1, 64, 64)
    outside = np.ones((64, 64), bool)
    outside[placement.content] = False
    assert not tensor[0].numpy()[outside].any()
    frame = placement.to_model([[0, 0, shape[1], shape[0]]])[0]
    rows, columns = placement.content
    assert np.allclose(frame, [columns.start, rows.start, columns.stop, rows.stop])
