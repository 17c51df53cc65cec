"""Where networks compute: every tensor follows the network, what comes out lies on the CPU."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from grounded.detectors.organs.encoder import FilmEncoder
from grounded.detectors.organs.net import OrganNet
from grounded.errors import InvalidValueError
from grounded.generators.neural.writer_net import Conditions, WriterNet
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.nn.decode import decode
from grounded.nn.device import Placed, choose_device, one_thread

LENGTH = 8


class Both(NamedTuple):
    doubled: Tensor
    whole: Tensor


class Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Linear(2, 2)
        nn.init.eye_(self.factor.weight)
        nn.init.zeros_(self.factor.bias)

    def forward(self, x: Tensor, add: bool = False) -> Both:
        return Both(self.factor(2 * x) + add, (2 * x).long())


def organs(films: Tensor) -> Callable[[], object]:
    net = OrganNet(64, (4, 8, 8, 8, 16), decoder_width=8, features=12).eval()
    return lambda: net(films)


def encoder(films: Tensor) -> Callable[[], object]:
    net = FilmEncoder(findings=3, side=64, scale=0.1, width=8).eval()
    return lambda: net(films)


def writer(films: Tensor) -> Callable[[], object]:
    net = WriterNet(3, 2, 40, width=16, layers=2, heads=2, length=LENGTH).eval()
    ratios = torch.tensor([0.5, torch.nan])
    conditions = Conditions(torch.tensor([0, 2]), torch.zeros(2, 2).long(), ratios)
    tokens = torch.zeros(2, 3, dtype=torch.long)

    def work() -> object:
        cache = net.cache(conditions, 3)
        said = decode(net.step, cache, start=0, stop=7, max_length=LENGTH)
        return said, net(conditions, tokens)

    return work


def rgrg_decoder(films: Tensor) -> Callable[[], object]:
    net = DecoderNet(DecoderLayout(2, 16, 2, 40, 8, stop=7)).eval()
    vectors, tokens = torch.randn(3, 8), torch.zeros(3, 4, dtype=torch.long)

    def work() -> object:
        said = decode(net.step, net.cache(vectors, 3), start=7, stop=7, max_length=LENGTH)
        return said, net(vectors, tokens)

    return work


@pytest.mark.parametrize("network", [organs, encoder, writer, rgrg_decoder])
@torch.inference_mode()
def test_every_tensor_that_a_network_makes_lies_on_its_own_device(
    network: Callable[[Tensor], Callable[[], object]],
) -> None:
    torch.manual_seed(0)
    work = network(torch.rand(2, 1, 64, 64))
    with torch.device("meta"):  # where a tensor lands that is made without naming a device
        work()


def test_a_placed_network_gives_float32_on_the_cpu() -> None:
    doubled, whole = Placed(Doubling(), "cpu", "bfloat16")(torch.tensor([[1.0, 3.0]]), True)
    assert doubled.tolist() == [[3.0, 7.0]]
    assert (doubled.dtype, doubled.device.type) == (torch.float32, "cpu")
    assert whole.tolist() == [[2, 6]]


def test_products_are_computed_in_the_type_that_is_asked_for() -> None:
    placed = Placed(Doubling(), dtype="bfloat16")
    with placed.computing():
        assert placed.net.factor(torch.ones(1, 2)).dtype == torch.bfloat16
    assert placed.net.factor(torch.ones(1, 2)).dtype == torch.float32
    assert placed.net.factor.weight.dtype == torch.float32


def test_gradients_are_followed_through_a_placed_network() -> None:
    x = torch.ones(1, 2, requires_grad=True)
    Placed(Doubling())(x).doubled.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2.0, 2.0]]


def test_auto_is_a_device_that_is_here() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps"
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        expected = "cpu"
    assert choose_device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(InvalidValueError, match=f"got {name!r}"):
        choose_device(name)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="dtype is one of"):
        Placed(Doubling(), dtype="half")  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_film_is_read_to_the_same_bit_whatever_is_beside_it(threads: int) -> None:
    torch.manual_seed(0)
    placed = Placed(OrganNet(64, (4, 8, 8, 8, 16), decoder_width=8, features=12).eval())
    films = torch.rand(5, 1, 64, 64)
    alone = placed.each(films[3:4])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = placed.each(films)
    finally:
        torch.set_num_threads(before)
    for one, of_all in zip(alone, together, strict=True):
        torch.testing.assert_close(of_all[3:4], one, rtol=0, atol=0)


def test_the_number_of_threads_is_what_it_was_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        {}["nothing"]
    assert torch.get_num_threads() == before
