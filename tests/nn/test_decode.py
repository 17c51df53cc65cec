"""The decoding loop against a search that is written the slow and plain way."""

import pytest
import torch
from torch import Tensor

from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.nn.decode import BeamCache, Best, Decoded, best_of, decode, decode_ranked

LAYOUT = DecoderLayout(layers=2, width=16, heads=2, vocabulary=48, features=8, stop=47)
START = 0


@pytest.fixture(scope="module")
def net() -> DecoderNet:
    torch.manual_seed(22)  # with this seed, sentences of many lengths end, and one does not
    net = DecoderNet(LAYOUT).eval()
    with torch.no_grad():
        for value in net.parameters():
            value.mul_(2)
        net.wte.weight[LAYOUT.stop] *= 2
    return net


@pytest.fixture(scope="module")
def vectors() -> Tensor:
    return torch.randn(12, LAYOUT.features, generator=torch.Generator().manual_seed(5)) * 2


def plain_search(
    net: DecoderNet, vector: Tensor, beams: int, max_length: int
) -> tuple[list[int], float]:
    """Beam search of one sequence; the whole sentence is read anew for each token."""
    stop = LAYOUT.stop
    open_beams: list[tuple[float, list[int]]] = [(0.0, [START])]
    ended: list[tuple[float, list[int]]] = []
    while len(open_beams[0][1]) < max_length and len(ended) < beams:
        continuations = []
        for score, tokens in open_beams:
            logits = net(vector[None], torch.tensor([tokens]))[0, -1]
            for token, value in enumerate(logits.log_softmax(-1).tolist()):
                continuations.append((score + value, [*tokens, token]))
        continuations.sort(key=lambda item: -item[0])
        best = continuations[: 2 * beams]
        for score, tokens in best[:beams]:
            if tokens[-1] == stop:
                ended.append((score / (len(tokens) - 1), tokens[1:-1]))
        open_beams = [item for item in best if item[1][-1] != stop][:beams]
    if len(ended) < beams:
        ended += [(score / len(tokens), tokens[1:]) for score, tokens in open_beams]
    score, tokens = max(ended, key=lambda item: item[0])
    return tokens, score


@torch.inference_mode()
def run(net: DecoderNet, vectors: Tensor, beams: int, max_length: int = 12) -> list[Decoded]:
    stop = LAYOUT.stop
    cache = net.cache(vectors, beams)
    return decode(net.step, cache, start=START, stop=stop, max_length=max_length)


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_the_loop_finds_what_a_plain_search_finds(
    net: DecoderNet, vectors: Tensor, beams: int
) -> None:
    with torch.inference_mode():
        expected = [plain_search(net, vector, beams, 12) for vector in vectors]
    found = run(net, vectors, beams)
    assert [list(item.tokens) for item in found] == [tokens for tokens, _ in expected]
    assert [item.score for item in found] == pytest.approx([s for _, s in expected], abs=1e-4)
    assert len({len(item.tokens) for item in found}) > 3


@pytest.mark.parametrize("beams", [1, 4])
def test_a_batch_gives_what_its_sequences_give_one_by_one(
    net: DecoderNet, vectors: Tensor, beams: int
) -> None:
    together = run(net, vectors, beams)
    alone = [run(net, vector[None], beams)[0] for vector in vectors]
    assert [item.tokens for item in together] == [item.tokens for item in alone]


def test_the_log_probabilities_are_those_of_the_chosen_tokens(
    net: DecoderNet, vectors: Tensor
) -> None:
    for vector, said in zip(vectors, run(net, vectors, 4), strict=True):
        tokens = [*said.tokens, *([LAYOUT.stop] if said.finished else [])]
        with torch.inference_mode():
            logits = net(vector[None], torch.tensor([[START, *tokens[:-1]]]))[0]
        expected = logits.log_softmax(-1)[range(len(tokens)), tokens]
        assert said.log_probs == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_long_search_in_a_small_cache_gives_the_same(net: DecoderNet, vectors: Tensor) -> None:
    def small(vectors: Tensor, slots: int) -> list[Decoded]:
        cache = BeamCache(len(vectors), layers=2, heads=2, width=8, beams=4, slots=slots)
        images = net.feature_space_transformation_nn(vectors)
        for layer, block in enumerate(net.blocks):
            cache.prefix(layer, *block.attn.image(images))
        return decode(net.step, cache, start=START, stop=-1, max_length=40)  # it never stops

    with torch.inference_mode():
        roomy, tight = small(vectors, 256), small(vectors, 6)
    assert [item.tokens for item in tight] == [item.tokens for item in roomy]
    assert {len(item.tokens) for item in tight} == {39}


def test_slots_that_no_beam_descends_from_are_given_up() -> None:
    cache = BeamCache(1, layers=1, heads=1, width=2, beams=2, slots=4)
    key = torch.ones(1, 2, 1, 2)
    for _ in range(40):  # beam 1 is dropped each time: one slot a step stays
        cache.open(2)
        cache.attend(0, key, key, key)
        cache.branch(torch.tensor([[0, 0]]))
    assert cache.room < 2 * 40


def test_ended_sequences_leave_the_batch(net: DecoderNet, vectors: Tensor) -> None:
    sizes = []

    def step(tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        sizes.append(len(tokens))
        return net.step(tokens, position, cache, best)

    with torch.inference_mode():
        decode(step, net.cache(vectors, 1), start=START, stop=LAYOUT.stop, max_length=12)
    assert sizes[0] == len(vectors) > sizes[-1] > 0


def test_a_beam_with_nothing_left_to_say_is_given_up(net: DecoderNet, vectors: Tensor) -> None:
    def step(tokens: Tensor, position: int, cache: BeamCache, best: int) -> Best:
        found = net.step(tokens, position, cache, best)
        forbidden = torch.full_like(found.log_probs, -torch.inf)
        forbidden[..., :1] = 0
        return Best(found.log_probs + forbidden, found.tokens)

    with torch.inference_mode():
        ranked = decode_ranked(
            step, net.cache(vectors, 3), start=START, stop=LAYOUT.stop, max_length=12
        )
    greedy = run(net, vectors, 1)
    assert [[item.tokens for item in items] for items in ranked] == [[g.tokens] for g in greedy]


def test_no_sequences_give_no_sentences(net: DecoderNet, vectors: Tensor) -> None:
    assert run(net, vectors[:0], 4) == []


@pytest.mark.parametrize("shape", [(3, 24), (2, 4, 1000), (2, 128 * 9)])
def test_the_best_tokens_are_those_of_a_full_log_softmax(shape: tuple[int, ...]) -> None:
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3
    best = best_of(logits, 8)
    expected = logits.log_softmax(-1).topk(8)
    assert torch.equal(best.tokens, expected.indices)
    torch.testing.assert_close(best.log_probs, expected.values)


def test_a_cache_knows_which_sequences_are_left(net: DecoderNet, vectors: Tensor) -> None:
    cache = net.cache(vectors[:3].detach(), 1)
    cache.keep(torch.tensor([2, 1]))
    assert cache.rows.tolist() == [2, 1]


@pytest.mark.parametrize("beams", [1, 4])
def test_all_that_ended_comes_the_best_first(net: DecoderNet, vectors: Tensor, beams: int) -> None:
    with torch.inference_mode():
        ranked = decode_ranked(
            net.step, net.cache(vectors, beams), start=START, stop=LAYOUT.stop, max_length=12
        )
    assert [candidates[0] for candidates in ranked] == run(net, vectors, beams)
    for candidates in ranked:
        scores = [item.score for item in candidates]
        assert len(candidates) >= beams
        assert scores == sorted(scores, reverse=True)
        assert len({(item.tokens, item.finished) for item in candidates}) == len(candidates)
