"""GPT-2's blocks of our own against the usual library's, where that is installed."""

import pytest
import torch

from grounded.nn.transformer import Transformer, causal_bias, masked

VOCABULARY, POSITIONS, WIDTH, LAYERS, HEADS = 30, 12, 16, 3, 4


@pytest.fixture
def net() -> Transformer:
    torch.manual_seed(0)
    return Transformer(VOCABULARY, POSITIONS, WIDTH, LAYERS, HEADS, dropout=0.1).eval()


def hidden(net: Transformer, vectors: torch.Tensor) -> torch.Tensor:
    attend = masked(causal_bias(vectors.shape[1], vectors))
    states: torch.Tensor = net(vectors, torch.arange(vectors.shape[1]), lambda layer: attend)
    return states


@pytest.mark.filterwarnings("ignore")  # of a library that is not needed but here
def test_the_hidden_vectors_are_those_of_the_usual_library(net: Transformer) -> None:
    gpt2 = pytest.importorskip("transformers.models.gpt2.modeling_gpt2")
    sizes = {"vocab_size": VOCABULARY, "n_positions": POSITIONS, "n_embd": WIDTH}
    usual = gpt2.GPT2Model(gpt2.GPT2Config(**sizes, n_layer=LAYERS, n_head=HEADS)).eval()
    with torch.no_grad():
        for value in usual.parameters():
            value.mul_(8).add_(torch.randn_like(value) * 0.1)
    net.load_state_dict(usual.state_dict(), strict=True)
    tokens = torch.randint(VOCABULARY, (2, POSITIONS), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = usual(tokens).last_hidden_state
        torch.testing.assert_close(hidden(net, net.wte(tokens)), expected, atol=1e-4, rtol=1e-4)


def test_a_vector_depends_on_what_stands_before_it_alone(net: Transformer) -> None:
    vectors = torch.randn(1, 6, WIDTH)
    changed = vectors.clone()
    changed[:, 4, 0] += 1
    before, after = hidden(net, vectors), hidden(net, changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_dropout_changes_what_a_network_in_training_gives(net: Transformer) -> None:
    vectors = torch.randn(1, 6, WIDTH)
    torch.testing.assert_close(hidden(net, vectors), hidden(net, vectors))
    net.train()
    assert not torch.allclose(hidden(net, vectors), hidden(net, vectors))


def test_the_parts_that_are_added_up_start_smaller_the_more_layers_there_are() -> None:
    torch.manual_seed(0)
    net = Transformer(VOCABULARY, POSITIONS, 64, 8, HEADS)
    stds = {name: float(value.detach().std()) for name, value in net.named_parameters()}
    assert stds["h.0.attn.c_attn.weight"] == pytest.approx(0.02, rel=0.1)
    assert stds["h.7.mlp.c_proj.weight"] == pytest.approx(0.005, rel=0.1)
