"""`grounded presets` and `grounded regions`: what there is to choose from."""

from __future__ import annotations

from typing import Annotated

import typer

from grounded.atlas import Atlas
from grounded.cli.terminal import say
from grounded.config import presets, purpose


def list_presets() -> None:
    """List the presets that ship, with what each is made for."""
    for name in presets():
        say(f"{name:10} {purpose(name)}")


def list_regions(
    atlas: Annotated[str, typer.Argument(help="An atlas by name, or a TOML file.")] = "chest29",
) -> None:
    """List the regions of an atlas, with their side and the other names that they have."""
    for region in Atlas.open(atlas):
        others = f"  (also: {', '.join(region.aliases)})" if region.aliases else ""
        say(f"{region.name:30} {region.side:8}{others}")
