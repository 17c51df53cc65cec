"""The preset that lies beside weights, so that `--preset FOLDER` takes what was made there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE = "preset.toml"
Part = Mapping[str, str]
"""`use`, "module:Class", and its constructor's keywords; a path beside the preset is "./name"."""
REGION_BOXES: Part = {"use": "grounded.explain.places:RegionBoxes"}
COMPOSER: Part = {"use": "grounded.compose.composer:AnatomicalComposer"}

CONFIDENCE = {"use": "grounded.compose.confidence:Confidence"}


def write_preset(
    folder: Path,
    comment: str,
    *,
    detector: Part,
    generator: Part,
    explainer: Part = REGION_BOXES,
    composer: Part = COMPOSER,
) -> Path:
    """Write `folder`/preset.toml; its path. comment: lines that say what made it."""
    parts = {
        "detector": detector,
        "generator": generator,
        "explainer": explainer,
        "composer": composer,
    }
    tables = (
        "\n".join((f"[{name}]", *(f"{key} = {_text(value)}" for key, value in part.items())))
        for name, part in parts.items()
    )
    file = folder / FILE
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    file.write_text(lines + "\n\n".join(tables) + "\n", encoding="utf-8")
    return file


def name_confidence(preset: Path, file: Path) -> None:
    """Let a preset name the file that its confidence was fitted in, if it names none."""
    text = preset.read_text(encoding="utf-8")
    if "[confidence]" in text:
        return
    inside = file.resolve().is_relative_to(preset.parent.resolve())
    path = file.resolve()
    name = f"./{path.relative_to(preset.parent.resolve()).as_posix()}" if inside else str(path)
    lines = [f"{key} = {_text(value)}" for key, value in (CONFIDENCE | {"fitted": name}).items()]
    preset.write_text("\n".join([text.rstrip(), "", "[confidence]", *lines, ""]), encoding="utf-8")


def _text(value: str) -> str:
    """A basic string of TOML, which JSON's are."""
    return json.dumps(value, ensure_ascii=False)
