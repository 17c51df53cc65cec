"""What can be wrong with a folder of weights is said in words."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from grounded.errors import ConfigError
from grounded.nn.weights import (
    WEIGHTS,
    belongs_to,
    bind,
    build,
    check_belongs,
    fill,
    read_config,
)


class Tiny(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        if width < 1:
            raise ValueError("width is positive")
        self.layer = nn.Linear(width, 2)


def write(folder: Path, keywords: object, width: int = 3) -> Path:
    (folder / "config.json").write_text(json.dumps(keywords))
    save_file(Tiny(width).state_dict(), folder / "model.safetensors")
    return folder


def loaded(folder: Path) -> tuple[Tiny, dict[str, str]]:
    net = build(Tiny, read_config(folder), folder)
    return net, fill(net, folder)


def test_weights_come_back_with_their_hash_in_evaluation_mode(tmp_path: Path) -> None:
    net, hashes = loaded(write(tmp_path, {"width": 3}))
    assert not net.training
    [(name, digest)] = hashes.items()
    assert name == f"{tmp_path.name}/model.safetensors"
    assert len(digest) == 64


def test_half_precision_weights_fill_a_network_of_full_precision(tmp_path: Path) -> None:
    folder = write(tmp_path, {"width": 3})
    half = {name: value.half() for name, value in Tiny(3).state_dict().items()}
    save_file(half, folder / "model.safetensors")
    net, _ = loaded(folder)
    assert net.layer.weight.dtype == torch.float32


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no weights in .*expected a folder"):
        read_config(tmp_path / "nowhere")


@pytest.mark.parametrize("keywords", [{"depth": 3}, {"width": 0}, {}])
def test_keywords_that_do_not_fit_are_refused(tmp_path: Path, keywords: object) -> None:
    with pytest.raises(ConfigError, match="does not describe a Tiny"):
        loaded(write(tmp_path, keywords))


def test_a_configuration_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got a list"):
        loaded(write(tmp_path, [1, 2]))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="is no JSON"):
        loaded(tmp_path)


def test_missing_broken_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"width": 4}, width=3)
    with pytest.raises(ConfigError, match=r"1 of another shape: layer\.weight"):
        loaded(folder)
    (folder / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ConfigError, match="no safetensors file"):
        loaded(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="no weights in"):
        loaded(folder)


def test_weights_say_what_they_belong_to(tmp_path: Path) -> None:
    folder = write(tmp_path, {"width": 3})
    bind(folder, encoder="a" * 64)
    bind(folder, calibration="b" * 64)
    assert belongs_to(folder, "encoder") == "a" * 64
    check_belongs(folder, "calibration", "b" * 64)
    assert read_config(folder) == {"width": 3}  # it is no size of the network


def test_weights_of_another_part_are_refused_with_both_digests(tmp_path: Path) -> None:
    folder = write(tmp_path, {"width": 3})
    with pytest.raises(ConfigError, match="does not say which encoder"):
        belongs_to(folder, "encoder")
    bind(folder, encoder="a" * 64)
    with pytest.raises(ConfigError, match="belong to the encoder aaaaaaaaaaaa, got cccccccccccc"):
        check_belongs(folder, "encoder", "c" * 64)


def test_a_network_is_named_by_its_role_in_a_part(tmp_path: Path) -> None:
    folder = write(tmp_path, {"width": 3})
    net = build(Tiny, read_config(folder), folder)
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert fill(net, folder, role="encoder") == {f"encoder/{WEIGHTS}": digest}
    assert len(digest) == 64


def test_a_network_that_is_to_be_filled_draws_no_random_numbers(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    build(Tiny, {"width": 3}, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
    Tiny(3)  # made as usual
    assert not torch.equal(torch.get_rng_state(), before)
