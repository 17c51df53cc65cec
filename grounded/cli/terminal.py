"""What a command prints: text, a bar with the time left, a table of figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import typer


def say(text: str, *, err: bool = False) -> None:
    """Print text in which names from files cannot steer the terminal: they are shown escaped."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)
    typer.echo(shown, err=err)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


@contextmanager
def progress_bar(what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left; what is yielded takes what was done so far and of how much."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not shown,
        redirect_stdout=sys.stdout.isatty(),
    ) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def show_figures(figures: Mapping[str, float]) -> None:
    """A table of what was measured on the films held out."""
    from rich.console import Console
    from rich.table import Table

    table = Table("on the films held out", "value")
    for name, value in figures.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
