"""Pretrained parts: a ResNet's weights for the encoder, a GPT-2's for the decoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.resnet import BasicBlock, ResNet

from grounded.detectors.rgrg.net import DetectorLayout, DetectorNet
from grounded.errors import ConfigError
from grounded.generators.rgrg.net import DecoderLayout, DecoderNet
from grounded.train.rgrg.start import load_backbone, load_gpt2

LAYOUT = DetectorLayout(
    stages=(1, 1, 1, 1), bottleneck=False, side=64, anchor_sizes=(16,), anchor_ratios=(1.0,),
    proposals=8, head=16, features=16, classifier=(16, 8),
)  # fmt: skip


def test_a_resnet_of_colours_sees_a_grey_film_as_three_equal_ones(tmp_path: Path) -> None:
    torch.manual_seed(0)
    resnet = ResNet(BasicBlock, [1, 1, 1, 1]).eval()
    torch.save(resnet.state_dict(), tmp_path / "resnet.pth")
    net = DetectorNet(LAYOUT).eval()
    load_backbone(net, tmp_path / "resnet.pth")
    film = torch.randn(1, 1, 64, 64)
    layers = torch.nn.Sequential(*list(resnet.children())[:-2])
    with torch.inference_mode():
        torch.testing.assert_close(net.encode(film), layers(film.expand(-1, 3, -1, -1)))


def test_another_file_is_no_backbone(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ConfigError, match=r"conv1\.weight is missing"):
        load_backbone(DetectorNet(LAYOUT), tmp_path / "other.pth")
    with pytest.raises(ConfigError, match="are missing"):
        load_backbone(DetectorNet(LAYOUT), tmp_path / "none.pth")


def test_a_gpt2_gives_its_layers_turned_and_keeps_its_positions(tmp_path: Path) -> None:
    layout = DecoderLayout(layers=1, width=8, heads=2, vocabulary=20, features=8, stop=0)
    torch.manual_seed(0)
    decoder = DecoderNet(layout)
    state = {
        f"transformer.{name}": torch.randn(tuple(value.T.shape if value.ndim == 2 else value.shape))
        for name, value in decoder.state_dict().items()
        if not any(part in name for part in (".uk.", ".uv.", "feature_space", "wte"))
    }
    state["transformer.wte.weight"] = torch.randn(20, 8)
    state["transformer.wpe.weight"] = torch.randn(30, 8)
    save_file(state, tmp_path / "model.safetensors")
    image_keys = decoder.h[0].attn.uk.weight.clone()
    load_gpt2(decoder, tmp_path)
    torch.testing.assert_close(decoder.wte.weight, state["transformer.wte.weight"])
    turned = state["transformer.h.0.attn.c_attn.weight"].T
    torch.testing.assert_close(decoder.h[0].attn.c_attn.weight, turned)
    torch.testing.assert_close(decoder.h[0].attn.uk.weight, image_keys)


def test_a_gpt2_of_another_size_is_refused(tmp_path: Path) -> None:
    save_file({"wte.weight": torch.zeros(20, 4)}, tmp_path / "model.safetensors")
    layout = DecoderLayout(layers=1, width=8, heads=2, vocabulary=20, features=8, stop=0)
    with pytest.raises(ConfigError, match=r"wte\.weight \(20, 4\) instead of \(20, 8\)"):
        load_gpt2(DecoderNet(layout), tmp_path)
    with pytest.raises(ConfigError, match="a downloaded GPT-2"):
        load_gpt2(DecoderNet(layout), tmp_path / "none")
