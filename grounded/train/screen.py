"""A training run on the screen: its lines above a bar that says how long it will take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars

from grounded.train.loop import Progress


@contextmanager
def on_screen(what: str) -> Iterator[Progress]:
    """A bar with steps, time so far and time to go, from the first step that is reported on."""
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("steps,"),
        bars.TimeElapsedColumn(),
        bars.TextColumn("so far,"),
        bars.TimeRemainingColumn(),
        bars.TextColumn("to go"),
    )
    with bars.Progress(*columns, transient=True) as shown:
        bar = shown.add_task(what, total=None)

        def say(line: str) -> None:
            shown.console.print(line, markup=False, highlight=False, soft_wrap=True)

        def advance(done: int, of: int) -> None:
            # a run of several trainings begins the bar anew with each of them
            if shown.tasks[0].total != of or done < shown.tasks[0].completed:
                shown.reset(bar, total=of)
            shown.update(bar, completed=done)

        yield Progress(say, advance)
