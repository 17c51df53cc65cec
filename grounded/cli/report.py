"""`grounded report`: films become reports in a folder, or one on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from grounded.cli.options import (
    AtMostMissed,
    AtMostWrong,
    Device,
    FilmView,
    Force,
    Preset,
    Trust,
    level,
)
from grounded.cli.terminal import progress_bar, say
from grounded.config import DEFAULT, load
from grounded.errors import InvalidValueError
from grounded.image import BURNED_IN, Image
from grounded.view import known_view

if TYPE_CHECKING:
    from grounded.batch.plan import Plan
    from grounded.batch.run import Options, Outcome
    from grounded.data.film_table import Stated
    from grounded.dicom.wrap.film import Patient
    from grounded.reporter import Reporter


_Films = Annotated[
    list[Path],
    typer.Argument(
        help="DICOM, PNG, JPEG or TIFF files, or folders of them; - for standard input."
    ),
]
_Out = Annotated[
    Path, typer.Option("-o", "--out", help="The folder to write to; - for standard output.")
]
_Table = Annotated[
    Path | None, typer.Option(help="A table of the films, CSV or Parquet: file, view, age.")
]
_Pictures = Annotated[bool, typer.Option(help="Without pictures is the same as --format json,txt.")]
_Format = Annotated[
    str, typer.Option(help="What to write, such as json,txt,html,png; see the exporters.")
]
_BatchSize = Annotated[int, typer.Option(help="Films that are read at once.")]
_Resume = Annotated[
    bool, typer.Option(help="Leave films that the output's manifest says are done.")
]
_InPlace = Annotated[
    bool, typer.Option("--in-place", help="Let reports be written where the films lie.")
]
_Anonymous = Annotated[
    bool,
    typer.Option(
        "--anonymous",
        "--deidentify",
        help="Leave file names, patient and identifiers out of all files.",
    ),
]
_UIDs = Annotated[
    Literal["new", "hash"],
    typer.Option(help="UIDs of DICOM objects: new ones, or the same for identical input."),
]
_Wrap = Annotated[
    Path | None,
    typer.Option(help="A TOML file of a patient: DICOM films are made of other films first."),
]
_Audit = Annotated[
    bool, typer.Option("--audit", help="Say what each sentence rests on; up to nine times as slow.")
]
_Pool = Annotated[
    Path | None, typer.Option(help="For --audit: a folder of other films, see grounded audit.")
]
_Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")]


def report(
    films: _Films,
    out: _Out,
    preset: Preset = DEFAULT,
    view: FilmView = "",
    table: _Table = None,
    device: Device = "auto",
    force: Force = False,
    trust: Trust = False,
    at_most_wrong: AtMostWrong = "",
    at_most_missed: AtMostMissed = "",
    pictures: _Pictures = True,
    format: _Format = "",
    batch_size: _BatchSize = 4,
    resume: _Resume = False,
    in_place: _InPlace = False,
    anonymous: _Anonymous = False,
    uids: _UIDs = "new",
    wrap: _Wrap = None,
    audit: _Audit = False,
    pool: _Pool = None,
    quiet: _Quiet = False,
) -> None:
    """Write the report of one film to a folder, or of many films to a folder each.

    Many films keep the folders that they lie in. manifest.csv and manifest.jsonl in the output say
    what became of each. One film can come from standard input, and its report can go to standard
    output in one format (text, unless --format says another).
    """
    from grounded.batch.plan import plan
    from grounded.batch.run import Options

    if out == Path("-") and not format:
        format = "txt"
    options = Options(
        _formats(format, pictures),
        force,
        anonymous,
        batch_size,
        known_view(view),
        uids=uids,
        patient=_patient(wrap),
        audit=audit,
        pool=pool,
    )
    if pool is not None and not audit:
        raise InvalidValueError("--pool is for an audit: give --audit with it")
    wrong, missed = level(at_most_wrong), level(at_most_missed)
    if Path("-") in (*films, out):
        if table is not None:
            raise InvalidValueError("a film from or to a stream has no table; use --view")
        reporter = load(preset, device=device, trust=trust, wrong=wrong, missed=missed)
        _report_stream(films, out, options, reporter)
        return
    planned = plan(films, out, in_place=in_place)
    if table is not None:
        options = replace(options, stated=_stated(table, planned))
    reporter = load(preset, device=device, trust=trust, wrong=wrong, missed=missed)
    _report_many(planned, out, options, reporter, resume=resume, quiet=quiet)


def _stated(table: Path, planned: Plan) -> Mapping[Path, Stated]:
    """What a table states. Raises InvalidValueError if it is of other films."""
    from grounded.data.film_table import stated_films, whole_path

    stated = stated_films(table)
    if not any(whole_path(job.film) in stated for job in planned.jobs):
        raise InvalidValueError(
            f"{table} names none of the films that are read: its column file holds paths from "
            f"the table's folder on, or absolute ones"
        )
    return stated


def _report_many(
    planned: Plan, out: Path, options: Options, reporter: Reporter, *, resume: bool, quiet: bool
) -> None:
    """Report the films of a plan, a line each; exit status 1 where one has no report."""
    from grounded.batch.ledger import Status
    from grounded.batch.run import report_films

    total, done, films, failed, burned = len(planned.jobs), 0, 0, 0, 0
    with progress_bar("Reporting", shown=not quiet) as show:
        try:
            for outcome in report_films(reporter, planned.jobs, out, options, resume=resume):
                done += 1
                films += outcome.entry.status is not Status.LEFT_OUT
                failed += outcome.entry.status is Status.FAILED
                burned += outcome.burned_in
                _say_outcome(outcome, quiet)
                show(done, total)
        except KeyboardInterrupt:
            say(f"stopped: {done} of {total} files are done; --resume goes on", err=True)
            raise typer.Exit(130) from None
    for folder, reason in planned.unreadable.items():
        say(f"error: {folder}: {reason}", err=True)
    if burned:
        say(f"warning: {burned} of {films} films: {BURNED_IN}", err=True)
    if failed:
        say(f"{failed} of {films} films have no report", err=True)
    if failed or planned.unreadable:
        raise typer.Exit(1)


def _say_outcome(outcome: Outcome, quiet: bool) -> None:
    entry = outcome.entry
    if entry.reason:
        failed = entry.status == "failed"
        if failed or not quiet:
            say(f"{'error' if failed else entry.status}: {entry.reason}", err=True)
    elif not quiet:
        before = " (done before)" if outcome.skipped else ""
        say(f"{outcome.job.film} -> {outcome.job.folder}{before}")


def _report_stream(films: list[Path], out: Path, options: Options, reporter: Reporter) -> None:
    """One film from standard input or a file, its report to standard output or a folder."""
    from grounded.batch.run import SOURCE, with_context
    from grounded.export.exporters import export, options_of, save_all, write_whole

    formats = options.formats
    if len(films) != 1 or (out == Path("-") and len(formats) != 1):
        raise InvalidValueError(
            f"standard input and output take one film and one format, got {len(films)} and "
            f"{len(formats)}; name one with --format, or a folder with --out"
        )
    [film] = films
    source = sys.stdin.buffer.read() if film == Path("-") else film
    image = Image.open(source, view=options.view, force=options.force)
    image, made = with_context(image, options.patient)
    image = image.anonymous() if options.anonymous else image
    if options.anonymous and BURNED_IN in image.info.warnings:
        say(f"warning: {BURNED_IN}", err=True)
    reading = reporter.read(image)
    report = reading.audit(options.pool) if options.audit else reading.report()
    if out != Path("-"):
        save_all(report, out, formats, options.exporting)
        if made and not options.anonymous:
            write_whole(out / SOURCE, made)
        return
    taken = options_of(formats[0])
    given = {key: value for key, value in options.exporting.items() if key in taken}
    sys.stdout.buffer.write(export(report, formats[0], given))
    sys.stdout.buffer.flush()


def _patient(path: Path | None) -> Patient | None:
    if path is None:
        return None
    from grounded.dicom.wrap.film import Patient

    return Patient.read(path)


def _formats(names: str, pictures: bool) -> tuple[str, ...]:
    from grounded.export.exporters import DATA, EVERYTHING, exporter

    if not names:
        return EVERYTHING if pictures else DATA
    chosen = tuple(dict.fromkeys(name.strip().lstrip(".") for name in names.split(",")))
    for name in chosen:
        exporter(name)  # an unknown one is an error before anything is read
    return chosen
