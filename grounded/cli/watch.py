"""`grounded watch`: the results of films that a PACS sends, back to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.terminal import say
from grounded.errors import InvalidValueError, MissingExtraError

_VERBS = ("status", "steps", "work")


def watch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[status] CONFIG",
            help="A TOML file, as docs/standard_objects.md describes it; `status CONFIG` prints "
            "what became of all films, `steps CONFIG UID` the audit trail of one.",
        ),
    ],
) -> None:
    """Receive chest films, read each once, and send the results to a PACS."""
    verb = words[0] if words[0] in _VERBS and len(words) > 1 else ""
    try:
        from grounded.watch.config import WatchConfig
        from grounded.watch.run import Watch, status_of
        from grounded.watch.work import work
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"a watch needs {error.name}: pip install 'grounded[pacs]'"
        ) from error
    path = Path(words[1 if verb else 0])
    if len(words) > (3 if verb == "steps" else 2 if verb else 1):
        raise InvalidValueError(f"expected CONFIG, or status CONFIG; got {' '.join(words)}")
    if verb == "status":
        say(status_of(WatchConfig.read(path)))
    elif verb == "steps":
        _say_steps(WatchConfig.read(path).folder, words[2])
    elif verb == "work":
        work(WatchConfig.read(path), os.getppid())
    else:
        made = Watch(path)
        made.stop_on_signals()
        where = f"{made.config.title} on {made.config.host}:{made.config.port}"
        made.run(lambda: say(f"watching: {where} -> {made.config.to}"))


def _say_steps(folder: Path, uid: str) -> None:
    from datetime import datetime

    from grounded.watch.queue import Queue

    for time, step, detail in Queue(folder / "state.sqlite").steps(uid):
        say(f"{datetime.fromtimestamp(time):%Y-%m-%d %H:%M:%S}  {step}  {detail}".rstrip())
