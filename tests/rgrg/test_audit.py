"""Reports of the RGRG layout are audited by `grounded audit`, as any preset's."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from grounded.cli import main


@pytest.fixture
def preset(folder: Path, tmp_path: Path) -> Path:
    """The tiny weights as a preset whose words are the numbers of its tokens."""
    copy = shutil.copytree(folder, tmp_path / "rgrg")
    text = (copy / "preset.toml").read_text()
    text = text.replace("[generator]\n", '[generator]\ntokenizer = "token-ids"\nmax_length = 8\n')
    (copy / "preset.toml").write_text(text)
    return copy


def test_the_words_of_the_layout_are_audited(
    preset: Path,
    chest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    film = tmp_path / "film.png"
    Picture.fromarray((chest(seed=1).pixels * 255).astype(np.uint8)).save(film)
    monkeypatch.setattr("sys.argv", ["grounded", "audit", str(film), "--preset", str(preset)])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().out
    assert stop.value.code in (0, None)
    assert "AUDIT of RGRG sentences" in said
    verdicts = ("supported", "weakly supported", "not by its region", "does not use the image")
    assert any(f"[{verdict}]" in said for verdict in verdicts)
