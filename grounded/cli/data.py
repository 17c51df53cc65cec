"""`grounded data`: training tables from data sets, and synthetic films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.terminal import say

data = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make training tables.")


@data.command("chest-imagenome")
def chest_imagenome(
    imagenome: Annotated[Path, typer.Argument(help="Your copy of Chest ImaGenome.")],
    mimic: Annotated[Path, typer.Argument(help="Your copy of MIMIC-CXR-JPG.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the tables.")],
    reports: Annotated[
        Path | None, typer.Option(help="The folder with the reports' `files`; else train only.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="The first films of each split only.")] = None,
) -> None:
    """Build the training tables from Chest ImaGenome and MIMIC-CXR-JPG."""
    from rich.progress import track

    from grounded.data.chest_imagenome import SPLITS, build_tables

    splits = SPLITS if reports else ("train",)
    built = build_tables(
        imagenome, mimic, out, reports=reports, splits=splits, limit=limit, track=track
    )
    say(built.text)
    if not built.complete:
        raise typer.Exit(1)


@data.command("phantom")
def phantom(
    out: Annotated[Path, typer.Argument(help="The folder for films and tables.")],
    films: Annotated[int, typer.Option(help="Films to train on.")] = 240,
    held: Annotated[int, typer.Option(help="Films to measure with.")] = 40,
    seed: Annotated[int, typer.Option(help="Another seed makes other films.")] = 0,
) -> None:
    """Make synthetic films with known regions, and reports: all that `grounded train` reads."""
    from grounded.synthetic.collection import write_phantom_data

    write_phantom_data(out, films, held, seed=seed)
    say(
        f"{films} films to train on and {held} to measure with in {out}, for `train rgrg`; as many "
        f"in {out / 'chest_anatomy'} and reports in {out / 'iu_text'}, for `train detector` and "
        f"`train generator`"
    )
