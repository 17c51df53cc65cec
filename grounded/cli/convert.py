"""`grounded convert`: weights of other projects become presets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from grounded.cli.terminal import say

convert = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Convert weights.")


@convert.command("rgrg")
def convert_region_guided(
    checkpoint: Annotated[Path, typer.Argument(help="The published file, full_model.pt.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write the preset to.")],
    dtype: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="Exact, or fast and half as large.")
    ] = "float32",
    mode: Annotated[
        Literal["faithful", "grounded"],
        typer.Option(help="Features of the proposal, as published, or of the box that is shown."),
    ] = "faithful",
    tokenizer: Annotated[
        Path | None, typer.Option(help="A folder with GPT-2's tokenizer files, to be copied.")
    ] = None,
) -> None:
    """Convert the published RGRG checkpoint to a preset."""
    from grounded.convert.rgrg import convert_rgrg

    preset = convert_rgrg(checkpoint, out, dtype=dtype, mode=mode, tokenizer=tokenizer)
    say(f"{preset}: use it with --preset {preset.parent}")
