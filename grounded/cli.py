"""The command line: `grounded report FILM -o out/` and its siblings. Heavy imports wait."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.config import DEFAULT, load
from grounded.errors import GroundedError, InvalidValueError
from grounded.geometry import Box

app = typer.Typer(
    name="grounded",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Draft reports of chest films in which every sentence can be checked. "
    "For review by a qualified reader; not a medical device.",
)
train = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train the models, each from a configuration."
)
app.add_typer(train, name="train")

Preset = Annotated[
    str, typer.Option(help="A shipped preset by name, a TOML file, or a folder with preset.toml.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Read films that their header says are no chest films.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let a preset use classes from outside of this package.")
]


@app.command()
def report(
    films: Annotated[
        list[Path], typer.Argument(help="DICOM, PNG, JPEG or TIFF files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write to.")],
    preset: Preset = DEFAULT,
    force: Force = False,
    trust: Trust = False,
    pictures: Annotated[
        bool, typer.Option(help="Write pictures and the page too, or report.json and .txt alone.")
    ] = True,
) -> None:
    """Write the report of one film to a folder, or of many films to a folder each."""
    from rich.progress import Progress

    from grounded.batch import films_in, report_files

    paths = films_in(films)
    if not paths:
        raise InvalidValueError(f"there is no file in {', '.join(map(str, films))}")
    reporter = load(preset, trust=trust)
    with Progress(transient=True, disable=len(paths) == 1) as progress:
        task = progress.add_task("Reporting", total=len(paths))
        outcome = report_files(
            reporter,
            paths,
            out,
            force=force,
            pictures=pictures,
            advance=lambda count: progress.advance(task, count),
        )
    for path, folder in outcome.written.items():
        typer.echo(f"{path} -> {folder}")
    for reason in outcome.failed.values():
        typer.echo(f"error: {reason}", err=True)
    if outcome.failed:
        typer.echo(f"{len(outcome.failed)} of {len(paths)} films have no report", err=True)
        raise typer.Exit(1)


@app.command()
def describe(
    film: Annotated[Path, typer.Argument(help="A DICOM, PNG, JPEG or TIFF file.")],
    region: Annotated[
        str, typer.Argument(help='A region by name ("left lung"), or a box as x0,y0,x1,y1 pixels.')
    ],
    preset: Preset = DEFAULT,
    force: Force = False,
    trust: Trust = False,
) -> None:
    """Say what is to be seen in one region or box of a film."""
    target = _box(region) if "," in region else region
    reading = load(preset, trust=trust).read(film, force=force)
    for sentence in reading.describe(target):
        typer.echo(sentence.text)
        for item in sentence.measurements:
            typer.echo(f"  {item.name}: {item.value:.3g} {item.unit}")


@train.command("detector")
def train_detector(
    config: Annotated[Path, typer.Argument(help="A TOML file, as in configs/train.")],
    data: Annotated[Path, typer.Option(help="The folder with the training films.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for weights and logs.")],
) -> None:
    """Train a detector of the regions."""
    from grounded.train.detector import train_from_file

    train_from_file(config, data, out)


def main() -> None:
    """Run the command line; a user's mistake ends in one line and exit status 1."""
    try:
        app()
    except GroundedError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from None


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise InvalidValueError(f"expected a box as x0,y0,x1,y1 in pixels, got {text!r}") from None
    return Box(x0, y0, x1, y1)
