"""`grounded audit`: whether each sentence rests on the film, and on its place in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grounded.cli.options import Device, FilmView, Force, Preset, Trust
from grounded.cli.terminal import say
from grounded.config import DEFAULT, load
from grounded.errors import InvalidValueError
from grounded.image import Image


def audit(
    film: Annotated[Path, typer.Argument(help="A DICOM, PNG, JPEG or TIFF file.")],
    report: Annotated[
        Path | None,
        typer.Argument(help="A report.json of this film; without it, the report made now."),
    ] = None,
    command: Annotated[
        str,
        typer.Option(
            help="Another generator: a command that is given a PNG and prints JSON lines "
            "(text, boxes), or an address that answers with them."
        ),
    ] = "",
    timeout: Annotated[
        float, typer.Option(help="Seconds that --command may take for one film.")
    ] = 600.0,
    pool: Annotated[
        Path | None,
        typer.Option(help="A folder of other patients' films with films.csv (file, findings)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A file for the report with its audit.")
    ] = None,
    preset: Preset = DEFAULT,
    view: FilmView = "",
    device: Device = "auto",
    force: Force = False,
    trust: Trust = False,
) -> None:
    """Say of each sentence whether the film, and its place in it, is what it rests on."""
    image = Image.open(film, view=view, force=force)
    if command:
        if report is not None:
            raise InvalidValueError("--command writes its own sentences: leave the report out")
        _audit_outside(image, command, timeout, pool, out)
        return
    from grounded.explain.audit.reports import audited
    from grounded.report import GroundedReport

    reporter = load(preset, device=device, trust=trust)
    if report is None:
        reading = reporter.read(image, force=force)
        made, image = reading.report(), reading.image
    else:
        made = GroundedReport.open(report)
        if made.image.sha256 != image.info.sha256:
            raise InvalidValueError(f"{report} is not of the film {film}: other pixels")
    found = audited(made, image, reporter, pool)
    assert found.audit is not None
    say(found.audit.text)
    if out is not None:
        found.save(out)


def _audit_outside(
    image: Image, command: str, timeout: float, pool: Path | None, out: Path | None
) -> None:
    import json

    from grounded.explain.audit.examine import audit as examine
    from grounded.explain.audit.outside import of_others
    from grounded.explain.audit.pool import read_pool

    found = examine(image, of_others(command, timeout), read_pool(pool))
    say(found.text)
    if out is not None:
        out.write_text(json.dumps(found.to_dict(), indent=2) + "\n", encoding="utf-8")
