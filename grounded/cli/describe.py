"""`grounded describe`: what is to be seen in one region or box of a film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.options import Device, FilmView, Force, Preset, Trust
from grounded.cli.terminal import say
from grounded.config import DEFAULT, load
from grounded.errors import InvalidValueError
from grounded.findings import Presence
from grounded.geometry import Box
from grounded.image import Image
from grounded.viz.words import quantity


def describe(
    film: Annotated[Path, typer.Argument(help="A DICOM, PNG, JPEG or TIFF file.")],
    region: Annotated[
        str, typer.Argument(help='A region by name ("left lung"), or a box as x0,y0,x1,y1 pixels.')
    ],
    finding: Annotated[
        list[str] | None,
        typer.Option(help='What you see there, as "Pleural Effusion=present"; may be repeated.'),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A file for the answer; its ending chooses the format."),
    ] = None,
    preset: Preset = DEFAULT,
    view: FilmView = "",
    device: Device = "auto",
    force: Force = False,
    trust: Trust = False,
) -> None:
    """Say what is to be seen in one region or box of a film."""
    target = _box(region) if "," in region else region
    findings = dict(map(_finding, finding or []))
    reading = load(preset, device=device, trust=trust).read(
        Image.open(film, view=view, force=force)
    )
    answer = reading.answer(target, findings=findings)
    if out is not None:
        answer.save(out)
    for sentence in answer.section("findings"):
        say(sentence.text)
        for note in sentence.notes:
            say(f"  ({note})")
        for item in sentence.measurements:
            say(f"  {item.name}: {quantity(item.value, item.unit)}")


def _finding(text: str) -> tuple[str, Presence]:
    label, _, presence = text.partition("=")
    for known in Presence:
        if presence.strip() == known:
            return label.strip(), known
    raise InvalidValueError(
        f"expected a finding as NAME=present, NAME=absent or NAME=uncertain, got {text!r}"
    )


def _box(text: str) -> Box:
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise InvalidValueError(f"expected a box as x0,y0,x1,y1 in pixels, got {text!r}") from None
    return Box(x0, y0, x1, y1)
