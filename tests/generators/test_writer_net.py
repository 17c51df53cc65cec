"""The writer's network under the decoding loop, against reading the whole sentence anew."""

import pytest
import torch
from torch import Tensor

from grounded.generators.neural.writer_net import Conditions, WriterNet
from grounded.nn.decode import Decoded, decode

KINDS, LABELS, VOCABULARY, LENGTH = 3, 2, 40, 14
START = 0


@pytest.fixture(scope="module")
def net() -> WriterNet:
    torch.manual_seed(6)
    net = WriterNet(KINDS, LABELS, VOCABULARY, width=16, layers=2, heads=2, length=LENGTH).eval()
    with torch.no_grad():
        for name, value in net.named_parameters():
            value.mul_(20 if "wpe" in name or "kind" in name or "status" in name else 5)
    return net


def conditions(count: int = 9) -> Conditions:
    random = torch.Generator().manual_seed(1)
    ratios = torch.rand(count, generator=random)
    ratios[::2] = torch.nan
    return Conditions(
        torch.randint(KINDS, (count,), generator=random),
        torch.randint(4, (count, LABELS), generator=random),
        ratios,
    )


def row(told: Conditions, index: int) -> Conditions:
    return Conditions(*(value[index : index + 1] for value in told))


@pytest.fixture(scope="module")
def stop(net: WriterNet) -> int:
    """The token that ends sentences in the most different places."""
    told = conditions()
    with torch.inference_mode():
        cache = net.cache(told, 1)
        endless = decode(net.step, cache, start=START, stop=-1, max_length=LENGTH)
    firsts = {
        token: {item.tokens.index(token) for item in endless if token in item.tokens}
        for token in range(1, VOCABULARY)
    }
    return max(firsts, key=lambda token: len(firsts[token]))


@torch.inference_mode()
def run(net: WriterNet, told: Conditions, beams: int, stop: int) -> list[Decoded]:
    return decode(net.step, net.cache(told, beams), start=START, stop=stop, max_length=LENGTH)


@torch.inference_mode()
def plain_greedy(net: WriterNet, told: Conditions, stop: int) -> list[int]:
    tokens = [START]
    while len(tokens) < LENGTH:
        token = int(net(told, torch.tensor([tokens]))[0, -1].argmax())
        if token == stop:
            break
        tokens.append(token)
    return tokens[1:]


def test_one_beam_writes_what_the_most_probable_tokens_make(net: WriterNet, stop: int) -> None:
    told = conditions()
    expected = [plain_greedy(net, row(told, index), stop) for index in range(9)]
    assert [list(item.tokens) for item in run(net, told, 1, stop)] == expected
    assert len({len(tokens) for tokens in expected}) > 2


@pytest.mark.parametrize("beams", [1, 3])
def test_the_log_probabilities_are_those_of_the_whole_sentence(
    net: WriterNet, stop: int, beams: int
) -> None:
    told = conditions()
    for index, said in enumerate(run(net, told, beams, stop)):
        tokens = [*said.tokens, *([stop] if said.finished else [])]
        with torch.inference_mode():
            logits = net(row(told, index), torch.tensor([[START, *tokens[:-1]]]))[0]
        expected: Tensor = logits.log_softmax(-1)[range(len(tokens)), tokens]
        assert said.log_probs == pytest.approx(expected.tolist(), abs=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_writes_what_its_rows_write_one_by_one(
    net: WriterNet, stop: int, beams: int
) -> None:
    told = conditions()
    together = run(net, told, beams, stop)
    alone = [run(net, row(told, index), beams, stop)[0] for index in range(9)]
    assert [item.tokens for item in together] == [item.tokens for item in alone]
