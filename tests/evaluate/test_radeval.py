"""Metrics of RadEval: what is said where it or its weights are missing, and that they load."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grounded.errors import InvalidValueError, MissingExtraError
from grounded.evaluate.radeval import radeval_scores

INSTALLED = importlib.util.find_spec("radeval") is not None
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LABELS = """
import json
from grounded.evaluate.radeval import chexbert_tables
[first, second], by = chexbert_tables([["the heart is large", "clear"], ["the heart is large"]])
assert (first[0] == second[0]).all()
print(json.dumps([first.shape, by]))
"""


@pytest.mark.skipif(INSTALLED, reason="it is installed")
def test_without_radeval_the_error_names_it() -> None:
    with pytest.raises(MissingExtraError, match="pip install radeval"):
        radeval_scores(["a"], ["b"])


def test_a_metric_of_radeval_that_would_ask_a_service_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="radfact_ct"):
        radeval_scores(["a"], ["b"], ["radfact_ct"])


@pytest.mark.skipif(not INSTALLED, reason="RadEval is not installed")
def test_radeval_computes_beside_ours_and_fetches_nothing() -> None:
    written, references = ["the heart is enlarged"], ["the heart is enlarged"]
    values, release = radeval_scores(written, references, ["rouge"])
    assert values["rougeL"] == pytest.approx(1)
    assert release.startswith("radeval ")


@pytest.mark.skipif(not INSTALLED, reason="RadEval is not installed")
def test_chexberts_weights_are_loaded_from_the_cache(tmp_path: Path) -> None:
    _made_up_chexbert(tmp_path)
    caches = {"HF_HOME": str(tmp_path / "hf"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(  # caches are looked up when the libraries are imported
        [sys.executable, "-c", LABELS],
        env={**os.environ, **caches},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shape, by = json.loads(done.stdout.splitlines()[-1])
    assert shape == [2, 14]
    assert by.startswith("CheXbert in radeval ")
    (empty := tmp_path / "empty").mkdir()
    nothing = dict.fromkeys(caches, str(empty))
    done = subprocess.run(
        [sys.executable, "-c", LABELS],
        env={**os.environ, **nothing},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "MissingExtraError: RadEval could not compute CheXbert (--download" in done.stderr


def _made_up_chexbert(home: Path) -> None:
    """A network of CheXbert's layout with random weights, in caches as its download leaves them."""
    import torch
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{x}" for x in LETTERS)]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    bert = _cached(home / "hf" / "hub", "bert-base-uncased")
    (bert / "config.json").write_text(config.to_json_string())
    (bert / "vocab.txt").write_text("\n".join(words))
    (bert / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    torch.manual_seed(0)
    state = {f"module.bert.{key}": value for key, value in BertModel(config).state_dict().items()}
    for head, classes in enumerate([*[4] * 13, 2]):
        state[f"module.linear_heads.{head}.weight"] = torch.randn(classes, 8)
        state[f"module.linear_heads.{head}.bias"] = torch.randn(classes)
    scorers = _cached(home / "cache" / "chexbert", "StanfordAIMI/RRG_scorers")
    torch.save({"model_state_dict": state}, scorers / "chexbert.pth")


def _cached(root: Path, repository: str) -> Path:
    """The folder of a repository's files in a cache of Hugging Face's hub."""
    folder = root / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0")
    (snapshot := folder / "snapshots" / "0").mkdir(parents=True)
    return snapshot
