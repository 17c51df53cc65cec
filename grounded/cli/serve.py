"""`grounded serve`: the reading room, a page on this computer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.options import AtMostMissed, AtMostWrong, Device, Preset, Trust, level
from grounded.cli.terminal import say
from grounded.config import DEFAULT, load
from grounded.errors import MissingExtraError


def serve(
    films: Annotated[
        list[Path] | None,
        typer.Argument(help="Films, or folders of them, to choose from in the page."),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.", min=0, max=65535)] = 8765,
    expose: Annotated[
        bool, typer.Option("--expose", help="Let other computers in: any --host. Unencrypted.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name that browsers call this server by, without port; repeatable."),
    ] = None,
    sessions: Annotated[
        Path | None, typer.Option(help="Where films and reports in work are kept.")
    ] = None,
    keep_days: Annotated[
        float, typer.Option(help="Sessions not changed for so long are removed.", min=0.01)
    ] = 30.0,
    read_first: Annotated[
        bool, typer.Option("--read-first", help="The reader reads before seeing the draft.")
    ] = False,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Let drafts and decisions be written, for training.")
    ] = False,
    open: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    preset: Preset = DEFAULT,
    device: Device = "auto",
    trust: Trust = False,
    at_most_wrong: AtMostWrong = "",
    at_most_missed: AtMostMissed = "",
) -> None:
    """Open the reading room: drop films into a page, ask about places, work on the reports.

    It listens on this computer alone, and only who has the printed address comes in. Films and
    reports stay in the sessions folder until they are removed there, or for --keep-days.
    """
    try:
        from grounded.serve import run
        from grounded.serve.room import Rules
    except ModuleNotFoundError as error:
        if str(error.name).startswith("grounded"):
            raise
        raise MissingExtraError(
            f"the reading room needs {error.name}; install it: pip install 'grounded[serve]'"
        ) from error
    wrong, missed = level(at_most_wrong), level(at_most_missed)
    run.serve(
        lambda: load(preset, device=device, trust=trust, wrong=wrong, missed=missed),
        sessions or run.default_folder(),
        run.Address(host, port, expose, tuple(name or ())),
        films=films or (),
        rules=Rules(read_first=read_first, feedback=feedback, keep_days=keep_days),
        open_browser=open,
        say=say,
    )
