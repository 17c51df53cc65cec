"""From a published file to a folder that a preset loads."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from grounded.convert.rgrg import convert_rgrg
from grounded.errors import ConfigError, InvalidValueError

C_FC = "language_model__gpt__h__0__mlp__c_fc__weight"


def convert(tiny, checkpoint: Path, out: Path, **keywords) -> Path:
    return convert_rgrg(checkpoint, out, detector=tiny.detector, decoder=tiny.decoder, **keywords)


def test_the_folder_has_a_preset_and_two_networks(folder: Path) -> None:
    assert sorted(f.name for f in folder.iterdir() if f.name != "ids.toml") == [
        "README.md",
        "detector",
        "generator",
        "preset.toml",
    ]
    assert json.loads((folder / "generator" / "config.json").read_text())["layers"] == 2


def test_the_card_names_the_source(folder: Path) -> None:
    digest = hashlib.sha256((folder.parent / "full_model.pt").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text()


def test_matrices_are_turned_and_the_unused_positions_left_out(tiny, folder: Path) -> None:
    with safe_open(folder / "generator" / "model.safetensors", "pt") as file:
        assert "wpe.weight" not in file.keys()  # noqa: SIM118
        turned = file.get_tensor("h.0.mlp.c_fc.weight")
    assert torch.equal(turned, tiny.state[C_FC.replace("__", ".")].T)


def test_bfloat16_keeps_norms_in_float32(tiny, tmp_path: Path) -> None:
    preset = convert(tiny, tiny.save(tmp_path / "a.pt"), tmp_path / "out", dtype="bfloat16")
    assert 'dtype = "bfloat16"' in preset.read_text()
    with safe_open(tmp_path / "out" / "generator" / "model.safetensors", "pt") as file:
        assert file.get_tensor("wte.weight").dtype == torch.bfloat16
        assert file.get_tensor("ln_f.weight").dtype == torch.float32


@pytest.mark.parametrize("leaf", ["weight", "bias"])
def test_the_older_name_of_the_proposal_convolution_is_read(
    tiny, tmp_path: Path, leaf: str
) -> None:
    new, old = (f"object_detector.rpn.head.conv.{place}{leaf}" for place in ("0.0.", ""))
    value = tiny.state[new]
    changes = {new.replace(".", "__"): None, old.replace(".", "__"): value}
    assert convert(tiny, tiny.save(tmp_path / "a.pt", **changes), tmp_path / "out").is_file()


def test_a_file_without_the_model_entry_is_read(tiny, tmp_path: Path) -> None:
    torch.save(tiny.state, tmp_path / "a.pt")
    assert convert(tiny, tmp_path / "a.pt", tmp_path / "out").is_file()


def test_what_is_missing_extra_or_misshapen_is_told_and_nothing_written(
    tiny, tmp_path: Path
) -> None:
    checkpoint = tiny.save(
        tmp_path / "a.pt",
        object_detector__backbone__0__weight=None,
        something__else=torch.zeros(2),
        object_detector__roi_heads__dim_reduction__bias=torch.zeros(3),
    )
    with pytest.raises(ConfigError) as error:
        convert(tiny, checkpoint, tmp_path / "out")
    message = str(error.value)
    assert "1 missing: object_detector.backbone.0.weight" in message
    assert "1 not expected: something.else" in message
    assert "dim_reduction.bias (3,) instead of (24,)" in message
    assert not (tmp_path / "out").exists()


def test_aliases_that_differ_are_refused(tiny, tmp_path: Path) -> None:
    other = torch.zeros_like(tiny.state["language_model.lm_head.weight"])
    checkpoint = tiny.save(tmp_path / "a.pt", language_model__lm_head__weight=other)
    with pytest.raises(ConfigError, match="should hold the same tensor"):
        convert(tiny, checkpoint, tmp_path / "out")


def test_code_in_a_checkpoint_is_not_run(tiny, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": tiny.state, "more": Code()}, tmp_path / "a.pt")
    with pytest.raises(ConfigError, match="weights alone"):
        convert(tiny, tmp_path / "a.pt", tmp_path / "out")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [[1, 2], {"model": {"a": "text"}}])
def test_a_file_without_weights_is_refused(tiny, tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ConfigError, match="holds no weights"):
        convert(tiny, tmp_path / "a.pt", tmp_path / "out")


def test_a_file_that_is_not_there_is_named(tiny, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no checkpoint .*full_model"):
        convert(tiny, tmp_path / "none.pt", tmp_path / "out")


def test_a_tokenizer_is_copied_beside_the_weights(tiny, tmp_path: Path) -> None:
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "tokenizer.json").write_text("{}")
    checkpoint = tiny.save(tmp_path / "a.pt")
    preset = convert(tiny, checkpoint, tmp_path / "out", tokenizer=tmp_path / "gpt2")
    assert 'tokenizer = "./tokenizer"' in preset.read_text()
    assert (tmp_path / "out" / "tokenizer" / "tokenizer.json").is_file()


def test_a_folder_without_a_tokenizer_is_refused(tiny, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.json, or vocab\.json"):
        convert(tiny, tiny.save(tmp_path / "a.pt"), tmp_path / "out", tokenizer=tmp_path)


def test_another_type_is_refused(tiny, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="dtype is one of"):
        convert(tiny, tmp_path / "a.pt", tmp_path / "out", dtype="float16")
