"""The command line with all of its commands; a new one is a file and a line here."""

from __future__ import annotations

import logging
from typing import Annotated, Literal

import typer

from grounded.cli.audit import audit
from grounded.cli.convert import convert
from grounded.cli.data import data
from grounded.cli.describe import describe
from grounded.cli.evaluate import evaluate
from grounded.cli.lists import list_presets, list_regions
from grounded.cli.pacs import fetch, send
from grounded.cli.report import report
from grounded.cli.robustness import robustness
from grounded.cli.serve import serve
from grounded.cli.terminal import say
from grounded.cli.train import train
from grounded.cli.watch import watch
from grounded.errors import GroundedError
from grounded.version import VERSION

EXIT_STATUS = (
    "Exit status: 0 all done; 1 an error, or films without a report; 2 wrong usage; "
    "130 stopped with Ctrl-C."
)
LogLevel = Literal["debug", "info", "warning", "error"]

app = typer.Typer(
    name="grounded",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Draft reports of chest films in which every sentence can be checked. "
    "For review by a qualified reader; not a medical device.",
    epilog=EXIT_STATUS,
)
app.command(epilog=EXIT_STATUS)(report)
app.command("presets")(list_presets)
app.command("regions")(list_regions)
# A box may begin with a minus, so that what is unknown is no option.
app.command(context_settings={"ignore_unknown_options": True})(describe)
app.command()(evaluate)
app.command()(robustness)
app.command()(serve)
app.command()(send)
app.command()(fetch)
app.command()(watch)
app.command()(audit)
app.add_typer(train, name="train")
app.add_typer(convert, name="convert")
app.add_typer(data, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"grounded {VERSION}")
        raise typer.Exit()


@app.callback()
def settings(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
        ),
    ] = False,
    log_level: Annotated[
        LogLevel, typer.Option(help="What the package logs to standard error.")
    ] = "warning",
) -> None:
    """Draft reports of chest films in which every sentence can be checked."""
    logging.basicConfig(level=log_level.upper(), format="%(levelname)s %(name)s: %(message)s")


def main() -> None:
    """Run the command line; a user's mistake ends in one line and exit status 1."""
    try:
        app()
    except GroundedError as error:
        say(f"error: {error}", err=True)
        raise SystemExit(1) from None
