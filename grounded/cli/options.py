"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

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
