"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from grounded.errors import InvalidValueError

FilmView = Annotated[
    str, typer.Option("--view", help="PA or AP, where the header does not say it or says it wrong.")
]
Preset = Annotated[
    str, typer.Option(help="A shipped preset by name, a TOML file, or a folder with preset.toml.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Read films that their header says are no chest films.")
]
Device = Annotated[
    str, typer.Option(help="Where the networks compute: auto, cpu, cuda, cuda:1, mps.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Let a preset use classes from outside of this package.")
]
AtMostWrong = Annotated[
    str,
    typer.Option(
        "--at-most-wrong",
        help="Withhold what cannot be stated with at most so much of it wrong, such as 5%.",
    ),
]
AtMostMissed = Annotated[
    str,
    typer.Option(
        "--at-most-missed",
        help="The same for what is denied and may be there; as --at-most-wrong if not given.",
    ),
]


def listed(words: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in words.split(",") if part.strip())


def level(words: str) -> float | None:
    """A part of a whole: "5%", "5 %" or "0.05"; None for no words.

    Raises InvalidValueError for what is no part between none and all.
    """
    if not words:
        return None
    number, percent, rest = words.strip().partition("%")
    try:
        part = float(number) / (100 if percent else 1)
    except ValueError:
        part = -1.0
    if rest.strip() or not 0 < part < 1:
        raise InvalidValueError(f"expected a part such as 5% or 0.05, got {words!r}")
    return part
