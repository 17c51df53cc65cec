"""The trunk that knows photographs: its grids, and how published weights are folded into it."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from grounded.nn.lite import NORM_EPS, STAGES, STEM, LiteTrunk, folded


def published(deeper: int = 0) -> dict[str, Tensor]:
    """Random weights under the published names. deeper: blocks more in each inner stage."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def layer(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(shape, generator=random) / shape[1] ** 0.5
        for name in ("weight", "running_var"):
            state[f"{norm}.{name}"] = torch.rand(shape[0], generator=random) + 0.5
        for name in ("bias", "running_mean"):
            state[f"{norm}.{name}"] = torch.randn(shape[0], generator=random) / 4

    layer("_conv_stem", "_bn0", STEM, 3, 3, 3)
    before, block = STEM, 0
    for stage in STAGES:
        more = 0 if stage in (STAGES[0], STAGES[-1]) else deeper
        for _ in range(stage.blocks + more):
            at, wide = f"_blocks.{block}.", before * stage.expand
            if stage.expand > 1:
                layer(f"{at}_expand_conv", f"{at}_bn0", wide, before, 1, 1)
            layer(f"{at}_depthwise_conv", f"{at}_bn1", wide, 1, stage.kernel, stage.kernel)
            layer(f"{at}_project_conv", f"{at}_bn2", stage.channels, wide, 1, 1)
            before, block = stage.channels, block + 1
    return state


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published()


def test_maps_have_strides_2_to_32() -> None:
    trunk = LiteTrunk(scale=0.1)
    maps = trunk(torch.rand(1, 1, 64, 96))
    assert [tuple(m.shape[2:]) for m in maps] == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert tuple(m.shape[1] for m in maps) == trunk.widths


def test_every_published_layer_has_its_place(state: dict[str, Tensor]) -> None:
    LiteTrunk().load_state_dict(folded(state))


def test_a_deeper_trunk_has_more_blocks_in_all_stages_but_the_first_and_the_last() -> None:
    trunk = LiteTrunk(depth=1.2)
    assert [len(stage) for stage in trunk.stages] == [1, 3, 3, 4, 4, 5, 1]
    trunk.load_state_dict(folded(published(deeper=1), depth=1.2))


def test_a_wider_trunk_has_the_published_widths_of_lite2() -> None:
    assert LiteTrunk(scale=1.1).widths == (16, 24, 48, 120, 352)


def test_a_folded_stem_sees_a_grey_film_as_the_published_one_sees_grey_colours(
    state: dict[str, Tensor],
) -> None:
    film = torch.rand(2, 1, 32, 32)
    colours = functional.pad((film * 2 - 1).expand(-1, 3, -1, -1), (0, 1, 0, 1))
    raw = functional.conv2d(colours, state["_conv_stem.weight"], stride=2)
    mean, var = state["_bn0.running_mean"], state["_bn0.running_var"]
    scale, bias = state["_bn0.weight"], state["_bn0.bias"]
    seen = functional.relu6(functional.batch_norm(raw, mean, var, scale, bias, eps=NORM_EPS))
    trunk = LiteTrunk()
    trunk.load_state_dict(folded(state))
    assert torch.allclose(trunk.stem(film * 2 - 1), seen, atol=1e-4)


def test_a_film_does_not_depend_on_the_others_in_its_batch(state: dict[str, Tensor]) -> None:
    trunk = LiteTrunk(scale=0.1).train()
    films = torch.rand(3, 1, 32, 32)
    for together, alone in zip(trunk(films), trunk(films[:1]), strict=True):
        assert torch.allclose(together[:1], alone, atol=1e-5)


def test_other_weights_are_a_key_error() -> None:
    with pytest.raises(KeyError):
        folded({"conv.weight": torch.zeros(1)})
