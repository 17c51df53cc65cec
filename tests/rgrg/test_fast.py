"""The fast networks against the plain ones, weight for weight."""

import math
from pathlib import Path

import pytest
import torch

from grounded.detectors.rgrg import fast as rgrg_fast
from grounded.detectors.rgrg.detector import empty_detector
from grounded.detectors.rgrg.net import DetectorNet
from grounded.generators.rgrg import net as rgrg_net
from grounded.generators.rgrg.generator import empty_decoder, generate, load_decoder
from grounded.generators.rgrg.net import DecoderNet
from grounded.nn import onednn as packed
from grounded.nn.decode import best_of
from grounded.nn.onednn import Vocabulary
from grounded.nn.weights import fill, read_config

needs_packing = pytest.mark.skipif(
    not packed.can_pack(torch.float32), reason="this build of torch has no oneDNN"
)
needs_bfloat16 = pytest.mark.skipif(
    not packed.can_pack(torch.bfloat16), reason="this processor has no bfloat16 instructions"
)


def detector(folder: Path) -> DetectorNet:
    net = empty_detector(read_config(folder / "detector"), folder)
    fill(net, folder / "detector")
    return net


def decoder(folder: Path) -> DecoderNet:
    net = empty_decoder(read_config(folder / "generator"), folder)
    fill(net, folder / "generator")
    return net


@pytest.fixture
def films() -> torch.Tensor:
    return torch.randn(2, 1, 128, 128, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def vectors() -> torch.Tensor:
    return torch.randn(5, 24, generator=torch.Generator().manual_seed(2)) * 2


@needs_packing
@pytest.mark.parametrize("many", [0, 10**6])
@torch.inference_mode()
def test_the_exact_detector_gives_the_plain_ones_boxes_and_readings(
    folder: Path, films: torch.Tensor, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rgrg_fast, "MANY", many)  # both orders of the product
    plain, fast = detector(folder), detector(folder)
    rgrg_fast.pack_detector(fast)
    (choice, readings), (expected, expected_readings) = fast(films), plain(films)
    assert torch.equal(choice.detected, expected.detected)
    torch.testing.assert_close(choice.boxes, expected.boxes, atol=1e-2, rtol=0)
    torch.testing.assert_close(choice.scores, expected.scores, atol=1e-3, rtol=0)
    torch.testing.assert_close(readings.vectors, expected_readings.vectors, atol=1e-3, rtol=0)


@needs_bfloat16
@torch.inference_mode()
def test_the_fast_detector_sees_nearly_the_same_map(folder: Path, films: torch.Tensor) -> None:
    plain, fast = detector(folder), detector(folder)
    rgrg_fast.pack_detector(fast, torch.bfloat16)
    expected, maps = plain.encode(films), fast.encode(films)
    assert maps.dtype == torch.float32
    assert float((maps - expected).norm() / expected.norm()) < 0.02
    proposals = plain.propose(expected)
    logits = plain.classify(expected, proposals)[0]
    assert float((fast.classify(expected, proposals)[0] - logits).norm() / logits.norm()) < 0.02


@needs_packing
def test_bottleneck_blocks_are_packed_too(tiny) -> None:
    from dataclasses import replace

    net = DetectorNet(replace(tiny.detector, bottleneck=True)).eval()
    films = torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(3))
    fast = rgrg_fast.PackedBackbone(net.backbone, 128, torch.float32)
    with torch.inference_mode():
        torch.testing.assert_close(fast(films), net.backbone(films), atol=1e-3, rtol=1e-3)


@needs_packing
@pytest.mark.parametrize("beams", [1, 4])
def test_the_exact_decoder_gives_the_plain_ones_tokens(
    folder: Path, vectors: torch.Tensor, beams: int
) -> None:
    plain, fast = decoder(folder), decoder(folder)
    rgrg_net.pack_decoder(fast)
    expected = generate(plain, vectors, beams, 16)
    found = generate(fast, vectors, beams, 16)
    assert [item.tokens for item in found] == [item.tokens for item in expected]


def log_probability(net: DecoderNet, vector: torch.Tensor, tokens: tuple[int, ...]) -> float:
    ids = torch.tensor([[net.layout.stop, *tokens]])
    with torch.inference_mode():
        logits = net(vector[None], ids[:, :-1])[0].log_softmax(-1)
    return float(logits[range(len(tokens)), list(tokens)].sum())


@needs_bfloat16
def test_the_fast_decoders_sentences_are_nearly_as_likely(
    folder: Path, vectors: torch.Tensor
) -> None:
    plain = decoder(folder)
    fast, _ = load_decoder(folder / "generator", "bfloat16")
    pairs = zip(generate(plain, vectors, 4, 16), generate(fast, vectors, 4, 16), strict=True)
    for vector, (expected, found) in zip(vectors, pairs, strict=True):
        best = log_probability(plain, vector, expected.tokens)
        assert log_probability(plain, vector, found.tokens) > best * 1.03
        assert math.isclose(
            sum(found.log_probs[: len(found.tokens)]),
            log_probability(plain, vector, found.tokens),
            rel_tol=0.02,
        )


@pytest.mark.parametrize("packing", [False, pytest.param(True, marks=needs_bfloat16)])
@torch.inference_mode()
def test_the_shortlist_holds_the_best_tokens_of_a_large_vocabulary(packing: bool) -> None:
    random = torch.Generator().manual_seed(4)
    table = torch.randn(5000, 64, generator=random) * 0.2 + 1.0  # logits far from zero
    table = table.bfloat16().float()  # what is tested is the products, not the storage
    hidden = torch.randn(2, 3, 64, generator=random) + 1.5
    found = Vocabulary(table, packed=packing).best(hidden, 8)
    expected = best_of(hidden @ table.T, 8)
    assert torch.equal(found.tokens[..., :4], expected.tokens[..., :4])
    torch.testing.assert_close(found.log_probs, expected.log_probs, atol=0.02, rtol=0.01)


def test_bfloat16_without_packing_gives_nearly_the_same(
    folder: Path, vectors: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path of other devices."""
    monkeypatch.setattr(rgrg_net, "can_pack", lambda dtype: False)
    net = decoder(folder)
    expected = log_probability(net, vectors[0], generate(net, vectors[:1], 4, 12)[0].tokens)
    plain = decoder(folder)
    rgrg_net.pack_decoder(net, torch.bfloat16)
    [found] = generate(net, vectors[:1], 4, 12)
    assert log_probability(plain, vectors[0], found.tokens) > expected * 1.03
